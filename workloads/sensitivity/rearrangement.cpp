#include "workloads/sensitivity/rearrangement.h"

#include <algorithm>

#include "workloads/sensitivity/lane_vector.h"

namespace uswim::workloads::layer_arithmetic {

void copy_elements(std::size_t blocks, std::size_t count, const float* in, Part from, float* out,
                   Part to) {
  for (std::size_t b = 0; b < blocks; ++b)
    std::copy_n(in + (b * from.block + from.first) * kLanes, count * kLanes,
                out + (b * to.block + to.first) * kLanes);
}

void transpose(std::size_t blocks, const Shape& input, const std::array<std::size_t, 3>& axes,
               const float* in, float* out) {
  const std::array<std::size_t, 3> size{input.channels, input.height, input.width};
  const std::array<std::size_t, 3> step{input.height * input.width, input.width, 1};
  for (std::size_t b = 0; b < blocks; ++b, in += input.size() * kLanes)
    for (std::size_t i = 0; i < size[axes[0]]; ++i)
      for (std::size_t j = 0; j < size[axes[1]]; ++j)
        for (std::size_t k = 0; k < size[axes[2]]; ++k, out += kLanes)
          std::copy_n(in + (i * step[axes[0]] + j * step[axes[1]] + k * step[axes[2]]) * kLanes,
                      kLanes, out);
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

}  // namespace uswim::workloads::layer_arithmetic
