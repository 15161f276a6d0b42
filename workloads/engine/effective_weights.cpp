#include "workloads/engine/effective_weights.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstring>
#include <stdexcept>

namespace uswim::workloads {
namespace {

/// Finer steps than 2^-24 of a weight code mean nothing, and a layer of very small weights must not
/// make the unit vanish.
constexpr int kFinestExponent = 24;
constexpr std::int64_t kSumLimit = std::int64_t{1} << 31;

std::uint32_t bits_of(float value) {
  std::uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

/// Throws if a weight is not finite. Floats without their sign are ordered as their bits are.
float largest_magnitude(const float* weights, std::size_t count) {
  std::uint32_t largest = 0;
  for (std::size_t i = 0; i < count; ++i)
    largest = std::max(largest, bits_of(weights[i]) & 0x7fffffffu);
  float value;
  std::memcpy(&value, &largest, sizeof value);
  if (!std::isfinite(value)) throw std::invalid_argument("a weight is infinite or not a number");
  return value;
}

/// Round half to even, |value| < 2^22, in steps that compilers vectorise everywhere.
inline std::int32_t round_to_int(float value) {
  constexpr float kWhole = 12582912.0f;  // 1.5 * 2^23: the sum's last bit counts one
  return static_cast<std::int32_t>((value + kWhole) - kWhole);
}

/// Rounds a row and returns the sum of its magnitudes.
std::int64_t round_row(const float* weights, std::size_t rows, float scale, std::int16_t* codes) {
  std::int64_t sum = 0;
  constexpr std::size_t kPart = 32768;  // of these magnitudes, the sum fits 32 bits
  for (std::size_t first = 0; first < rows; first += kPart) {
    const std::size_t last = std::min(rows, first + kPart);
    std::int32_t part = 0;
    for (std::size_t r = first; r < last; ++r) {
      const std::int32_t code = round_to_int(weights[r] * scale);
      codes[r] = static_cast<std::int16_t>(code);
      part += code < 0 ? -code : code;
    }
    sum += part;
  }
  return sum;
}

std::size_t extent(std::size_t size, std::size_t pads, std::size_t kernel, std::size_t stride,
                   std::size_t dilation) {
  return (size + pads - dilation * (kernel - 1) - 1) / stride + 1;
}

}  // namespace

struct EffectiveWeightsEngine::Layer {
  /// The two rows of the matrix that a step multiplies; second = rows: none.
  struct Step {
    std::size_t first, second;
  };

  std::size_t outputs = 0, rows = 0, channels = 0;
  Window window;
  int activation_magnitude = 0;  // largest
  float unit = 1.0f;
  std::vector<Step> steps;  // the joint ones last
  std::size_t joint_steps = 0;
  std::vector<std::int16_t> codes;     // outputs x rows
  AlignedVector<std::int16_t> packed;  // as kernel::Matrix::weights
  std::vector<std::int32_t> offsets;   // as kernel::Matrix::offsets, joint_offsets after them
  std::size_t row_stride = 0, pair_stride = 0;  // for which the offsets are

  Layer(const MatrixLayer& from, const CodeRange& activations);
  void pack();
  std::int32_t offset_of(std::size_t row) const;
  void lay_over(const CodeBlocks& codes);
  kernel::Matrix matrix(const CodeBlocks& codes, std::size_t images, std::int32_t* partial);
};

EffectiveWeightsEngine::Layer::Layer(const MatrixLayer& from, const CodeRange& activations)
    : outputs(from.outputs),
      rows(from.rows),
      window(from.window),
      activation_magnitude(activations.magnitude()) {
  const std::size_t taps = window.kernel_height * window.kernel_width;
  channels = rows / taps;
  for (std::size_t channel = 0; channel + 1 < channels; channel += 2) {
    for (std::size_t tap = 0; tap < taps; ++tap) {
      steps.push_back({channel * taps + tap, (channel + 1) * taps + tap});
    }
  }
  if (channels % 2 == 1) {
    const std::size_t last = (channels - 1) * taps;
    if (taps % 2 == 1) steps.push_back({last, rows});
    joint_steps = taps / 2;
    for (std::size_t tap = taps % 2; tap < taps; tap += 2) {
      steps.push_back({last + tap, last + tap + 1});
    }
  }
  codes.assign(outputs * rows, 0);
  packed.assign(2 * outputs * steps.size(), 0);
}

void EffectiveWeightsEngine::Layer::pack() {
  std::int16_t* to = packed.data();
  const std::size_t single_steps = steps.size() - joint_steps;
  for (std::size_t begin = 0, end = 0; end < steps.size(); begin = end) {
    end = begin + kernel::kPartSteps < single_steps ? begin + kernel::kPartSteps : steps.size();
    for (std::size_t first = 0; first < outputs; first += kernel::kOutputBlock) {
      const std::size_t block = std::min(kernel::kOutputBlock, outputs - first);
      for (std::size_t s = begin; s < end; ++s) {
        const std::int16_t* row = &codes[first * rows];
        for (std::size_t o = 0; o < block; ++o, row += rows, to += 2) {
          to[0] = row[steps[s].first];
          to[1] = steps[s].second < rows ? row[steps[s].second] : std::int16_t{0};
        }
      }
    }
  }
}

std::int32_t EffectiveWeightsEngine::Layer::offset_of(std::size_t row) const {
  const std::size_t kx = row % window.kernel_width;
  const std::size_t ky = row / window.kernel_width % window.kernel_height;
  const std::size_t pair = row / window.kernel_width / window.kernel_height / 2;
  return static_cast<std::int32_t>(pair * pair_stride + ky * window.dilation_height * row_stride +
                                   kx * window.dilation_width * kernel::kVectorCodes);
}

void EffectiveWeightsEngine::Layer::lay_over(const CodeBlocks& input) {
  if (!offsets.empty() && row_stride == input.row_stride() && pair_stride == input.pair_stride()) {
    return;
  }
  row_stride = input.row_stride();
  pair_stride = input.pair_stride();
  offsets.clear();
  const std::size_t single_steps = steps.size() - joint_steps;
  for (std::size_t s = 0; s < steps.size(); ++s) {
    offsets.push_back(offset_of(steps[s].first));
    if (s >= single_steps) offsets.push_back(offset_of(steps[s].second));
  }
}

kernel::Matrix EffectiveWeightsEngine::Layer::matrix(const CodeBlocks& input, std::size_t images,
                                                     std::int32_t* partial) {
  assert(input.shape().channels == channels);
  assert(input.pad_top() >= window.pad_top && input.pad_left() >= window.pad_left);
  assert(images <= input.blocks() * kLanes);
  lay_over(input);
  kernel::Matrix m;
  m.codes = input.at(0, 0, -static_cast<std::ptrdiff_t>(window.pad_top),
                     -static_cast<std::ptrdiff_t>(window.pad_left));
  m.block_stride = static_cast<std::ptrdiff_t>(input.block_stride());
  m.row_stride = static_cast<std::ptrdiff_t>(input.row_stride() * window.stride_height);
  m.column_stride = static_cast<std::ptrdiff_t>(kernel::kVectorCodes * window.stride_width);
  m.offsets = offsets.data();
  m.steps = steps.size() - joint_steps;
  m.joint_offsets = offsets.data() + m.steps;
  m.joint_steps = joint_steps;
  m.weights = packed.data();
  m.outputs = outputs;
  m.blocks = (images + kLanes - 1) / kLanes;
  m.height = extent(input.shape().height, window.pad_top + window.pad_bottom, window.kernel_height,
                    window.stride_height, window.dilation_height);
  m.width = extent(input.shape().width, window.pad_left + window.pad_right, window.kernel_width,
                   window.stride_width, window.dilation_width);
  m.partial = partial;
  return m;
}

EffectiveWeightsEngine::EffectiveWeightsEngine(const Network& network,
                                               const std::vector<CodeRange>& activations)
    : kernels_(&kernel::selected()) {
  assert(activations.size() == network.layers.size());
  std::size_t widest = 0;
  for (std::size_t l = 0; l < network.layers.size(); ++l) {
    layers_.emplace_back(network.layers[l], activations[l]);
    widest = std::max(widest, network.layers[l].outputs);
  }
  partial_.resize(widest * kernel::kPositionBlock * kLanes);
}

EffectiveWeightsEngine::~EffectiveWeightsEngine() = default;

float EffectiveWeightsEngine::unit(std::size_t layer) const { return layers_[layer].unit; }

void EffectiveWeightsEngine::set_weights(std::size_t index, const float* weight_codes) {
  Layer& layer = layers_[index];
  const float largest = largest_magnitude(weight_codes, layer.codes.size());
  // largest * 2^exponent < 2^15; the first rounding that fits is the finest, since halving a number
  // never makes its rounded magnitude greater.
  int exponent = 0;
  std::frexp(largest, &exponent);
  exponent = largest > 0.0f ? std::min(15 - exponent, kFinestExponent) : 0;
  if (round_to_int(std::ldexp(largest, exponent)) > INT16_MAX) --exponent;
  for (;; --exponent) {
    const float scale = std::ldexp(1.0f, exponent);
    std::int64_t sum = 0;
    for (std::size_t o = 0; o < layer.outputs; ++o) {
      sum = std::max(sum, round_row(weight_codes + o * layer.rows, layer.rows, scale,
                                    &layer.codes[o * layer.rows]));
    }
    if (sum * layer.activation_magnitude < kSumLimit) break;
  }
  layer.unit = std::ldexp(1.0f, -exponent);
  layer.pack();
}

void EffectiveWeightsEngine::multiply(std::size_t index, const CodeBlocks& codes,
                                      std::size_t images, ProductBlocks& products) {
  Layer& layer = layers_[index];
  const kernel::Matrix matrix = layer.matrix(codes, images, partial_.data());
  products.blocks = codes.blocks();
  products.shape = {layer.outputs, matrix.height, matrix.width};
  products.unit = layer.unit;
  products.values.resize(products.blocks * products.shape.size() * kLanes);
  kernels_->multiply(matrix, products.values.data());
}

bool EffectiveWeightsEngine::multiply_requantize(std::size_t index, const CodeBlocks& codes,
                                                 std::size_t images, const Requantization& after,
                                                 CodeBlocks& result) {
  Layer& layer = layers_[index];
  const kernel::Matrix matrix = layer.matrix(codes, images, partial_.data());
  kernels_->multiply_requantize(
      matrix,
      {layer.unit * after.factor, after.bias, after.inverse_scale,
       static_cast<float>(after.maximum), static_cast<float>(after.minimum)},
      after.pool,
      {result.at(0, 0, 0, 0), static_cast<std::ptrdiff_t>(result.block_stride()),
       static_cast<std::ptrdiff_t>(result.pair_stride()),
       static_cast<std::ptrdiff_t>(result.row_stride())});
  return true;
}

}  // namespace uswim::workloads
