#include "workloads/engine/byte_weights.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <string>
#include <utility>

#include "workloads/engine/weight_rounding.h"

namespace uswim::workloads {
namespace {

constexpr int kLargestWeight = 127;
/// Outputs' units lie within 2^kMostShift: then 127 of the coarsest in the finest is an int16.
constexpr int kMostShift = 8;

int span(const CodeRange& range) { return range.maximum - range.minimum; }

}  // namespace

ByteWeightsEngine::ByteWeightsEngine(const Network& network,
                                     const std::vector<CodeRange>& activations)
    : kernels_(&kernel::selected()) {
  assert(activations.size() == network.layers.size());
  std::size_t widest = 0;
  for (std::size_t l = 0; l < network.layers.size(); ++l) {
    const MatrixLayer& layer = network.layers[l];
    const CodeRange& range = activations[l];
    if (span(range) > 255)
      throw NetworkError(layer.name + ": its input has codes from " +
                         std::to_string(range.minimum) + " to " + std::to_string(range.maximum) +
                         ", but integer8 holds 256 of them (set accuracy.arithmetic: integer16)");
    std::optional<WinogradLayer> winograd;
    if (kernels_->multiply_winograd != nullptr && WinogradLayer::suits(network, l, range)) {
      winograd.emplace(layer);
      transformed_.resize(std::max(transformed_.size(), winograd->transformed_size()));
      sums_.resize(std::max(sums_.size(), winograd->sums_size()));
    }
    layers_.push_back({WordLayer(layer), SpreadLayer(layer, kernel::kByteChannels), range,
                       span(range) <= kernels_->largest_byte, std::move(winograd)});
    widest = std::max(widest, layer.outputs);
  }
  partial_.resize(widest * kernel::kPositionBlock * kLanes);
}

void ByteWeightsEngine::set_weights(std::size_t index, const float* weight_codes) {
  Layer& layer = layers_[index];
  const std::size_t rows = layer.words.rows(), outputs = layer.words.outputs();
  std::vector<std::int16_t>& codes = layer.words.codes();
  rounding::largest_magnitude(weight_codes, outputs * rows);

  // Outputs of nothing but zeros take whatever the others have.
  std::vector<int> exponent(outputs, rounding::kFinestExponent);
  int coarsest = rounding::kFinestExponent, finest = -rounding::kFinestExponent;
  for (std::size_t o = 0; o < outputs; ++o) {
    const float largest = rounding::largest_magnitude(weight_codes + o * rows, rows);
    if (!(largest > 0.0f)) continue;
    exponent[o] = rounding::finest_exponent(largest, kLargestWeight);
    coarsest = std::min(coarsest, exponent[o]);
    finest = std::max(finest, exponent[o]);
  }
  finest = std::clamp(finest, std::min(0, coarsest), coarsest + kMostShift);
  const auto round = [&](std::size_t o) {
    exponent[o] = std::min(exponent[o], finest);
    return rounding::round_row(weight_codes + o * rows, rows, std::ldexp(1.0f, exponent[o]),
                               &codes[o * rows]);
  };
  // In units of 2^-finest no sum may leave 32 bits.
  const std::int64_t magnitude = std::max(1, layer.activations.magnitude());
  for (std::size_t o = 0; o < outputs; ++o)
    for (std::int64_t sum = round(o) * magnitude;
         sum << (finest - exponent[o]) >= rounding::kSumLimit;) {
      --finest;
      if (exponent[o] > finest) sum = round(o) * magnitude;
    }
  layer.unit = std::ldexp(1.0f, -finest);
  layer.scale.resize(outputs);
  layer.offset.resize(outputs);
  for (std::size_t o = 0; o < outputs; ++o) {
    if (exponent[o] > finest) round(o);
    layer.scale[o] = 1 << (finest - exponent[o]);
    std::int64_t sum = 0;
    for (std::size_t r = 0; r < rows; ++r) sum += codes[o * rows + r];
    layer.offset[o] = static_cast<std::int32_t>(
        static_cast<std::uint32_t>(sum * layer.scale[o] * layer.activations.minimum));
  }
  if (layer.winograd) return layer.winograd->pack(codes.data());
  if (layer.as_bytes) {
    const std::vector<std::int8_t> bytes(codes.begin(), codes.end());
    layer.bytes.pack(bytes.data(), layer.packed);
    return;
  }
  for (std::size_t o = 0; o < outputs; ++o)
    for (std::size_t r = 0; r < rows; ++r)
      codes[o * rows + r] = static_cast<std::int16_t>(codes[o * rows + r] * layer.scale[o]);
  layer.words.pack();
}

kernel::WinogradMatrix ByteWeightsEngine::winograd_matrix(const Layer& layer,
                                                          const CodeBlocks& codes,
                                                          std::size_t images) {
  kernel::WinogradMatrix matrix = layer.winograd->matrix(codes, images);
  matrix.scale = layer.scale.data();
  matrix.transformed = transformed_.data();
  matrix.sums = sums_.data();
  return matrix;
}

/// multiply(matrix, first block) for as many blocks at a time as one copy holds.
template <class Multiply>
void ByteWeightsEngine::for_each_part(Layer& layer, const CodeBlocks& codes, std::size_t images,
                                      const Multiply& multiply) {
  constexpr int kShort = 32767;
  const std::size_t end = (images + kLanes - 1) / kLanes;
  const std::size_t at_once = layer.bytes.blocks_at_once(codes);
  copy_.resize(
      std::max(copy_.size(), layer.bytes.vectors(codes, at_once) * kLanes * kernel::kByteChannels));
  for (std::size_t first = 0; first < end; first += at_once) {
    const std::size_t blocks = std::min(at_once, end - first);
    layer.bytes.copy_bytes(codes, first, blocks, layer.activations.minimum, copy_.data());
    kernel::ByteMatrix matrix;
    layer.bytes.lay_over(codes, copy_.data(), blocks, matrix);
    matrix.weights = layer.packed.data();
    matrix.partial = partial_.data();
    matrix.scale = layer.scale.data();
    matrix.offset = layer.offset.data();
    matrix.short_steps = static_cast<std::size_t>(
        std::max(1, kShort / (2 * kLargestWeight * std::max(1, span(layer.activations)))));
    multiply(matrix, first);
  }
}

void ByteWeightsEngine::multiply(std::size_t index, const CodeBlocks& codes, std::size_t images,
                                 ProductBlocks& products) {
  Layer& layer = layers_[index];
  products.blocks = codes.blocks();
  products.shape = layer.bytes.result(codes);
  products.unit = layer.unit;
  const std::size_t block = products.shape.size() * kLanes;
  products.values.resize(products.blocks * block);
  if (layer.winograd)
    return kernels_->multiply_winograd(winograd_matrix(layer, codes, images),
                                       products.values.data());
  if (!layer.as_bytes)
    return kernels_->multiply(layer.words.matrix(codes, images, partial_.data()),
                              products.values.data());
  for_each_part(layer, codes, images, [&](const kernel::ByteMatrix& matrix, std::size_t first) {
    kernels_->multiply_bytes(matrix, products.values.data() + first * block);
  });
}

bool ByteWeightsEngine::multiply_requantize(std::size_t index, const CodeBlocks& codes,
                                            std::size_t images, const Requantization& after,
                                            CodeBlocks& result) {
  Layer& layer = layers_[index];
  const kernel::Requantize requantize = requantization(after, layer.unit);
  if (layer.winograd) {
    kernels_->multiply_requantize_winograd(winograd_matrix(layer, codes, images), requantize,
                                           after.pool, codes_out(result, 0));
    return true;
  }
  if (!layer.as_bytes) {
    kernels_->multiply_requantize(layer.words.matrix(codes, images, partial_.data()), requantize,
                                  after.pool, codes_out(result, 0));
    return true;
  }
  for_each_part(layer, codes, images, [&](const kernel::ByteMatrix& matrix, std::size_t first) {
    kernels_->multiply_requantize_bytes(matrix, requantize, after.pool, codes_out(result, first));
  });
  return true;
}

}  // namespace uswim::workloads
