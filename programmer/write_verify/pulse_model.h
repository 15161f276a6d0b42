#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "programmer/device/device_model.h"
#include "programmer/write_verify/ispp.h"
#include "support/config_reader.h"
#include "support/random.h"

namespace uswim::programmer {

enum class PulseModelKind { Redraw, Incremental, Statistical, Ispp };
inline constexpr std::array<std::pair<std::string_view, PulseModelKind>, 4> kPulseModels{
    {{"redraw", PulseModelKind::Redraw},
     {"incremental", PulseModelKind::Incremental},
     {"statistical", PulseModelKind::Statistical},
     {"ispp", PulseModelKind::Ispp}}};

/// Where incremental write-verify starts: from the erased (lowest) level, or from the open-loop
/// write.
enum class StartState { Erased, OpenLoop };
inline constexpr std::array<std::pair<std::string_view, StartState>, 2> kStartStates{
    {{"erased", StartState::Erased}, {"open_loop", StartState::OpenLoop}}};

/// What the power of a pulse or a verify read follows from, where it is wanted: V^2 G, of a pulse
/// with the mean of the device's conductance before and after it, which is taken to move evenly in
/// between.
struct PulsePowerConfig {
  support::Voltage set, reset;  ///< amplitudes; the pulses of `ispp` have those of its ramps
  support::Voltage read;
  support::Conductance lowest, highest;  ///< at 0 and at the full scale
};

/// What becomes of devices that are still open when their row is closed.
enum class OpenAtClose {
  Leave,          ///< they stay as they are
  WriteOpenLoop,  ///< one more pulse writes them as if they were not selected, without a verify
};
inline constexpr std::array<std::pair<std::string_view, OpenAtClose>, 2> kOpenAtClose{
    {{"leave", OpenAtClose::Leave}, {"write_open_loop", OpenAtClose::WriteOpenLoop}}};

/// When the write-verify of a row ends before its slowest device is done. Devices still open then
/// are counted as not converged.
struct RowClosing {
  unsigned rounds = 0;     ///< after so many rounds, the first one included; 0: never
  double open_part = 0.0;  ///< as soon as at most this part of its selected devices is open
  OpenAtClose then = OpenAtClose::WriteOpenLoop;
  bool is_used() const { return rounds > 0 || open_part > 0.0; }
  bool writes() const { return is_used() && then == OpenAtClose::WriteOpenLoop; }
};

struct WriteVerifyConfig {
  PulseModelKind pulse_model = PulseModelKind::Incremental;
  double tolerance = 0.06;    ///< half width of the accepted window, fraction of the full scale
  unsigned max_cycles = 100;  ///< write cycles after which a device is given up and counted
  RowClosing closing;
  StartState start = StartState::Erased;
  double step = 0.05;        ///< mean change by one pulse, fraction of the full scale
  double step_noise = 0.03;  ///< standard deviation of that change
  IsppConfig ispp;
  double verified_sigma = 0.03;           ///< statistical: error after write-verify
  unsigned cycles = 10;                   ///< statistical: write cycles of every verified device
  std::optional<PulsePowerConfig> power;  ///< not a key of its own: from tile and device
  unsigned read_bits = 0;                 ///< not a key of its own: tile.verify.adc_bits
  unsigned rounded_reads = 1;             ///< the reads of a verify, where each is rounded
  /// Whether the mean of several rounded reads is another than one rounded read.
  bool averages_rounded_reads(const DeviceModel& device) const {
    return rounded_reads > 1 && read_bits > 0 && device.read_noise() > 0.0;
  }
};
WriteVerifyConfig read_write_verify(support::ConfigReader in);

/// Outcomes of a set of devices: what each would be after its open-loop write, and what
/// write-verify would make of it. Neither depends on which devices are selected, so one set serves
/// every selection mask.
///
/// Time is kept in rounds. In round 0 a device gets its open-loop pulse, if it has one; in every
/// round the pulses come first (SET phase, then RESET phase), then the verify read of the devices
/// still open. Where no device is present, nothing is pulsed and both conductances are 0.
struct DeviceOutcomes {
  std::size_t devices = 0;
  std::size_t rounds = 0;        ///< of the longest write-verify, round 0 included
  std::vector<float> open_loop;  ///< conductance after the open-loop write and relaxation, fraction
                                 ///< of the full scale
  std::vector<float> verified;   ///< conductance after write-verify, relaxation included
  std::vector<std::uint16_t> cycles;    ///< write pulses of write-verify, the first one included
  std::vector<std::uint8_t> converged;  ///< 0: given up at max_cycles

  /// Bit sets over devices, `words()` 64-bit words each.
  std::vector<std::uint64_t> open_loop_set, open_loop_reset;
  /// Pulses of write-verify. Behind round 0 a device is pulsed in every round until it is done, so
  /// `cycles` tells in which; those that are no RESET pulses are SET pulses.
  std::vector<std::uint64_t> first_set;  ///< of round 0
  std::vector<std::uint64_t> reset;      ///< [round][word], round 0 included
  /// SET pulses as [round][word].
  std::vector<std::uint64_t> set_by_round() const;
  /// Rounds behind round 0 with a pulse of a device.
  std::size_t later_pulses(std::size_t i) const {
    return cycles[i] - ((first_set[i / 64] | reset[i / 64]) >> (i % 64) & 1);
  }
  /// Power of each device's pulses, summed over them; empty unless WriteVerifyConfig::power is set.
  std::vector<float> open_loop_power_W, set_power_W, reset_power_W;
  /// Squared amplitudes of the pulses of write-verify, each less that of WriteVerifyConfig::power,
  /// summed; empty where all have that one.
  std::vector<float> set_excess_V2, reset_excess_V2;
  std::vector<float> read_power_W;    ///< of its verify reads, summed over them
  std::vector<float> erase_power_W;   ///< of a RESET pulse that would take back the open-loop pulse
  std::vector<float> erased_power_W;  ///< of a RESET pulse of the device as it is before any pulse
  std::size_t words() const { return (devices + 63) / 64; }
};

/// One device about to be written, or a place of the array without one.
struct DeviceTarget {
  bool present = true;
  float target = 0.0f;  ///< fraction of the full scale; 0 is the erased level
  float level_factor =
      1.0f;                 ///< DeviceModel::level_factor: its error relative to the nominal sigma
  bool programmed = false;  ///< holds `start` of an earlier programming; otherwise it is erased
  float start = 0.0f;       ///< fraction of the full scale
};

/// Devices about to be written, one after the other. There are many, so they hold no more than
/// their levels say, and what they are programmed to only where some of them are.
class DeviceTargets {
 public:
  struct Level {
    float target = 0.0f;  ///< as in DeviceTarget; kNoDevice: there is none
    float level_factor = 1.0f;
  };
  static constexpr float kNoDevice = -1.0f;

  DeviceTargets() = default;
  DeviceTargets(const std::vector<DeviceTarget>& targets);  // NOLINT: the same, spread out

  std::size_t size() const { return levels.size(); }
  DeviceTarget operator[](std::size_t i) const {
    DeviceTarget t;
    t.present = levels[i].target >= 0.0f;
    if (t.present) t.target = levels[i].target;
    t.level_factor = levels[i].level_factor;
    t.programmed = !start.empty() && start[i] == start[i];
    if (t.programmed) t.start = start[i];
    return t;
  }

  std::vector<Level> levels;
  /// DeviceTarget::start, not a number where a device is not programmed. Empty: none is.
  std::vector<float> start;
};

/// Added to a chip's number: what was written there before. Such a programming has draws of its own
/// on the same devices, which are stuck or slow in both.
inline constexpr std::uint32_t kEarlierProgramming = 1u << 31;

/// How write pulses move a device. Random draws are keyed by (seed, chip, stream, device, cycle):
/// the outcome of a device is the same whatever is written beside it, before it or on which
/// machine.
class PulseModel {
 public:
  PulseModel(const WriteVerifyConfig& config, const DeviceModel& device)
      : config_(config), device_(device) {}
  virtual ~PulseModel() = default;
  /// Writes devices `first`, `first + 1`, ... (their indices on the chip) with the given targets.
  virtual void write(const DeviceTargets& targets, std::uint64_t first, std::uint64_t seed,
                     std::uint32_t chip, DeviceOutcomes& out) const = 0;
  /// Conductance of one device, relaxation included, that is open when its row is closed after
  /// `rounds` >= 1 rounds. Its open-loop write then has an error of its own (Stream::ClosingWrite).
  /// Not for `statistical`, which knows no conductance before its last cycle.
  float closed_after(const DeviceTarget& target, std::uint64_t device, std::uint64_t seed,
                     std::uint32_t chip, std::uint32_t rounds) const;
  /// Powers, summed over them, of the pulses and reads that such a device gets, the write with
  /// which the row is closed included; `up`: that one is a SET pulse. 0 unless
  /// WriteVerifyConfig::power is set.
  struct ClosedPower {
    double set_W = 0.0, reset_W = 0.0, read_W = 0.0;
    double set_excess_V2 = 0.0, reset_excess_V2 = 0.0;  ///< as in DeviceOutcomes
  };
  virtual ClosedPower power_when_closed(const DeviceTarget& /*target*/, std::uint64_t /*device*/,
                                        std::uint64_t /*seed*/, std::uint32_t /*chip*/,
                                        std::uint32_t /*rounds*/, bool /*up*/) const {
    return {};
  }
  /// Power of an open-loop pulse that moves a device between these conductances (fractions of the
  /// full scale). 0 unless WriteVerifyConfig::power is set.
  virtual double pulse_power_W(bool /*up*/, float /*before*/, float /*after*/) const { return 0.0; }
  const RowClosing& closing() const { return config_.closing; }

 protected:
  /// Conductance that the write with which a row is closed leaves, before relaxation.
  float closing_write(const DeviceTarget& target, std::uint64_t device, std::uint64_t seed,
                      std::uint32_t chip) const;

 private:
  const WriteVerifyConfig config_;
  const DeviceModel device_;
};

std::unique_ptr<PulseModel> make_pulse_model(const WriteVerifyConfig& config,
                                             const DeviceModel& device);

/// The same outcomes by one scalar loop per device and one draw at a time: the reference that the
/// fast models are tested against, bit for bit. Ends after `rounds` rounds where they are fewer.
void write_plainly(const WriteVerifyConfig& config, const DeviceModel& device,
                   const DeviceTargets& targets, std::uint64_t first, std::uint64_t seed,
                   std::uint32_t chip, DeviceOutcomes& out, std::uint32_t rounds = 0xffffffffu);

}  // namespace uswim::programmer
