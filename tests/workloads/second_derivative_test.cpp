// Is the second derivative the recursion of the paper, and the Hessian's diagonal where the
// recursion is exact?
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "connections.h"
#include "sample_networks.h"
#include "workloads/onnx/import.h"
#include "workloads/sensitivity/sensitivity.h"

namespace uswim::tests {
namespace {

using namespace workloads;

void expect_recursion(const Network& network, const Dataset& data, const std::string& what) {
  const std::vector<float> found = second_derivative(network, data);
  std::vector<std::vector<double>> images;
  for (std::size_t n = 0; n < data.count; ++n) images.push_back(image_of(data, n));
  const std::vector<double> expected = SlowNetwork(network).second_derivative(images);
  ASSERT_EQ(found.size(), network.weights());
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    ASSERT_GE(found[i], 0.0f);
    // Only positive numbers are added, so relative errors do not grow: a few thousand roundings of
    // 6e-8 at most.
    ASSERT_NEAR(static_cast<double>(found[i]), expected[i], 2e-5 * expected[i] + 1e-30)
        << what << ", weight " << i;
  }
}

TEST(SecondDerivative, FollowsTheRecursionOnRandomNetworks) {
  for (std::uint32_t seed = 0; seed < 60; ++seed) {
    const Network network = random_network(seed);
    expect_recursion(network, random_images(network.input, 1 + seed % 35, seed),
                     "seed " + std::to_string(seed));
  }
}

TEST(SecondDerivative, FollowsTheRecursionThroughBranchesOfEveryOperation) {
  for (std::uint32_t seed = 0; seed < 100; ++seed) {
    const Network network = branching_network(seed);
    const Dataset data = random_images(network.input, 1 + seed % 20, seed);
    std::vector<std::vector<double>> images;
    for (std::size_t n = 0; n < data.count; ++n) images.push_back(image_of(data, n));
    const std::vector<float> found = second_derivative(network, data);
    const std::vector<double> expected = SlowNetwork(network).second_derivative(images);
    // Values of many layers, not only sums of positive numbers: 2,000 roundings of 6e-8, of the
    // number itself and, where a sigmoid's 1 - y cancels, of the largest.
    const double largest = *std::max_element(expected.begin(), expected.end());
    for (std::size_t i = 0; i < found.size(); ++i)
      ASSERT_NEAR(static_cast<double>(found[i]), expected[i], 1.2e-4 * (expected[i] + largest))
          << seed << " " << i;
  }
}

struct LeNet {
  Network network;
  Dataset images;
};

/// The committed network with images of the test set.
LeNet lenet(std::size_t first, std::size_t count) {
  const std::string folder = std::string(USWIM_SOURCE_DIR) + "/workloads/";
  LeNet result{import_onnx(folder + "networks/lenet_mnist_4bit.onnx"),
               read_idx(folder + "datasets/mnist/t10k-images-idx3-ubyte.gz",
                        folder + "datasets/mnist/t10k-labels-idx1-ubyte.gz", 10)};
  Dataset& data = result.images;
  const auto pixels = data.pixels.begin() + static_cast<long>(first * data.shape.size());
  const auto labels = data.labels.begin() + static_cast<long>(first);
  data.count = count;
  data.pixels = {pixels, pixels + static_cast<long>(count * data.shape.size())};
  data.labels = {labels, labels + static_cast<long>(count)};
  return result;
}

TEST(SecondDerivative, FollowsTheRecursionOnTheCommittedLeNet) {
  // The first 16: none of their activations is near a rounding step (networks/README.md).
  const LeNet first = lenet(0, 16);
  expect_recursion(first.network, first.images, "LeNet");
}

/// Diagonal of the Hessian of the mean cross entropy, by central differences of the oracle's loss.
double hessian_diagonal(Network network, const Dataset& data, std::size_t layer,
                        std::size_t weight) {
  // A power of two, so that weight + h is exact in float.
  constexpr float h = 0x1p-9f;
  const auto loss = [&] { return mean_loss(network, data); };
  float& w = network.layers[layer].weight[weight];
  const float start = w;
  const double middle = loss();
  w = start + h;
  const double above = loss();
  w = start - h;
  const double below = loss();
  const double step = static_cast<double>(h);
  return (above - 2.0 * middle + below) / (step * step);
}

TEST(SecondDerivative, OfTheLastLayerIsTheHessiansDiagonal) {
  for (std::uint32_t seed = 0; seed < 4; ++seed) {
    const Network network = random_network(seed);
    Dataset data = random_images(network.input, 3, seed);
    // The diagonal does not depend on the labels; some are set to see that.
    for (std::size_t n = 0; n < data.count; ++n)
      data.labels[n] = static_cast<std::uint8_t>((n + seed) % network.classes());
    const std::vector<float> found = second_derivative(network, data);
    const std::size_t last = network.layers.size() - 1;
    const std::size_t count = network.layers[last].weight.size();
    for (std::size_t i = 0; i < count; ++i) {
      const double expected = hessian_diagonal(network, data, last, i);
      // Truncation: h^2 / 12 = 3e-7 times a fourth derivative of at most x^4 / 8 (x < 30);
      // rounding: 1e-15 / h^2.
      const double x_squared = 30.0 * 30.0;
      EXPECT_NEAR(static_cast<double>(found[found.size() - count + i]), expected,
                  3e-7 * x_squared * x_squared / 8.0)
          << seed << " " << i;
    }
  }
}

TEST(SecondDerivative, OfAOneLayerConvolutionIsTheHessiansDiagonal) {
  // One window over the whole image, so that each weight meets one input: the sum over positions
  // has one term.
  std::mt19937 random(9);
  std::normal_distribution<float> normal;
  Network network;
  network.input = {2, 3, 3};
  std::vector<float> weight(4 * 18);
  for (float& w : weight) w = std::round(normal(random) * 64.0f) / 64.0f;
  append_matrix(network, 4, {3, 3, 1, 1, 1, 1, 0, 0, 0, 0}, weight, {0.1f, 0.2f, 0.0f, -0.3f});
  append(network, Operation::Flatten);
  const Dataset data = random_images(network.input, 20, 2);
  const std::vector<float> found = second_derivative(network, data);
  for (std::size_t i = 0; i < weight.size(); ++i)
    // Pixels are at most 1: truncation 3e-7 / 8, rounding 1e-15 / h^2 = 3e-10.
    EXPECT_NEAR(static_cast<double>(found[i]), hessian_diagonal(network, data, 0, i), 5e-8);
}

TEST(SecondDerivative, PassesStraightThroughQuantisersAlsoWhereTheyClip) {
  // One pixel of 1, weight 1 -> 1, quantised to at most 0.5, then two classes with weights +-1.
  Network network;
  network.input = {1, 1, 1};
  append_matrix(network, 1, {}, {1.0f}, {0.0f});
  append_quantize(network, 0.5f, 1);
  append_matrix(network, 2, {}, {1.0f, -1.0f}, {0.0f, 0.0f});
  Dataset data = random_images(network.input, 1, 1);
  data.pixels = {255};
  const double p = 1.0 / (1.0 + std::exp(-1.0));  // logits 0.5 and -0.5
  const std::vector<float> found = second_derivative(network, data);
  ASSERT_EQ(found.size(), 3u);
  EXPECT_NEAR(static_cast<double>(found[0]), 2.0 * p * (1.0 - p), 1e-7);
  EXPECT_NEAR(static_cast<double>(found[1]), 0.25 * p * (1.0 - p), 1e-7);
}

TEST(SecondDerivative, GoesToTheFirstOfEqualLargestElements) {
  // Two channels with equal values, so all four elements of the pool's window are equal; only the
  // first weight's element may get it. The identity 2 x 2 image keeps each element's weight apart.
  Network network;
  network.input = {4, 1, 1};
  std::vector<float> identity(16, 0.0f);
  for (std::size_t i = 0; i < 4; ++i) identity[i * 5] = 1.0f;
  append_matrix(network, 4, {}, identity, {0.0f, 0.0f, 0.0f, 0.0f});
  // The vector seen as a 2 x 2 image: the same numbers in the same order.
  append(network, Operation::Relu);
  network.nodes.back().shape = {1, 2, 2};
  append_max_pool(network, {2, 2, 1, 1, 1, 1, 0, 0, 0, 0});
  append(network, Operation::Flatten);
  append_matrix(network, 2, {}, {1.0f, -1.0f}, {0.0f, 0.0f});
  Dataset data = random_images(network.input, 1, 1);
  data.pixels = {100, 255, 255, 255};
  const std::vector<float> found = second_derivative(network, data);
  for (std::size_t o = 0; o < 4; ++o)
    for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(found[o * 4 + i] > 0.0f, o == 1) << o << " " << i;
}

// 300 images of LeNet are more than one batch, 100 are not.
TEST(SecondDerivative, IsTheMeanOverImagesOfAllBatches) {
  const LeNet whole = lenet(0, 300);
  std::vector<std::size_t> told;
  const auto found = second_derivative(whole.network, whole.images,
                                       {1, [&](std::size_t images) { told.push_back(images); }});
  ASSERT_GT(told.size(), 1u);
  EXPECT_TRUE(std::is_sorted(told.begin(), told.end()));
  EXPECT_EQ(told.back(), 300u);
  std::vector<double> expected(found.size(), 0.0);
  for (std::size_t first = 0; first < 300; first += 100) {
    const auto part = second_derivative(whole.network, lenet(first, 100).images);
    for (std::size_t i = 0; i < part.size(); ++i) expected[i] += static_cast<double>(part[i]) / 3.0;
  }
  for (std::size_t i = 0; i < found.size(); ++i)
    ASSERT_NEAR(static_cast<double>(found[i]), expected[i], 1e-5 * expected[i]) << i;
}

TEST(SecondDerivative, RefusesImagesOfAnotherShapeAndNone) {
  const Network network = random_network(2);
  EXPECT_THROW(second_derivative(network, random_images({1, 2, 2}, 3, 1)), NetworkError);
  EXPECT_THROW(second_derivative(network, random_images(network.input, 0, 1)), NetworkError);
}

}  // namespace
}  // namespace uswim::tests
