// Is batch norm folded into weights exactly where the network stays the same?
#include "workloads/network/batch_norm.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "reference_sketch.h"
#include "workloads/sensitivity/sensitivity.h"

namespace uswim::tests {
namespace {

using namespace workloads;

void batch_norm(Sketch& s, const std::string& name, const std::string& from, const std::string& to,
                std::int64_t channels) {
  s.node(
      "BatchNormalization", name,
      {from, s.random(name + "_scale", {channels}), s.random(name + "_bias", {channels}),
       s.random(name + "_mean", {channels}), s.random(name + "_variance", {channels}, 0.1f, 2.0f)},
      {to});
}

/// [N, 2, 6, 6] -> `fill` makes "x" of "image" -> flatten -> 3 classes.
Network network_of(std::int64_t flat, const Fill& fill) {
  Models models;
  models.add("folding", {2, 6, 6}, flat, fill);
  return models.models.front().model.import();
}

std::size_t scales_in(const Network& network) {
  return static_cast<std::size_t>(
      std::count_if(network.nodes.begin(), network.nodes.end(),
                    [](const Node& node) { return node.operation == Operation::Scale; }));
}

void expect_same_logits(const Network& a, const Network& b) {
  const std::vector<float> images = random_numbers("images", 3 * a.input.size());
  const std::vector<float> of_a = float_logits(a, images, 3), of_b = float_logits(b, images, 3);
  ASSERT_EQ(of_a.size(), of_b.size());
  float largest = 0.0f;
  for (const float v : of_a) largest = std::max(largest, std::abs(v));
  for (std::size_t i = 0; i < of_a.size(); ++i) EXPECT_NEAR(of_a[i], of_b[i], 1e-5f * largest);
}

TEST(FoldedBatchNorm, LeavesTheNetworksResults) {
  const Network network = network_of(4 * 16, [](Sketch& s) {
    s.node("Conv", "conv", {"image", s.random("w", {3, 2, 3, 3}), s.random("b", {3})}, {"1"})
        .integers("pads", {1, 1, 1, 1});
    batch_norm(s, "norm1", "1", "2", 3);
    batch_norm(s, "norm2", "2", "3", 3);  // two in a row fold both
    s.node("Relu", "relu", {"3"}, {"4"});
    s.node("Conv", "conv2", {"4", s.random("w2", {4, 3, 3, 3})}, {"5"});
    batch_norm(s, "norm3", "5", "x", 4);
  });
  ASSERT_EQ(scales_in(network), 3u);
  const Network folded = fold_batch_norm(network);
  EXPECT_EQ(scales_in(folded), 0u);
  EXPECT_EQ(folded.weights(), network.weights());
  EXPECT_NE(folded.layers[0].weight, network.layers[0].weight);
  EXPECT_NE(folded.content_hash, network.content_hash);
  expect_same_logits(network, folded);
}

TEST(FoldedBatchNorm, StaysWhereSomethingLiesBetween) {
  const Network network = network_of(6 * 16, [](Sketch& s) {
    batch_norm(s, "first", "image", "0", 2);  // in front of a matrix
    s.node("Conv", "conv", {"0", s.random("w", {3, 2, 3, 3})}, {"1"});
    s.node("Relu", "relu", {"1"}, {"2"});
    batch_norm(s, "behind_relu", "2", "3", 3);
    s.node("Conv", "conv2", {"3", s.random("w2", {3, 3, 1, 1})}, {"4"});
    batch_norm(s, "second_reader", "4", "5", 3);
    s.node("Concat", "both", {"4", "5"}, {"x"}).integer("axis", 1);
  });
  const Network folded = fold_batch_norm(network);
  EXPECT_EQ(scales_in(folded), 3u);
  EXPECT_EQ(folded.content_hash, network.content_hash);
  for (std::size_t l = 0; l < network.layers.size(); ++l)
    EXPECT_EQ(folded.layers[l].weight, network.layers[l].weight);
}

}  // namespace
}  // namespace uswim::tests
