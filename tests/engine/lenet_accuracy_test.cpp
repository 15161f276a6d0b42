#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "workloads/data/dataset.h"
#include "workloads/engine/effective_weights.h"
#include "workloads/engine/executor.h"
#include "workloads/onnx/import.h"

namespace uswim::workloads {
namespace {

const std::filesystem::path kWorkloads = std::filesystem::path(USWIM_SOURCE_DIR) / "workloads";

/// The network as committed, with exactly the weights that it was trained with.
struct LeNet {
  Network network = import_onnx(kWorkloads / "networks" / "lenet_mnist_4bit.onnx");
  Dataset images = read_idx(kWorkloads / "datasets" / "mnist" / "t10k-images-idx3-ubyte.gz",
                            kWorkloads / "datasets" / "mnist" / "t10k-labels-idx1-ubyte.gz");
  std::vector<QuantizedWeights> weights;
  EffectiveWeightsEngine engine{network, activation_ranges(network)};

  LeNet() {
    for (std::size_t l = 0; l < network.layers.size(); ++l) {
      weights.push_back(quantize_weights(network.layers[l], 4));
      const std::vector<float> codes(weights[l].code.begin(), weights[l].code.end());
      engine.set_weights(l, codes.data());
    }
  }
};

/// "**Accuracy:** 9,929 of 10,000 test images" -> 9929: counted by another program, in Python.
std::size_t correct_images_stated_in(const std::filesystem::path& readme) {
  std::ifstream file(readme);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const std::string label = "**Accuracy:** ";
  const std::size_t begin = text.find(label);
  const std::size_t end = text.find(" of 10,000 test images", begin);
  if (begin == std::string::npos || end == std::string::npos) {
    ADD_FAILURE() << readme << " states no accuracy";
    return 0;
  }
  std::string digits = text.substr(begin + label.size(), end - begin - label.size());
  digits.erase(std::remove(digits.begin(), digits.end(), ','), digits.end());
  return std::stoul(digits);
}

TEST(CommittedLeNet, ClassifiesAsManyTestImagesAsItsReadmeSays) {
  LeNet lenet;
  Executor executor(lenet.network, lenet.weights);
  ASSERT_EQ(lenet.images.count, 10000u);
  EXPECT_EQ(executor.count_correct(lenet.engine, executor.prepare(lenet.images, 0, 10000)),
            correct_images_stated_in(kWorkloads / "networks" / "README.md"));
}

/// The committed logits come from integer sums with scales and biases in double. Floats round the
/// scale, its product with the sum and the bias: 3 x 2^-24 of magnitudes up to 30 is 5e-6.
TEST(CommittedLeNet, GivesTheCommittedLogits) {
  LeNet lenet;
  Executor executor(lenet.network, lenet.weights);
  constexpr std::size_t kImages = 16, kClasses = 10;
  std::ifstream file(kWorkloads / "networks" / "lenet_mnist_4bit.logits.npy", std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  float expected[kImages * kClasses];
  ASSERT_GT(bytes.size(), sizeof expected);  // a header before the numbers
  std::memcpy(expected, bytes.data() + bytes.size() - sizeof expected, sizeof expected);
  std::vector<float> logits;
  executor.run(lenet.engine, executor.prepare(lenet.images, 0, kImages).batches[0], kImages,
               logits);
  for (std::size_t i = 0; i < logits.size(); ++i) {
    EXPECT_NEAR(static_cast<double>(logits[i]), static_cast<double>(expected[i]), 1e-5) << i;
  }
}

}  // namespace
}  // namespace uswim::workloads
