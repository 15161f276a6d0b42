#include "tiles/mapping.h"

#include <algorithm>
#include <cstdlib>
#include <stdexcept>

#include "tiles/packed_levels.h"

namespace uswim::tiles {

namespace {

void check_order(const MappedLayer& layer, const char* what, std::size_t count,
                 const std::vector<std::uint32_t>& order) {
  if (order.empty()) return;
  std::vector<bool> seen(count, false);
  for (const std::uint32_t i : order)
    if (i < count) seen[i] = true;
  if (order.size() != count || std::find(seen.begin(), seen.end(), false) != seen.end())
    throw std::invalid_argument("layer '" + layer.name + "': the order of its " + what +
                                "s is no permutation of them");
}

/// Sizes of the blocks that a layer's rows or outputs are cut into.
std::vector<std::size_t> cut(const MappedLayer& layer, const char* what, std::size_t count,
                             std::size_t wanted_blocks, std::size_t most_per_array) {
  const std::size_t needed = (count + most_per_array - 1) / most_per_array;
  if (wanted_blocks == 0) {
    std::vector<std::size_t> blocks(needed, most_per_array);
    if (needed > 0) blocks.back() = count - (needed - 1) * most_per_array;
    return blocks;
  }
  if (wanted_blocks < needed || wanted_blocks > count)
    throw std::invalid_argument("layer '" + layer.name + "': cannot be cut into " +
                                std::to_string(wanted_blocks) + " " + what + " blocks");
  std::vector<std::size_t> blocks(wanted_blocks, count / wanted_blocks);
  for (std::size_t b = 0; b < count % wanted_blocks; ++b) ++blocks[b];
  return blocks;
}

}  // namespace

Mapping::Mapping(std::vector<MappedLayer> layers, const MappingConfig& config,
                 std::vector<LayerPlacement> placements)
    : layers_(std::move(layers)),
      config_(config),
      placements_(std::move(placements)),
      slices_((config.weight_bits + config.device_bits - 1) / config.device_bits) {
  const std::size_t outputs_per_array = config.array_columns / devices_per_weight();
  if (outputs_per_array == 0 || config.array_rows == 0)
    throw std::invalid_argument("an array of " + std::to_string(config.array_columns) +
                                " columns is too narrow for one weight of " +
                                std::to_string(devices_per_weight()) + " devices");
  placements_.resize(layers_.size());
  for (std::size_t l = 0; l < layers_.size(); ++l) {
    const MappedLayer& layer = layers_[l];
    if (layer.weight_code.size() != layer.outputs * layer.rows)
      throw std::invalid_argument("layer '" + layer.name +
                                  "': weight codes do not fill outputs x rows");
    const LayerPlacement& placement = placements_[l];
    check_order(layer, "row", layer.rows, placement.row_order);
    check_order(layer, "output", layer.outputs, placement.output_order);
    first_block_.push_back(blocks_.size());
    first_weight_.push_back(weights_);
    weights_ += layer.outputs * layer.rows;
    const std::vector<std::size_t> column_blocks =
        cut(layer, "column", layer.outputs, placement.column_blocks, outputs_per_array);
    std::size_t row = 0;
    for (const std::size_t rows :
         cut(layer, "row", layer.rows, placement.row_blocks, config.array_rows)) {
      std::size_t output = 0;
      for (const std::size_t outputs : column_blocks) {
        blocks_.push_back({l, row, rows, output, outputs});
        output += outputs;
      }
      row += rows;
    }
  }
  assign_arrays();
  pack_codes();
}

void Mapping::pack_codes() {
  const std::size_t bits = devices_per_weight() * bits_per_packed_level(config_.device_bits);
  if (bits % 8 != 0) return;
  packed_bytes_ = bits / 8;
  const int largest = (1 << config_.weight_bits) - 1;
  std::vector<std::uint8_t> levels((devices_per_weight() + 7) / 8 * 8, 0), packed(levels.size());
  for (int code = -largest; code <= largest; ++code) {
    for (unsigned column = 0; column < devices_per_weight(); ++column)
      levels[column] = static_cast<std::uint8_t>(level_of_code(code, column));
    pack_levels(levels.data(), levels.size(), config_.device_bits, packed.data());
    packed_of_code_.insert(packed_of_code_.end(), packed.data(), packed.data() + packed_bytes_);
  }
}

void Mapping::assign_arrays() {
  const bool named = std::any_of(placements_.begin(), placements_.end(),
                                 [](const LayerPlacement& p) { return !p.arrays.empty(); });
  std::vector<std::size_t> rows_taken;
  for (std::size_t b = 0; b < blocks_.size(); ++b) {
    ArrayBlock& block = blocks_[b];
    const MappedLayer& layer = layers_[block.layer];
    const std::vector<std::uint32_t>& wanted = placements_[block.layer].arrays;
    if (named && wanted.size() != block_count(block.layer))
      throw std::invalid_argument("layer '" + layer.name + "': has " +
                                  std::to_string(block_count(block.layer)) + " blocks, not " +
                                  std::to_string(wanted.size()));
    block.array = named ? wanted[b - first_block_[block.layer]] : b;
    if (block.array >= blocks_.size())
      throw std::invalid_argument("layer '" + layer.name + "': there is no array " +
                                  std::to_string(block.array));
    if (block.array >= blocks_of_arrays_.size()) {
      blocks_of_arrays_.resize(block.array + 1);
      rows_taken.resize(block.array + 1, 0);
    }
    std::vector<std::uint32_t>& sharing = blocks_of_arrays_[block.array];
    if (!sharing.empty() && blocks_[sharing.back()].layer == block.layer)
      throw std::invalid_argument("layer '" + layer.name + "': two of its blocks are on array " +
                                  std::to_string(block.array));
    block.array_row = rows_taken[block.array];
    rows_taken[block.array] += block.rows;
    if (rows_taken[block.array] > config_.array_rows)
      throw std::invalid_argument("layer '" + layer.name + "': its block does not fit on array " +
                                  std::to_string(block.array));
    sharing.push_back(static_cast<std::uint32_t>(b));
  }
  for (std::size_t a = 0; a < blocks_of_arrays_.size(); ++a)
    if (blocks_of_arrays_[a].empty())
      throw std::invalid_argument("array " + std::to_string(a) + " holds nothing");
}

double Mapping::utilisation(std::size_t block) const {
  return static_cast<double>(blocks_[block].rows * columns(block)) /
         static_cast<double>(config_.array_rows * config_.array_columns);
}

unsigned Mapping::level(std::size_t block, std::size_t row, std::size_t column) const {
  const ArrayBlock& a = blocks_[block];
  return level_of_code(
      layers_[a.layer].weight_code[weight_of(block, row, column) - first_weight_[a.layer]], column);
}

std::vector<std::uint8_t> Mapping::levels(std::size_t block,
                                          const std::vector<std::int16_t>& codes) const {
  const ArrayBlock& a = blocks_[block];
  const std::size_t layer_rows = layers_[a.layer].rows;
  const unsigned top_level = (1u << config_.device_bits) - 1;
  std::vector<std::uint8_t> levels(a.rows * pitch(), 0);
  for (std::size_t o = 0; o < a.outputs; ++o) {
    const std::int16_t* code = &codes[matrix_output(a.layer, a.first_output + o) * layer_rows];
    std::uint8_t* devices = &levels[o * devices_per_weight()];
    for (std::size_t r = 0; r < a.rows; ++r, devices += pitch()) {
      const int c = code[matrix_row(a.layer, a.first_row + r)];
      // The other device of each pair holds level 0.
      std::uint8_t* device = devices + (c < 0 ? 1 : 0);
      auto rest = static_cast<unsigned>(std::abs(c));
      for (unsigned s = slices_; s-- > 0; rest >>= config_.device_bits)
        device[2 * s] = static_cast<std::uint8_t>(rest & top_level);
    }
  }
  return levels;
}

unsigned Mapping::level_of_code(int code, std::size_t column) const {
  const bool is_negative_column = column % 2 == 1;
  if ((code < 0) != is_negative_column) return 0;
  const auto slice = static_cast<unsigned>(column % devices_per_weight() / 2);
  const auto magnitude = static_cast<unsigned>(std::abs(code));
  return magnitude >> (config_.device_bits * (slices_ - 1 - slice)) &
         ((1u << config_.device_bits) - 1);
}

}  // namespace uswim::tiles
