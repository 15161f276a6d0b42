// Is the accuracy in float that of the network before anything is quantised?
#include "experiment/network_accuracy.h"

#include <gtest/gtest.h>

#include <string>

namespace uswim::experiment {
namespace {

const std::string kSource = USWIM_SOURCE_DIR;
const Progress kSilent = [](const std::string&, std::size_t, std::size_t) {};

Config lenet(std::size_t images) {
  Config config = load_config(kSource + "/configs/lenet_mnist.yaml", {}).config;
  config.accuracy_images = images;
  return config;
}

TEST(NetworkAccuracy, CountsTheImagesThatAreRight) {
  const Config config = lenet(600);  // more than one piece of either
  const NetworkAccuracy accuracy = network_accuracy(config, kSilent, 2);
  EXPECT_EQ(accuracy.images, 600u);
  const Workload workload = load_workload(config.workload);
  EXPECT_EQ(accuracy.quantised * 600, ideal_correct(workload, config.arithmetic, 600, kSilent));
  // Image by image, with the logits of the plain float reference.
  const workloads::Network network = load_network(config.workload);
  std::size_t correct = 0;
  for (std::size_t n = 0; n < 600; ++n) {
    std::vector<float> image;
    for (std::size_t i = 0; i < network.input.size(); ++i)
      image.push_back(static_cast<float>(workload.test.pixels[n * network.input.size() + i]) /
                      255.0f);
    const std::vector<float> logits = workloads::float_logits(network, image, 1, false);
    std::size_t best = 0;
    for (std::size_t c = 1; c < logits.size(); ++c)
      if (logits[c] > logits[best]) best = c;
    correct += best == workload.test.labels[n];
  }
  EXPECT_EQ(accuracy.in_float * 600, static_cast<double>(correct));
  EXPECT_GT(accuracy.in_float, 0.9);
}

TEST(NetworkAccuracy, InFloatKnowsNoQuantisers) {
  const Config config = lenet(300);
  workloads::Network network = load_network(config.workload);
  const workloads::Dataset test = load_images(network, config.workload.test);
  const auto correct = [&] { return float_correct(network, test, 300, kSilent, 1); };
  const std::uint64_t before = correct();
  for (workloads::Node& node : network.nodes) {
    if (node.operation != workloads::Operation::Quantize) continue;
    node.scale = 1e6f;  // which leaves nothing but zeros
  }
  EXPECT_EQ(correct(), before);
}

TEST(NetworkAccuracy, TakesTestImages) {
  Config config = lenet(10);
  config.workload.test.images.clear();
  EXPECT_THROW(network_accuracy(config, kSilent, 1), workloads::NetworkError);
}

}  // namespace
}  // namespace uswim::experiment
