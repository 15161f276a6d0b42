#pragma once
#include <cstddef>

#include "workloads/network/network.h"
#include "workloads/sensitivity/matrix_arithmetic.h"

namespace uswim::workloads::layer_arithmetic {

// Functions of single numbers. `count` floats; `out` may be `in`. Equal on every processor: only
// operations that IEEE 754 rounds correctly.

/// in[e] > 0 ? in[e] : 0.
void relu(std::size_t count, const float* in, float* out);
void leaky_relu(std::size_t count, float slope, const float* in, float* out);
void clip(std::size_t count, float low, float high, const float* in, float* out);
void sigmoid(std::size_t count, const float* in, float* out);
void hyperbolic_tangent(std::size_t count, const float* in, float* out);
/// The nearest code's value, see Operation::Quantize; codes lie within +-2^22. What is not a number
/// becomes the lowest code.
void quantize(std::size_t count, float scale, int minimum, int maximum, const float* in,
              float* out);

/// out = factor[c] * in + offset[c], channel by channel; `offset` may be none.
void scale_channels(std::size_t blocks, const Shape& shape, const float* factor,
                    const float* offset, const float* in, float* out);
/// out += factor[c] * in.
void add_scaled_channels(std::size_t blocks, const Shape& shape, const float* factor,
                         const float* in, float* out);
/// out = factor * in, or out += factor * in.
void set_scaled(std::size_t count, float factor, const float* in, float* out);
void add_scaled(std::size_t count, float factor, const float* in, float* out);
/// out += a * b of numbers of shape `shape`; either may have height and width 1 and is spread.
void add_multiplied(std::size_t blocks, const Shape& shape, const Shape& a_shape, const float* a,
                    const Shape& b_shape, const float* b, float* out);
/// out += a * b of numbers of shape `a_shape`. `b` may be spread; the sum over all positions goes
/// to `out` where its height and width are 1.
void add_product(std::size_t blocks, const Shape& a_shape, const float* a, const Shape& b_shape,
                 Derivative b_power, const float* b, const Shape& out_shape, float* out);

}  // namespace uswim::workloads::layer_arithmetic
