#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
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

/// What the network says with one chip's errors (0.5 of a code on every weight, about what
/// write-verify leaves) in some arithmetic.
struct Answers {
  std::vector<float> logits;
  std::size_t correct;
};
Answers answers(const LeNet& lenet, Arithmetic arithmetic, float error, std::size_t images) {
  std::mt19937 random(41);
  std::normal_distribution<float> normal;
  const auto engine =
      make_weights_engine(arithmetic, lenet.network, activation_ranges(lenet.network));
  for (std::size_t l = 0; l < lenet.weights.size(); ++l) {
    std::vector<float> codes(lenet.weights[l].code.begin(), lenet.weights[l].code.end());
    for (float& code : codes) code += error * normal(random);
    engine->set_weights(l, codes.data());
  }
  Executor executor(lenet.network, lenet.weights);
  const PreparedImages prepared = executor.prepare(lenet.images, 0, images);
  Answers all{{}, executor.count_correct(*engine, prepared)};
  std::size_t left = images;
  for (const CodeBlocks& batch : prepared.batches) {
    std::vector<float> logits;
    const std::size_t held = std::min(left, batch.blocks() * kLanes);
    executor.run(*engine, batch, held, logits);
    all.logits.insert(all.logits.end(), logits.begin(), logits.end());
    left -= held;
  }
  return all;
}

double root_mean_square(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double difference = static_cast<double>(a[i]) - static_cast<double>(b[i]);
    sum += difference * difference;
  }
  return std::sqrt(sum / static_cast<double>(a.size()));
}

/// Of whole weights all arithmetics give the same bytes. With errors the rounding of the weights
/// moves the logits: by 2^-10 / sqrt(12) of a code, 1/1800 of the errors, to 16 bits and by 2^-3 or
/// 2^-2 / sqrt(12), 1/14 or 1/7, to 8. Few activations lie so close to the middle between two codes
/// that they flip, but those move by a whole code: the logits' mean square goes with the rounding
/// itself instead of its square. sqrt(1/7) = 0.38, sqrt(1/1800) = 0.02; the bounds leave room for
/// what the step is compared with the error.
TEST(Arithmetics, DifferByLessThanProgrammingErrorsDo) {
  const LeNet lenet;
  constexpr std::size_t kImages = 2000;
  const Answers ideal = answers(lenet, Arithmetic::Integer16, 0.0f, kImages);
  for (const auto& [name, arithmetic] : kArithmetics) {
    const Answers exact = answers(lenet, arithmetic, 0.0f, kImages);
    EXPECT_EQ(exact.logits, ideal.logits) << name;
  }
  const Answers words = answers(lenet, Arithmetic::Integer16, 0.5f, kImages);
  const Answers floats = answers(lenet, Arithmetic::Float32, 0.5f, kImages);
  const Answers bytes = answers(lenet, Arithmetic::Integer8, 0.5f, kImages);
  const double error = root_mean_square(words.logits, ideal.logits);
  const double of_words = root_mean_square(words.logits, floats.logits) / error;
  const double of_bytes = root_mean_square(bytes.logits, floats.logits) / error;
  EXPECT_GT(of_words, 0.0);
  EXPECT_LT(of_words, 0.1);
  EXPECT_GT(of_bytes, 0.1);
  EXPECT_LT(of_bytes, 0.5);
  const auto apart = [&](const Answers& a) {
    return std::abs(static_cast<double>(a.correct) - static_cast<double>(floats.correct));
  };
  EXPECT_LE(apart(words), 1.0);
  EXPECT_LE(apart(bytes), 6.0);  // 0.3 %
}

}  // namespace
}  // namespace uswim::workloads
