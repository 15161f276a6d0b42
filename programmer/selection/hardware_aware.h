#pragma once
#include <cstdint>
#include <vector>

#include "programmer/device/device_model.h"
#include "programmer/earlier_programming.h"
#include "programmer/selection/device_mask.h"
#include "programmer/selection/selection.h"
#include "programmer/write_verify/pulse_model.h"
#include "tiles/mapping.h"

namespace uswim::programmer {

/// What write-verify does on average to devices of one level (and, with level_of: weight, of one
/// error class), and where devices hold something, of one earlier level.
struct LevelStatistics {
  double gain =
      0.0;  ///< open-loop minus verified mean square error, fraction of the full scale squared
  double mean_cycles = 0.0;
  double mean_rounds = 0.0;        ///< verify rounds that a device keeps its row busy
  std::vector<double> done;        ///< done[k]: probability that it is done after k verify rounds
  std::vector<double> set, reset;  ///< expected pulses of round k
  double open_loop_set = 0.0, open_loop_reset = 0.0;  ///< expected pulses of an open-loop write
  bool untouched = false;  ///< keeps its level, and is neither written nor read
  /// gain_after[k]: the gain where its row is closed after k >= 1 rounds; empty unless rows are
  /// closed.
  std::vector<double> gain_after;
};

/// Statistics of every kind of device, measured on `samples` devices each that belong to no chip of
/// the run.
class DeviceStatistics {
 public:
  /// Of devices that are erased before they are written.
  DeviceStatistics(const DeviceModel& device, const PulseModel& pulses, std::uint64_t seed,
                   std::size_t samples = 8192);
  /// Of devices that hold facts.earlier_code, programmed like `earlier`, whose mapping may be null.
  /// Kinds are the pairs of an earlier and a new level that the network has.
  DeviceStatistics(const DeviceModel& device, const PulseModel& pulses, std::uint64_t seed,
                   const tiles::Mapping& mapping, const WeightFacts& facts,
                   const EarlierProgramming& earlier, std::size_t samples = 8192);

  /// Of a device of the chip; `facts`: those that the statistics were made with, if any.
  std::size_t kind(const tiles::Mapping& mapping, const WeightFacts& facts, std::size_t array,
                   std::size_t row, std::size_t column) const;
  /// Of an erased device. `weight_magnitude`: |w| / scale of its weight.
  std::size_t kind(unsigned level, double weight_magnitude) const;
  const LevelStatistics& of(std::size_t kind) const { return kinds_[kind]; }
  std::size_t kinds() const { return kinds_.size(); }
  /// Pulses to be expected in round 0 of a device that is not selected.
  double others_set() const { return others_set_; }
  double others_reset() const { return others_reset_; }

 private:
  /// A pair of an earlier and a new kind of an erased device.
  std::size_t pair_of(const tiles::Mapping& mapping, const WeightFacts& facts, std::size_t array,
                      std::size_t row, std::size_t column) const;

  const DeviceModel& device_;
  std::vector<LevelStatistics> kinds_;
  std::vector<std::uint32_t> kind_of_pair_;  ///< empty: devices are erased
  double others_set_ = 1.0, others_reset_ = 0.0;
};

/// What a row's time is made of; times in seconds.
struct RowTiming {
  double setup = 0.0;       ///< once per row
  double set = 0.0;         ///< a slot of SET pulses
  double reset = 0.0;       ///< a slot of RESET pulses
  double read = 0.0;        ///< one verify read
  double conversion = 0.0;  ///< one conversion; columns of an ADC follow each other
  unsigned columns_per_adc = 8;
  unsigned drivers = 0;       ///< as RowScheme
  bool mixed_phases = false;  ///< as RowScheme
  unsigned rows = 1;          ///< neighbouring rows that are driven together
  double rows_at_once = 0.0;  ///< rows that the power budget lets write together; 0: no limit
  RowClosing closing = {};
};

/// Ranks single devices (slice and sign) instead of weights: the loss that verifying a device
/// avoids, 1/2 H (Var_open - Var_verified) of its share of the weight, over the write cycles that
/// it is expected to take. Those that take none, since they are in their window already, come
/// first, the worthiest before others. Selects round(fraction x devices) of them, below
/// 1 at most those of positive worth.
DeviceMask select_worth_per_cycle(const tiles::Mapping& mapping, const WeightFacts& facts,
                                  const DeviceStatistics& statistics, double fraction);

/// Spends a budget of *time*: every tile, all of them writing at once, may take `fraction` of the
/// time that the slowest tile needs to verify everything. Each tile chooses for each of its rows
/// how many devices to verify and how slow the slowest of them may be, so that the avoided loss is
/// largest; a row's time is the expected maximum over its devices. Tiles that would be idle verify
/// more for nothing, unless power is short: then all rows together may also take no more than
/// timing.rows_at_once times as long.
DeviceMask select_row_time(const tiles::Mapping& mapping, const WeightFacts& facts,
                           const DeviceStatistics& statistics, const RowTiming& timing,
                           double fraction);

}  // namespace uswim::programmer
