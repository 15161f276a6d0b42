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
  const Network folded = fold_batch_norm(network, 4);
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
  const Network folded = fold_batch_norm(network, 4);
  EXPECT_EQ(scales_in(folded), 3u);
  EXPECT_EQ(folded.content_hash, network.content_hash);
  for (std::size_t l = 0; l < network.layers.size(); ++l)
    EXPECT_EQ(folded.layers[l].weight, network.layers[l].weight);
}

// Factors that differ by output would take the weights off the grid that their training found.
TEST(FoldedBatchNorm, StaysOutOfWeightsThatAreCodes) {
  constexpr unsigned kBits = 4;
  std::vector<float> on_grid;
  for (const float v : random_numbers("grid", 27)) on_grid.push_back(0.1f * std::round(15.0f * v));
  on_grid.front() = 1.5f;
  const Network network = network_of(3 * 16, [&](Sketch& s) {
    Ints codes;
    for (const float v : random_numbers("codes", 54))
      codes.push_back(static_cast<std::int64_t>(9.0f * v));
    s.codes("q", {3, 3, 3, 2}, codes, ::onnx::TensorProto::INT8);
    s.node("DequantizeLinear", "steps", {"q", s.number("step", 0.125f)}, {"d"});
    s.node("Transpose", "order", {"d"}, {"w"}).integers("perm", {0, 3, 1, 2});
    s.node("Conv", "codes_of_the_file", {"image", "w"}, {"1"}).integers("pads", {1, 1, 1, 1});
    batch_norm(s, "norm1", "1", "2", 3);
    s.floats("w2", {3, 3, 3, 1}, on_grid);
    s.node("Conv", "on_the_grid", {"2", "w2"}, {"3"});
    batch_norm(s, "norm2", "3", "4", 3);
    s.node("Conv", "floats", {"4", s.random("w3", {3, 3, 1, 3})}, {"5"});
    batch_norm(s, "norm3", "5", "x", 3);
  });
  const Network folded = fold_batch_norm(network, kBits);
  EXPECT_EQ(scales_in(folded), 2u);
  EXPECT_EQ(folded.layers[0].weight, network.layers[0].weight);
  EXPECT_EQ(folded.layers[1].weight, network.layers[1].weight);
  EXPECT_NE(folded.layers[2].weight, network.layers[2].weight);
  expect_same_logits(network, folded);
}

}  // namespace
}  // namespace uswim::tests
