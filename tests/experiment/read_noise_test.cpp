#include "experiment/read_noise.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "support/random.h"

namespace uswim::experiment {
namespace {

using workloads::kLanes;

/// Products that are all zero: what is left is the noise.
struct Zeros : workloads::MatrixEngine {
  workloads::Shape shape;
  float unit = 1.0f / 1024;
  void multiply(std::size_t, const workloads::CodeBlocks& codes, std::size_t,
                workloads::ProductBlocks& products) override {
    products.blocks = codes.blocks();
    products.shape = shape;
    products.unit = unit;
    products.values.assign(products.blocks * shape.size() * kLanes, 0);
  }
};

/// A 3 x 3 convolution of three channels with a border, and a second matrix behind it.
struct Crossbars {
  workloads::Network network;
  Zeros zeros;
  workloads::CodeBlocks codes;
  Crossbars() {
    workloads::MatrixLayer layer;
    layer.outputs = 400;
    layer.rows = 27;
    layer.window.kernel_height = layer.window.kernel_width = 3;
    layer.window.pad_top = layer.window.pad_left = 1;
    layer.window.pad_bottom = layer.window.pad_right = 1;
    zeros.shape = {400, 5, 4};
    network.input = {3, 5, 4};
    network.layers = {layer, layer};
    for (std::size_t l = 0; l < 2; ++l) {
      workloads::Node node;
      node.operation = workloads::Operation::Matrix;
      node.layer = l;
      node.shape = zeros.shape;
      network.nodes.push_back(node);
    }
    codes.reshape(1, network.input, layer.window);
    for (std::size_t c = 0; c < 3; ++c)
      for (std::ptrdiff_t y = 0; y < 5; ++y)
        for (std::ptrdiff_t x = 0; x < 4; ++x)
          for (std::size_t lane = 0; lane < kLanes; ++lane)
            codes.at(0, c / 2, y, x)[2 * lane + c % 2] = code(c, y, x, lane);
  }
  static std::int16_t code(std::size_t c, std::ptrdiff_t y, std::ptrdiff_t x, std::size_t lane) {
    if (y < 0 || y >= 5 || x < 0 || x >= 4) return 0;
    return static_cast<std::int16_t>(
        (c * 5 + static_cast<std::size_t>(y) * 3 + static_cast<std::size_t>(x) * 7 + lane * lane) %
        16);
  }
  tiles::Mapping mapping() const {
    tiles::MappedLayer layer{"conv", 400, 27, std::vector<std::int16_t>(400 * 27, 0)};
    return tiles::Mapping({layer, layer}, {128, 128, 2, 4});
  }
};

// Every read of every cell by itself: 2-bit devices, slices of 4 and of 1, a pair each, 4 input
// bits.
double variance_of_reads(std::size_t lane, std::ptrdiff_t y, std::ptrdiff_t x, double sigma) {
  double sum = 0;
  for (std::size_t c = 0; c < 3; ++c)
    for (std::ptrdiff_t ky = -1; ky <= 1; ++ky)
      for (std::ptrdiff_t kx = -1; kx <= 1; ++kx)
        for (unsigned bit = 0; bit < 4; ++bit) {
          if (!(Crossbars::code(c, y + ky, x + kx, lane) >> bit & 1)) continue;
          for (const double slice : {4.0, 1.0})
            for (int device = 0; device < 2; ++device)
              sum += std::pow(sigma * 3 * slice * (1 << bit), 2);
        }
  return sum;
}

TEST(ReadNoise, HasTheVarianceOfAllReadsOfAProduct) {
  Crossbars s;
  const tiles::Mapping mapping = s.mapping();
  const double sigma = 0.02;
  ReadNoiseEngine engine(s.zeros, s.network, mapping, {4, 4}, sigma);
  engine.start(1, 0);
  workloads::ProductBlocks products;
  engine.multiply(0, s.codes, kLanes, products);
  for (const std::size_t lane : {0u, 5u, 15u})
    for (const auto& [y, x] : {std::pair{0, 0}, std::pair{2, 1}, std::pair{4, 3}}) {
      const double want = variance_of_reads(lane, y, x, sigma);
      double mean = 0, square = 0;
      for (std::size_t o = 0; o < 400; ++o) {
        const double v =
            products.unit *
            products
                .values[((o * 5 + static_cast<std::size_t>(y)) * 4 + static_cast<std::size_t>(x)) *
                            kLanes +
                        lane];
        mean += v / 400;
        square += v * v / 400;
      }
      // 4.5 standard errors of 400 normal values.
      EXPECT_NEAR(mean, 0.0, 4.5 * std::sqrt(want / 400));
      EXPECT_NEAR(square, want, 4.5 * want * std::sqrt(2.0 / 400));
    }
}

// -3 in four bits of two's complement is 1101: three reads of every cell, with weights 1, 4 and -8.
TEST(ReadNoise, OfASignedInputIsThatOfItsBits) {
  Crossbars s;
  const tiles::Mapping mapping = s.mapping();
  ReadNoiseEngine engine(s.zeros, s.network, mapping, {4, 4}, 0.02);
  for (std::size_t c = 0; c < 3; ++c) s.codes.at(0, c / 2, 2, 2)[c % 2] = c == 1 ? -3 : 0;
  for (std::ptrdiff_t y = 1; y <= 3; ++y)
    for (std::ptrdiff_t x = 1; x <= 3; ++x)
      for (std::size_t c = 0; c < 3; ++c)
        if (y != 2 || x != 2) s.codes.at(0, c / 2, y, x)[c % 2] = 0;
  engine.start(1, 0);
  workloads::ProductBlocks products;
  engine.multiply(0, s.codes, kLanes, products);
  const double want = (1.0 + 16 + 64) * 2 * (16 + 1) * 9 * 0.02 * 0.02;
  double square = 0;
  for (std::size_t o = 0; o < 400; ++o)
    square += std::pow(products.unit * products.values[((o * 5 + 2) * 4 + 2) * kLanes], 2) / 400;
  EXPECT_NEAR(square, want, 4.5 * want * std::sqrt(2.0 / 400));  // as above
}

TEST(ReadNoise, IsKeyedByProductAndImage) {
  Crossbars s;
  const tiles::Mapping mapping = s.mapping();
  ReadNoiseEngine engine(s.zeros, s.network, mapping, {4, 4}, 0.02);
  engine.start(9, 4);
  workloads::ProductBlocks first, second, layer_1, again;
  engine.multiply(0, s.codes, kLanes, first);
  engine.multiply(1, s.codes, kLanes, layer_1);
  engine.multiply(0, s.codes, kLanes, second);
  engine.start(9, 4);
  engine.multiply(0, s.codes, kLanes, again);
  EXPECT_EQ(first.values, again.values);
  // By hand: product 7 of the second layer for image 13, and product 7 of the first for image 18.
  const auto want = [&](std::uint64_t product, std::uint32_t image, std::size_t lane) {
    const float z = support::normal({9, 4, support::Stream::InferenceReadNoise}, product, image);
    return std::lrint(1024 * z * std::sqrt(variance_of_reads(lane, 1, 3, 0.02)));
  };
  EXPECT_NEAR(layer_1.values[7 * kLanes + 13], want(8000 + 7, 13, 13), 1);
  EXPECT_NEAR(second.values[7 * kLanes + 2], want(7, 18, 2), 1);
}

}  // namespace
}  // namespace uswim::experiment
