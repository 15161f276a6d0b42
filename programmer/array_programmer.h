#pragma once
#include <cstdint>
#include <vector>

#include "programmer/device/device_model.h"
#include "programmer/write_verify/pulse_model.h"
#include "programmer/write_verify/row_work.h"
#include "tiles/cell_array.h"
#include "tiles/mapping.h"

namespace uswim::programmer {

/// What the devices hold before they are written: the weights of another network, or of the same.
struct EarlierProgramming {
  const tiles::Mapping* mapping = nullptr;  ///< arrays of the same size; outlives the programmer
  bool verified = true;                     ///< every device write-verified; else none
  bool skip_unchanged = false;  ///< devices that keep their level are neither written nor read
  const DriftModel* drift = nullptr;  ///< that has gone on since; null: none
  double age_s = 0.0;
};

/// What the devices of one array do when they are written, on one chip.
/// A device's outcome does not depend on the mask, so it is computed once per chip and serves every
/// mask.
class ArrayProgrammer {
 public:
  ArrayProgrammer(const tiles::Mapping& mapping, std::size_t array, const DeviceModel& device,
                  const PulseModel& model, const RowScheme& scheme);

  /// Devices that hold earlier weights instead of being erased, from the next chip on.
  void start_from(const EarlierProgramming& earlier, const DeviceModel& device);

  /// Draws the outcomes of all devices for another chip.
  void new_chip(std::uint64_t seed, std::uint32_t chip);

  /// Programs `rows` rows together, `first` and those behind it. `levels`: one target level per
  /// column, pitch per row, which must be those of the mapping (the outcomes were drawn for them;
  /// std::logic_error otherwise). `mask`: pitch / 64 words per row, a set bit = verified.
  RowWork program_rows(std::size_t first, std::size_t rows, const std::uint8_t* levels,
                       const std::uint64_t* mask, RowOperation operation = RowOperation::Program);
  /// The rows' view of the outcomes, for work by rounds.
  RowView row_view(std::size_t first, std::size_t rows, const std::uint64_t* mask,
                   RowOperation operation) const;
  /// Takes devices that are to stay untouched (EarlierProgramming) out of a row's mask.
  void leave_untouched(std::size_t row, std::uint64_t* mask) const;

  const tiles::CellArray& cells() const { return cells_; }
  const DeviceOutcomes& outcomes() const { return outcomes_; }

 private:
  const tiles::Mapping& mapping_;
  std::size_t array_;
  const PulseModel& model_;
  unsigned levels_;
  RowScheme scheme_;
  std::vector<DeviceTarget> targets_;
  std::vector<DeviceTarget> earlier_targets_;  ///< empty: the devices start erased
  EarlierProgramming earlier_;
  std::vector<std::uint64_t> untouched_;  ///< bit set over devices; empty: none
  std::vector<std::uint8_t> target_levels_;
  DeviceOutcomes outcomes_;
  std::vector<std::int16_t> open_loop_units_, verified_units_;
  tiles::CellArray cells_;
};

}  // namespace uswim::programmer
