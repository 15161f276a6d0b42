#include "workloads/sensitivity/pooling.h"

#include <algorithm>
#include <limits>

namespace uswim::workloads::layer_arithmetic {
namespace {

/// Calls function(offset) with the element, within one channel, of each tap of window (y, x) that
/// lies in the image.
template <class Function>
void for_each_tap(const Window& window, const Shape& input, std::size_t y, std::size_t x,
                  Function&& function) {
  for (std::size_t ky = 0; ky < window.kernel_height; ++ky) {
    const std::size_t row = y * window.stride_height + ky * window.dilation_height;
    if (row < window.pad_top || row - window.pad_top >= input.height) continue;
    for (std::size_t kx = 0; kx < window.kernel_width; ++kx) {
      const std::size_t column = x * window.stride_width + kx * window.dilation_width;
      if (column < window.pad_left || column - window.pad_left >= input.width) continue;
      function((row - window.pad_top) * input.width + column - window.pad_left);
    }
  }
}

/// Calls function(input channel's offset, output position's offset, y, x) for each window of each
/// block.
template <class Function>
void for_each_window(std::size_t blocks, const Shape& input, const Shape& output,
                     Function&& function) {
  const std::size_t image = input.height * input.width;
  std::size_t to = 0;
  for (std::size_t plane = 0; plane < blocks * input.channels; ++plane)
    for (std::size_t y = 0; y < output.height; ++y)
      for (std::size_t x = 0; x < output.width; ++x, to += kLanes)
        function(plane * image * kLanes, to, y, x);
}

/// The largest element of window (y, x) of one channel, in each lane.
void find_largest(const Window& window, const Shape& input, const float* channel, std::size_t y,
                  std::size_t x, Quad (&largest)[kQuads]) {
  for (Quad& quad : largest) quad = Quad{} - std::numeric_limits<float>::infinity();
  for_each_tap(window, input, y, x, [&](std::size_t element) {
    for (std::size_t q = 0; q < kQuads; ++q) {
      Quad v;
      load(v, channel + element * kLanes + 4 * q);
      largest[q] = v > largest[q] ? v : largest[q];
    }
  });
}

/// Numbers along one axis that a window counts: those in the image, and the border's where it
/// counts.
std::size_t counted(std::size_t position, std::size_t stride, std::size_t dilation,
                    std::size_t kernel, std::size_t pad_before, std::size_t size,
                    std::size_t pad_after, bool border) {
  const std::size_t begin = border ? 0 : pad_before;
  const std::size_t end = pad_before + size + (border ? pad_after : 0);
  std::size_t count = 0;
  for (std::size_t k = 0; k < kernel; ++k) {
    const std::size_t at = position * stride + k * dilation;
    count += at >= begin && at < end ? 1 : 0;
  }
  return count;
}

/// What the sum of window (y, x) is divided by; at least 1.
float window_size(const Node& pool, const Shape& input, std::size_t y, std::size_t x) {
  const Window& w = pool.window;
  const std::size_t rows = counted(y, w.stride_height, w.dilation_height, w.kernel_height,
                                   w.pad_top, input.height, w.pad_bottom, pool.counts_border);
  const std::size_t columns = counted(x, w.stride_width, w.dilation_width, w.kernel_width,
                                      w.pad_left, input.width, w.pad_right, pool.counts_border);
  return static_cast<float>(std::max<std::size_t>(1, rows * columns));
}

}  // namespace

void max_pool(std::size_t blocks, const Node& pool, const Shape& input, const float* in,
              float* out) {
  for_each_window(blocks, input, pool.shape,
                  [&](std::size_t channel, std::size_t to, std::size_t y, std::size_t x) {
                    Quad largest[kQuads];
                    find_largest(pool.window, input, in + channel, y, x, largest);
                    for (std::size_t q = 0; q < kQuads; ++q) store(largest[q], out + to + 4 * q);
                  });
}

// The largest elements are searched again instead of read from the pool's output, which a ReLU
// behind it may have overwritten.
void take_at_largest(std::size_t blocks, const Node& pool, const Shape& input, const float* in,
                     const float* values, float* out) {
  for_each_window(blocks, input, pool.shape,
                  [&](std::size_t channel, std::size_t to, std::size_t y, std::size_t x) {
                    Quad largest[kQuads], taken[kQuads] = {}, missing[kQuads];
                    find_largest(pool.window, input, in + channel, y, x, largest);
                    for (Quad& quad : missing) quad = Quad{} + 1.0f;
                    for_each_tap(pool.window, input, y, x, [&](std::size_t element) {
                      for (std::size_t q = 0; q < kQuads; ++q) {
                        const Quad zero{};
                        Quad v, value;
                        load(v, in + channel + element * kLanes + 4 * q);
                        load(value, values + channel + element * kLanes + 4 * q);
                        // Only the first of equal ones is taken.
                        taken[q] += v == largest[q] ? missing[q] * value : zero;
                        missing[q] = v == largest[q] ? zero : missing[q];
                      }
                    });
                    for (std::size_t q = 0; q < kQuads; ++q) store(taken[q], out + to + 4 * q);
                  });
}

void add_at_largest(std::size_t blocks, const Node& pool, const Shape& input, const float* in,
                    const float* s_out, float* s_in) {
  for_each_window(
      blocks, input, pool.shape,
      [&](std::size_t channel, std::size_t to, std::size_t y, std::size_t x) {
        Quad largest[kQuads], rest[kQuads];
        find_largest(pool.window, input, in + channel, y, x, largest);
        for (std::size_t q = 0; q < kQuads; ++q) load(rest[q], s_out + to + 4 * q);
        for_each_tap(pool.window, input, y, x, [&](std::size_t element) {
          const std::size_t offset = channel + element * kLanes;
          for (std::size_t q = 0; q < kQuads; ++q) {
            const Quad zero{};
            Quad v, s;
            load(v, in + offset + 4 * q);
            load(s, s_in + offset + 4 * q);
            store(s + (v == largest[q] ? rest[q] : zero), s_in + offset + 4 * q);
            rest[q] = v == largest[q] ? zero : rest[q];  // only the first of equal ones gets it
          }
        });
      });
}

void average_pool(std::size_t blocks, const Node& pool, const Shape& input, const float* in,
                  float* out) {
  for_each_window(blocks, input, pool.shape,
                  [&](std::size_t channel, std::size_t to, std::size_t y, std::size_t x) {
                    Quad sum[kQuads] = {};
                    for_each_tap(pool.window, input, y, x, [&](std::size_t element) {
                      for (std::size_t q = 0; q < kQuads; ++q) {
                        Quad v;
                        load(v, in + channel + element * kLanes + 4 * q);
                        sum[q] += v;
                      }
                    });
                    const float size = window_size(pool, input, y, x);
                    for (std::size_t q = 0; q < kQuads; ++q) store(sum[q] / size, out + to + 4 * q);
                  });
}

void add_average_pool(std::size_t blocks, const Node& pool, const Shape& input, Derivative order,
                      const float* s_out, float* s_in) {
  for_each_window(blocks, input, pool.shape,
                  [&](std::size_t channel, std::size_t to, std::size_t y, std::size_t x) {
                    const float size = power(order, window_size(pool, input, y, x));
                    Quad part[kQuads];
                    for (std::size_t q = 0; q < kQuads; ++q) {
                      load(part[q], s_out + to + 4 * q);
                      part[q] /= size;
                    }
                    for_each_tap(pool.window, input, y, x, [&](std::size_t element) {
                      float* to_element = s_in + channel + element * kLanes;
                      for (std::size_t q = 0; q < kQuads; ++q) {
                        Quad s;
                        load(s, to_element + 4 * q);
                        store(s + part[q], to_element + 4 * q);
                      }
                    });
                  });
}

}  // namespace uswim::workloads::layer_arithmetic
