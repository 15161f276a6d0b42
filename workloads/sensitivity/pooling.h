#pragma once
#include <cstddef>

#include "workloads/network/network.h"
#include "workloads/sensitivity/matrix_arithmetic.h"

namespace uswim::workloads::layer_arithmetic {

// Windows over the channels of values of shape `input`. Elements beyond the image and its pads,
// where a window of ceil mode may reach, never count.

void max_pool(std::size_t blocks, const Node& pool, const Shape& input, const float* in,
              float* out);
/// out = `values` at the first of the largest elements of each window of `in`.
void take_at_largest(std::size_t blocks, const Node& pool, const Shape& input, const float* in,
                     const float* values, float* out);
/// s_in += s_out at the first of the largest elements of each window of `in`.
void add_at_largest(std::size_t blocks, const Node& pool, const Shape& input, const float* in,
                    const float* s_out, float* s_in);

/// Sum of the window's elements over their number, zeros of the pads counted or not.
void average_pool(std::size_t blocks, const Node& pool, const Shape& input, const float* in,
                  float* out);
/// s_in += s_out over the number of elements, or its square, at every element of each window.
void add_average_pool(std::size_t blocks, const Node& pool, const Shape& input, Derivative order,
                      const float* s_out, float* s_in);

}  // namespace uswim::workloads::layer_arithmetic
