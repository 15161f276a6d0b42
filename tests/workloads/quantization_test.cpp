// Does post-training quantisation choose the ranges it says, and only where they are missing?
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "reference_sketch.h"
#include "workloads/engine/integer_values.h"
#include "workloads/quantization/post_training.h"
#include "workloads/sensitivity/sensitivity.h"

namespace uswim::tests {
namespace {

using namespace workloads;

// --- ranges

MagnitudeHistogram histogram_of(const std::vector<float>& values) {
  MagnitudeHistogram histogram;
  for (const float v : values) histogram.add(v);
  return histogram;
}

TEST(ClipRanges, OfTheMaximumAreTheLargestMagnitude) {
  const MagnitudeHistogram histogram = histogram_of({0.25f, -3.7f, 1.0f, 0.0f});
  EXPECT_EQ(histogram.clip(ClipRule::Maximum, 0.0, 15), static_cast<double>(3.7f));
  EXPECT_TRUE(histogram.has_negative());
  EXPECT_FALSE(histogram_of({0.0f, 2.0f}).has_negative());
  EXPECT_EQ(histogram_of({0.0f, 0.0f}).clip(ClipRule::Error, 99.0, 15), 0.0);
}

TEST(ClipRanges, OfAPercentileLeaveThatPartUnclipped) {
  std::vector<float> values;
  for (int i = 1; i <= 2000; ++i) values.push_back(static_cast<float>(i % 2 == 0 ? i : -i));
  const MagnitudeHistogram histogram = histogram_of(values);
  for (const double percentile : {50.0, 90.0, 99.5, 99.95}) {
    const double expected = 20.0 * percentile;  // numbers 1 to 2000 in turn
    // A bin's end lies at most 2^-10 of its magnitude above the number that filled it.
    EXPECT_GE(histogram.clip(ClipRule::Percentile, percentile, 15), expected);
    EXPECT_LE(histogram.clip(ClipRule::Percentile, percentile, 15), expected * (1 + 1.0 / 1024));
  }
  EXPECT_EQ(histogram.clip(ClipRule::Percentile, 100.0, 15), 2000.0);
}

double squared_error(const std::vector<float>& values, double clip, int codes) {
  double sum = 0.0;
  for (const float v : values) {
    const double step = clip / codes, x = std::abs(static_cast<double>(v));
    const double error = x - std::min(std::nearbyint(x / step), static_cast<double>(codes)) * step;
    sum += error * error;
  }
  return sum;
}

TEST(ClipRanges, OfTheErrorAreAsGoodAsAnyOfThoseTried) {
  std::vector<float> values = random_numbers("clip", 4000);
  for (float& v : values) v = v * v * v * v * v;  // most are small
  values.push_back(2.5f);                         // an outlier
  for (const int codes : {3, 7, 15, 127}) {
    const double clip =
        histogram_of(values).clip(ClipRule::Error, 0.0, static_cast<unsigned>(codes));
    double least = std::numeric_limits<double>::max();
    for (int part = 1; part <= 100; ++part)
      least = std::min(least, squared_error(values, 0.025 * part, codes));
    // Bins are 2^-10 of a number wide; 1 % of the error is more than their centres can be off.
    EXPECT_LE(squared_error(values, clip, codes), 1.01 * least) << codes;
    EXPECT_LT(squared_error(values, clip, codes), squared_error(values, 2.5, codes)) << codes;
  }
}

// --- activations

Dataset images_of(const Network& network, std::size_t count) {
  Dataset data;
  data.shape = network.input;
  data.count = count;
  for (const float v : random_numbers("calibration", count * network.input.size()))
    data.pixels.push_back(static_cast<std::uint8_t>(127.5f * (v + 1.0f)));
  data.labels.assign(count, 0);
  data.content_hash = "calibration";
  return data;
}

std::vector<const Node*> quantizers_of(const Network& network) {
  std::vector<const Node*> found;
  for (const Node& node : network.nodes)
    if (node.operation == Operation::Quantize) found.push_back(&node);
  return found;
}

/// Two convolutions that read the same value, one of them grouped, and a shortcut beside them.
Network branching_network() {
  Models models;
  models.add("branching", {2, 6, 6}, 8 * 36, [](Sketch& s) {
    s.node("Sub", "centre", {"image", s.number("half", 0.5f)}, {"0"});
    s.node("Conv", "stem", {"0", s.random("w0", {4, 2, 1, 1})}, {"1"});
    s.node("Relu", "relu", {"1"}, {"2"});
    s.node("Conv", "plain", {"2", s.random("w1", {4, 4, 1, 1})}, {"3"});
    s.node("Conv", "grouped", {"2", s.random("w2", {4, 1, 1, 1})}, {"4"}).integer("group", 4);
    s.node("Add", "sum", {"3", "2"}, {"5"});
    s.node("Concat", "both", {"4", "5"}, {"x"}).integer("axis", 1);
  });
  return models.models.front().model.import();
}

TEST(QuantizedActivations, HaveOneQuantiserPerValueThatLayersRead) {
  const Network network = branching_network();
  ASSERT_TRUE(needs_quantizers(network));
  const Network quantized = quantize_activations(network, {}, images_of(network, 20), 20);
  EXPECT_FALSE(needs_quantizers(quantized));
  EXPECT_NE(quantized.content_hash, network.content_hash);
  const auto found = quantizers_of(quantized);
  ASSERT_EQ(found.size(), 3u);         // the image, "2" and "x"; the slices share one
  EXPECT_EQ(found[0]->minimum, -128);  // pixels around zero
  EXPECT_EQ(found[0]->maximum, 127);
  EXPECT_EQ(found[1]->minimum, 0);  // behind ReLU
  EXPECT_EQ(found[1]->maximum, 255);
  // The shortcut still adds numbers.
  const auto sum = std::find_if(quantized.nodes.begin(), quantized.nodes.end(),
                                [](const Node& n) { return n.operation == Operation::Add; });
  for (const std::size_t input : sum->inputs)
    EXPECT_NE(quantized.nodes[input - 1].operation, Operation::Quantize);
}

TEST(QuantizedActivations, HaveTheRangeOfTheCalibrationImages) {
  const Network network = branching_network();
  QuantizationConfig config;
  config.activation_bits = 4;
  config.activation_clip = ClipRule::Maximum;
  const Dataset data = images_of(network, 37);  // not a multiple of the lanes
  const Network quantized = quantize_activations(network, config, data, 37);
  // The network up to the ReLU, whose values float_logits then gives.
  Network front = network;
  while (front.nodes.back().operation != Operation::Relu) front.nodes.pop_back();
  std::vector<float> images;
  for (const std::uint8_t pixel : data.pixels) images.push_back(static_cast<float>(pixel) / 255.0f);
  const std::vector<float> values = float_logits(front, images, data.count);
  const float largest = *std::max_element(values.begin(), values.end());
  const Node& node = *quantizers_of(quantized)[1];
  EXPECT_EQ(node.maximum, 15);
  EXPECT_FLOAT_EQ(node.scale, largest / 15.0f);
}

TEST(QuantizedActivations, ComeCloserToTheFloatsWithMoreBits) {
  const Network network = branching_network();
  const Dataset data = images_of(network, 32);
  std::vector<float> images;
  for (const std::uint8_t pixel : data.pixels) images.push_back(static_cast<float>(pixel) / 255.0f);
  const std::vector<float> exact = float_logits(network, images, data.count);
  double last = std::numeric_limits<double>::max();
  for (const unsigned bits : {2u, 4u, 6u, 8u}) {
    QuantizationConfig config;
    config.activation_bits = bits;
    config.activation_clip = ClipRule::Error;
    const std::vector<float> found =
        float_logits(quantize_activations(network, config, data, 32), images, data.count);
    double error = 0.0;
    for (std::size_t i = 0; i < exact.size(); ++i)
      error += std::pow(static_cast<double>(found[i] - exact[i]), 2);
    // Four times as many steps: a sixteenth of the error, at least a fourth of it.
    EXPECT_LT(error, last / 4) << bits;
    last = error;
  }
}

/// An image in steps of 0.25 with a border of `value`, a convolution behind it.
Network bordered_codes(float value) {
  Models models;
  models.add("bordered", {2, 5, 5}, 3 * 25, [&](Sketch& s) {
    s.codes("zero", {}, {0}, ::onnx::TensorProto::UINT8);
    s.number("step", 0.25f);
    s.node("QuantizeLinear", "q", {"image", "step", "zero"}, {"c"});
    s.node("DequantizeLinear", "d", {"c", "step", "zero"}, {"1"});
    s.node("Pad", "pad", {"1", s.ints("pads", {0, 0, 1, 1, 0, 0, 1, 1}), s.number("v", value)},
           {"2"});
    s.node("Conv", "conv", {"2", s.random("w", {3, 2, 3, 3})}, {"x"});
  });
  return models.models.front().model.import();
}

TEST(QuantizedBorders, StayCodesWhereTheyAreWholeSteps) {
  const auto ranges = [](float value) {
    const Network network = bordered_codes(value);
    return activation_ranges(quantize_activations(network, {}, images_of(network, 4), 4));
  };
  EXPECT_EQ(ranges(0.75f)[0], (CodeRange{0, 255}));
  EXPECT_EQ(ranges(-0.5f)[0], (CodeRange{-2, 255}));
  EXPECT_EQ(ranges(75.0f)[0], (CodeRange{0, 300}));
}

TEST(QuantizedBorders, GetAQuantiserOfTheirOwnElsewhere) {
  for (const auto& [value, most] : {std::pair{-3.1f, 3.1f}, {0.3f, 1.0f}, {1e6f, 1e6f}}) {
    const Network network = bordered_codes(value);
    QuantizationConfig config;
    config.activation_clip = ClipRule::Maximum;
    const Network quantized = quantize_activations(network, config, images_of(network, 4), 4);
    const auto found = quantizers_of(quantized);
    ASSERT_EQ(found.size(), 3u);  // of the file, behind the border, in front of the last layer
    EXPECT_EQ(found[1]->minimum, value < 0.0f ? -128 : 0);
    EXPECT_FLOAT_EQ(found[1]->scale * static_cast<float>(found[1]->maximum), most);
    EXPECT_EQ(quantized.nodes[found[1]->input() - 1].operation, Operation::Pad);
  }
}

TEST(QuantizedActivations, GoWhereTheOpenQuantisersShow) {
  const Network network = branching_network();
  const Network open = with_open_quantizers(network);
  const Network quantized = quantize_activations(network, {}, images_of(network, 4), 4);
  ASSERT_EQ(open.nodes.size(), quantized.nodes.size());
  for (std::size_t n = 0; n < open.nodes.size(); ++n) {
    EXPECT_EQ(open.nodes[n].operation, quantized.nodes[n].operation);
    EXPECT_EQ(open.nodes[n].name, quantized.nodes[n].name);
    EXPECT_EQ(open.nodes[n].inputs, quantized.nodes[n].inputs);
  }
}

TEST(QuantizedActivations, HaveNoRangeWhereNumbersOverflow) {
  Network network = branching_network();
  for (float& weight : network.layers[0].weight) weight = 3e38f;
  for (float& weight : network.layers[1].weight) weight = 3e38f;
  std::string fault;
  try {
    quantize_activations(network, {}, images_of(network, 4), 4);
  } catch (const NetworkError& error) {
    fault = error.what();
  }
  EXPECT_NE(fault.find("layer 'last'"), std::string::npos) << fault;
  EXPECT_NE(fault.find("finite"), std::string::npos) << fault;
}

TEST(QuantizedActivations, OfAQuantisedNetworkStay) {
  const Network network = small_model().import();
  // The small model's first layer reads the image as it is.
  ASSERT_TRUE(needs_quantizers(network));
  const Dataset data = images_of(network, 8);
  const Network once = quantize_activations(network, {}, data, 8);
  EXPECT_EQ(once.nodes.size(), network.nodes.size() + 1);
  const Network twice = quantize_activations(once, {}, data, 8);
  EXPECT_EQ(twice.nodes.size(), once.nodes.size());
  EXPECT_EQ(twice.content_hash, once.content_hash);
}

// --- weights

TEST(QuantizedWeightsPerTensor, AreThoseOfTheLayersMaximum) {
  const Network network = branching_network();
  const QuantizedNetwork quantized = quantize_weights(network, 4, QuantizationConfig{});
  EXPECT_EQ(quantized.network.content_hash, network.content_hash);
  for (std::size_t l = 0; l < network.layers.size(); ++l)
    EXPECT_EQ(quantized.weights[l].code, quantize_weights(network.layers[l], 4).code);
}

TEST(QuantizedWeightsPerChannel, UseEveryChannelsWholeRange) {
  Models models;
  models.add("channels", {2, 6, 6}, 3 * 16, [](Sketch& s) {
    s.node("Conv", "conv", {"image", s.random("w", {3, 2, 3, 3}), s.random("b", {3})}, {"1"});
    s.node("BatchNormalization", "norm",
           {"1", s.random("s", {3}), s.random("o", {3}), s.random("m", {3}),
            s.random("v", {3}, 0.1f, 2.0f)},
           {"x"});
  });
  Network network = models.models.front().model.import();
  for (std::size_t r = 0; r < network.layers[0].rows; ++r)
    network.layers[0].weight[r] *= 0.01f;  // a small channel
  QuantizationConfig config;
  config.weight_scales = WeightScales::PerChannel;
  const QuantizedNetwork quantized = quantize_weights(network, 4, config);
  for (std::size_t l = 0; l < network.layers.size(); ++l) {
    const MatrixLayer& layer = network.layers[l];
    EXPECT_EQ(quantized.weights[l].scale, 1.0);
    for (std::size_t o = 0; o < layer.outputs; ++o) {
      const float* weights = &layer.weight[o * layer.rows];
      float largest = 0.0f;
      for (std::size_t r = 0; r < layer.rows; ++r)
        largest = std::max(largest, std::abs(weights[r]));
      for (std::size_t r = 0; r < layer.rows; ++r)
        EXPECT_EQ(quantized.weights[l].code[o * layer.rows + r],
                  std::nearbyint(static_cast<double>(weights[r] / largest) * 15.0));
    }
  }
  // The batch norm takes up the scales of the layer before it; the last layer gets a node.
  EXPECT_EQ(quantized.network.nodes.size(), network.nodes.size() + 1);
  const std::vector<float> images = random_numbers("images", 2 * network.input.size());
  const std::vector<float> expected = float_logits(network, images, 2);
  const std::vector<float> found = float_logits(quantized.network, images, 2);
  for (std::size_t i = 0; i < expected.size(); ++i)
    EXPECT_NEAR(found[i], expected[i], 1e-5f * (1.0f + std::abs(expected[i])));
}

TEST(QuantizedWeights, AreClippedAtTheirScale) {
  MatrixLayer layer;
  layer.name = "clipped";
  layer.outputs = 1;
  layer.rows = 4;
  layer.weight = {0.5f, -2.0f, 1.0f, 8.0f};
  layer.bias = {0.0f};
  EXPECT_EQ(quantize_weights(layer, 3, 1.0).code, (std::vector<std::int16_t>{4, -7, 7, 7}));
}

}  // namespace
}  // namespace uswim::tests
