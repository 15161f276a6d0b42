#pragma once
#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include "tests/engine/plain_network.h"
#include "workloads/engine/byte_weights.h"

/// Layers with random weights and codes, and what their products must be.
namespace uswim::workloads {

struct Drawn {
  Network network;
  std::vector<float> weights;
  CodeBlocks codes;
};

/// A layer of weights that are no whole numbers, each output's of another size, over codes in
/// [minimum, maximum].
inline Drawn draw(Shape input, std::size_t outputs, const Window& window, int minimum, int maximum,
                  std::mt19937& random) {
  Drawn d;
  d.network = plain::NetworkBuilder(input, 1)
                  .quantize(1.0f, maximum, minimum)
                  .convolution(outputs, window)
                  .build();
  std::normal_distribution<float> normal;
  for (std::size_t o = 0; o < outputs; ++o)
    for (std::size_t r = 0; r < d.network.layers[0].rows; ++r)
      d.weights.push_back(std::ldexp(5.0f, -static_cast<int>(o % 4)) * normal(random));
  Window border = window;  // wider than this layer needs, as when another one reads the same codes
  border.pad_left += random() % 2;
  d.codes.reshape(2, input, border);
  plain::fill_randomly(d.codes, maximum, random, minimum);
  return d;
}

inline Window any_window(std::mt19937& random) {
  const auto one_of = [&](std::size_t count) { return 1 + random() % count; };
  return {one_of(4), one_of(4),    one_of(3),    one_of(3),    one_of(2),
          one_of(2), random() % 3, random() % 3, random() % 3, random() % 3};
}

/// The codes under a layer's window at (y, x) of an image, in the order of the matrix's rows.
inline std::vector<int> under_window(const Drawn& d, std::size_t image, std::size_t y,
                                     std::size_t x) {
  const Window& w = d.network.layers[0].window;
  const Shape& in = d.codes.shape();
  std::vector<int> codes;
  for (std::size_t c = 0; c < in.channels; ++c)
    for (std::size_t ky = 0; ky < w.kernel_height; ++ky)
      for (std::size_t kx = 0; kx < w.kernel_width; ++kx) {
        const auto at = [](std::size_t n, std::size_t stride, std::size_t k, std::size_t dilation,
                           std::size_t pad) {
          return static_cast<std::ptrdiff_t>(n * stride + k * dilation) -
                 static_cast<std::ptrdiff_t>(pad);
        };
        const std::ptrdiff_t iy = at(y, w.stride_height, ky, w.dilation_height, w.pad_top);
        const std::ptrdiff_t ix = at(x, w.stride_width, kx, w.dilation_width, w.pad_left);
        const bool inside = iy >= 0 && ix >= 0 && iy < static_cast<std::ptrdiff_t>(in.height) &&
                            ix < static_cast<std::ptrdiff_t>(in.width);
        codes.push_back(inside ? d.codes.code(image, c, iy, ix) : 0);
      }
  return codes;
}

/// Compares every product of `engine` with expected(output, codes under the window, unit).
template <class Expected>
void expect_products(WeightsEngine& engine, const Drawn& d, std::size_t images,
                     const Expected& expected) {
  engine.set_weights(0, d.weights.data());
  ProductBlocks products;
  engine.multiply(0, d.codes, images, products);
  const Shape& shape = products.shape;
  ASSERT_EQ(shape, d.network.nodes[1].shape);
  for (std::size_t image = 0; image < images; ++image)
    for (std::size_t y = 0; y < shape.height; ++y)
      for (std::size_t x = 0; x < shape.width; ++x) {
        const std::vector<int> codes = under_window(d, image, y, x);
        for (std::size_t o = 0; o < shape.channels; ++o) {
          const std::size_t at =
              (image / kLanes * shape.size() + (o * shape.height + y) * shape.width + x) * kLanes +
              image % kLanes;
          ASSERT_EQ(std::int64_t{products.values[at]}, expected(o, codes, products.unit))
              << "image " << image << ", output " << o << " at " << y << ", " << x;
        }
      }
}

/// The finest power of two in which a row's largest magnitude rounds to at most 127.
inline int exponent_of(const std::vector<float>& weights, std::size_t output, std::size_t rows) {
  float largest = 0.0f;
  for (std::size_t r = 0; r < rows; ++r)
    largest = std::max(largest, std::abs(weights[output * rows + r]));
  int exponent = 24;
  while (std::nearbyint(std::ldexp(largest, exponent)) > 127.0f) --exponent;
  return exponent;
}

/// Arithmetic::Integer8 of a layer whose outputs' units lie close together.
inline void expect_rounded_products(const Drawn& d, std::size_t images) {
  ByteWeightsEngine engine(d.network, activation_ranges(d.network));
  const std::size_t rows = d.network.layers[0].rows;
  expect_products(engine, d, images, [&](std::size_t o, const std::vector<int>& codes, float unit) {
    const int exponent = exponent_of(d.weights, o, rows);
    double sum = 0.0;
    for (std::size_t r = 0; r < rows; ++r)
      sum += std::nearbyint(std::ldexp(d.weights[o * rows + r], exponent)) *
             static_cast<double>(codes[r]);
    return static_cast<std::int64_t>(std::ldexp(sum, -exponent) / static_cast<double>(unit));
  });
}

}  // namespace uswim::workloads
