#include "workloads/sensitivity/rearrangement.h"

#include <algorithm>

#include "workloads/sensitivity/lane_vector.h"

namespace uswim::workloads::layer_arithmetic {
namespace {

/// Calls function(offset in the input, offset in the output) for each element.
template <class Function>
void for_each_transposed(std::size_t blocks, const Shape& input,
                         const std::array<std::size_t, 3>& axes, Function&& function) {
  const std::array<std::size_t, 3> size{input.channels, input.height, input.width};
  const std::array<std::size_t, 3> step{input.height * input.width, input.width, 1};
  std::size_t to = 0;
  for (std::size_t b = 0; b < blocks; ++b)
    for (std::size_t i = 0; i < size[axes[0]]; ++i)
      for (std::size_t j = 0; j < size[axes[1]]; ++j)
        for (std::size_t k = 0; k < size[axes[2]]; ++k, to += kLanes)
          function((b * input.size() + i * step[axes[0]] + j * step[axes[1]] + k * step[axes[2]]) *
                       kLanes,
                   to);
}

void add(std::size_t elements, const float* in, float* out) {
  for (std::size_t i = 0; i < elements * kLanes; ++i) out[i] += in[i];
}

}  // namespace

void copy_elements(std::size_t blocks, std::size_t count, const float* in, Part from, float* out,
                   Part to) {
  for (std::size_t b = 0; b < blocks; ++b)
    std::copy_n(in + (b * from.block + from.first) * kLanes, count * kLanes,
                out + (b * to.block + to.first) * kLanes);
}

void add_elements(std::size_t blocks, std::size_t count, const float* in, Part from, float* out,
                  Part to) {
  for (std::size_t b = 0; b < blocks; ++b)
    add(count, in + (b * from.block + from.first) * kLanes,
        out + (b * to.block + to.first) * kLanes);
}

void transpose(std::size_t blocks, const Shape& input, const std::array<std::size_t, 3>& axes,
               const float* in, float* out) {
  for_each_transposed(blocks, input, axes, [&](std::size_t from, std::size_t to) {
    std::copy_n(in + from, kLanes, out + to);
  });
}

void add_transposed(std::size_t blocks, const Shape& input, const std::array<std::size_t, 3>& axes,
                    const float* s_out, float* s_in) {
  for_each_transposed(blocks, input, axes,
                      [&](std::size_t in, std::size_t out) { add(1, s_out + out, s_in + in); });
}

void pad(std::size_t blocks, const Shape& input, const Window& window, const float* in,
         float* out) {
  const std::size_t width = window.pad_left + input.width + window.pad_right;
  const auto zeros = [&](std::size_t elements) { out = std::fill_n(out, elements * kLanes, 0.0f); };
  for (std::size_t plane = 0; plane < blocks * input.channels; ++plane) {
    zeros(window.pad_top * width);
    for (std::size_t y = 0; y < input.height; ++y, in += input.width * kLanes) {
      zeros(window.pad_left);
      out = std::copy_n(in, input.width * kLanes, out);
      zeros(window.pad_right);
    }
    zeros(window.pad_bottom * width);
  }
}

void add_without_border(std::size_t blocks, const Shape& input, const Window& window,
                        const float* s_out, float* s_in) {
  const std::size_t width = window.pad_left + input.width + window.pad_right;
  const std::size_t height = window.pad_top + input.height + window.pad_bottom;
  for (std::size_t plane = 0; plane < blocks * input.channels; ++plane)
    for (std::size_t y = 0; y < input.height; ++y, s_in += input.width * kLanes)
      add(input.width,
          s_out + ((plane * height + window.pad_top + y) * width + window.pad_left) * kLanes, s_in);
}

}  // namespace uswim::workloads::layer_arithmetic
