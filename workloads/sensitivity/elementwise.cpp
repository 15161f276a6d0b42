#include "workloads/sensitivity/elementwise.h"

#include <cmath>

#include "workloads/sensitivity/lane_vector.h"
#include "workloads/sensitivity/softmax.h"

namespace uswim::workloads::layer_arithmetic {
namespace {

float logistic(float x) {
  const double e = portable_exp(-std::abs(static_cast<double>(x)));
  return static_cast<float>((x > 0.0f ? 1.0 : e) / (1.0 + e));
}

float tanh_of(float x) {
  const double size = std::abs(static_cast<double>(x));
  // Near 0 the difference 1 - exp(-2 |x|) would lose digits; the next term is 17/315 x^6.
  if (size < 0x1p-7) {
    const double square = size * size;
    return static_cast<float>(static_cast<double>(x) *
                              (1.0 - square / 3.0 + square * square * (2.0 / 15.0)));
  }
  const double e = portable_exp(-2.0 * size);
  const double y = (1.0 - e) / (1.0 + e);
  return static_cast<float>(x > 0.0f ? y : -y);
}

}  // namespace

void relu(std::size_t count, const float* in, float* out) {
  for (std::size_t i = 0; i < count; ++i) out[i] = in[i] > 0.0f ? in[i] : 0.0f;
}

void leaky_relu(std::size_t count, float slope, const float* in, float* out) {
  for (std::size_t i = 0; i < count; ++i) out[i] = in[i] > 0.0f ? in[i] : slope * in[i];
}

void clip(std::size_t count, float low, float high, const float* in, float* out) {
  for (std::size_t i = 0; i < count; ++i) {
    const float raised = in[i] > low ? in[i] : low;
    out[i] = raised < high ? raised : high;
  }
}

void sigmoid(std::size_t count, const float* in, float* out) {
  for (std::size_t i = 0; i < count; ++i) out[i] = logistic(in[i]);
}

void hyperbolic_tangent(std::size_t count, const float* in, float* out) {
  for (std::size_t i = 0; i < count; ++i) out[i] = tanh_of(in[i]);
}

void quantize(std::size_t count, float scale, int minimum, int maximum, const float* in,
              float* out) {
  // A float from 2^23 to 2^24 has no bits behind the point, so the sum is rounded to a whole
  // number, halves to even; 1.5 * 2^23 leaves room below for negative codes.
  constexpr float kNoFraction = 12582912.0f;
  const float least = static_cast<float>(minimum), largest = static_cast<float>(maximum);
  for (std::size_t i = 0; i < count; ++i) {
    const float code = in[i] / scale;
    const float low = code > least ? code : least;
    const float clamped = low < largest ? low : largest;
    out[i] = scale * ((clamped + kNoFraction) - kNoFraction);
  }
}

void scale_channels(std::size_t blocks, const Shape& shape, const float* factor,
                    const float* offset, const float* in, float* out) {
  const std::size_t channel = shape.height * shape.width * kLanes;
  for (std::size_t plane = 0; plane < blocks * shape.channels; ++plane) {
    const float f = factor[plane % shape.channels];
    const float added = offset != nullptr ? offset[plane % shape.channels] : 0.0f;
    for (std::size_t i = 0; i < channel; ++i) out[i] = f * in[i] + added;
    in += channel;
    out += channel;
  }
}

void add_scaled_channels(std::size_t blocks, const Shape& shape, const float* factor,
                         const float* in, float* out) {
  const std::size_t channel = shape.height * shape.width * kLanes;
  for (std::size_t plane = 0; plane < blocks * shape.channels; ++plane) {
    add_scaled(channel, factor[plane % shape.channels], in, out);
    in += channel;
    out += channel;
  }
}

void set_scaled(std::size_t count, float factor, const float* in, float* out) {
  for (std::size_t i = 0; i < count; ++i) out[i] = factor * in[i];
}

void add_scaled(std::size_t count, float factor, const float* in, float* out) {
  for (std::size_t i = 0; i < count; ++i) out[i] += factor * in[i];
}

void add_multiplied(std::size_t blocks, const Shape& shape, const Shape& a_shape, const float* a,
                    const Shape& b_shape, const float* b, float* out) {
  const std::size_t channel = shape.height * shape.width * kLanes;
  const std::size_t a_channel = a_shape.height * a_shape.width * kLanes;
  const std::size_t b_channel = b_shape.height * b_shape.width * kLanes;
  for (std::size_t plane = 0; plane < blocks * shape.channels; ++plane) {
    // A spread operand is one group of lanes for the whole channel.
    for (std::size_t i = 0; i < channel; ++i)
      out[i] += a[a_channel == kLanes ? i % kLanes : i] * b[b_channel == kLanes ? i % kLanes : i];
    a += a_channel;
    b += b_channel;
    out += channel;
  }
}

void add_product(std::size_t blocks, const Shape& a_shape, const float* a, const Shape& b_shape,
                 Derivative b_power, const float* b, const Shape& out_shape, float* out) {
  const std::size_t channel = a_shape.height * a_shape.width * kLanes;
  const std::size_t b_channel = b_shape.height * b_shape.width * kLanes;
  const std::size_t out_channel = out_shape.height * out_shape.width * kLanes;
  for (std::size_t plane = 0; plane < blocks * a_shape.channels; ++plane) {
    for (std::size_t i = 0; i < channel; ++i)
      out[out_channel == kLanes ? i % kLanes : i] +=
          a[i] * power(b_power, b[b_channel == kLanes ? i % kLanes : i]);
    a += channel;
    b += b_channel;
    out += out_channel;
  }
}

}  // namespace uswim::workloads::layer_arithmetic
