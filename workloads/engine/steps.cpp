#include "workloads/engine/steps.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace uswim::workloads {
namespace {

std::ptrdiff_t s(std::size_t n) { return static_cast<std::ptrdiff_t>(n); }

kernel::CodesOut out(CodeBlocks& codes) {
  return {codes.at(0, 0, 0, 0), s(codes.block_stride()), s(codes.pair_stride()),
          s(codes.row_stride())};
}

kernel::CodesIn in(const CodeBlocks& codes) {
  return {codes.at(0, 0, 0, 0), s(codes.block_stride()), s(codes.pair_stride()),
          s(codes.row_stride())};
}

kernel::PoolWindow pool_window(const Window& w, const Shape& from) {
  return {s(from.height),     s(from.width),     s(w.kernel_height),   s(w.kernel_width),
          s(w.stride_height), s(w.stride_width), s(w.dilation_height), s(w.dilation_width),
          s(w.pad_top),       s(w.pad_left)};
}

bool is_two_by_two(const Window& w) {
  return w.kernel_height == 2 && w.kernel_width == 2 && w.stride_height == 2 &&
         w.stride_width == 2 && w.dilation_height == 1 && w.dilation_width == 1 && w.pad_top == 0 &&
         w.pad_left == 0;
}

void pool_codes(ExecutionPlan& plan, const Run& run, const CodeBlocks& from, CodeBlocks& to,
                const Window& window) {
  plan.kernels.max_pool(in(from), pool_window(window, from.shape()), run.blocks(),
                        to.channel_pairs(), to.shape().height, to.shape().width, out(to));
}

float value_at(const ExecutionPlan& plan, std::size_t index, std::size_t block, std::size_t channel,
               std::size_t y, std::size_t x, std::size_t lane) {
  const ExecutionPlan::Value& value = plan.values[index];
  if (value.integer) {
    return value.scale *
           static_cast<float>(plan.codes(index).code(block * kLanes + lane, channel, s(y), s(x)));
  }
  const Shape& shape = value.shape;
  return value
      .floats[(((block * shape.channels + channel) * shape.height + y) * shape.width + x) * kLanes +
              lane];
}

void pool_floats(const float* plane, const kernel::PoolWindow& w, std::ptrdiff_t y,
                 std::ptrdiff_t x, float* largest) {
  std::fill(largest, largest + kLanes, -std::numeric_limits<float>::infinity());
  for (std::ptrdiff_t ky = 0; ky < w.kernel_height; ++ky) {
    const std::ptrdiff_t from_y = y * w.stride_height - w.pad_top + ky * w.dilation_height;
    if (from_y < 0 || from_y >= w.height) continue;
    for (std::ptrdiff_t kx = 0; kx < w.kernel_width; ++kx) {
      const std::ptrdiff_t from_x = x * w.stride_width - w.pad_left + kx * w.dilation_width;
      if (from_x < 0 || from_x >= w.width) continue;
      const float* value = plane + (from_y * w.width + from_x) * s(kLanes);
      for (std::size_t lane = 0; lane < kLanes; ++lane)
        largest[lane] = std::max(largest[lane], value[lane]);
    }
  }
}

}  // namespace

float quantize(float value, float inverse_scale, int maximum) {
  const float positive = std::max(value * inverse_scale, 0.0f);
  return std::min(std::nearbyint(positive), static_cast<float>(maximum));
}

void MatrixToCodes::operator()(ExecutionPlan& plan, const Run& run) const {
  const CodeBlocks& codes = plan.codes(from);
  CodeBlocks& result = plan.values[to].codes;
  CodeBlocks& quantized = pooled ? plan.values[unpooled].codes : result;
  const Shape& shape = quantized.shape();
  const bool pool_in_pass = pooled && is_two_by_two(window) &&
                            result.shape().height == shape.height / 2 &&
                            result.shape().width == shape.width / 2;
  const Requantization after{factor, bias.data(), inverse_scale, maximum, pool_in_pass};
  if (run.engine.multiply_requantize(layer, codes, run.images, after,
                                     pool_in_pass ? result : quantized)) {
    if (pooled && !pool_in_pass) pool_codes(plan, run, quantized, result, window);
    return;
  }
  run.engine.multiply(layer, codes, run.images, plan.products);
  plan.kernels.requantize(
      plan.products.values.data(), run.blocks(), shape.channels, shape.height, shape.width,
      {plan.products.unit * factor, bias.data(), inverse_scale, static_cast<float>(maximum)},
      out(quantized));
  if (pooled) pool_codes(plan, run, quantized, result, window);
}

void MatrixToFloats::operator()(ExecutionPlan& plan, const Run& run) const {
  run.engine.multiply(layer, plan.codes(from), run.images, plan.products);
  const float scale = plan.products.unit * factor;
  const Shape& shape = plan.values[to].shape;
  const std::size_t plane = shape.height * shape.width * kLanes;
  const std::int32_t* product = plan.products.values.data();
  float* value = plan.values[to].floats.data();
  for (std::size_t block = 0; block < run.blocks(); ++block) {
    for (std::size_t o = 0; o < shape.channels; ++o, product += plane, value += plane) {
      for (std::size_t i = 0; i < plane; ++i)
        value[i] = static_cast<float>(product[i]) * scale + bias[o];
    }
  }
}

void PoolCodes::operator()(ExecutionPlan& plan, const Run& run) const {
  pool_codes(plan, run, plan.codes(from), plan.values[to].codes, window);
}

void FlattenCodes::operator()(ExecutionPlan& plan, const Run& run) {
  const CodeBlocks& codes = plan.codes(from);
  CodeBlocks& vector = plan.values[to].codes;
  const std::size_t pairs = vector.channel_pairs();
  if (row_stride != codes.row_stride() || pair_stride != codes.pair_stride()) {
    row_stride = codes.row_stride();
    pair_stride = codes.pair_stride();
    even.assign(pairs, -1);
    odd.assign(pairs, -1);
    std::size_t i = 0;
    for (std::size_t channel = 0; channel < shape.channels; ++channel) {
      for (std::size_t y = 0; y < shape.height; ++y) {
        for (std::size_t x = 0; x < shape.width; ++x, ++i) {
          const auto at = codes.at(0, channel / 2, s(y), s(x)) - codes.at(0, 0, 0, 0);
          (i % 2 == 0 ? even : odd)[i / 2] = static_cast<std::int32_t>(at + s(channel % 2));
        }
      }
    }
  }
  for (std::size_t block = 0; block < run.blocks(); ++block) {
    plan.kernels.gather(codes.at(block, 0, 0, 0), even.data(), odd.data(), pairs,
                        vector.at(block, 0, 0, 0), s(vector.pair_stride()));
  }
}

void QuantizeValue::operator()(ExecutionPlan& plan, const Run& run) const {
  CodeBlocks& codes = plan.values[to].codes;
  const Shape& shape = codes.shape();
  for (std::size_t block = 0; block < run.blocks(); ++block) {
    for (std::size_t channel = 0; channel < shape.channels; ++channel) {
      for (std::size_t y = 0; y < shape.height; ++y) {
        for (std::size_t x = 0; x < shape.width; ++x) {
          std::int16_t* code = codes.at(block, channel / 2, s(y), s(x)) + channel % 2;
          for (std::size_t lane = 0; lane < kLanes; ++lane) {
            const float value = value_at(plan, from, block, channel, y, x, lane);
            code[2 * lane] = static_cast<std::int16_t>(quantize(value, inverse_scale, maximum));
          }
        }
      }
    }
  }
}

void ReluFloats::operator()(ExecutionPlan& plan, const Run&) const {
  const auto& values = plan.values[from].floats;
  std::transform(values.begin(), values.end(), plan.values[to].floats.begin(),
                 [](float value) { return std::max(value, 0.0f); });
}

void PoolFloats::operator()(ExecutionPlan& plan, const Run& run) const {
  const Shape& shape = plan.values[to].shape;
  const kernel::PoolWindow w = pool_window(window, plan.values[from].shape);
  const float* plane = plan.values[from].floats.data();
  float* pooled = plan.values[to].floats.data();
  for (std::size_t n = 0; n < run.blocks() * shape.channels;
       ++n, plane += w.height * w.width * s(kLanes)) {
    for (std::size_t y = 0; y < shape.height; ++y) {
      for (std::size_t x = 0; x < shape.width; ++x, pooled += kLanes)
        pool_floats(plane, w, s(y), s(x), pooled);
    }
  }
}

void FlattenFloats::operator()(ExecutionPlan& plan, const Run&) const {
  plan.values[to].floats = plan.values[from].floats;  // already in the order of a vector
}

}  // namespace uswim::workloads
