#include "workloads/engine/steps.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "workloads/network/padding.h"

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

kernel::PoolWindow pool_window(const Window& w, const Shape& from, int lowest) {
  return {s(from.height),
          s(from.width),
          s(w.kernel_height),
          s(w.kernel_width),
          s(w.stride_height),
          s(w.stride_width),
          s(w.dilation_height),
          s(w.dilation_width),
          s(w.pad_top),
          s(w.pad_left),
          static_cast<std::int16_t>(lowest)};
}

bool is_two_by_two(const Window& w) {
  return w.kernel_height == 2 && w.kernel_width == 2 && w.stride_height == 2 &&
         w.stride_width == 2 && w.dilation_height == 1 && w.dilation_width == 1 && w.pad_top == 0 &&
         w.pad_left == 0;
}

void pool_codes(ExecutionPlan& plan, const Run& run, const CodeBlocks& from, CodeBlocks& to,
                const Window& window, int lowest) {
  plan.kernels.max_pool(in(from), pool_window(window, from.shape(), lowest), run.blocks(),
                        to.channel_pairs(), to.shape().height, to.shape().width, out(to));
}

}  // namespace

void MatrixToCodes::operator()(ExecutionPlan& plan, const Run& run) const {
  const CodeBlocks& codes = plan.codes(from);
  CodeBlocks& result = plan.written_codes(to);
  CodeBlocks& quantized = pooled ? plan.written_codes(unpooled) : result;
  const Shape& shape = quantized.shape();
  const CodeRange& range = quantizer.range;
  const bool pool_in_pass = pooled && is_two_by_two(window) &&
                            result.shape().height == shape.height / 2 &&
                            result.shape().width == shape.width / 2;
  const Requantization after{factor,        bias.data(),  quantizer.inverse_scale,
                             range.maximum, pool_in_pass, range.minimum};
  if (run.engine.multiply_requantize(layer, codes, run.images, after,
                                     pool_in_pass ? result : quantized)) {
    if (pooled && !pool_in_pass) pool_codes(plan, run, quantized, result, window, range.minimum);
    return;
  }
  run.engine.multiply(layer, codes, run.images, run.products);
  plan.kernels.requantize(run.products.values.data(), run.blocks(), shape.channels, shape.height,
                          shape.width,
                          {run.products.unit * factor, bias.data(), quantizer.inverse_scale,
                           static_cast<float>(range.maximum), static_cast<float>(range.minimum)},
                          out(quantized));
  if (pooled) pool_codes(plan, run, quantized, result, window, range.minimum);
}

void PoolCodes::operator()(ExecutionPlan& plan, const Run& run) const {
  pool_codes(plan, run, plan.codes(from), plan.written_codes(to), window,
             plan.values[from].range.minimum);
}

void ReluCodes::operator()(ExecutionPlan& plan, const Run& run) const {
  // The largest code of a 1 x 1 window and zero.
  const Window one;
  pool_codes(plan, run, plan.codes(from), plan.written_codes(to), one, 0);
}

Movement movement_of(const Node& node, const Shape& input) {
  Movement movement;
  if (node.operation == Operation::Pad) {
    for_each_padded(padded_axes(node, input), input, [&](std::size_t from) {
      movement.push_back(from == kInBorder ? -1 : static_cast<std::int32_t>(from));
    });
    return movement;
  }
  const Shape& shape = node.shape;
  const std::size_t extent[3] = {input.channels, input.height, input.width};
  for (std::size_t c = 0; c < shape.channels; ++c) {
    for (std::size_t y = 0; y < shape.height; ++y) {
      for (std::size_t x = 0; x < shape.width; ++x) {
        std::size_t at[3] = {c, y, x};
        switch (node.operation) {
          case Operation::Transpose: {
            const std::size_t index[3] = {c, y, x};
            for (std::size_t axis = 0; axis < 3; ++axis) at[node.axes[axis]] = index[axis];
            break;
          }
          case Operation::Slice:
            at[0] += node.first_channel;
            break;
          default:  // the same order
            movement.push_back(static_cast<std::int32_t>(movement.size()));
            continue;
        }
        movement.push_back(
            static_cast<std::int32_t>((at[0] * extent[1] + at[1]) * extent[2] + at[2]));
      }
    }
  }
  return movement;
}

void MoveCodes::lay_over(const CodeBlocks& codes, const Shape& to_shape) {
  if (row_stride == codes.row_stride() && pair_stride == codes.pair_stride()) return;
  row_stride = codes.row_stride();
  pair_stride = codes.pair_stride();
  const std::size_t plane = to_shape.height * to_shape.width;
  const Shape& shape = codes.shape();
  even.assign((to_shape.channels + 1) / 2 * plane, -1);
  odd = even;
  for (std::size_t i = 0; i < movement.size(); ++i) {
    if (movement[i] < 0) continue;
    const auto source = static_cast<std::size_t>(movement[i]);
    const std::size_t x = source % shape.width, y = source / shape.width % shape.height;
    const std::size_t channel = source / shape.width / shape.height;
    const auto at = codes.at(0, channel / 2, s(y), s(x)) - codes.at(0, 0, 0, 0);
    const std::size_t to_channel = i / plane;
    (to_channel % 2 == 0 ? even : odd)[to_channel / 2 * plane + i % plane] =
        static_cast<std::int32_t>(at + s(channel % 2));
  }
}

void MoveCodes::operator()(ExecutionPlan& plan, const Run& run) {
  const CodeBlocks& codes = plan.codes(from);
  CodeBlocks& result = plan.written_codes(to);
  const Shape& shape = result.shape();
  lay_over(codes, shape);
  const bool is_vector = shape.height * shape.width == 1;
  // A vector's codes lie one pair apart; of an image, a row's codes lie side by side.
  const std::size_t count = is_vector ? result.channel_pairs() : shape.width;
  const std::ptrdiff_t stride = s(is_vector ? result.pair_stride() : 2 * kLanes);
  for (std::size_t block = 0; block < run.blocks(); ++block) {
    for (std::size_t first = 0; first < even.size(); first += count) {
      const std::size_t row = first / count;
      plan.kernels.gather(codes.at(block, 0, 0, 0), even.data() + first, odd.data() + first, count,
                          result.at(block, row / shape.height, s(row % shape.height), 0), stride);
    }
  }
  if (!border.empty()) fill_border(result, run.blocks());
}

void MoveCodes::fill_border(CodeBlocks& result, std::size_t blocks) const {
  const Shape& shape = result.shape();
  const std::size_t plane = shape.height * shape.width;
  for (std::size_t block = 0; block < blocks; ++block) {
    std::size_t place = 0;
    for (std::size_t i = 0; i < movement.size(); ++i) {
      if (movement[i] >= 0) continue;
      const std::size_t channel = i / plane, y = i % plane / shape.width, x = i % shape.width;
      std::int16_t* codes = result.at(block, channel / 2, s(y), s(x)) + channel % 2;
      const std::int16_t code = border[border.size() == 1 ? 0 : place++];
      for (std::size_t lane = 0; lane < kLanes; ++lane) codes[2 * lane] = code;
    }
  }
}

void MoveFloats::operator()(ExecutionPlan& plan, const Run& run) const {
  const std::size_t source_size = plan.values[from].shape.size() * kLanes;
  float* to_number = plan.floats(to);
  for (std::size_t block = 0; block < run.blocks(); ++block) {
    const float* source = plan.floats(from) + block * source_size;
    std::size_t outside = 0;
    for (const std::int32_t place : movement) {
      if (place >= 0)
        std::memcpy(to_number, source + s(kLanes) * place, kLanes * sizeof(float));
      else if (border.empty())
        std::fill_n(to_number, kLanes, 0.0f);
      else
        std::fill_n(to_number, kLanes, border[border.size() == 1 ? 0 : outside++]);
      to_number += kLanes;
    }
  }
}

void ConcatCodes::operator()(ExecutionPlan& plan, const Run& run) const {
  CodeBlocks& result = plan.written_codes(to);
  const Shape& shape = result.shape();
  for (std::size_t block = 0; block < run.blocks(); ++block) {
    std::size_t channel = 0;
    for (const std::size_t value : from) {
      const CodeBlocks& codes = plan.codes(value);
      for (std::size_t c = 0; c < codes.shape().channels; ++c, ++channel) {
        for (std::size_t y = 0; y < shape.height; ++y) {
          const std::int16_t* source = codes.at(block, c / 2, s(y), 0) + c % 2;
          std::int16_t* target = result.at(block, channel / 2, s(y), 0) + channel % 2;
          for (std::size_t i = 0; i < shape.width * kLanes; ++i) target[2 * i] = source[2 * i];
        }
      }
    }
  }
}

void ConcatFloats::operator()(ExecutionPlan& plan, const Run& run) const {
  float* target = plan.floats(to);
  for (std::size_t block = 0; block < run.blocks(); ++block) {
    for (const std::size_t value : from) {
      const std::size_t size = plan.values[value].shape.size() * kLanes;
      const float* source = plan.floats(value) + block * size;
      target = std::copy(source, source + size, target);
    }
  }
}

namespace {

/// Over the part of a window at (y, x) that lies inside the image: calls visit(16 numbers).
template <class Visit>
void under_window(const float* plane, const kernel::PoolWindow& w, std::ptrdiff_t y,
                  std::ptrdiff_t x, const Visit& visit) {
  for (std::ptrdiff_t ky = 0; ky < w.kernel_height; ++ky) {
    const std::ptrdiff_t from_y = y * w.stride_height - w.pad_top + ky * w.dilation_height;
    if (from_y < 0 || from_y >= w.height) continue;
    for (std::ptrdiff_t kx = 0; kx < w.kernel_width; ++kx) {
      const std::ptrdiff_t from_x = x * w.stride_width - w.pad_left + kx * w.dilation_width;
      if (from_x < 0 || from_x >= w.width) continue;
      visit(plane + (from_y * w.width + from_x) * s(kLanes));
    }
  }
}

/// Numbers of a window from `first` on of which `size` are counted, borders included if they count.
std::ptrdiff_t counted(std::ptrdiff_t first, std::size_t kernel, std::size_t dilation,
                       std::ptrdiff_t begin, std::ptrdiff_t end) {
  std::ptrdiff_t count = 0;
  for (std::size_t k = 0; k < kernel; ++k, first += s(dilation))
    count += first >= begin && first < end;
  return count;
}

}  // namespace

void PoolFloats::operator()(ExecutionPlan& plan, const Run& run) const {
  const Shape& shape = plan.values[to].shape;
  const kernel::PoolWindow w = pool_window(window, plan.values[from].shape, 0);
  const std::ptrdiff_t border = counts_border ? 1 : 0;
  const float* plane = plan.floats(from);
  float* pooled = plan.floats(to);
  for (std::size_t n = 0; n < run.blocks() * shape.channels;
       ++n, plane += w.height * w.width * s(kLanes)) {
    for (std::size_t y = 0; y < shape.height; ++y) {
      for (std::size_t x = 0; x < shape.width; ++x, pooled += kLanes) {
        if (!average) {
          std::fill(pooled, pooled + kLanes, -std::numeric_limits<float>::infinity());
          under_window(plane, w, s(y), s(x), [&](const float* number) {
            for (std::size_t lane = 0; lane < kLanes; ++lane)
              pooled[lane] = std::max(pooled[lane], number[lane]);
          });
          continue;
        }
        std::fill(pooled, pooled + kLanes, 0.0f);
        under_window(plane, w, s(y), s(x), [&](const float* number) {
          for (std::size_t lane = 0; lane < kLanes; ++lane) pooled[lane] += number[lane];
        });
        const auto count = static_cast<float>(
            counted(s(y) * w.stride_height - w.pad_top, window.kernel_height,
                    window.dilation_height, -border * w.pad_top,
                    w.height + border * s(window.pad_bottom)) *
            counted(s(x) * w.stride_width - w.pad_left, window.kernel_width, window.dilation_width,
                    -border * w.pad_left, w.width + border * s(window.pad_right)));
        for (std::size_t lane = 0; lane < kLanes; ++lane) pooled[lane] /= std::max(1.0f, count);
      }
    }
  }
}

}  // namespace uswim::workloads
