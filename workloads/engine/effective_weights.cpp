#include "workloads/engine/effective_weights.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstdint>

#include "workloads/engine/weight_rounding.h"

namespace uswim::workloads {

using rounding::kSumLimit;

EffectiveWeightsEngine::EffectiveWeightsEngine(const Network& network,
                                               const std::vector<CodeRange>& activations)
    : kernels_(&kernel::selected()) {
  assert(activations.size() == network.layers.size());
  std::size_t widest = 0;
  for (std::size_t l = 0; l < network.layers.size(); ++l) {
    layers_.push_back({WordLayer(network.layers[l]), activations[l].magnitude()});
    widest = std::max(widest, network.layers[l].outputs);
  }
  partial_.resize(widest * kernel::kPositionBlock * kLanes);
}

float EffectiveWeightsEngine::unit(std::size_t layer) const { return layers_[layer].unit; }

void EffectiveWeightsEngine::set_weights(std::size_t index, const float* weight_codes) {
  Layer& layer = layers_[index];
  WordLayer& words = layer.words;
  const float largest = rounding::largest_magnitude(weight_codes, words.codes().size());
  // The first rounding whose sums fit is the finest.
  for (int exponent = rounding::finest_exponent(largest, INT16_MAX);; --exponent) {
    const float scale = std::ldexp(1.0f, exponent);
    std::int64_t sum = 0;
    for (std::size_t row = 0; row < words.codes().size(); row += words.rows())
      sum = std::max(
          sum, rounding::round_row(weight_codes + row, words.rows(), scale, &words.codes()[row]));
    layer.unit = std::ldexp(1.0f, -exponent);
    if (sum * layer.activation_magnitude < kSumLimit) break;
  }
  words.pack();
}

void EffectiveWeightsEngine::multiply(std::size_t index, const CodeBlocks& codes,
                                      std::size_t images, ProductBlocks& products) {
  Layer& layer = layers_[index];
  const kernel::Matrix matrix = layer.words.matrix(codes, images, partial_.data());
  products.blocks = codes.blocks();
  products.shape = {matrix.outputs, matrix.height, matrix.width};
  products.unit = layer.unit;
  products.values.resize(products.blocks * products.shape.size() * kLanes);
  kernels_->multiply(matrix, products.values.data());
}

bool EffectiveWeightsEngine::multiply_requantize(std::size_t index, const CodeBlocks& codes,
                                                 std::size_t images, const Requantization& after,
                                                 CodeBlocks& result) {
  Layer& layer = layers_[index];
  kernels_->multiply_requantize(layer.words.matrix(codes, images, partial_.data()),
                                requantization(after, layer.unit), after.pool,
                                codes_out(result, 0));
  return true;
}

}  // namespace uswim::workloads
