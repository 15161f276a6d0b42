#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "tiles/cell_array.h"
#include "tiles/mapping.h"

namespace uswim::tiles {

namespace bit_serial {
struct Bits;
}

/// Input vectors of a layer, 16 side by side: [group][position of the layer's row][lane].
struct InputGroups {
  static constexpr std::size_t kLanes = 16;
  const std::int16_t* codes = nullptr;
  std::size_t groups = 0;
  std::size_t lanes = kLanes;  ///< of every group that are wanted
  InputCode code;
};

/// Products of many input vectors with all arrays of a layer: the integers of
/// multiply_bit_serial(), faster.
///
/// Four rows with one-bit inputs can contribute 16 different sums to a column. They are tabulated,
/// 32 columns side by side in 16 bits, so that a column's sum takes a look-up and an addition per
/// four rows. 16 bits hold the sums of as many rows as the cells' values allow, less the middle of
/// what each table spans; then they go on in 32 bits. An array of few rows has few input patterns:
/// what they come to behind the ADCs is tabulated itself. Bits that no row has set are skipped,
/// since the ADC converts zero to zero.
class BitSerialProducts {
 public:
  /// `cells[a]`: the programmed array a; read at every multiplication. Neither is copied.
  BitSerialProducts(const Mapping& mapping, std::vector<const CellArray*> cells, unsigned adc_bits);
  /// sums[group][lane][output] in cell units x weight code x input code, as multiply_bit_serial()
  /// has them.
  void multiply(std::size_t layer, const InputGroups& inputs, std::vector<std::int64_t>& sums);

 private:
  struct RowBlock;
  void multiply_block(const RowBlock& block, const InputGroups& inputs, std::int64_t* sums);
  bool multiply_by_tables(const RowBlock& block, const InputGroups& inputs,
                          std::vector<std::int32_t>& sums);
  bool multiply_by_patterns(const RowBlock& block, const InputGroups& inputs);
  void multiply_plainly(const RowBlock& block, const InputGroups& inputs, std::int64_t* sums) const;
  void spread(const RowBlock& block, const InputGroups& inputs);
  bool tabulate(const RowBlock& block, std::size_t first_column);
  void add_columns(const RowBlock& block, const bit_serial::Bits& bits, std::size_t first,
                   std::size_t count, std::vector<std::int32_t>& sums) const;

  const Mapping& mapping_;
  std::vector<const CellArray*> cells_;
  unsigned adc_bits_;
  std::vector<std::int16_t> rows_, table_;          // of one chunk of columns
  std::vector<std::int32_t> start_, column_codes_;  // of one chunk of columns
  std::vector<std::uint32_t> ends_;
  std::vector<std::uint16_t> look_ups_, planes_;  // of one row block
  std::vector<std::int32_t> block_sums_, pattern_sums_;
};

}  // namespace uswim::tiles
