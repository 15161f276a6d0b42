// Does the float pass compute the network that the file describes?
#include <gtest/gtest.h>
#include <onnx/onnx_pb.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <random>
#include <set>

#include "connections.h"
#include "sample_networks.h"
#include "support/results.h"
#include "workloads/onnx/import.h"
#include "workloads/sensitivity/sensitivity.h"

namespace uswim::tests {
namespace {

using namespace workloads;

std::vector<float> pixels_of(const Dataset& data) {
  std::vector<float> images;
  for (const std::uint8_t pixel : data.pixels) images.push_back(static_cast<float>(pixel) / 255.0f);
  return images;
}

/// Largest difference to the oracle, as a part of the largest logit.
double worst_difference(const Network& network, const Dataset& data, bool quantize = true) {
  const std::vector<float> found = float_logits(network, pixels_of(data), data.count, quantize);
  const SlowNetwork slow(network, quantize);
  double worst = 0.0, largest = 1e-30;
  for (std::size_t n = 0; n < data.count; ++n) {
    const auto expected = slow.logits(image_of(data, n));
    for (std::size_t c = 0; c < expected.size(); ++c) {
      worst = std::max(worst,
                       std::abs(static_cast<double>(found[n * expected.size() + c]) - expected[c]));
      largest = std::max(largest, std::abs(expected[c]));
    }
  }
  EXPECT_EQ(found.size(), data.count * network.classes());
  return worst / largest;
}

TEST(FloatReference, ConvolvesAsTheTripleLoop) {
  std::mt19937 random(3);
  std::normal_distribution<float> normal;
  const Window windows[] = {{},                               // 1 x 1
                            {3, 3, 1, 1, 1, 1, 1, 1, 1, 1},   // as in LeNet
                            {3, 3, 2, 2, 1, 1, 0, 1, 1, 0},   // strides
                            {2, 3, 1, 2, 2, 1, 1, 0, 2, 1},   // dilation, uneven pads
                            {5, 1, 3, 1, 1, 1, 2, 0, 2, 0},   // tall
                            {1, 4, 1, 1, 1, 2, 0, 3, 0, 3},   // wide
                            {7, 6, 1, 1, 1, 1, 0, 0, 0, 0},   // the whole image
                            {3, 3, 1, 1, 3, 2, 0, 0, 0, 0},   // wide dilation
                            {2, 2, 4, 4, 1, 1, 0, 0, 0, 0}};  // gaps between windows
  for (const Window& window : windows)
    for (const std::size_t outputs : {1u, 4u, 7u}) {
      Network network;
      network.input = {3, 7, 6};
      std::vector<float> weight(outputs * 3 * window.kernel_height * window.kernel_width);
      std::vector<float> bias(outputs);
      for (float& w : weight) w = normal(random);
      for (float& b : bias) b = normal(random);
      append_matrix(network, outputs, window, weight, bias);
      append(network, Operation::Flatten);
      // Two sums of 126 floats differ by less than 126 roundings of 6e-8.
      EXPECT_LT(worst_difference(network, random_images(network.input, 21, 1)), 8e-6);
    }
}

TEST(FloatReference, ConnectsAsTheTripleLoop) {
  std::mt19937 random(4);
  std::normal_distribution<float> normal;
  for (const std::size_t outputs : {1u, 5u, 12u, 33u}) {
    Network network;
    network.input = {50, 1, 1};
    std::vector<float> weight(outputs * 50), bias(outputs);
    for (float& w : weight) w = normal(random);
    for (float& b : bias) b = normal(random);
    append_matrix(network, outputs, {}, weight, bias);
    EXPECT_LT(worst_difference(network, random_images(network.input, 100, 1)), 3e-6);
  }
}

// All values are multiples of powers of two, so float is exact and the result must be equal.
TEST(FloatReference, EqualsTheOracleOnRandomNetworks) {
  for (std::uint32_t seed = 0; seed < 60; ++seed) {
    const Network network = random_network(seed);
    const Dataset data = random_images(network.input, 1 + seed % 35, seed);
    ASSERT_EQ(worst_difference(network, data), 0.0) << seed;
  }
}

// Every operation, branches included. The bound is 2,000 roundings of 6e-8: far below any wrong
// element, far above what networks of this depth gather.
TEST(FloatReference, FollowsTheOracleThroughBranchesOfEveryOperation) {
  std::set<Operation> seen;
  for (std::uint32_t seed = 0; seed < 150; ++seed) {
    const Network network = branching_network(seed);
    for (const Node& node : network.nodes) seen.insert(node.operation);
    const Dataset data = random_images(network.input, 1 + seed % 35, seed);
    ASSERT_LT(worst_difference(network, data), 1.2e-4) << seed;
  }
  EXPECT_EQ(seen.size(), static_cast<std::size_t>(Operation::Pad) + 1);
}

TEST(FloatReference, SigmoidAndTanhAreRoundedToFloat) {
  Network network;
  network.input = {1, 1, 1};
  append(network, Operation::Sigmoid);
  network.nodes.push_back(network.nodes.back());
  network.nodes.back().operation = Operation::Tanh;
  network.nodes.push_back({Operation::Concat, "both", {1, 2}, {2, 1, 1}});
  std::vector<float> x{0.0f, 1e-30f, -1e-4f, 7.8e-3f, 7.9e-3f, 90.0f, -90.0f, 200.0f, -1e30f};
  for (int i = -400; i <= 400; ++i) x.push_back(0.0321f * static_cast<float>(i));
  const std::vector<float> found = float_logits(network, x, x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double v = static_cast<double>(x[i]);
    // One unit of the last place: rounding of a double that is itself within 1e-14.
    const double sigmoid = 1.0 / (1.0 + std::exp(-v)), tanh = std::tanh(v);
    ASSERT_NEAR(static_cast<double>(found[2 * i]), sigmoid, 6.1e-8 * sigmoid + 1e-45) << v;
    ASSERT_NEAR(static_cast<double>(found[2 * i + 1]), tanh, 6.1e-8 * std::abs(tanh)) << v;
  }
}

TEST(FloatReference, SignedQuantisersRoundHalvesToEvenAndClip) {
  Network network;
  network.input = {1, 1, 7};
  append_quantize(network, 0.5f, 1);
  network.nodes.back().minimum = -2;
  append(network, Operation::Flatten);
  EXPECT_EQ(float_logits(network, {-9.0f, -0.75f, -0.74f, -0.25f, 0.25f, 0.26f, 9.0f}, 1),
            (std::vector<float>{-1.0f, -1.0f, -0.5f, 0.0f, 0.0f, 0.5f, 0.5f}));
}

// A 2 x 2 window of ones in the corner has one number in the image and three in the border.
TEST(FloatReference, AveragesCountTheBorderOnlyIfAsked) {
  for (const bool border : {true, false}) {
    Network network;
    network.input = {1, 1, 2};
    append_max_pool(network, {2, 2, 1, 2, 1, 1, 1, 1, 0, 0});
    network.nodes.back().operation = Operation::AveragePool;
    network.nodes.back().counts_border = border;
    // Two windows; the second one ends beyond the image, where nothing counts (ceil mode).
    network.nodes.back().shape = {1, 1, 2};
    append(network, Operation::Flatten);
    EXPECT_EQ(float_logits(network, {8.0f, 6.0f}, 1),
              border ? (std::vector<float>{2.0f, 3.0f}) : (std::vector<float>{8.0f, 6.0f}));
  }
}

TEST(FloatReference, LeavesQuantisersOutOnRequest) {
  for (std::uint32_t seed = 0; seed < 10; ++seed) {
    const Network network = random_network(seed);
    const Dataset data = random_images(network.input, 5, seed);
    ASSERT_LT(worst_difference(network, data, false), 1e-5) << seed;
  }
}

TEST(FloatReference, RoundsHalvesToEvenAndClipsCodes) {
  Network network;
  network.input = {1, 1, 8};
  append_quantize(network, 0.5f, 3);
  append(network, Operation::Flatten);
  const std::vector<float> found =
      float_logits(network, {-1.0f, 0.0f, 0.25f, 0.26f, 0.75f, 1.25f, 1.6f, 1e30f}, 1);
  EXPECT_EQ(found, (std::vector<float>{0.0f, 0.0f, 0.0f, 0.5f, 1.0f, 1.0f, 1.5f, 1.5f}));
}

TEST(FloatReference, PoolsOverNegativeValuesAndTheBorder) {
  Network network;
  network.input = {1, 2, 3};
  append_max_pool(network, {2, 2, 1, 1, 1, 1, 1, 1, 0, 0});
  append(network, Operation::Flatten);
  const std::vector<float> found =
      float_logits(network, {-3.0f, -1.0f, -2.0f, -5.0f, -6.0f, -7.0f}, 1);
  EXPECT_EQ(found, (std::vector<float>{-3.0f, -1.0f, -1.0f, -3.0f, -1.0f, -1.0f}));
}

TEST(FloatReference, DoesNotMixImages) {
  const Network network = random_network(7);
  const Dataset data = random_images(network.input, 70, 7);
  const std::vector<float> images = pixels_of(data);
  const std::vector<float> together = float_logits(network, images, data.count);
  const std::size_t size = network.input.size(), classes = network.classes();
  for (std::size_t n = 0; n < data.count; n += 11) {
    const std::vector<float> one(images.begin() + static_cast<long>(n * size),
                                 images.begin() + static_cast<long>((n + 1) * size));
    const std::vector<float> alone = float_logits(network, one, 1);
    for (std::size_t c = 0; c < classes; ++c) EXPECT_EQ(alone[c], together[n * classes + c]);
  }
  EXPECT_TRUE(float_logits(network, {}, 0).empty());
}

TEST(FloatReference, RefusesImagesOfAnotherSize) {
  const Network network = random_network(1);
  EXPECT_THROW(float_logits(network, std::vector<float>(network.input.size() + 1), 1),
               NetworkError);
}

/// What the training script counted on the test images, in Python.
double stated_accuracy(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  ::onnx::ModelProto model;
  EXPECT_TRUE(model.ParseFromIstream(&in));
  for (const auto& entry : model.metadata_props())
    if (entry.key() == "quantized_accuracy") return std::stod(entry.value());
  ADD_FAILURE() << file << " states no quantized_accuracy";
  return 0.0;
}

TEST(CommittedLeNet, GivesItsReferenceLogits) {
  const std::string folder = std::string(USWIM_SOURCE_DIR) + "/workloads/";
  const std::string file = folder + "networks/lenet_mnist_4bit.onnx";
  const Network network = import_onnx(file);
  const Dataset data = read_idx(folder + "datasets/mnist/t10k-images-idx3-ubyte.gz",
                                folder + "datasets/mnist/t10k-labels-idx1-ubyte.gz", 10);
  const auto expected =
      support::read_npy<float>(folder + "networks/lenet_mnist_4bit.logits.npy").values;
  ASSERT_EQ(expected.size(), 160u);
  EXPECT_EQ(data.count, 10000u);
  const std::vector<float> found = float_logits(network, pixels_of(data), data.count);
  float largest = 0.0f;
  for (const float v : expected) largest = std::max(largest, std::abs(v));
  for (std::size_t i = 0; i < expected.size(); ++i)
    EXPECT_NEAR(found[i], expected[i], 1e-4f * largest) << i;
  std::size_t correct = 0;
  for (std::size_t n = 0; n < data.count; ++n) {
    const auto first = found.begin() + static_cast<long>(n * 10);
    correct += std::max_element(first, first + 10) - first == data.labels[n] ? 1 : 0;
  }
  // An activation near a rounding step may fall the other way in float: in 3 of 10,000 images at
  // most.
  EXPECT_NEAR(static_cast<double>(correct) / 10000.0, stated_accuracy(file), 3.5e-4);
}

}  // namespace
}  // namespace uswim::tests
