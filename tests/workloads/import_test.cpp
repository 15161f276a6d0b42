// Does a network arrive as its file describes it?
#include <gtest/gtest.h>

#include <cstring>

#include "onnx_builder.h"
#include "workloads/sensitivity/sensitivity.h"

namespace uswim::tests {
namespace {

using namespace workloads;

TEST(ImportOnnx, ReadsOneOfEachOperator) {
  const Network network = small_model().import();
  EXPECT_TRUE(network.input == (Shape{2, 6, 6}));
  const Operation operations[] = {Operation::Matrix,  Operation::Relu,    Operation::Quantize,
                                  Operation::MaxPool, Operation::Flatten, Operation::Matrix};
  const char* names[] = {"conv", "relu", "quantize", "pool", "flatten", "fc"};
  const Shape shapes[] = {{3, 6, 6}, {3, 6, 6}, {3, 6, 6}, {3, 3, 3}, {27, 1, 1}, {4, 1, 1}};
  ASSERT_EQ(network.nodes.size(), 6u);
  for (std::size_t i = 0; i < 6; ++i) {
    EXPECT_EQ(network.nodes[i].operation, operations[i]);
    EXPECT_EQ(network.nodes[i].name, names[i]);
    EXPECT_EQ(network.nodes[i].input(), i);
    EXPECT_TRUE(network.nodes[i].shape == shapes[i]) << i;
  }
  EXPECT_EQ(network.nodes[2].scale, 0.5f);
  EXPECT_EQ(network.nodes[2].maximum, 15);
  EXPECT_EQ(network.nodes[3].window.kernel_height, 2u);
  EXPECT_EQ(network.nodes[3].window.stride_width, 2u);
  EXPECT_EQ(network.classes(), 4u);
  EXPECT_EQ(network.weights(), 54u + 108u);
}

TEST(ImportOnnx, KeepsConvolutionWeightsInOnnxOrder) {
  const Network network = small_model().import();
  const MatrixLayer& conv = network.layers.at(0);
  EXPECT_EQ(conv.name, "conv");
  EXPECT_EQ(conv.outputs, 3u);
  EXPECT_EQ(conv.rows, 18u);
  EXPECT_EQ(conv.window.pad_bottom, 1u);
  ASSERT_EQ(conv.weight.size(), 54u);
  for (std::size_t i = 0; i < 54; ++i)
    EXPECT_EQ(conv.weight[i], 0.25f * (static_cast<float>(i % 5) - 2.0f));
  EXPECT_EQ(conv.bias, (std::vector<float>{-0.5f, -0.25f, 0.0f}));
}

TEST(ImportOnnx, HashesTheFilesBytes) {
  ModelBuilder model = small_model();
  const std::string hash = model.import().content_hash;
  EXPECT_EQ(hash.size(), 32u);
  EXPECT_EQ(model.import().content_hash, hash);
  model.model().set_producer_name("another");
  EXPECT_NE(model.import().content_hash, hash);
}

TEST(ImportOnnx, TakesRawDataAsFloatData) {
  ModelBuilder model = small_model();
  const Network expected = model.import();
  for (auto& tensor : *model.graph().mutable_initializer()) {
    if (tensor.float_data_size() == 0) continue;
    std::string raw(static_cast<std::size_t>(tensor.float_data_size()) * sizeof(float), '\0');
    std::memcpy(raw.data(), tensor.float_data().data(), raw.size());
    tensor.clear_float_data();
    tensor.set_raw_data(raw);
  }
  const Network found = model.import();
  for (std::size_t l = 0; l < 2; ++l) {
    EXPECT_EQ(found.layers[l].weight, expected.layers[l].weight);
    EXPECT_EQ(found.layers[l].bias, expected.layers[l].bias);
  }
}

TEST(ImportOnnx, AcceptsInitializersThatAreAlsoInputs) {
  ModelBuilder model = small_model();
  model.input("conv_weight", {3, 2, 3, 3});
  model.input("scale", {});
  EXPECT_EQ(model.import().weights(), 162u);
}

TEST(ImportOnnx, AcceptsNodesInAnyOrder) {
  ModelBuilder model = small_model();
  auto& nodes = *model.graph().mutable_node();
  for (int i = 0; i < nodes.size() / 2; ++i) nodes.SwapElements(i, nodes.size() - 1 - i);
  EXPECT_EQ(model.import().nodes.front().name, "conv");
}

TEST(ImportOnnx, ReadsOpsets7To17) {
  for (std::int64_t opset = 0; opset < 25; ++opset) {
    ModelBuilder model(opset);
    model.input("image", {-1, 3});
    model.output("logits", {-1, 2});
    model.floats("w", {3, 2});
    model.node("MatMul", "fc", {"image", "w"}, {"logits"});
    if (opset >= 7 && opset <= 17)
      EXPECT_EQ(model.fault(), "") << opset;
    else
      EXPECT_NE(model.fault().find("expected 7 to 17"), std::string::npos) << opset;
  }
}

// --- windows

Window conv_window(const std::string& auto_pad, std::int64_t kernel, std::int64_t stride,
                   std::int64_t dilation, std::size_t size) {
  ModelBuilder m;
  const auto extent = static_cast<std::int64_t>(size);
  m.input("image", {-1, 1, extent, extent});
  m.output("logits", {-1, -1});
  m.floats("w", {1, 1, kernel, kernel});
  m.node("Conv", "conv", {"image", "w"}, {"c"})
      .word("auto_pad", auto_pad)
      .integers("strides", {stride, stride})
      .integers("dilations", {dilation, dilation});
  m.node("Flatten", "flatten", {"c"}, {"logits"});
  const Network network = m.import();
  const Shape& shape = network.nodes[0].shape;
  // ONNX: the output has ceil(size / stride) rows for SAME, ceil((size - extent + 1) / stride) for
  // VALID.
  const auto ceil_ratio = [](std::int64_t a, std::int64_t b) { return (a + b - 1) / b; };
  const std::int64_t covered = (kernel - 1) * dilation + 1;
  EXPECT_EQ(static_cast<std::int64_t>(shape.height), auto_pad == "VALID"
                                                         ? ceil_ratio(extent - covered + 1, stride)
                                                         : ceil_ratio(extent, stride));
  return network.layers[0].window;
}

TEST(ImportedWindows, FollowAutoPad) {
  const Window upper = conv_window("SAME_UPPER", 2, 1, 1, 5);
  EXPECT_EQ(upper.pad_top, 0u);
  EXPECT_EQ(upper.pad_bottom, 1u);
  const Window lower = conv_window("SAME_LOWER", 2, 1, 1, 5);
  EXPECT_EQ(lower.pad_left, 1u);
  EXPECT_EQ(lower.pad_right, 0u);
  const Window valid = conv_window("VALID", 3, 2, 1, 8);
  EXPECT_EQ(valid.pad_top + valid.pad_bottom, 0u);
  const Window strided = conv_window("SAME_UPPER", 3, 2, 1, 6);  // 2 * 2 + 3 - 6 = 1
  EXPECT_EQ(strided.pad_top, 0u);
  EXPECT_EQ(strided.pad_bottom, 1u);
  const Window dilated = conv_window("SAME_LOWER", 3, 1, 2, 6);
  EXPECT_EQ(dilated.pad_top, 2u);
  EXPECT_EQ(dilated.pad_bottom, 2u);
  const Window gaps = conv_window("SAME_UPPER", 1, 3, 1, 7);
  EXPECT_EQ(gaps.pad_top + gaps.pad_bottom, 0u);
}

TEST(ImportedWindows, KeepUnevenPadsStridesAndDilations) {
  ModelBuilder m = model_around(
      [](ModelBuilder& b) {
        b.floats("w", {1, 2, 2, 3});
        b.node("Conv", "conv", {"image", "w"}, {"x"})
            .integers("kernel_shape", {2, 3})
            .integers("pads", {1, 2, 3, 4})
            .integers("strides", {1, 2})
            .integers("dilations", {3, 1});
      },
      7 * 5);  // height 6 + 4 - 4 + 1 = 7, width (6 + 6 - 3) / 2 + 1 = 5
  const Network network = m.import();
  const Window& w = network.layers[0].window;
  EXPECT_EQ(w.pad_top, 1u);
  EXPECT_EQ(w.pad_left, 2u);
  EXPECT_EQ(w.pad_bottom, 3u);
  EXPECT_EQ(w.pad_right, 4u);
  EXPECT_EQ(w.stride_width, 2u);
  EXPECT_EQ(w.dilation_height, 3u);
  EXPECT_TRUE(network.nodes[0].shape == (Shape{1, 7, 5}));
}

// --- fully connected layers

struct GemmCase {
  std::int64_t transposed;
  float alpha, beta;
};

TEST(ImportedGemm, FoldsTransposeAlphaAndBeta) {
  for (const GemmCase& c : {GemmCase{0, 1.0f, 1.0f}, GemmCase{1, 1.0f, 1.0f},
                            GemmCase{0, 2.0f, 0.5f}, GemmCase{1, -0.5f, 0.0f}}) {
    ModelBuilder m;
    m.input("image", {-1, 3});
    m.output("logits", {-1, 2});
    // out0 = 1 x0 + 2 x1 + 3 x2, out1 = 4 x0 + 5 x1 + 6 x2
    if (c.transposed != 0)
      m.floats("w", {2, 3}, {1, 2, 3, 4, 5, 6});
    else
      m.floats("w", {3, 2}, {1, 4, 2, 5, 3, 6});
    m.floats("b", {2}, {8.0f, 16.0f});
    m.node("Gemm", "fc", {"image", "w", "b"}, {"logits"})
        .integer("transB", c.transposed)
        .real("alpha", c.alpha)
        .real("beta", c.beta);
    const Network network = m.import();
    const MatrixLayer& layer = network.layers.at(0);
    for (std::size_t i = 0; i < 6; ++i)
      EXPECT_EQ(layer.weight[i], c.alpha * static_cast<float>(i + 1));
    EXPECT_EQ(layer.bias, (std::vector<float>{8.0f * c.beta, 16.0f * c.beta}));
    EXPECT_EQ(
        float_logits(network, {1.0f, 0.0f, 1.0f}, 1),
        (std::vector<float>{4.0f * c.alpha + 8.0f * c.beta, 10.0f * c.alpha + 16.0f * c.beta}));
  }
}

TEST(ImportedGemm, BroadcastsItsBias) {
  const std::vector<std::pair<ModelBuilder::Dims, std::vector<float>>> cases{
      {{}, {5.0f}}, {{1}, {5.0f}}, {{1, 1}, {5.0f}}, {{2}, {5.0f, 5.0f}}, {{1, 2}, {5.0f, 5.0f}}};
  for (const auto& [dims, values] : cases) {
    ModelBuilder m;
    m.input("image", {-1, 3});
    m.output("logits", {-1, 2});
    m.floats("w", {3, 2});
    m.floats("b", dims, values);
    m.node("Gemm", "fc", {"image", "w", "b"}, {"logits"});
    EXPECT_EQ(m.import().layers.at(0).bias, (std::vector<float>{5.0f, 5.0f}));
  }
}

TEST(ImportedMatMul, TakesTheAddBehindItAsBias) {
  for (const bool constant_first : {false, true}) {
    ModelBuilder m;
    m.input("image", {-1, 3});
    m.output("logits", {-1, 2});
    m.floats("w", {3, 2}, {1, 4, 2, 5, 3, 6});
    m.floats("b", {2}, {7.0f, 8.0f});
    m.node("MatMul", "fc", {"image", "w"}, {"product"});
    m.node(
        "Add", "add",
        constant_first ? ModelBuilder::Names{"b", "product"} : ModelBuilder::Names{"product", "b"},
        {"logits"});
    const Network network = m.import();
    ASSERT_EQ(network.nodes.size(), 1u);
    EXPECT_EQ(network.layers[0].weight, (std::vector<float>{1, 2, 3, 4, 5, 6}));
    EXPECT_EQ(network.layers[0].bias, (std::vector<float>{7.0f, 8.0f}));
  }
}

// --- operators that leave no node

TEST(ImportOnnx, PassesIdentityDropoutAndALastSoftmaxThrough) {
  for (const char* last : {"Softmax", "LogSoftmax"}) {
    ModelBuilder m;
    m.input("image", {-1, 3});
    m.output("probability", {-1, 2});
    m.floats("w", {3, 2});
    m.node("Identity", "copy", {"image"}, {"i"});
    m.node("Dropout", "drop", {"i"}, {"d", "mask"});
    m.node("MatMul", "fc", {"d", "w"}, {"logits"});
    NodeBuilder soft = m.node(last, "soft", {"logits"}, {"probability"});
    EXPECT_EQ(m.import().nodes.size(), 1u);  // the axis by default: -1
    m.model().mutable_opset_import(0)->set_version(9);
    EXPECT_EQ(m.import().nodes.size(), 1u);  // 1
    soft.integer("axis", 1);
    const Network network = m.import();
    ASSERT_EQ(network.nodes.size(), 1u);
    EXPECT_EQ(network.nodes[0].input(), 0u);
    soft.proto().mutable_attribute(0)->set_i(0);
    EXPECT_NE(m.fault().find("axis is 0"), std::string::npos);
  }
}

TEST(ImportOnnx, ReshapesToAVectorInAllSpellings) {
  const std::vector<std::pair<std::int64_t, std::vector<std::int64_t>>> cases{
      {-1, {0, -1}}, {-1, {-1, 72}}, {-1, {0, 72}}, {1, {1, -1}}, {1, {1, 72}}, {5, {5, 72}}};
  for (const auto& [batch, shape] : cases) {
    ModelBuilder m;
    m.input("image", {batch, 2, 6, 6});
    m.output("logits", {batch, 2});
    m.int64s("shape", shape);
    m.floats("w", {72, 2});
    m.node("Reshape", "reshape", {"image", "shape"}, {"flat"});
    m.node("MatMul", "fc", {"flat", "w"}, {"logits"});
    const Network network = m.import();
    ASSERT_EQ(network.nodes.size(), 2u);
    EXPECT_EQ(network.nodes[0].operation, Operation::Flatten);
    EXPECT_TRUE(network.nodes[0].shape == (Shape{72, 1, 1}));
  }
}

// As PyTorch exports: shapes and limits as Constant nodes, shared initializers through Identity.
TEST(ImportOnnx, ReadsConstantsFromNodes) {
  ModelBuilder m;
  m.input("image", {-1, 2, 6, 6});
  m.output("logits", {-1, 2});
  m.floats("first_w", {72, 2});
  m.floats("steps", {}, {0.25f});
  m.byte("zero", 0);
  m.node("Constant", "c1", {}, {"shape"}).integers("value_ints", {0, -1});
  m.node("Constant", "c2", {}, {"low"}).real("value_float", 0.0f);
  auto attribute = m.node("Constant", "c3", {}, {"high"}).proto().add_attribute();
  attribute->set_name("value");
  attribute->set_type(::onnx::AttributeProto::TENSOR);
  attribute->mutable_t()->set_data_type(::onnx::TensorProto::FLOAT);
  attribute->mutable_t()->add_float_data(3.75f);
  m.node("Identity", "copy", {"first_w"}, {"w"});
  m.node("Clip", "clip", {"image", "low", "high"}, {"l"});
  m.node("QuantizeLinear", "quantize", {"l", "steps", "zero"}, {"q"});
  m.node("DequantizeLinear", "dequantize", {"q", "steps", "zero"}, {"d"});
  m.node("Reshape", "reshape", {"d", "shape"}, {"flat"});
  m.node("MatMul", "fc", {"flat", "w"}, {"logits"});
  const Network network = m.import();
  ASSERT_EQ(network.nodes.size(), 3u);
  EXPECT_EQ(network.nodes[0].maximum, 15);
  EXPECT_EQ(network.nodes[2].name, "fc");
}

TEST(ImportOnnx, CallsUnnamedNodesByTheirOutput) {
  ModelBuilder model = small_model();
  for (auto& node : *model.graph().mutable_node()) node.clear_name();
  const Network network = model.import();
  EXPECT_EQ(network.layers[0].name, "c");
  EXPECT_EQ(network.layers[1].name, "logits");
}

// --- activation quantisers

std::string quantizer(float scale, float limit, int* maximum, bool clip = true,
                      std::int64_t opset = 13) {
  ModelBuilder m = model_around(
      [&](ModelBuilder& b) {
        b.floats("low", {}, {0.0f});
        b.floats("high", {}, {limit});
        b.floats("scale", {}, {scale});
        b.byte("zero", 0);
        if (clip && opset >= 11)
          b.node("Clip", "clip", {"image", "low", "high"}, {"l"});
        else if (clip)
          b.node("Clip", "clip", {"image"}, {"l"}).real("min", 0.0f).real("max", limit);
        b.node("QuantizeLinear", "quantize", {clip ? "l" : "image", "scale", "zero"}, {"q"});
        b.node("DequantizeLinear", "dequantize", {"q", "scale", "zero"}, {"x"});
      },
      72, opset);
  const std::string fault = m.fault();
  if (fault.empty()) *maximum = m.import().nodes.at(0).maximum;
  return fault;
}

TEST(ImportedQuantisers, HaveTheCodesThatClipLeaves) {
  int maximum = 0;
  for (const int expected : {1, 3, 7, 15, 63, 254, 255}) {
    const float scale = 0.151254f;
    ASSERT_EQ(quantizer(scale, static_cast<float>(expected) * scale, &maximum), "");
    EXPECT_EQ(maximum, expected);
  }
  ASSERT_EQ(quantizer(0.1f, 1.5f, &maximum, true, 10), "");
  EXPECT_EQ(maximum, 15);
}

TEST(ImportedQuantisers, SaturateAt255WithoutClip) {
  int maximum = 0;
  ASSERT_EQ(quantizer(0.1f, 0.0f, &maximum, false), "");
  EXPECT_EQ(maximum, 255);
  ASSERT_EQ(quantizer(0.1f, 1000.03f, &maximum), "");
  EXPECT_EQ(maximum, 255);
}

// Limiting and rounding commute, so a limit between two steps is the step that it rounds to.
TEST(ImportedQuantisers, RoundTheirLimit) {
  int maximum = 0;
  ASSERT_EQ(quantizer(0.1f, 1.57f, &maximum), "");
  EXPECT_EQ(maximum, 16);
  EXPECT_NE(quantizer(0.1f, 0.01f, &maximum).find("node 'clip' (Clip)"), std::string::npos);
  EXPECT_NE(quantizer(0.1f, -1.0f, &maximum), "");
}

TEST(ImportedLeNet, HasItsWeightsAndCodes) {
  const Network network =
      import_onnx(std::string(USWIM_SOURCE_DIR) + "/workloads/networks/lenet_mnist_4bit.onnx");
  EXPECT_EQ(network.weights(), 105918u);
  EXPECT_TRUE(network.input == (Shape{1, 28, 28}));
  EXPECT_EQ(network.classes(), 10u);
  std::vector<std::string> names;
  for (const MatrixLayer& layer : network.layers) {
    names.push_back(layer.name);
    const QuantizedWeights q = quantize_weights(layer, 4);
    for (std::size_t i = 0; i < layer.weight.size(); ++i)
      ASSERT_NEAR(q.step() * q.code[i], static_cast<double>(layer.weight[i]), 1e-6 * q.scale);
  }
  EXPECT_EQ(names, (std::vector<std::string>{"conv1", "conv2", "fc1", "fc2", "fc3"}));
  for (const Node& node : network.nodes)
    if (node.operation == Operation::Quantize) {
      EXPECT_EQ(node.maximum, 15);
    }
}

}  // namespace
}  // namespace uswim::tests
