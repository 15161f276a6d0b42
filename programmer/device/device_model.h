#pragma once
#include <array>
#include <filesystem>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "programmer/device/device_data.h"
#include "support/config_reader.h"

namespace uswim::programmer {

/// What the programming error is relative to. They agree for 1 bit per device and differ by 3 for 2
/// bits.
enum class SigmaUnit { DeviceFullScale, LevelStep };
inline constexpr std::array<std::pair<std::string_view, SigmaUnit>, 2> kSigmaUnits{
    {{"device_full_scale", SigmaUnit::DeviceFullScale}, {"level_step", SigmaUnit::LevelStep}}};

/// Whose level decides between the error of the middle and of the outer levels: that of each
/// device, or (as in the papers' code) that of the whole weight, for all of its devices.
enum class LevelOf { Device, Weight };
inline constexpr std::array<std::pair<std::string_view, LevelOf>, 2> kLevelOf{
    {{"device", LevelOf::Device}, {"weight", LevelOf::Weight}}};

struct DeviceConfig {
  DevicePreset preset = DevicePreset::R4;
  std::filesystem::path file;
  std::optional<DeviceData> file_data;  ///< of `file`, which then stands in for the preset
  /// Conductances of the lowest and the highest level; the ends of the file's range where absent.
  std::optional<support::Conductance> lowest_level, highest_level;
  unsigned bits = 2;
  double sigma = 0.1;
  SigmaUnit sigma_unit = SigmaUnit::DeviceFullScale;
  LevelOf level_of = LevelOf::Device;
  double read_noise = 0.0;
  unsigned verify_reads = 1;          ///< of which a verify takes the mean
  double inference_read_noise = 0.0;  ///< sd of one read in inference, fraction of the full scale
  double stuck_low = 0.0;             ///< fraction of the devices that stay at conductance 0
  double stuck_high = 0.0;            ///< fraction that stays at the full scale
  double device_to_device = 0.0;      ///< sd of a device's own pulse step relative to the mean one
  double rated_cycles = 0.0;          ///< write pulses that a device is rated for; 0: not known
  DriftConfig drift;
  double relaxation_sigma = 0.0;  ///< sd of the drift after the last pulse, fraction of full scale
};
DeviceConfig read_device(support::ConfigReader in);
/// What the preset's or the own file says.
const DeviceData& data_of(const DeviceConfig& config);

/// One NVM device with 2^bits levels. Conductances are fractions of the full scale: level l is l /
/// (2^bits - 1). An open-loop write leaves `conductance = target + sigma(level) * z`, z standard
/// normal, drawn once per programming (Stream::ProgrammingError) and kept for every read that
/// follows.
class DeviceModel {
 public:
  explicit DeviceModel(const DeviceConfig& config);

  unsigned levels() const { return levels_; }
  double target(unsigned level) const { return level / static_cast<double>(levels_ - 1); }
  /// Error of the level relative to the nominal sigma. `weight_magnitude` is |w| / scale of the
  /// weight that the device is part of; only level_of: weight looks at it.
  double level_factor(unsigned level, double weight_magnitude) const {
    if (!table_factors_.empty()) return table_factors_[level];
    const bool middle = level_of_ == LevelOf::Weight
                            ? weight_magnitude > 0.25 && weight_magnitude < 0.75
                            : level > 0 && level + 1 < levels_;
    return middle ? ratio_ * outer_factor_ : outer_factor_;
  }
  /// Whether level_factor follows the weight's magnitude, and that alone.
  bool looks_at_weight() const { return table_factors_.empty() && level_of_ == LevelOf::Weight; }
  /// level_factor of the erased state, an outer level.
  double outer_factor() const { return outer_factor_; }
  /// Nominal standard deviation of the open-loop write, fraction of the full scale; with a table
  /// the rms over the levels.
  double nominal_sigma() const { return nominal_sigma_; }
  /// Standard deviation of the open-loop write at a level, fraction of the full scale.
  double sigma(unsigned level, double weight_magnitude) const {
    return nominal_sigma_ * level_factor(level, weight_magnitude);
  }
  /// Standard deviation of one verify read, fraction of the full scale.
  double read_noise() const { return read_noise_; }
  /// Fractions of the devices that keep conductance 0 or 1 whatever is written
  /// (Stream::StuckDevice).
  double stuck_low() const { return stuck_low_; }
  double stuck_high() const { return stuck_high_; }
  /// Standard deviation over devices of the mean pulse step, relative to it (Stream::DeviceStep).
  double device_to_device() const { return device_to_device_; }
  /// Standard deviation of what is added after the last pulse and its verify read, fraction of the
  /// full scale (Stream::Relaxation).
  double relaxation_sigma() const { return relaxation_sigma_; }

 private:
  unsigned levels_;
  double ratio_;
  LevelOf level_of_;
  double nominal_sigma_;
  std::vector<double> table_factors_;  ///< level_factor of each level; empty without a table
  double outer_factor_;
  double read_noise_;
  double stuck_low_;
  double stuck_high_;
  double device_to_device_;
  double relaxation_sigma_;
};

}  // namespace uswim::programmer
