#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "programmer/write_verify/device_pulses.h"
#include "programmer/write_verify/pulse_model.h"

namespace uswim::programmer {

/// What one round of one row, or of rows driven together, makes the hardware do. A slot is a group
/// of columns that the write drivers serve at once, in all these rows, with a pulse in it; slots
/// follow each other.
struct RoundWork {
  std::uint32_t set_pulses = 0;
  std::uint32_t reset_pulses = 0;
  std::uint32_t set_slots = 0;    ///< with SET pulses only
  std::uint32_t reset_slots = 0;  ///< with RESET pulses only
  std::uint32_t mixed_slots = 0;  ///< with both; 0 unless RowScheme::mixed_phases
  std::uint32_t fullest_set = 0;  ///< SET pulses of the slot with most of them
  std::uint32_t fullest_reset = 0;
  std::uint32_t fullest_mixed = 0;  ///< pulses of either kind; 0 unless RowScheme::mixed_phases
  bool mixed = false;               ///< RowScheme::mixed_phases
  std::uint32_t read_rows = 0;      ///< with a device to read; rows are read one by one
  std::uint32_t verify_reads = 0;   ///< devices read, one conversion each
  std::uint32_t serial_conversions =
      0;  ///< of the ADC with most of them: columns of an ADC follow each other
  std::uint32_t phases() const {
    return mixed ? (set_pulses + reset_pulses > 0) : (set_pulses > 0) + (reset_pulses > 0);
  }
};

/// How often pulses of the other polarity follow: SET phases come before RESET phases of a round.
/// Where phases are mixed, both are at hand and nothing changes.
struct PolarityChanges {
  enum class Polarity { None, Set, Reset };
  Polarity first = Polarity::None, last = Polarity::None;
  std::uint32_t count = 0;
  void add(const RoundWork& round);
  /// 1 where `next`, following this, begins with the other polarity.
  std::uint32_t before(const PolarityChanges& next) const {
    return last != Polarity::None && next.first != Polarity::None && last != next.first;
  }
};

/// What programming one row takes: counts, no time and no energy.
struct RowWork {
  std::uint32_t set_pulses = 0;
  std::uint32_t reset_pulses = 0;
  std::uint32_t erase_pulses = 0;  ///< of the RESET pulses: those that erase rows (erase_work.h)
  std::uint32_t set_phases = 0;    ///< rounds with a SET pulse anywhere in the row
  std::uint32_t reset_phases = 0;
  std::uint32_t phases = 0;     ///< of pulses: of both polarities together where phases are mixed
  std::uint32_t set_slots = 0;  ///< as in RoundWork; equal to the phases where a driver is at every
                                ///< column and phases are separate
  std::uint32_t reset_slots = 0;
  std::uint32_t mixed_slots = 0;
  std::uint32_t fullest_set = 0;  ///< as in RoundWork, the largest over the rounds
  std::uint32_t fullest_reset = 0;
  std::uint32_t fullest_mixed = 0;
  std::uint32_t verify_rounds = 0;  ///< reads of a row: the sum of RoundWork::read_rows
  std::uint32_t verify_reads = 0;
  std::uint32_t serial_conversions = 0;
  std::uint32_t write_cycles = 0;   ///< pulses of write-verify, open-loop pulses not counted
  std::uint32_t not_converged = 0;  ///< verified devices given up, or open when the row was closed
  std::uint32_t most_pulses = 0;    ///< of the device with most of them
  double set_power_W = 0.0;         ///< summed over the pulses; 0 unless DevicePulses has it
  double reset_power_W = 0.0;
  double read_power_W = 0.0;   ///< summed over verify reads of devices that were still open
  double erase_power_W = 0.0;  ///< of the erase pulses; not in reset_power_W
  double set_excess_V2 = 0.0;  ///< DeviceOutcomes::set_excess_V2 of the pulses
  double reset_excess_V2 = 0.0;
  PolarityChanges polarity;
  void add(const RoundWork& round);
  /// Another row's work, behind this.
  void append(const RowWork& next);
};

/// How the devices of a row are pulsed and read.
struct RowScheme {
  unsigned columns_per_adc = 8;   ///< power of two, at most 64
  unsigned drivers = 0;           ///< devices pulsed at once, consecutive columns; 0: the whole row
  bool mixed_phases = false;      ///< SET and RESET pulses at the same time
  bool verify_whole_row = false;  ///< a verify reads every column, not only devices still open
  RowClosing closing = {};
};

/// What a row operation does with the devices of the mask and with the others.
enum class RowOperation {
  Program,  ///< the whole row is new: the mask's devices are write-verified, the others get their
            ///< open-loop pulse
  Verify,   ///< the row was written open loop before: the mask's devices are write-verified, the
            ///< others stay as they are
  Rewrite,  ///< the row was written before: the mask's devices get one open-loop pulse to another
            ///< level, the others stay as they are
};

/// A row of an array whose devices' pulses are known, or several that are driven together: `word`
/// is the first of `words` 64-bit words of its bit sets, `mask` (as many words) tells which devices
/// are write-verified; the others get their open-loop pulse.
struct RowView {
  const DevicePulses& pulses;
  std::size_t word;
  std::size_t words;
  const std::uint64_t* mask;
  RowScheme scheme;
  std::size_t columns = 0;  ///< in use, from the first; 0: all
  RowOperation operation = RowOperation::Program;
  std::size_t rows = 1;  ///< this one and those behind it, in the bit sets and in `mask`
};

/// A row with the pulses of write-verify of its selected devices unpacked, round by round until the
/// last of them is done. Of all rows one after the other where several are driven together.
class RowRounds {
 public:
  RowRounds(const RowView& row);  // NOLINT: the same, unpacked

  const RowView& row() const { return row_; }
  /// At least 1; a row that is closed may end earlier.
  std::size_t until_done() const { return until_done_; }
  /// Selected devices of word `w` with a pulse of either kind in `round`. From round 1 on: still
  /// open after as many rounds.
  std::uint64_t pulsed(std::size_t round, std::size_t w) const {
    return round < until_done_ ? pulsed_of(w)[round] : 0;
  }
  DevicePulses::Round at(std::size_t round, std::size_t w) const {
    if (round >= until_done_) return {};
    const std::uint64_t reset = reset_of(w)[round];
    return {pulsed_of(w)[round] & ~reset, reset};
  }
  /// The rounds of a word side by side; some memory behind them can be read.
  const std::uint64_t* pulsed_of(std::size_t w) const { return words() + w * stride_; }
  const std::uint64_t* reset_of(std::size_t w) const {
    return pulsed_of(row_.words * row_.rows + w);
  }

 private:
  static constexpr std::size_t kSlack = 3;  ///< of whole fours of rounds
  const std::uint64_t* words() const { return many_.empty() ? few_.data() : many_.data(); }

  RowView row_;
  std::size_t stride_, until_done_;
  std::array<std::uint64_t, 256> few_;  ///< mostly enough; not filled in advance
  std::vector<std::uint64_t> many_;
};

/// Rounds that the row, or the slowest of the rows, takes: until the last selected device is done
/// or the rows are closed; at least 1.
std::size_t rounds_of(const RowRounds& row);
RoundWork round_work(const RowRounds& row, std::size_t round);
/// What follows the last of `rounds` = rounds_of(row): the open-loop pulses with which the row is
/// closed, nothing where it is not. They are no write cycles.
RoundWork closing_work(const RowRounds& row, std::size_t rounds);
/// One round of given pulses without a verify; bit sets over the row's columns.
RowWork pulse_work(const std::vector<std::uint64_t>& set, const std::vector<std::uint64_t>& reset,
                   const RowScheme& scheme);
/// The sum over all rounds. Powers of devices that are open when the row is closed are left out but
/// for what a later write-verify adds: their sums end with the row (PulseModel::power_when_closed).
RowWork row_work(const RowRounds& row);

}  // namespace uswim::programmer
