#include "tiles/mapping.h"

#include <algorithm>
#include <cstdlib>
#include <stdexcept>

namespace uswim::tiles {

namespace {

void check_order(const MappedLayer& layer, const std::vector<std::uint32_t>& order) {
  std::vector<bool> seen(layer.rows, false);
  for (const std::uint32_t row : order)
    if (row < layer.rows) seen[row] = true;
  if (order.size() != layer.rows || std::find(seen.begin(), seen.end(), false) != seen.end())
    throw std::invalid_argument("layer '" + layer.name +
                                "': the row order is no permutation of its rows");
}

/// Rows of each array that a layer is cut into.
std::vector<std::size_t> cut_rows(const MappedLayer& layer, const LayerPlacement& placement,
                                  std::size_t array_rows) {
  const std::size_t needed = (layer.rows + array_rows - 1) / array_rows;
  if (placement.row_blocks == 0) {
    std::vector<std::size_t> blocks(needed, array_rows);
    if (needed > 0) blocks.back() = layer.rows - (needed - 1) * array_rows;
    return blocks;
  }
  if (placement.row_blocks < needed || placement.row_blocks > layer.rows)
    throw std::invalid_argument("layer '" + layer.name + "': cannot be cut into " +
                                std::to_string(placement.row_blocks) + " row blocks");
  std::vector<std::size_t> blocks(placement.row_blocks, layer.rows / placement.row_blocks);
  for (std::size_t b = 0; b < layer.rows % placement.row_blocks; ++b) ++blocks[b];
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
    if (!placements_[l].row_order.empty()) check_order(layer, placements_[l].row_order);
    first_array_.push_back(arrays_.size());
    first_weight_.push_back(weights_);
    weights_ += layer.outputs * layer.rows;
    std::size_t row = 0;
    for (const std::size_t rows : cut_rows(layer, placements_[l], config.array_rows)) {
      for (std::size_t output = 0; output < layer.outputs; output += outputs_per_array)
        arrays_.push_back(
            {l, row, rows, output, std::min(outputs_per_array, layer.outputs - output)});
      row += rows;
    }
  }
}

double Mapping::utilisation(std::size_t array) const {
  return static_cast<double>(arrays_[array].rows * columns(array)) /
         static_cast<double>(config_.array_rows * config_.array_columns);
}

unsigned Mapping::level(std::size_t array, std::size_t row, std::size_t column) const {
  const ArrayBlock& a = arrays_[array];
  const int code =
      layers_[a.layer].weight_code[weight_of(array, row, column) - first_weight_[a.layer]];
  const bool is_negative_column = column % 2 == 1;
  if ((code < 0) != is_negative_column) return 0;
  const auto slice = static_cast<unsigned>(column % devices_per_weight() / 2);
  const auto magnitude = static_cast<unsigned>(std::abs(code));
  return magnitude >> (config_.device_bits * (slices_ - 1 - slice)) &
         ((1u << config_.device_bits) - 1);
}

}  // namespace uswim::tiles
