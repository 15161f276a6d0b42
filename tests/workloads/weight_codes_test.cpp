// Do weights become the codes that crossbars hold?
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "workloads/network/network.h"

namespace uswim::workloads {
namespace {

MatrixLayer layer_of(std::vector<float> weight) {
  MatrixLayer layer;
  layer.name = "fc";
  layer.outputs = 1;
  layer.rows = weight.size();
  layer.weight = std::move(weight);
  layer.bias = {0.0f};
  return layer;
}

TEST(WeightCodes, AreTheNearestOnes) {
  const QuantizedWeights q = quantize_weights(layer_of({-3.0f, 1.0f, 0.0f, 2.9f, -1.6f}), 2);
  EXPECT_EQ(q.bits, 2u);
  EXPECT_DOUBLE_EQ(q.scale, 3.0);
  EXPECT_DOUBLE_EQ(q.step(), 1.0);
  EXPECT_EQ(q.code, (std::vector<std::int16_t>{-3, 1, 0, 3, -2}));
}

TEST(WeightCodes, RoundHalvesToEven) {
  const QuantizedWeights q = quantize_weights(layer_of({3.0f, 0.5f, 1.5f, 2.5f, -0.5f, -2.5f}), 2);
  EXPECT_EQ(q.code, (std::vector<std::int16_t>{3, 0, 2, 2, 0, -2}));
}

TEST(WeightCodes, DoNotMoveAWeightFurtherThanHalfAStep) {
  std::mt19937 random(5);
  std::normal_distribution<float> normal(0.0f, 0.1f);
  std::vector<float> weight(1000);
  for (float& w : weight) w = normal(random);
  for (const unsigned bits : {1u, 4u, 8u, 15u}) {
    const QuantizedWeights q = quantize_weights(layer_of(weight), bits);
    for (std::size_t i = 0; i < weight.size(); ++i)
      EXPECT_LE(std::abs(q.step() * q.code[i] - static_cast<double>(weight[i])),
                q.step() * 0.5000001);
  }
}

// Training leaves float32(scale * code / 15); importing it must not move a single weight.
TEST(WeightCodes, OfWeightsOnTheGridAreTheirOwn) {
  for (const unsigned bits : {1u, 2u, 4u, 6u, 8u, 15u}) {
    const int largest = (1 << bits) - 1;
    for (const double scale : {0.952983, 1.0, 1e-3, 3.0e10}) {
      std::vector<float> weight;
      for (int code = -largest; code <= largest; ++code)
        weight.push_back(static_cast<float>(scale * code / largest));
      const QuantizedWeights q = quantize_weights(layer_of(weight), bits);
      for (int code = -largest; code <= largest; ++code)
        ASSERT_EQ(q.code[static_cast<std::size_t>(code + largest)], code) << bits << " " << scale;
    }
  }
}

TEST(WeightCodes, OfAnAllZeroLayerAreZeroWithScaleZero) {
  const QuantizedWeights q = quantize_weights(layer_of({0.0f, -0.0f}), 4);
  EXPECT_EQ(q.scale, 0.0);
  EXPECT_EQ(q.code, (std::vector<std::int16_t>{0, 0}));
}

TEST(WeightCodes, RefuseWeightsThatAreNoNumbers) {
  EXPECT_THROW(quantize_weights(layer_of({1.0f, std::nanf("")}), 4), NetworkError);
  EXPECT_THROW(quantize_weights(layer_of({std::numeric_limits<float>::infinity()}), 4),
               NetworkError);
}

TEST(WeightCodes, RefuseBitsThatDoNotFitTheirType) {
  EXPECT_THROW(quantize_weights(layer_of({1.0f}), 0), NetworkError);
  EXPECT_THROW(quantize_weights(layer_of({1.0f}), 16), NetworkError);
}

TEST(Network, CountsWeightsWithoutBiases) {
  Network network;
  network.layers = {layer_of({1.0f, 2.0f, 3.0f}), layer_of({4.0f})};
  EXPECT_EQ(network.weights(), 4u);
}

}  // namespace
}  // namespace uswim::workloads
