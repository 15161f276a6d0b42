#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace uswim::tiles {

/// The weights of one layer, as they are to stand on crossbars.
struct MappedLayer {
  std::string name;
  std::size_t outputs = 0;
  std::size_t rows = 0;                   ///< inputs of one output
  std::vector<std::int16_t> weight_code;  ///< outputs x rows, |code| <= 2^weight_bits - 1
};

struct MappingConfig {
  std::size_t array_rows = 128;
  std::size_t array_columns = 128;
  unsigned device_bits = 2;
  unsigned weight_bits = 4;
};

/// Where a layer's rows and outputs stand. None of it changes what the layer computes: the
/// controller sends each input to the row that holds its weights, and takes each output from where
/// its columns are.
struct LayerPlacement {
  std::size_t row_blocks =
      0;  ///< arrays that share the rows evenly; 0: as few as hold them, filled in turn
  std::vector<std::uint32_t> row_order = {};     ///< matrix row at each position; empty: in order
  std::size_t column_blocks = 0;                 ///< arrays that share the outputs; as row_blocks
  std::vector<std::uint32_t> output_order = {};  ///< output at each position; empty: in order
  /// Array that holds each block, column blocks of the first rows first; empty: one for each.
  std::vector<std::uint32_t> arrays = {};
};

/// The part of a layer that one array holds. It is a tile to the chip's controllers.
struct ArrayBlock {
  std::size_t layer = 0;
  std::size_t first_row = 0,
              rows = 0;  ///< positions of the layer's rows, in their placement's order
  std::size_t first_output = 0, outputs = 0;  ///< positions too
  std::size_t array = 0;                      ///< the array that holds it
  std::size_t array_row = 0;                  ///< its first row in that array
};

/// Where each weight's devices are. A weight is sliced over ceil(weight_bits / device_bits)
/// devices, the most significant first, and its sign over a differential pair: column (o * slices +
/// s) * 2 holds slice s of the positive part of the o-th output, the next column that of the
/// negative part; weight = sum_s 2^(device_bits (slices - 1 - s)) (positive_s - negative_s). A
/// layer that is larger than an array is cut into row blocks and column blocks. An array holds one
/// block, or blocks of several layers, one below the other, which take turns: the rows of the
/// others are not driven and add nothing to the columns' sums.
class Mapping {
 public:
  /// Throws std::invalid_argument where not even one weight fits into a row of the array, or where
  /// blocks do not fit the arrays that `placements` name. One per layer, or none at all.
  Mapping(std::vector<MappedLayer> layers, const MappingConfig& config,
          std::vector<LayerPlacement> placements = {});

  const std::vector<ArrayBlock>& blocks() const { return blocks_; }
  const std::vector<MappedLayer>& layers() const { return layers_; }
  const MappingConfig& config() const { return config_; }
  unsigned slices() const { return slices_; }
  unsigned devices_per_weight() const { return 2 * slices_; }
  std::size_t weights() const { return weights_; }
  std::size_t devices() const { return weights_ * devices_per_weight(); }
  std::size_t array_count() const { return blocks_of_arrays_.size(); }
  /// The blocks that each array holds.
  const std::vector<std::vector<std::uint32_t>>& blocks_of_arrays() const {
    return blocks_of_arrays_;
  }
  /// Blocks of one layer lie side by side: [first, first + count).
  std::size_t first_block(std::size_t layer) const { return first_block_[layer]; }
  std::size_t block_count(std::size_t layer) const {
    return (layer + 1 < first_block_.size() ? first_block_[layer + 1] : blocks_.size()) -
           first_block_[layer];
  }
  const LayerPlacement& placement(std::size_t layer) const { return placements_[layer]; }
  const std::vector<LayerPlacement>& placements() const { return placements_; }
  /// Row of the layer's matrix at a position.
  std::size_t matrix_row(std::size_t layer, std::size_t position) const {
    const std::vector<std::uint32_t>& order = placements_[layer].row_order;
    return order.empty() ? position : order[position];
  }

  /// Output of the layer at a position.
  std::size_t matrix_output(std::size_t layer, std::size_t position) const {
    const std::vector<std::uint32_t>& order = placements_[layer].output_order;
    return order.empty() ? position : order[position];
  }

  /// Cells of a row stand in 64-bit words of a bit set, so rows begin on multiples of 64.
  std::size_t pitch() const { return (config_.array_columns + 63) / 64 * 64; }
  std::size_t columns(std::size_t block) const {
    return blocks_[block].outputs * devices_per_weight();
  }
  double utilisation(std::size_t block) const;

  /// Index of a weight in the network: layer after layer, outputs x rows each.
  std::size_t weight_index(std::size_t layer, std::size_t output, std::size_t row) const {
    return first_weight_[layer] + output * layers_[layer].rows + row;
  }
  std::size_t first_weight(std::size_t layer) const { return first_weight_[layer]; }
  /// The weight that a cell belongs to.
  std::size_t weight_of(std::size_t block, std::size_t row, std::size_t column) const {
    const ArrayBlock& a = blocks_[block];
    return weight_index(a.layer,
                        matrix_output(a.layer, a.first_output + column / devices_per_weight()),
                        matrix_row(a.layer, a.first_row + row));
  }
  /// Target level of a cell.
  unsigned level(std::size_t block, std::size_t row, std::size_t column) const;
  /// Target levels of a block, its rows of `pitch` one after the other.
  std::vector<std::uint8_t> levels(std::size_t block) const {
    return levels(block, layers_[blocks_[block].layer].weight_code);
  }
  /// The same where the block's layer has these codes.
  std::vector<std::uint8_t> levels(std::size_t block, const std::vector<std::int16_t>& codes) const;
  /// Level in a column of the devices that hold a weight of this code.
  unsigned level_of_code(int code, std::size_t column) const;
  /// Bytes that the packed levels (packed_levels.h) of a weight fill; 0: no whole ones.
  std::size_t packed_bytes_per_weight() const { return packed_bytes_; }
  /// These, of a weight of this code.
  const std::uint8_t* packed_levels_of_code(int code) const {
    return &packed_of_code_[static_cast<std::size_t>(code + (1 << config_.weight_bits) - 1) *
                            packed_bytes_];
  }
  /// Value of one level of slice s in units of the weight code.
  std::int32_t slice_weight(unsigned slice) const {
    return 1 << (config_.device_bits * (slices_ - 1 - slice));
  }
  /// Index of a block's row among the rows of all arrays, array_rows each.
  std::size_t chip_row(std::size_t block, std::size_t row) const {
    return blocks_[block].array * config_.array_rows + blocks_[block].array_row + row;
  }
  std::size_t chip_rows() const { return array_count() * config_.array_rows; }
  /// Index of a cell on the chip; what keys its random draws.
  std::uint64_t device_index(std::size_t block, std::size_t row, std::size_t column) const {
    return static_cast<std::uint64_t>(chip_row(block, row)) * pitch() + column;
  }

 private:
  std::vector<MappedLayer> layers_;
  MappingConfig config_;
  std::vector<LayerPlacement> placements_;
  unsigned slices_;
  std::size_t weights_ = 0;
  std::vector<ArrayBlock> blocks_;
  void assign_arrays();
  void pack_codes();
  std::vector<std::size_t> first_block_, first_weight_;
  std::vector<std::vector<std::uint32_t>> blocks_of_arrays_;
  std::size_t packed_bytes_ = 0;
  std::vector<std::uint8_t> packed_of_code_;  ///< from the smallest code on
};

}  // namespace uswim::tiles
