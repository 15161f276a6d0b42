// Do synthetic networks have the sizes of those that they stand for?
#include "workloads/synthetic/synthetic_network.h"

#include <gtest/gtest.h>

#include <cmath>

#include "support/random.h"
#include "workloads/engine/integer_values.h"
#include "workloads/quantization/post_training.h"

namespace uswim::workloads {
namespace {

TEST(SyntheticNetwork, HasTheWeightsOfItsNamesake) {
  EXPECT_EQ(synthetic_network(SyntheticNetwork::LenetMnist, 1).weights(), 105918u);
  EXPECT_EQ(synthetic_network(SyntheticNetwork::ConvnetCifar10, 1).weights(), 6397632u);
  const Network cifar = synthetic_network(SyntheticNetwork::Resnet18Cifar10, 1);
  EXPECT_EQ(cifar.weights(), 11164352u);
  EXPECT_EQ(cifar.classes(), 10u);
  const Network tiny = synthetic_network(SyntheticNetwork::Resnet18TinyImagenet, 1);
  EXPECT_EQ(tiny.weights(), 11261632u);
  EXPECT_EQ(tiny.classes(), 200u);
}

TEST(SyntheticNetwork, BringsItsOwnQuantizers) {
  for (const auto& [name, which] : kSyntheticNetworks) {
    if (which == SyntheticNetwork::None) continue;
    const Network network = synthetic_network(which, 1);
    EXPECT_FALSE(needs_quantizers(network)) << name;
    EXPECT_EQ(activation_ranges(network).size(), network.layers.size()) << name;
  }
}

TEST(SyntheticNetwork, DrawsEachWeightByItsNumberAndTheSeed) {
  const Network one = synthetic_network(SyntheticNetwork::LenetMnist, 1);
  const Network two = synthetic_network(SyntheticNetwork::LenetMnist, 2);
  EXPECT_NE(one.content_hash, two.content_hash);
  std::size_t number = 0;
  for (const MatrixLayer& layer : one.layers) {
    const float deviation = std::sqrt(2.0f / static_cast<float>(layer.rows));
    for (const float w : layer.weight)
      ASSERT_EQ(w, deviation *
                       support::device_normal({1, 0, support::Stream::SyntheticWeight}, number++));
  }
}

// The variance of n normal variates varies by sqrt(2 / n); 4.5 standard errors.
TEST(SyntheticNetwork, HasTheVarianceThatKeepsActivationsEqual) {
  const Network network = synthetic_network(SyntheticNetwork::LenetMnist, 1);
  const MatrixLayer& layer = network.layers[2];
  const auto n = static_cast<double>(layer.weight.size());
  double squares = 0.0;
  for (const float w : layer.weight) squares += static_cast<double>(w) * static_cast<double>(w) / n;
  EXPECT_NEAR(squares * static_cast<double>(layer.rows) / 2.0, 1.0, 4.5 * std::sqrt(2.0 / n));
}

}  // namespace
}  // namespace uswim::workloads
