// Can a computation be ended within a batch of images, which may take seconds?
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "sample_networks.h"
#include "workloads/quantization/post_training.h"
#include "workloads/sensitivity/sensitivity.h"

namespace uswim::tests {
namespace {

using namespace workloads;

struct Ended {};

/// A convolution without quantisers, and another one behind it: one batch of 3 images.
Network two_layers() {
  Network network;
  network.input = {1, 3, 3};
  append_matrix(network, 2, Window{}, {1.0f, -0.5f}, {0.0f, 0.1f});
  append(network, Operation::Relu);
  append(network, Operation::Flatten);
  append_matrix(network, 2, Window{}, std::vector<float>(36, 0.25f), {0.0f, 0.0f});
  return network;
}

TEST(LongComputations, CanBeEndedBetweenTheNodesOfABatch) {
  const Network network = two_layers();
  const Dataset images = random_images(network.input, 3, 1);
  const std::vector<float> numbers(3 * network.input.size(), 0.5f);
  using Compute = std::function<void(const ComputeOptions&)>;
  const std::size_t nodes = network.nodes.size();
  // Nodes in front of the first layer have no derivatives.
  const std::vector<std::pair<std::size_t, Compute>> computations{
      {nodes, [&](const auto& o) { float_logits(network, numbers, 3, true, o); }},
      {nodes, [&](const auto& o) { quantize_activations(network, {}, images, 3, o); }},
      {2 * nodes, [&](const auto& o) { second_derivative(network, images, o); }},
      {2 * nodes, [&](const auto& o) { mean_gradient(network, images, o); }},
      {2 * nodes, [&](const auto& o) { empirical_fisher(network, images, o); }},
      {3 * nodes, [&](const auto& o) { hutchinson_diagonal(network, images, 1, 1, o); }}};
  for (std::size_t c = 0; c < computations.size(); ++c) {
    SCOPED_TRACE(c);
    const auto& [expected, compute] = computations[c];
    ComputeOptions options;
    std::size_t calls = 0;
    options.between_nodes = [&] { ++calls; };
    compute(options);
    EXPECT_EQ(calls, expected);
    for (std::size_t end = 1; end <= expected; ++end) {
      calls = 0;
      options.between_nodes = [&, end = end] {
        if (++calls == end) throw Ended();
      };
      EXPECT_THROW(compute(options), Ended) << end;
    }
  }
}

}  // namespace
}  // namespace uswim::tests
