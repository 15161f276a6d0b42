// Does the network see (pixel / 255 - mean) / std?
#include "workloads/network/normalization.h"

#include <gtest/gtest.h>

namespace uswim::tests {
namespace {

using workloads::Network;
using workloads::normalize_input;
using workloads::Operation;

Network two_channels() {
  Network network;
  network.input = {2, 1, 3};
  network.content_hash = "hash";
  network.nodes.resize(2);
  network.nodes[0].operation = Operation::Relu;
  network.nodes[0].inputs = {0};
  network.nodes[1].operation = Operation::Add;
  network.nodes[1].inputs = {0, 1};
  return network;
}

TEST(Normalization, IsAScaleThatEveryReaderOfTheInputReads) {
  Network network = two_channels();
  normalize_input(network, {{0.5, 0.25}, {0.2, 0.4}});
  ASSERT_EQ(network.nodes.size(), 3u);
  EXPECT_EQ(network.nodes[0].operation, Operation::Scale);
  EXPECT_EQ(network.nodes[0].inputs, std::vector<std::size_t>{0});
  EXPECT_TRUE(network.nodes[0].shape == network.input);
  EXPECT_EQ(network.nodes[0].factor, (std::vector<float>{5.0f, 2.5f}));
  EXPECT_EQ(network.nodes[0].offset, (std::vector<float>{-2.5f, -0.625f}));
  EXPECT_EQ(network.nodes[1].inputs, std::vector<std::size_t>{1});
  EXPECT_EQ(network.nodes[2].inputs, (std::vector<std::size_t>{1, 2}));
  EXPECT_NE(network.content_hash, "hash");
}

TEST(Normalization, OneNumberHoldsForAllChannels) {
  Network network = two_channels();
  normalize_input(network, {{0.5}, {0.2, 0.4}});
  EXPECT_EQ(network.nodes[0].offset, (std::vector<float>{-2.5f, -1.25f}));
}

TEST(Normalization, OfNothingChangesNothing) {
  Network network = two_channels();
  normalize_input(network, {});
  EXPECT_EQ(network.nodes.size(), 2u);
  EXPECT_EQ(network.content_hash, "hash");
}

TEST(Normalization, NeedsTheNetworksChannels) {
  Network network = two_channels();
  EXPECT_THROW(normalize_input(network, {{0.5, 0.5, 0.5}, {0.2}}), workloads::NetworkError);
}

}  // namespace
}  // namespace uswim::tests
