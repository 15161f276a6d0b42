// Do networks run whose image is read first by something else than one matrix layer?
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "connections.h"
#include "reference_sketch.h"
#include "sample_networks.h"
#include "workloads/engine/executor.h"
#include "workloads/engine/integer_values.h"
#include "workloads/engine/weights_engine.h"
#include "workloads/quantization/post_training.h"
#include "workloads/sensitivity/sensitivity.h"

namespace uswim::tests {
namespace {

using namespace workloads;

Network image_read_by(const Fill& fill, std::int64_t flat) {
  Models models;
  models.add("image_first", {2, 6, 6}, flat, [&](Sketch& s) {
    s.node("Sub", "centre", {"image", s.number("half", 0.4f)}, {"0"});
    fill(s);
  });
  return models.models.front().model.import();
}
std::vector<std::pair<std::string, Network>> networks_that_begin_with_the_image() {
  const auto conv = [](Sketch& s, const std::string& from, const std::string& to) {
    s.node("Conv", "conv_" + to, {from, s.random("w" + to, {2, 2, 3, 3})}, {to})
        .integers("pads", {1, 1, 1, 1});
  };
  std::vector<std::pair<std::string, Network>> networks;
  const auto add = [&](const char* name, std::int64_t flat, const Fill& fill) {
    networks.emplace_back(name, image_read_by(fill, flat));
  };
  const auto pool = [](Sketch& s, const char* type, const std::string& to) {
    s.node(type, "pool", {"0"}, {to}).integers("kernel_shape", {2, 2}).integers("strides", {2, 2});
  };
  add("largest numbers", 18, [&](Sketch& s) {
    pool(s, "MaxPool", "1");
    conv(s, "1", "x");
  });
  add("means", 18, [&](Sketch& s) {
    pool(s, "AveragePool", "1");
    conv(s, "1", "x");
  });
  add("activation", 72, [&](Sketch& s) {
    s.node("Tanh", "tanh", {"0"}, {"1"});
    conv(s, "1", "x");
  });
  add("sum with the image", 72, [&](Sketch& s) {
    conv(s, "0", "1");
    s.node("Add", "sum", {"1", "0"}, {"x"});
  });
  add("two branches", 90, [&](Sketch& s) {
    conv(s, "0", "1");
    pool(s, "MaxPool", "2");
    s.node("Flatten", "f1", {"1"}, {"3"});
    s.node("Flatten", "f2", {"2"}, {"4"});
    s.node("Concat", "both", {"3", "4"}, {"x"}).integer("axis", 1);
  });
  add("border that is no code", 128, [&](Sketch& s) {
    s.node("Pad", "pad", {"0", s.ints("p", {0, 0, 1, 1, 0, 0, 1, 1}), s.number("v", 0.123f)},
           {"1"});
    s.node("MaxPool", "pool", {"1"}, {"2"}).integers("kernel_shape", {1, 1});
    conv(s, "2", "x");
  });
  return networks;
}

TEST(QuantizedImages, AreCodesForAllThatReadThem) {
  for (const auto& [name, network] : networks_that_begin_with_the_image()) {
    SCOPED_TRACE(name);
    ASSERT_TRUE(needs_quantizers(network));
    const Dataset data = random_images(network.input, 20, 1);
    QuantizationConfig config;
    config.activation_clip = ClipRule::Maximum;
    const Network quantized = quantize_activations(network, config, data, 20);
    EXPECT_FALSE(needs_quantizers(quantized));
    // Scale, then the quantiser, which alone reads what it writes.
    ASSERT_GE(quantized.nodes.size(), 2u);
    const Node& codes = quantized.nodes[1];
    EXPECT_EQ(codes.operation, Operation::Quantize);
    EXPECT_EQ(codes.name, "image");
    EXPECT_EQ(codes.inputs, std::vector<std::size_t>{1});
    for (std::size_t n = 2; n < quantized.nodes.size(); ++n)
      for (const std::size_t input : quantized.nodes[n].inputs) EXPECT_GE(input, 2u);
    // Pixels of 0 to 1 less 0.4.
    EXPECT_EQ(codes.minimum, -128);
    const auto brightest =
        static_cast<float>(*std::max_element(data.pixels.begin(), data.pixels.end()));
    EXPECT_FLOAT_EQ(codes.scale * 127.0f, brightest / 255.0f - 0.4f);
    const Network open = with_open_quantizers(network);
    ASSERT_EQ(open.nodes.size(), quantized.nodes.size());
    for (std::size_t n = 0; n < open.nodes.size(); ++n) {
      EXPECT_EQ(open.nodes[n].name, quantized.nodes[n].name);
      EXPECT_EQ(open.nodes[n].inputs, quantized.nodes[n].inputs);
    }
  }
}

/// The executor's integers against float arithmetic of its own weights, quantised as well.
TEST(QuantizedImages, GiveTheLogitsOfFloatArithmetic) {
  for (const auto& [name, network] : networks_that_begin_with_the_image()) {
    SCOPED_TRACE(name);
    const Dataset data = random_images(network.input, 20, 1);
    const QuantizationConfig config;
    QuantizedNetwork q =
        quantize_weights(quantize_activations(network, config, data, 20), 8, config);
    Executor executor(q.network, q.weights);
    const auto engine =
        make_weights_engine(Arithmetic::Integer16, q.network, activation_ranges(q.network));
    std::vector<float> images;
    for (const std::uint8_t pixel : data.pixels)
      images.push_back(static_cast<float>(pixel) / 255.0f);
    const std::vector<float> unquantised = float_logits(network, images, data.count);
    for (std::size_t l = 0; l < q.weights.size(); ++l) {
      const auto& codes = q.weights[l].code;
      engine->set_weights(l, std::vector<float>(codes.begin(), codes.end()).data());
      for (std::size_t i = 0; i < codes.size(); ++i)
        q.network.layers[l].weight[i] =
            static_cast<float>(q.weights[l].step()) * static_cast<float>(codes[i]);
    }
    const std::vector<float> expected = float_logits(q.network, images, data.count);
    std::vector<float> found;
    const PreparedImages prepared = executor.prepare(data, 0, data.count);
    ASSERT_EQ(prepared.batches.size(), 1u);
    executor.run(*engine, prepared.batches[0], data.count, found);
    ASSERT_EQ(found.size(), expected.size());
    float largest = 0.0f;
    for (const float v : expected) largest = std::max(largest, std::abs(v));
    // A sum that is rounded otherwise may take a neighbouring code, one of 256, at a few places.
    for (std::size_t i = 0; i < found.size(); ++i) {
      EXPECT_NEAR(found[i], expected[i], 0.01f * largest) << i;
      EXPECT_NEAR(found[i], unquantised[i], 0.05f * largest) << i;
    }
  }
}

TEST(QuantizedImages, AreReadByTheRecursionOfTheSecondDerivative) {
  for (const auto& [name, network] : networks_that_begin_with_the_image()) {
    SCOPED_TRACE(name);
    const Dataset data = random_images(network.input, 5, 2);
    const Network quantized = quantize_activations(network, {}, data, data.count);
    std::vector<std::vector<double>> images;
    for (std::size_t n = 0; n < data.count; ++n) images.push_back(image_of(data, n));
    const std::vector<float> found = second_derivative(quantized, data);
    const std::vector<double> expected = SlowNetwork(quantized).second_derivative(images);
    ASSERT_EQ(found.size(), expected.size());
    const double largest = *std::max_element(expected.begin(), expected.end());
    for (std::size_t i = 0; i < found.size(); ++i)
      ASSERT_NEAR(static_cast<double>(found[i]), expected[i], 1e-4 * (expected[i] + largest)) << i;
  }
}

TEST(QuantizedImages, OfANetworkThatQuantisesThemItselfStay) {
  Models models;
  models.add("own", {2, 6, 6}, 72, [](Sketch& s) {
    s.codes("zero", {}, {0}, ::onnx::TensorProto::UINT8);
    s.number("step", 0.01f);
    s.node("QuantizeLinear", "q", {"image", "step", "zero"}, {"c"});
    s.node("DequantizeLinear", "d", {"c", "step", "zero"}, {"1"});
    s.node("Relu", "relu", {"1"}, {"x"});
  });
  const Network network = models.models.front().model.import();
  EXPECT_FALSE(needs_quantizers(network));
  EXPECT_EQ(quantize_activations(network, {}, random_images(network.input, 4, 1), 4).content_hash,
            network.content_hash);
}

}  // namespace
}  // namespace uswim::tests
