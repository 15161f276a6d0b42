#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <string>

#include "workloads/data/dataset.h"
#include "workloads/engine/effective_weights.h"
#include "workloads/engine/executor.h"
#include "workloads/onnx/import.h"

namespace uswim::workloads {
namespace {

/// "**Accuracy:** 9,929 of 10,000 test images" -> 9929: counted by another program, in Python.
std::size_t correct_images_stated_in(const std::filesystem::path& readme) {
  std::ifstream file(readme);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  std::smatch stated;
  if (!std::regex_search(text, stated,
                         std::regex(R"(\*\*Accuracy:\*\* ([0-9,]+) of 10,000 test images)"))) {
    ADD_FAILURE() << readme << " states no accuracy";
    return 0;
  }
  std::string digits = stated[1];
  digits.erase(std::remove(digits.begin(), digits.end(), ','), digits.end());
  return std::stoul(digits);
}

TEST(CommittedLeNet, ClassifiesAsManyTestImagesAsItsReadmeSays) {
  const std::filesystem::path workloads = std::filesystem::path(USWIM_SOURCE_DIR) / "workloads";
  const Network network = import_onnx(workloads / "networks" / "lenet_mnist_4bit.onnx");
  const Dataset images = read_idx(workloads / "datasets" / "mnist" / "t10k-images-idx3-ubyte.gz",
                                  workloads / "datasets" / "mnist" / "t10k-labels-idx1-ubyte.gz");
  std::vector<QuantizedWeights> weights;
  for (const MatrixLayer& layer : network.layers) weights.push_back(quantize_weights(layer, 4));
  Executor executor(network, weights);
  EffectiveWeightsEngine engine(network, activation_maxima(network));
  for (std::size_t l = 0; l < weights.size(); ++l) {
    const std::vector<float> codes(weights[l].code.begin(), weights[l].code.end());
    engine.set_weights(l, codes.data());
  }
  ASSERT_EQ(images.count, 10000u);
  EXPECT_EQ(executor.count_correct(engine, executor.prepare(images, 0, images.count)),
            correct_images_stated_in(workloads / "networks" / "README.md"));
}

}  // namespace
}  // namespace uswim::workloads
