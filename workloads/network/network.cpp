#include "workloads/network/network.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace uswim::workloads {
namespace {

double largest_weight(const MatrixLayer& layer) {
  float largest = 0.0f;
  for (const float w : layer.weight) largest = std::max(largest, std::abs(w));
  return static_cast<double>(largest);
}

}  // namespace

std::size_t Network::weights() const {
  return std::accumulate(
      layers.begin(), layers.end(), std::size_t{0},
      [](std::size_t sum, const MatrixLayer& layer) { return sum + layer.outputs * layer.rows; });
}

QuantizedWeights quantize_weights(const MatrixLayer& layer, unsigned bits, double scale) {
  constexpr unsigned kMostBits = 15;  // a code is an int16_t
  if (bits < 1 || bits > kMostBits)
    throw NetworkError("layer '" + layer.name + "': weights of " + std::to_string(bits) +
                       " bits, expected 1 to " + std::to_string(kMostBits));
  for (std::size_t i = 0; i < layer.weight.size(); ++i)
    if (!std::isfinite(layer.weight[i]))
      throw NetworkError("layer '" + layer.name + "': weight " + std::to_string(i) +
                         " is not a finite number");
  QuantizedWeights result;
  result.bits = bits;
  result.scale = scale;
  result.code.assign(layer.weight.size(), 0);
  if (scale == 0.0) return result;
  const double largest = static_cast<double>((1u << bits) - 1);
  for (std::size_t i = 0; i < layer.weight.size(); ++i) {
    const double code = static_cast<double>(layer.weight[i]) / scale * largest;
    result.code[i] = static_cast<std::int16_t>(std::clamp(std::nearbyint(code), -largest, largest));
  }
  return result;
}

QuantizedWeights quantize_weights(const MatrixLayer& layer, unsigned bits) {
  return quantize_weights(layer, bits, largest_weight(layer));
}

bool lies_on_grid(const MatrixLayer& layer, unsigned bits) {
  constexpr double kRounding = 1e-6;  // of the scale; a step is 4e-3 of it or more
  const double scale = largest_weight(layer);
  const double step = scale / static_cast<double>((1u << bits) - 1);
  return scale == 0.0 || std::all_of(layer.weight.begin(), layer.weight.end(), [&](float weight) {
           const auto w = static_cast<double>(weight);
           return std::abs(w - step * std::nearbyint(w / step)) <= kRounding * scale;
         });
}

}  // namespace uswim::workloads
