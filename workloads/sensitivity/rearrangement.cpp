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

void pad(std::size_t blocks, const Shape& input, const PaddedAxes& axes,
         const std::vector<float>& constants, const float* in, float* out) {
  for (std::size_t b = 0; b < blocks; ++b, in += input.size() * kLanes) {
    std::size_t place = 0;  // of the border
    for_each_padded(axes, input, [&](std::size_t from) {
      if (from != kInBorder)
        out = std::copy_n(in + from * kLanes, kLanes, out);
      else if (constants.empty())
        out = std::fill_n(out, kLanes, 0.0f);
      else
        out = std::fill_n(out, kLanes, constants[constants.size() == 1 ? 0 : place++]);
    });
  }
}

void add_padded(std::size_t blocks, const Shape& input, const PaddedAxes& axes, const float* s_out,
                float* s_in) {
  for (std::size_t b = 0; b < blocks; ++b, s_in += input.size() * kLanes)
    for_each_padded(axes, input, [&](std::size_t from) {
      if (from != kInBorder) add(1, s_out, s_in + from * kLanes);
      s_out += kLanes;
    });
}

}  // namespace uswim::workloads::layer_arithmetic
