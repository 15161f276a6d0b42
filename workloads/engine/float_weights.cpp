#include "workloads/engine/float_weights.h"

#include <algorithm>
#include <cassert>
#include <cmath>

#include "workloads/engine/weight_rounding.h"
#include "workloads/engine/word_layer.h"

namespace uswim::workloads {

FloatWeightsEngine::FloatWeightsEngine(const Network& network,
                                       const std::vector<CodeRange>& activations)
    : kernels_(&kernel::selected()) {
  assert(activations.size() == network.layers.size());
  std::size_t widest = 0;
  for (std::size_t l = 0; l < network.layers.size(); ++l) {
    layers_.push_back({SpreadLayer(network.layers[l], 1), activations[l].magnitude()});
    widest = std::max(widest, network.layers[l].outputs);
  }
  partial_.resize(widest * kernel::kPositionBlock * kLanes);
}

void FloatWeightsEngine::set_weights(std::size_t index, const float* weight_codes) {
  Layer& layer = layers_[index];
  const std::size_t rows = layer.spread.rows(), outputs = layer.spread.outputs();
  rounding::largest_magnitude(weight_codes, outputs * rows);
  double largest = 0.0;
  for (std::size_t o = 0; o < outputs; ++o) {
    double sum = 0.0;
    for (std::size_t r = 0; r < rows; ++r)
      sum += std::abs(static_cast<double>(weight_codes[o * rows + r]));
    largest = std::max(largest, sum);
  }
  // Each of the additions, and to_int, rounds by a factor of at most 1 + 2^-23.
  largest *= layer.activation_magnitude * (1.0 + std::ldexp(static_cast<double>(rows) + 2, -23));
  int exponent = 0;
  std::frexp(largest, &exponent);  // largest < 2^exponent
  layer.unit = std::ldexp(1.0f, -std::min(31 - exponent, rounding::kFinestExponent));
  layer.spread.pack(weight_codes, layer.packed);
}

/// multiply(matrix, first block) for as many blocks at a time as one copy holds.
template <class Multiply>
void FloatWeightsEngine::for_each_part(Layer& layer, const CodeBlocks& codes, std::size_t images,
                                       const Multiply& multiply) {
  const std::size_t end = (images + kLanes - 1) / kLanes;
  const std::size_t at_once = layer.spread.blocks_at_once(codes);
  copy_.resize(std::max(copy_.size(), layer.spread.vectors(codes, at_once) * kLanes));
  for (std::size_t first = 0; first < end; first += at_once) {
    const std::size_t blocks = std::min(at_once, end - first);
    layer.spread.copy_floats(codes, first, blocks, copy_.data());
    kernel::FloatMatrix matrix;
    layer.spread.lay_over(codes, copy_.data(), blocks, matrix);
    matrix.weights = layer.packed.data();
    matrix.partial = partial_.data();
    matrix.scale = 1.0f / layer.unit;
    multiply(matrix, first);
  }
}

void FloatWeightsEngine::multiply(std::size_t index, const CodeBlocks& codes, std::size_t images,
                                  ProductBlocks& products) {
  Layer& layer = layers_[index];
  products.blocks = codes.blocks();
  products.shape = layer.spread.result(codes);
  products.unit = layer.unit;
  const std::size_t block = products.shape.size() * kLanes;
  products.values.resize(products.blocks * block);
  for_each_part(layer, codes, images, [&](const kernel::FloatMatrix& matrix, std::size_t first) {
    kernels_->multiply_floats(matrix, products.values.data() + first * block);
  });
}

bool FloatWeightsEngine::multiply_requantize(std::size_t index, const CodeBlocks& codes,
                                             std::size_t images, const Requantization& after,
                                             CodeBlocks& result) {
  Layer& layer = layers_[index];
  for_each_part(layer, codes, images, [&](const kernel::FloatMatrix& matrix, std::size_t first) {
    kernels_->multiply_requantize_floats(matrix, requantization(after, layer.unit), after.pool,
                                         codes_out(result, first));
  });
  return true;
}

}  // namespace uswim::workloads
