// Are gradients, Fisher information and Hutchinson's estimate what finite differences say?
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "connections.h"
#include "reference_sketch.h"
#include "sample_networks.h"
#include "support/random.h"
#include "workloads/sensitivity/sensitivity.h"

namespace uswim::tests {
namespace {

using namespace workloads;

/// Weights on a grid on which a step of kStep is exact in float. A longer step crosses the kinks of
/// ReLU and MaxPool more often.
constexpr float kStep = 0x1p-19f;
Network on_a_grid(Network network) {
  for (MatrixLayer& layer : network.layers)
    for (float& w : layer.weight) w = std::round(w / kStep) * kStep;
  return network;
}

Dataset labelled_images(const Network& network, std::size_t count, std::uint32_t seed) {
  Dataset data = random_images(network.input, count, seed);
  for (std::size_t n = 0; n < count; ++n)
    data.labels[n] = static_cast<std::uint8_t>((n + seed) % network.classes());
  return data;
}

template <class Function>
std::vector<double> mean_over(const Dataset& data, Function&& of_image) {
  std::vector<double> mean;
  for (std::size_t n = 0; n < data.count; ++n) {
    const std::vector<double> one = of_image(image_of(data, n), data.labels[n]);
    mean.resize(one.size(), 0.0);
    for (std::size_t i = 0; i < one.size(); ++i)
      mean[i] += one[i] / static_cast<double>(data.count);
  }
  return mean;
}

/// The bound: a few thousand roundings of 6e-8 of the largest number.
void expect_close(const std::vector<float>& found, const std::vector<double>& expected,
                  double tolerance, const std::string& what) {
  ASSERT_EQ(found.size(), expected.size());
  double largest = 1e-12;
  for (const double v : expected) largest = std::max(largest, std::abs(v));
  for (std::size_t i = 0; i < found.size(); ++i)
    ASSERT_NEAR(static_cast<double>(found[i]), expected[i], tolerance * largest)
        << what << ", weight " << i;
}

TEST(Gradient, IsBackPropagationThroughBranchesOfEveryOperation) {
  std::set<Operation> seen;
  for (std::uint32_t seed = 0; seed < 100; ++seed) {
    const Network network = branching_network(seed);
    for (const Node& node : network.nodes) seen.insert(node.operation);
    const Dataset data = labelled_images(network, 1 + seed % 20, seed);
    const SlowNetwork slow(network);
    expect_close(mean_gradient(network, data),
                 mean_over(data, [&](const auto& image,
                                     std::size_t label) { return slow.gradient(image, label); }),
                 2e-4, "seed " + std::to_string(seed));
    if (HasFatalFailure()) return;
  }
  EXPECT_EQ(seen.size(), static_cast<std::size_t>(Operation::Pad) + 1);
}

/// Of few weights of each layer, to save time.
void expect_finite_differences(Network network, std::uint32_t seed) {
  network = on_a_grid(std::move(network));
  const Dataset data = labelled_images(network, 3, seed);
  const std::vector<float> found = mean_gradient(network, data);
  const auto loss = [&] { return mean_loss(network, data); };
  std::size_t first = 0;
  for (MatrixLayer& layer : network.layers) {
    const std::size_t stride = layer.weight.size() / 6 + 1;
    for (std::size_t i = seed % stride; i < layer.weight.size(); i += stride) {
      const float start = layer.weight[i];
      layer.weight[i] = start + kStep;
      const double above = loss();
      layer.weight[i] = start - kStep;
      const double below = loss();
      layer.weight[i] = start;
      const double expected = (above - below) / (2.0 * static_cast<double>(kStep));
      // Rounding of the loss 1e-16 / kStep, of the gradient 1e-4 of values of size 1, and the
      // step's square.
      ASSERT_NEAR(static_cast<double>(found[first + i]), expected, 1e-4 + 1e-3 * std::abs(expected))
          << layer.name << " " << i;
    }
    first += layer.weight.size();
  }
}

TEST(Gradient, IsTheFiniteDifferenceOfTheLoss) {
  for (std::uint32_t seed = 100; seed < 112; ++seed) {
    SCOPED_TRACE(seed);
    expect_finite_differences(branching_network(seed), seed);
    if (HasFatalFailure()) return;
  }
}

// Pad and constants beside values of every kind between two layers, images as columns.
TEST(Gradient, IsTheFiniteDifferenceOfTheLossThroughBorders) {
  Models models;
  add_borders(models);
  for (const ReferenceModel& reference : models.models) {
    SCOPED_TRACE(reference.name);
    Network network = reference.model.import();
    if (network.nodes[0].operation == Operation::Quantize)
      continue;  // differences do not see what quantisers let through
    // A layer in front, so that something is carried back through the border.
    const std::size_t channels = network.input.channels;
    MatrixLayer front{"front", channels, channels, {}, {}, std::vector<float>(channels, 0.1f)};
    front.weight = random_numbers("front", channels * channels);
    for (Node& node : network.nodes) {
      for (std::size_t& input : node.inputs) ++input;
      if (node.operation == Operation::Matrix) ++node.layer;
    }
    Node matrix{Operation::Matrix, "front", {0}, network.input};
    network.nodes.insert(network.nodes.begin(), std::move(matrix));
    network.layers.insert(network.layers.begin(), std::move(front));
    expect_finite_differences(std::move(network), 1);
    if (HasFatalFailure()) return;
  }
}

TEST(EmpiricalFisher, IsTheMeanSquareOfTheGradientsOfSingleImages) {
  for (std::uint32_t seed = 0; seed < 60; ++seed) {
    const Network network = branching_network(seed);
    const Dataset data = labelled_images(network, 1 + seed % 20, seed);
    const SlowNetwork slow(network);
    expect_close(empirical_fisher(network, data),
                 mean_over(data,
                           [&](const auto& image, std::size_t label) {
                             std::vector<double> square = slow.gradient(image, label);
                             for (double& g : square) g *= g;
                             return square;
                           }),
                 4e-4, "seed " + std::to_string(seed));
    if (HasFatalFailure()) return;
  }
}

/// The signs of probe `draw`, as the header of the stream states them.
std::vector<float> signs(std::size_t weights, std::uint64_t seed, std::uint32_t draw) {
  std::vector<float> v;
  for (std::size_t i = 0; i < weights; ++i)
    v.push_back(
        support::uniform_word({seed, draw, support::Stream::HutchinsonProbe}, i / 64) >> i % 64 & 1
            ? 1.0f
            : -1.0f);
  return v;
}

// One probe of one batch is v * (H v), and H v is the derivative of the gradient along v.
TEST(Hutchinson, ProbesAreFiniteDifferencesOfGradients) {
  for (std::uint32_t seed = 200; seed < 260; ++seed) {
    Network network = on_a_grid(branching_network(seed));
    const Dataset data = labelled_images(network, 3, seed);
    const std::vector<float> found = hutchinson_diagonal(network, data, 1, seed);
    const std::vector<float> v = signs(network.weights(), seed, 0);
    const Network start = network;
    std::vector<double> expected(v.size(), 0.0);
    for (const double side : {1.0, -1.0}) {
      std::size_t i = 0;
      for (std::size_t l = 0; l < network.layers.size(); ++l)
        for (std::size_t w = 0; w < network.layers[l].weight.size(); ++w, ++i)
          network.layers[l].weight[w] =
              start.layers[l].weight[w] + static_cast<float>(side) * kStep * v[i];
      const SlowNetwork slow(network);
      const auto gradient = mean_over(
          data, [&](const auto& image, std::size_t label) { return slow.gradient(image, label); });
      for (i = 0; i < v.size(); ++i)
        expected[i] +=
            side * static_cast<double>(v[i]) * gradient[i] / (2.0 * static_cast<double>(kStep));
    }
    expect_close(found, expected, 1e-3, "seed " + std::to_string(seed));
    if (HasFatalFailure()) return;
  }
}

TEST(Hutchinson, AveragesToTheDiagonal) {
  Network network;
  network.input = {3, 1, 1};
  append_matrix(network, 3, {}, {0.5f, -1.0f, 0.25f, 1.0f, 0.75f, -0.5f, -0.25f, 0.5f, 1.0f},
                {0.1f, 0.0f, -0.1f});
  const Dataset data = labelled_images(network, 12, 3);
  // Of one layer the recursion is the exact diagonal. H's elements are at most 1/4 (p (1 - p) x
  // x'), eight of them off the diagonal: a standard deviation below 0.71 / sqrt(probes) = 0.0112,
  // times 5.
  const std::vector<float> exact = second_derivative(network, data);
  const std::vector<float> found = hutchinson_diagonal(network, data, 4000, 1);
  for (std::size_t i = 0; i < exact.size(); ++i) EXPECT_NEAR(found[i], exact[i], 0.056f) << i;
}

TEST(Sensitivity, DoesNotDependOnThreads) {
  const Network network = branching_network(4);
  const Dataset data = labelled_images(network, 70, 4);
  const ComputeOptions three{3, {}};
  EXPECT_EQ(second_derivative(network, data), second_derivative(network, data, three));
  EXPECT_EQ(mean_gradient(network, data), mean_gradient(network, data, three));
  EXPECT_EQ(empirical_fisher(network, data), empirical_fisher(network, data, three));
  EXPECT_EQ(hutchinson_diagonal(network, data, 2, 1),
            hutchinson_diagonal(network, data, 2, 1, three));
}

}  // namespace
}  // namespace uswim::tests
