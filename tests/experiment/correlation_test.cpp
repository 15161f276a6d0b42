// Does the correlation study measure what the second derivative predicts?
#include "experiment/correlation.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <set>

#include "workloads/sensitivity/sensitivity.h"

namespace uswim::experiment {
namespace {

TEST(LinearCorrelation, IsPearsons) {
  EXPECT_DOUBLE_EQ(*linear_correlation({1, 2, 3}, {-2, -4, -6}), -1.0);
  EXPECT_FALSE(linear_correlation({1, 2, 3}, {7, 7, 7}));
  EXPECT_DOUBLE_EQ(*linear_correlation({0, 0, 3}, {0, 3, 3}), 0.5);
}

TEST(RankCorrelation, IsSpearmans) {
  const std::vector<double> x{1, 2, 3, 4, 5};
  EXPECT_DOUBLE_EQ(*rank_correlation(x, {10, 20, 30, 40, 1000}), 1.0);
  EXPECT_DOUBLE_EQ(*rank_correlation(x, {5, 4, 3, 2, 1}), -1.0);
  EXPECT_FALSE(rank_correlation(x, {7, 7, 7, 7, 7}));
  // Without ties 1 - 6 sum d^2 / (n (n^2 - 1)): differences 1, 1, 0, 1, 1.
  EXPECT_DOUBLE_EQ(*rank_correlation(x, {2, 1, 3, 5, 4}), 1.0 - 6.0 * 4.0 / 120.0);
  // Ranks 1.5, 1.5, 3 against 1, 2, 3: Pearson's 1.5 / sqrt(1.5 * 2).
  EXPECT_DOUBLE_EQ(*rank_correlation({4, 4, 9}, {1, 2, 3}), 1.5 / std::sqrt(3.0));
}

/// One fully connected layer, of which the recursion gives the exact second derivative.
workloads::Network one_layer(std::size_t inputs, std::size_t classes) {
  std::mt19937 random(3);
  std::normal_distribution<float> normal;
  workloads::Network n;
  n.input = {inputs, 1, 1};
  workloads::MatrixLayer layer;
  layer.name = "fc";
  layer.outputs = classes;
  layer.rows = inputs;
  layer.bias.assign(classes, 0.1f);
  for (std::size_t i = 0; i < inputs * classes; ++i) layer.weight.push_back(0.4f * normal(random));
  n.layers.push_back(layer);
  n.nodes = {{workloads::Operation::Matrix, "fc", {0}, {classes, 1, 1}}};
  return n;
}

workloads::Dataset images(std::size_t inputs, std::size_t classes) {
  std::mt19937 random(5);
  workloads::Dataset data;
  data.shape = {inputs, 1, 1};
  data.count = 40;
  for (std::size_t i = 0; i < data.count * inputs; ++i)
    data.pixels.push_back(static_cast<std::uint8_t>(random() % 256));
  for (std::size_t i = 0; i < data.count; ++i)
    data.labels.push_back(static_cast<std::uint8_t>(random() % classes));
  return data;
}

std::vector<PerturbedWeight> study(unsigned weights, std::uint64_t seed, unsigned threads) {
  const workloads::Network network = one_layer(12, 4);
  const workloads::Dataset data = images(12, 4);
  CorrelationConfig config;
  config.weights = weights;
  config.perturbation = 0.05;
  return perturb_weights(network, data, workloads::second_derivative(network, data), config, seed,
                         threads, [](const std::string&, std::size_t, std::size_t) {});
}

TEST(Correlation, LossIncreasesByHalfTheSecondDerivativeTimesTheSquare) {
  const auto weights = study(48, 1, 1);
  ASSERT_EQ(weights.size(), 48u);
  for (const PerturbedWeight& w : weights) {
    // Moves of d <= 0.06, inputs <= 1: the fourth order is d^4 / 24 / 8, logits of size 2 are
    // rounded by 1.2e-7 each.
    EXPECT_GT(w.perturbation, 0.0);
    EXPECT_LT(w.perturbation, 0.06);
    EXPECT_NEAR(w.loss_increase, w.predicted_increase(), 3e-7) << w.weight;
    EXPECT_GT(w.predicted_increase(), 3e-6);
  }
  EXPECT_GT(correlations(weights, rank_correlation).loss_second_derivative, 0.99);
  EXPECT_GT(correlations(weights, rank_correlation).loss_predicted, 0.99);
  EXPECT_LT(std::abs(*correlations(weights, rank_correlation).loss_magnitude), 0.6);
}

TEST(Correlation, SamplesEachWeightOnceAndRepeats) {
  const auto some = study(20, 1, 1), again = study(20, 1, 2), other = study(20, 2, 1);
  std::set<std::size_t> first, second;
  for (std::size_t i = 0; i < 20; ++i) {
    first.insert(some[i].weight);
    second.insert(other[i].weight);
    EXPECT_EQ(some[i].weight, again[i].weight);
    EXPECT_EQ(some[i].loss_increase, again[i].loss_increase);
  }
  EXPECT_EQ(first.size(), 20u);
  EXPECT_NE(first, second);
}

}  // namespace
}  // namespace uswim::experiment
