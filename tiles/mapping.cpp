#include "tiles/mapping.h"

#include <algorithm>
#include <cstdlib>
#include <stdexcept>

namespace uswim::tiles {

Mapping::Mapping(std::vector<MappedLayer> layers, const MappingConfig& config)
    : layers_(std::move(layers)),
      config_(config),
      slices_((config.weight_bits + config.device_bits - 1) / config.device_bits) {
  const std::size_t outputs_per_array = config.array_columns / devices_per_weight();
  if (outputs_per_array == 0 || config.array_rows == 0)
    throw std::invalid_argument("an array of " + std::to_string(config.array_columns) +
                                " columns is too narrow for one weight of " +
                                std::to_string(devices_per_weight()) + " devices");
  for (std::size_t l = 0; l < layers_.size(); ++l) {
    const MappedLayer& layer = layers_[l];
    if (layer.weight_code.size() != layer.outputs * layer.rows)
      throw std::invalid_argument("layer '" + layer.name +
                                  "': weight codes do not fill outputs x rows");
    first_array_.push_back(arrays_.size());
    first_weight_.push_back(weights_);
    weights_ += layer.outputs * layer.rows;
    for (std::size_t row = 0; row < layer.rows; row += config.array_rows)
      for (std::size_t output = 0; output < layer.outputs; output += outputs_per_array)
        arrays_.push_back({l, row, std::min(config.array_rows, layer.rows - row), output,
                           std::min(outputs_per_array, layer.outputs - output)});
  }
}

std::size_t Mapping::row_blocks(std::size_t layer) const {
  return (layers_[layer].rows + config_.array_rows - 1) / config_.array_rows;
}

std::size_t Mapping::column_blocks(std::size_t layer) const {
  const std::size_t outputs_per_array = config_.array_columns / devices_per_weight();
  return (layers_[layer].outputs + outputs_per_array - 1) / outputs_per_array;
}

double Mapping::utilisation(std::size_t array) const {
  return static_cast<double>(arrays_[array].rows * columns(array)) /
         static_cast<double>(config_.array_rows * config_.array_columns);
}

unsigned Mapping::level(std::size_t array, std::size_t row, std::size_t column) const {
  const ArrayBlock& a = arrays_[array];
  const MappedLayer& layer = layers_[a.layer];
  const std::size_t output = a.first_output + column / devices_per_weight();
  const int code = layer.weight_code[output * layer.rows + a.first_row + row];
  const bool is_negative_column = column % 2 == 1;
  if ((code < 0) != is_negative_column) return 0;
  const auto slice = static_cast<unsigned>(column % devices_per_weight() / 2);
  const auto magnitude = static_cast<unsigned>(std::abs(code));
  return magnitude >> (config_.device_bits * (slices_ - 1 - slice)) &
         ((1u << config_.device_bits) - 1);
}

}  // namespace uswim::tiles
