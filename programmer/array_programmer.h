#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "programmer/device/device_model.h"
#include "programmer/earlier_programming.h"
#include "programmer/write_verify/device_pulses.h"
#include "programmer/write_verify/pulse_model.h"
#include "programmer/write_verify/row_work.h"
#include "tiles/cell_array.h"
#include "tiles/mapping.h"

namespace uswim::programmer {

/// What is to come on a chip. Anything else may come too; it takes another drawing.
struct ChipUse {
  bool cells_are_read = true;       ///< else no conductances are kept
  bool is_programmed_again = true;  ///< else outcomes are drawn when the first row of an array is
                                    ///< programmed, and kept until the same thread draws others
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

  /// Another chip: other outcomes of all devices.
  void new_chip(std::uint64_t seed, std::uint32_t chip, const ChipUse& use = {});

  /// Throws std::logic_error where a row's levels, packed, are not those of the mapping: outcomes
  /// are drawn for no others.
  void check_levels(std::size_t row, const std::uint8_t* packed) const;
  /// Programs `rows` rows together, `first` and those behind it, to the mapping's levels. `mask`:
  /// pitch / 64 words per row, a set bit = verified.
  RowWork program_rows(std::size_t first, std::size_t rows, const std::uint64_t* mask,
                       RowOperation operation = RowOperation::Program);
  /// Writes the mask's devices of a row that was programmed before once more, open loop and to
  /// these levels, each with an error of its own (Stream::Rewrite). A device whose level rises gets
  /// a SET pulse, one whose level falls a RESET pulse; one that keeps its level is written as from
  /// the erased state. Stuck devices stay. Where powers are known, each pulse goes from the cell as
  /// it is to the cell as it will be.
  RowWork rewrite_row(std::size_t row, const std::uint8_t* levels, const std::uint64_t* mask);
  /// The rows' view of the outcomes, for work by rounds.
  RowView row_view(std::size_t first, std::size_t rows, const std::uint64_t* mask,
                   RowOperation operation) const;
  /// Takes devices that are to stay untouched (EarlierProgramming) out of a row's mask.
  void leave_untouched(std::size_t row, std::uint64_t* mask) const;

  /// Power, summed over the devices, of a RESET pulse each that erases rows found erased; 0 where
  /// powers are not known.
  double erase_power_W(std::size_t first, std::size_t rows) const;

  /// Targets of its devices, fractions of the full scale, summed.
  double target_sum() const;

  const RowScheme& scheme() const { return scheme_; }
  /// The devices as they were last written; not to be kept beyond the next writing. They stay in
  /// memory from then on.
  const tiles::CellArray& cells() const { return written_cells(); }
  /// Keeps the devices as they are and drops what another mask would make of them, which is drawn
  /// once more if one comes.
  void keep_cells_only();
  /// The same in the caller's memory, of the array's size, without keeping them here.
  void copy_cells(tiles::CellArray& to) const;
  /// tiles::packed_levels() of the mapping; not to be kept beyond another array's.
  const std::vector<std::uint8_t>& packed_levels() const;
  /// What write-verify of the present chip takes; not to be kept beyond the next drawing.
  const DevicePulses& pulses() const;
  /// DevicePulses::write_cycles of the present chip.
  std::uint64_t write_cycles() const;
  /// Processor time that drawing has taken, of all chips.
  double drawing_seconds() const { return drawing_s_; }
  /// The outcomes of all devices of the present chip once more, with all that is known of each.
  /// They are too many to be kept.
  DeviceOutcomes draw_outcomes() const;

 private:
  /// The mapping's levels of `rows` rows, pitch each.
  void find_levels(std::size_t row, std::size_t rows, std::vector<std::uint8_t>& levels) const;
  /// Targets of `n` devices of the array from `first` on. `levels`: of the rows that they stand in.
  void find_targets(std::size_t first, std::size_t n, const std::uint8_t* levels,
                    DeviceTargets& targets) const;
  /// The same together with what they hold before they are written.
  void find_targets_and_states(std::size_t first, std::size_t n, DeviceTargets& targets,
                               DeviceOutcomes& earlier) const;
  /// The pulses of the present chip into the thread's memory, and what is kept of the outcomes.
  void draw_pulses() const;
  /// Draws the outcomes of `n` devices from `first` on; `targets`: theirs, filled in.
  void draw(std::size_t first, std::size_t n, DeviceTargets& targets, DeviceOutcomes& out) const;
  bool is_untouched(std::size_t device) const {
    return !untouched_.empty() && (untouched_[device / 64] >> (device % 64) & 1) != 0;
  }
  /// Sees to it that the conductances are there.
  void keep_units() const;
  void keep_units(std::size_t first, const DeviceOutcomes& outcomes) const;
  /// The cells with the outcomes of the rows that were programmed. They are many, and often another
  /// mask comes before anyone looks at them.
  tiles::CellArray& written_cells() const;
  void write_row(std::size_t row, tiles::CellArray& to) const;
  void keep_mask(std::size_t row, const std::uint64_t* mask);
  /// Devices whose write-verify ended with the row's get the conductance that this leaves; their
  /// powers join the row's.
  void close_open_devices(std::size_t first_row, const RowView& view, RowWork& work);

  const tiles::Mapping& mapping_;
  std::size_t array_;
  const DeviceModel& device_;
  const PulseModel& model_;
  unsigned levels_;
  std::uint64_t seed_ = 0;
  std::uint32_t chip_ = 0;
  RowScheme scheme_;
  std::size_t columns_, devices_;
  bool looks_at_weight_;
  std::vector<DeviceTargets::Level>
      target_of_level_;  ///< the factor where it does not follow the weight
  mutable std::vector<std::uint8_t> packed_levels_;  ///< where the chip is programmed again
  std::vector<std::uint8_t> written_levels_;         ///< empty: the target levels
  std::vector<std::uint8_t> earlier_levels_;         ///< empty: the devices start erased
  EarlierProgramming earlier_;
  std::vector<std::uint64_t> untouched_;  ///< bit set over devices; empty: none
  std::vector<std::uint32_t> rewrites_;   ///< of each row since it was programmed
  ChipUse use_;
  std::uint64_t drawing_ = 0;  ///< of this chip and array alone
  DevicePulses pulses_;        ///< where the chip is programmed again
  mutable std::optional<std::uint64_t> write_cycles_;
  mutable double drawing_s_ = 0.0;
  mutable std::vector<double> erase_power_W_;  ///< by row; empty where powers are not known
  mutable std::vector<std::int16_t> open_loop_units_, verified_units_;  ///< empty: not kept
  mutable std::optional<tiles::CellArray> cells_;  ///< none until someone keeps them
  /// Of the rows that are pending, pitch / 64 words each; empty: all their devices are verified.
  std::vector<std::uint64_t> pending_mask_;
  mutable std::vector<std::uint8_t> is_pending_;  ///< by row
  mutable bool any_pending_ = false;
};

}  // namespace uswim::programmer
