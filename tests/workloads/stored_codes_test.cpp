// Do weights that a file holds as integer codes stay these codes?
#include <gtest/gtest.h>

#include <utility>

#include "reference_sketch.h"
#include "workloads/quantization/post_training.h"

namespace uswim::tests {
namespace {

using namespace workloads;

/// A dense layer whose file holds `codes` with one step.
Network network_of_codes(const Ints& codes) {
  Models models;
  models.finish(
      "codes", {static_cast<std::int64_t>(codes.size())}, 13,
      [&](Sketch& s) {
        s.codes("q", {1, static_cast<std::int64_t>(codes.size())}, codes,
                ::onnx::TensorProto::INT8);
        s.node("DequantizeLinear", "steps", {"q", s.number("step", 0.37f)}, {"w"});
        s.node("Gemm", "fc", {"image", "w"}, {"logits"}).integer("transB", 1).real("alpha", -0.5f);
      },
      1);
  return models.models.front().model.import();
}

TEST(StoredCodes, StayAsTheFileHoldsThem) {
  const Network network = network_of_codes({5, -11, 0, 7});
  for (const WeightScales scales : {WeightScales::PerTensor, WeightScales::PerChannel})
    for (const unsigned bits : {4u, 7u}) {
      QuantizationConfig config;
      config.weight_scales = scales;
      const QuantizedNetwork quantized = quantize_weights(network, bits, config);
      EXPECT_EQ(quantized.weights[0].code, (std::vector<std::int16_t>{-5, 11, 0, -7})) << bits;
    }
}

/// A dense layer of two outputs with a step each, along `axis` of the file's constant.
Network network_of_outputs(const Dims& dims, const Ints& codes, std::int64_t axis,
                           bool transposes) {
  Models models;
  models.finish(
      "codes", {3}, 13,
      [&](Sketch& s) {
        s.codes("q", dims, codes, ::onnx::TensorProto::INT8);
        s.floats("step", {2}, {0.37f, 0.0041f});
        s.node("DequantizeLinear", "steps", {"q", "step"}, {"w"}).integer("axis", axis);
        if (transposes) s.node("Transpose", "turn", {"w"}, {"turned"});
        s.node("Gemm", "fc", {"image", transposes ? "turned" : "w"}, {"logits"})
            .integer("transB", (axis == 0) != transposes ? 1 : 0);
      },
      2);
  return models.models.front().model.import();
}

// Whether one scale per layer or per output is asked for: the file's are those of its outputs, and
// a Scale node multiplies by them.
TEST(StoredCodes, OfOutputsWithStepsOfTheirOwnStayAsTheFileHoldsThem) {
  for (const bool transposes : {false, true})
    for (const std::int64_t axis : {0, 1}) {
      const Network network =
          axis == 0 ? network_of_outputs({2, 3}, {5, -11, 2, 7, -100, 64}, axis, transposes)
                    : network_of_outputs({3, 2}, {5, 7, -11, -100, 2, 64}, axis, transposes);
      for (const WeightScales scales : {WeightScales::PerTensor, WeightScales::PerChannel})
        for (const unsigned bits : {7u, 8u}) {
          QuantizationConfig config;
          config.weight_scales = scales;
          const QuantizedNetwork quantized = quantize_weights(network, bits, config);
          EXPECT_EQ(quantized.weights[0].code, (std::vector<std::int16_t>{5, -11, 2, 7, -100, 64}))
              << axis << transposes << bits;
          const Node& last = quantized.network.nodes.back();
          ASSERT_EQ(last.operation, Operation::Scale);
          const double step = quantized.weights[0].step();
          EXPECT_NEAR(static_cast<double>(last.factor[0]) * step, 0.37, 1e-6 * 0.37);
          EXPECT_NEAR(static_cast<double>(last.factor[1]) * step, 0.0041, 1e-6 * 0.0041);
        }
    }
}

// Of each group its own; where a Reshape has mixed the dimensions, none is known any more.
TEST(StoredCodes, OfGroupsHaveTheStepsOfTheirOutputs) {
  const auto steps_of = [](const Dims& stored) {
    Models models;
    models.add("groups", {2, 1, 1}, 4, [&](Sketch& s) {
      s.codes("q", stored, {1, 2, 3, 4}, ::onnx::TensorProto::INT8);
      std::vector<float> steps{0.5f, 0.25f, 2.0f, 4.0f};
      steps.resize(static_cast<std::size_t>(stored[0]));
      s.floats("step", {stored[0]}, steps);
      s.node("DequantizeLinear", "steps", {"q", "step"}, {"w"}).integer("axis", 0);
      s.node("Reshape", "shape", {"w", s.ints("to", {4, 1, 1, 1})}, {"kernel"});
      s.node("Conv", "conv", {"image", "kernel"}, {"x"}).integer("group", 2);
    });
    const Network network = models.models.front().model.import();
    return std::pair{network.layers[0].code_steps, network.layers[1].code_steps};
  };
  EXPECT_EQ(steps_of({4, 1, 1, 1}),
            (std::pair{std::vector<float>{0.5f, 0.25f}, std::vector<float>{2.0f, 4.0f}}));
  EXPECT_EQ(steps_of({2, 2}), (std::pair{std::vector<float>{}, std::vector<float>{}}));
}

TEST(StoredCodes, LoseTheLowestOneOfTwosComplement) {
  EXPECT_EQ(quantize_weights(network_of_codes({128 - 256, 5}), 7, {}).weights[0].code,
            (std::vector<std::int16_t>{127, -5}));
}

TEST(StoredCodes, AreQuantisedAnewWithFewerBits) {
  EXPECT_EQ(quantize_weights(network_of_codes({5, -11, 0, 7}), 2, {}).weights[0].code,
            (std::vector<std::int16_t>{-1, 3, 0, -2}));
}

}  // namespace
}  // namespace uswim::tests
