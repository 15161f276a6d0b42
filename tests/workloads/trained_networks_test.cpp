// Do trained networks arrive whole, and keep the accuracy that was measured on them elsewhere?
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include "workloads/data/dataset.h"
#include "workloads/engine/effective_weights.h"
#include "workloads/engine/executor.h"
#include "workloads/network/batch_norm.h"
#include "workloads/network/normalization.h"
#include "workloads/onnx/import.h"
#include "workloads/quantization/post_training.h"
#include "workloads/sensitivity/sensitivity.h"

namespace uswim::tests {
namespace {

namespace fs = std::filesystem;
using namespace workloads;

const fs::path kSource = USWIM_SOURCE_DIR;
const fs::path kShared = kSource / "../shared/data";

/// The first of these that is there, or none.
fs::path first_of(const std::vector<fs::path>& candidates) {
  const auto found = std::find_if(candidates.begin(), candidates.end(), [](const fs::path& p) {
    std::error_code ignored;
    return fs::exists(p, ignored);
  });
  return found == candidates.end() ? fs::path() : *found;
}

fs::path network_file(const char* name) { return first_of({kShared / "networks" / name}); }
fs::path cifar10() {
  return first_of({kSource / "workloads/datasets/cifar10/test_batch.bin",
                   kShared / "cifar10/test_batch.bin"})
      .parent_path();
}

Dataset images(const char* batch, std::size_t count) {
  DataSource source;
  source.format = DataFormat::Cifar10;
  source.images = cifar10() / batch;
  source.limit = count;
  return read_dataset(source, {10, 3});
}

std::size_t count(const Network& network, Operation operation) {
  return static_cast<std::size_t>(
      std::count_if(network.nodes.begin(), network.nodes.end(),
                    [&](const Node& node) { return node.operation == operation; }));
}

/// `correct` of `n` images drawn from the 10,000 on which `accuracy` was measured: a hypergeometric
/// number, whose standard deviation is the binomial one times sqrt(1 - n / 10,000). The data set is
/// in random order, so its first images are such a draw. Bound: 4.5 standard deviations and the
/// 0.5 % that another rounding or calibration may change.
void expect_accuracy(std::size_t correct, std::size_t n, double accuracy) {
  const double images = static_cast<double>(n);
  const double deviation =
      std::sqrt(accuracy * (1.0 - accuracy) / images * (1.0 - images / 10'000.0));
  EXPECT_NEAR(static_cast<double>(correct) / images, accuracy, 4.5 * deviation + 0.005);
}

std::size_t correct_in_float(const Network& network, const Dataset& data) {
  std::vector<float> pixels;
  for (const std::uint8_t pixel : data.pixels) pixels.push_back(static_cast<float>(pixel) / 255.0f);
  const std::vector<float> logits = float_logits(network, pixels, data.count);
  std::size_t correct = 0;
  for (std::size_t i = 0; i < data.count; ++i) {
    const auto begin = logits.begin() + static_cast<std::ptrdiff_t>(10 * i);
    correct += std::max_element(begin, begin + 10) - begin == data.labels[i] ? 1 : 0;
  }
  return correct;
}

/// With weights and activations as codes of `bits` bits, on integers.
std::size_t correct_as_codes(Network network, unsigned bits, std::size_t calibration,
                             const Dataset& data) {
  QuantizationConfig config;
  config.activation_bits = bits;
  network = quantize_activations(std::move(network), config,
                                 images("data_batch_1.bin", calibration), calibration);
  const QuantizedNetwork quantized = quantize_weights(std::move(network), bits, config);
  EffectiveWeightsEngine engine(quantized.network, activation_ranges(quantized.network));
  for (std::size_t l = 0; l < quantized.weights.size(); ++l) {
    const auto& codes = quantized.weights[l].code;
    engine.set_weights(l, std::vector<float>(codes.begin(), codes.end()).data());
  }
  Executor executor(quantized.network, quantized.weights);
  return executor.count_correct(engine, executor.prepare(data, 0, data.count));
}

TEST(ResNet20, IsImportedWholeAndKeepsItsAccuracy) {
  const fs::path file = network_file("resnet20_cifar10.onnx");
  if (file.empty()) GTEST_SKIP() << "no " << kShared / "networks/resnet20_cifar10.onnx";
  Network network = import_onnx(file);
  // A stem, 9 blocks of two convolutions, two 1x1 shortcuts and a dense layer; batch norm behind
  // all convolutions, a ReLU behind the stem and in each block twice.
  EXPECT_EQ(count(network, Operation::Matrix), 22u);
  EXPECT_EQ(count(network, Operation::Scale), 21u);
  EXPECT_EQ(count(network, Operation::Relu), 19u);
  EXPECT_EQ(count(network, Operation::Add), 9u);
  // 432 + 6 x 2,304 + 4,608 + 5 x 9,216 + 512 + 18,432 + 5 x 36,864 + 2,048 + 640.
  EXPECT_EQ(network.weights(), 270'896u);
  normalize_input(network, {{0.485, 0.456, 0.406}, {0.229, 0.224, 0.225}});
  const Network folded = fold_batch_norm(network, 8);
  EXPECT_EQ(count(folded, Operation::Scale), 1u);  // the normalisation

  if (cifar10().empty()) GTEST_SKIP() << "no CIFAR-10 (tools/get-data cifar10): accuracy not seen";
  const Dataset data = images("test_batch.bin", 400);
  expect_accuracy(correct_in_float(network, data), data.count, 0.9065);
  expect_accuracy(correct_as_codes(folded, 8, 64, data), data.count, 0.9066);
}

TEST(ConvNet, IsImportedWholeAndKeepsItsAccuracy) {
  const fs::path file = network_file("convnet_cifar10.onnx");
  if (file.empty()) GTEST_SKIP() << "no " << kShared / "networks/convnet_cifar10.onnx";
  Network network = import_onnx(file);
  EXPECT_EQ(count(network, Operation::Matrix), 9u);
  EXPECT_EQ(count(network, Operation::Relu), 8u);
  EXPECT_EQ(count(network, Operation::MaxPool), 3u);
  EXPECT_EQ(network.weights(), 6'397'632u);
  normalize_input(network, {{0.4914, 0.4822, 0.4465}, {0.2470, 0.2435, 0.2616}});

  if (cifar10().empty()) GTEST_SKIP() << "no CIFAR-10 (tools/get-data cifar10): accuracy not seen";
  const Dataset data = images("test_batch.bin", 300);
  expect_accuracy(correct_as_codes(network, 6, 32, data), data.count, 0.8805);

  // The network in workloads/networks has the same weights as codes already.
  Network committed = import_onnx(kSource / "workloads/networks/convnet_cifar10_6bit.onnx");
  ASSERT_EQ(committed.weights(), network.weights());
  for (std::size_t l = 0; l < network.layers.size(); ++l) {
    EXPECT_TRUE(committed.layers[l].stored_as_codes);
    EXPECT_EQ(quantize_weights(committed.layers[l], 6).code,
              quantize_weights(network.layers[l], 6).code);
  }
}

}  // namespace
}  // namespace uswim::tests
