#include "workloads/network/network.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace uswim::workloads {

std::size_t Network::weights() const {
  return std::accumulate(
      layers.begin(), layers.end(), std::size_t{0},
      [](std::size_t sum, const MatrixLayer& layer) { return sum + layer.weight.size(); });
}

QuantizedWeights quantize_weights(const MatrixLayer& layer, unsigned bits) {
  constexpr unsigned kMostBits = 15;  // a code is an int16_t
  if (bits < 1 || bits > kMostBits)
    throw NetworkError("layer '" + layer.name + "': weights of " + std::to_string(bits) +
                       " bits, expected 1 to " + std::to_string(kMostBits));
  QuantizedWeights result;
  result.bits = bits;
  for (std::size_t i = 0; i < layer.weight.size(); ++i) {
    if (!std::isfinite(layer.weight[i]))
      throw NetworkError("layer '" + layer.name + "': weight " + std::to_string(i) +
                         " is not a finite number");
    result.scale = std::max(result.scale, std::abs(static_cast<double>(layer.weight[i])));
  }
  result.code.assign(layer.weight.size(), 0);
  if (result.scale == 0.0) return result;
  const double largest = static_cast<double>((1u << bits) - 1);
  for (std::size_t i = 0; i < layer.weight.size(); ++i) {
    const double code = static_cast<double>(layer.weight[i]) / result.scale * largest;
    result.code[i] = static_cast<std::int16_t>(std::nearbyint(code));
  }
  return result;
}

}  // namespace uswim::workloads
