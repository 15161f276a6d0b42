// Is every file that cannot be used refused with a sentence that says why?
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <random>

#include "onnx_builder.h"

namespace uswim::tests {
namespace {

using namespace workloads;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

std::string fault_of_bytes(const std::string& bytes) {
  const TemporaryFile file(bytes, ".onnx");
  try {
    import_onnx(file.path());
  } catch (const NetworkError& error) {
    EXPECT_THAT(error.what(), HasSubstr(file.path().string()));
    return error.what();
  }
  return "";
}

/// The fault of the small model after `damage`.
std::string fault_after(const std::function<void(ModelBuilder&)>& damage) {
  ModelBuilder model = small_model();
  damage(model);
  return model.fault();
}

::onnx::NodeProto& node(ModelBuilder& model, const std::string& name) {
  for (auto& n : *model.graph().mutable_node())
    if (n.name() == name) return n;
  throw std::logic_error("no node " + name);
}

::onnx::TensorProto& tensor(ModelBuilder& model, const std::string& name) {
  for (auto& t : *model.graph().mutable_initializer())
    if (t.name() == name) return t;
  throw std::logic_error("no tensor " + name);
}

// --- files

TEST(RefusedFiles, AreMissingEmptyOrOfAnotherKind) {
  EXPECT_THROW(import_onnx("/nowhere/model.onnx"), NetworkError);
  EXPECT_THROW(import_onnx(::testing::TempDir()), NetworkError);
  EXPECT_THAT(fault_of_bytes(""), HasSubstr("empty"));
  EXPECT_THAT(fault_of_bytes("version: 1\nlayers: [3, 4]\n"), HasSubstr("no ONNX model"));
  EXPECT_THAT(fault_of_bytes(std::string(1000, '\0')), HasSubstr("no ONNX model"));
  EXPECT_THAT(fault_of_bytes(std::string(1000, '\xff')), HasSubstr("no ONNX model"));
}

TEST(RefusedFiles, AreThoseCutAnywhere) {
  const std::string bytes = small_model().bytes();
  ASSERT_EQ(fault_of_bytes(bytes), "");
  for (std::size_t length = 0; length < bytes.size(); ++length)
    ASSERT_NE(fault_of_bytes(bytes.substr(0, length)), "") << length << " of " << bytes.size();
}

TEST(RefusedFiles, GoOnBehindTheModel) {
  const std::string bytes = small_model().bytes();
  // 0x0c ends a protobuf group that never began: what follows would not be read.
  EXPECT_THAT(fault_of_bytes(bytes + "\x0c" + bytes), HasSubstr("no ONNX model"));
}

TEST(RefusedFiles, AreCutLeNets) {
  std::ifstream in(std::string(USWIM_SOURCE_DIR) + "/workloads/networks/lenet_mnist_4bit.onnx",
                   std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(in), {}};
  ASSERT_GT(bytes.size(), 400000u);
  for (std::size_t length = 0; length < bytes.size() - 1000; length += 6007)
    ASSERT_NE(fault_of_bytes(bytes.substr(0, length)), "") << length;
}

/// What every importer's result must fulfil, or later code reads outside of its arrays.
void expect_consistent(const Network& network) {
  ASSERT_FALSE(network.nodes.empty());
  for (std::size_t i = 0; i < network.nodes.size(); ++i) {
    const Node& n = network.nodes[i];
    ASSERT_LE(n.input(), i);
    ASSERT_GT(n.shape.size(), 0u);
    ASSERT_LE(n.shape.size(), std::size_t{1} << 24);
    if (n.operation == Operation::Quantize) {
      ASSERT_GT(n.scale, 0.0f);
      ASSERT_TRUE(n.maximum >= 1 && n.maximum <= 255);
    }
    if (n.operation != Operation::Matrix) continue;
    ASSERT_LT(n.layer, network.layers.size());
    const MatrixLayer& layer = network.layers[n.layer];
    ASSERT_EQ(layer.weight.size(), layer.outputs * layer.rows);
    ASSERT_EQ(layer.bias.size(), layer.outputs);
    ASSERT_EQ(n.shape.channels, layer.outputs);
    ASSERT_EQ(layer.rows, network.shape_of(n.input()).channels * layer.window.kernel_height *
                              layer.window.kernel_width);
    for (const float w : layer.weight) ASSERT_TRUE(std::isfinite(w));
  }
}

TEST(DamagedFiles, AreRefusedOrGiveASoundNetwork) {
  const std::string bytes = small_model().bytes();
  std::mt19937 random(2024);
  std::size_t refused = 0;
  for (int round = 0; round < 2000; ++round) {
    std::string damaged = bytes;
    const std::size_t changes = 1 + random() % 4;
    for (std::size_t c = 0; c < changes; ++c) {
      const std::size_t at = random() % damaged.size();
      switch (random() % 4) {
        case 0:
          damaged[at] = static_cast<char>(damaged[at] ^ 1 << random() % 8);
          break;
        case 1:
          damaged[at] = static_cast<char>(random());
          break;
        case 2:
          damaged.erase(at, 1 + random() % 3);
          break;
        default:
          damaged.insert(at, 1, static_cast<char>(random()));
      }
    }
    const TemporaryFile file(damaged, ".onnx");
    try {
      expect_consistent(import_onnx(file.path()));
    } catch (const NetworkError&) {
      ++refused;
    }
  }
  EXPECT_GT(refused, 1000u);
  EXPECT_LT(refused, 2000u);  // or nothing got as far as a network
}

TEST(RefusedFiles, StateNoOpsetOrOnlyForeignOnes) {
  EXPECT_THAT(fault_after([](auto& m) { m.model().clear_opset_import(); }), HasSubstr("opset"));
  EXPECT_THAT(
      fault_after([](auto& m) { m.model().mutable_opset_import(0)->set_domain("com.example"); }),
      HasSubstr("opset"));
}

// --- graphs

TEST(RefusedGraphs, HaveUnsupportedOperatorsAllListedAtOnce) {
  const std::string fault = fault_after([](auto& m) {
    node(m, "relu").set_op_type("Sigmoid");
    node(m, "pool").set_op_type("AveragePool");
    node(m, "flatten").set_domain("com.example");
    m.node("Add", "shortcut", {"c", "r"}, {"sum"});
  });
  EXPECT_THAT(fault, AllOf(HasSubstr("node 'relu' (Sigmoid)"), HasSubstr("(AveragePool)"),
                           HasSubstr("'com.example'"), HasSubstr("node 'shortcut' (Add): only as"),
                           HasSubstr("supported are Conv,")));
}

TEST(RefusedGraphs, HaveOperatorsOutOfPlace) {
  const auto around = [](const std::function<void(ModelBuilder&)>& fill) {
    ModelBuilder m = model_around(fill, 72);
    m.floats("zero", {}, {0.0f});
    m.floats("one", {}, {1.0f});
    return m.fault();
  };
  EXPECT_THAT(around([](auto& m) {
                m.node("Clip", "a", {"image", "zero", "one"}, {"x"});
              }),
              HasSubstr("node 'a' (Clip): only in front of QuantizeLinear"));
  EXPECT_THAT(around([](auto& m) { m.node("Softmax", "a", {"image"}, {"x"}); }),
              HasSubstr("only at the very end"));
  EXPECT_THAT(around([](auto& m) {
                m.node("Add", "a", {"image", "one"}, {"x"});
              }),
              HasSubstr("only as the constant bias of a MatMul"));
  EXPECT_THAT(around([](auto& m) {
                m.node("MatMul", "m", {"image", "one"}, {"product"});
                m.node("Add", "a", {"product", "image"}, {"x"});
              }),
              HasSubstr("only as the constant bias of a MatMul"));
  EXPECT_THAT(around([](auto& m) {
                m.node("QuantizeLinear", "a", {"image", "one"}, {"x"});
              }),
              HasSubstr("only in front of DequantizeLinear"));
  EXPECT_THAT(around([](auto& m) {
                m.node("DequantizeLinear", "a", {"image", "one"}, {"x"});
              }),
              HasSubstr("only behind QuantizeLinear"));
}

TEST(RefusedGraphs, HaveCycles) {
  EXPECT_THAT(fault_after([](auto& m) { node(m, "relu").set_input(0, "p"); }),
              AllOf(HasSubstr("cycle"), HasSubstr("node 'pool' (MaxPool)")));
  EXPECT_THAT(fault_after([](auto& m) { node(m, "relu").set_input(0, "r"); }), HasSubstr("cycle"));
}

TEST(RefusedGraphs, ReadValuesThatNothingWrites) {
  EXPECT_THAT(fault_after([](auto& m) { node(m, "pool").set_input(0, "nowhere"); }),
              AllOf(HasSubstr("node 'pool' (MaxPool)"), HasSubstr("'nowhere'")));
}

TEST(RefusedGraphs, WriteAValueTwice) {
  EXPECT_THAT(fault_after([](auto& m) { node(m, "pool").set_output(0, "r"); }),
              AllOf(HasSubstr("'r'"), HasSubstr("written elsewhere")));
  EXPECT_THAT(fault_after([](auto& m) { node(m, "pool").set_output(0, "image"); }),
              HasSubstr("written elsewhere"));
  EXPECT_THAT(fault_after([](auto& m) { node(m, "pool").set_output(0, "scale"); }),
              HasSubstr("written elsewhere"));
  EXPECT_THAT(fault_after([](auto& m) { m.floats("scale", {}, {1.0f}); }),
              AllOf(HasSubstr("two initializers"), HasSubstr("'scale'")));
}

TEST(RefusedGraphs, Branch) {
  const std::string fault =
      fault_after([](auto& m) { m.node("Relu", "second", {"c"}, {"unused"}); });
  EXPECT_THAT(fault, AllOf(HasSubstr("branching"), HasSubstr("node 'second' (Relu)"),
                           HasSubstr("node 'relu' (Relu)")));
  EXPECT_THAT(fault_after([](auto& m) { m.graph().mutable_output(0)->set_name("f"); }),
              HasSubstr("branching"));
  EXPECT_THAT(fault_after([](auto& m) {
                node(m, "pool").add_output("indices");
                m.graph().mutable_output(0)->set_name("indices");
              }),
              HasSubstr("only first outputs"));
}

TEST(RefusedGraphs, HaveSeveralInputsOrOutputs) {
  EXPECT_THAT(fault_after([](auto& m) {
                m.input("mask", {-1, 4});
              }),
              AllOf(HasSubstr("2 inputs"), HasSubstr("'mask'")));
  EXPECT_THAT(fault_after([](auto& m) { m.output("c", {}); }), HasSubstr("2 outputs"));
  EXPECT_THAT(fault_after([](auto& m) { m.graph().clear_input(); }), HasSubstr("0 inputs"));
  EXPECT_THAT(fault_after([](auto& m) { m.graph().clear_output(); }), HasSubstr("0 outputs"));
}

TEST(RefusedGraphs, HaveNoWeights) {
  ModelBuilder m;
  m.input("image", {-1, 4});
  m.output("y", {-1, 4});
  m.node("Relu", "relu", {"image"}, {"y"});
  EXPECT_THAT(m.fault(), HasSubstr("no weights to program"));
}

TEST(RefusedGraphs, DoNotEndInClasses) {
  EXPECT_THAT(fault_after([](auto& m) {
                m.graph().mutable_node()->RemoveLast();
                m.graph().mutable_node()->RemoveLast();
                m.graph().mutable_output(0)->set_name("p");
              }),
              HasSubstr("expected [N, classes]"));
  EXPECT_THAT(fault_after([](auto& m) {
                m.graph()
                    .mutable_output(0)
                    ->mutable_type()
                    ->mutable_tensor_type()
                    ->mutable_shape()
                    ->mutable_dim(1)
                    ->set_dim_value(10);
              }),
              AllOf(HasSubstr("declared with 10 classes"), HasSubstr("has 4")));
}

TEST(RefusedGraphs, MentionNamesWithoutTheirControlCharacters) {
  const std::string fault = fault_after([](auto& m) {
    node(m, "pool").set_op_type("\x1b[2J");
    node(m, "pool").set_name(std::string(500, 'n'));
  });
  EXPECT_THAT(fault, AllOf(HasSubstr("\\x1b[2J"), Not(HasSubstr("\x1b"))));
  EXPECT_THAT(fault, Not(HasSubstr(std::string(100, 'n'))));
}

// --- inputs

std::string fault_of_input(const ModelBuilder::Dims& dims) {
  return fault_after([&](auto& m) {
    m.graph().clear_input();
    m.input("image", dims);
  });
}

TEST(RefusedInputs, HaveShapesThatAreNoImages) {
  EXPECT_THAT(fault_of_input({2, 6, 6}), HasSubstr("3 dimensions"));
  EXPECT_THAT(fault_of_input({-1, 2, -1, 6}), HasSubstr("dimension 2"));
  EXPECT_THAT(fault_of_input({-1, 0, 6, 6}), HasSubstr("dimension 1"));
  EXPECT_THAT(fault_of_input({0, 2, 6, 6}), HasSubstr("0 images"));
  EXPECT_THAT(fault_of_input({-1, std::int64_t{1} << 40, 6, 6}), HasSubstr("more than"));
  EXPECT_THAT(fault_of_input({-1, std::int64_t{1} << 62, std::int64_t{1} << 62, 6}),
              HasSubstr("more than"));
  EXPECT_THAT(fault_after([](auto& m) {
                m.graph().mutable_input(0)->mutable_type()->mutable_tensor_type()->set_elem_type(
                    ::onnx::TensorProto::INT8);
              }),
              HasSubstr("FLOAT"));
}

// --- tensors

TEST(RefusedTensors, HaveAnotherElementCount) {
  EXPECT_THAT(fault_after([](auto& m) { tensor(m, "conv_weight").add_float_data(1.0f); }),
              AllOf(HasSubstr("node 'conv' (Conv)"), HasSubstr("55 elements"), HasSubstr("54")));
  EXPECT_THAT(fault_after([](auto& m) {
                tensor(m, "fc_weight").clear_float_data();
                tensor(m, "fc_weight").set_raw_data(std::string(4 * 108 - 1, '\0'));
              }),
              AllOf(HasSubstr("node 'fc' (Gemm)"), HasSubstr("431 bytes")));
  EXPECT_THAT(fault_after([](auto& m) {
                tensor(m, "fc_weight").clear_float_data();
                tensor(m, "fc_weight").set_raw_data(std::string(4 * 108 + 3, 0));
              }),
              HasSubstr("435 bytes"));
  EXPECT_THAT(
      fault_after([](auto& m) { tensor(m, "fc_weight").set_raw_data(std::string(432, 0)); }),
      HasSubstr("beside its raw data"));
}

TEST(RefusedTensors, HaveHugeOrNegativeDimensions) {
  EXPECT_THAT(fault_after([](auto& m) {
                for (int d = 0; d < 4; ++d)
                  tensor(m, "conv_weight").set_dims(d, std::int64_t{1} << 40);
              }),
              HasSubstr("64 bits"));
  EXPECT_THAT(
      fault_after([](auto& m) { tensor(m, "fc_weight").set_dims(0, std::int64_t{1} << 50); }),
      HasSubstr("needs"));
  EXPECT_THAT(fault_after([](auto& m) {
                tensor(m, "fc_weight").clear_float_data();
                tensor(m, "fc_weight").set_dims(0, std::int64_t{1} << 62);
                tensor(m, "fc_weight").set_dims(1, 1);
                tensor(m, "fc_weight").set_raw_data("");
              }),
              HasSubstr("0 bytes"));
  EXPECT_THAT(fault_after([](auto& m) { tensor(m, "fc_weight").set_dims(0, -4); }),
              HasSubstr("negative"));
}

TEST(RefusedTensors, AreOfAnotherTypeOrPlace) {
  EXPECT_THAT(fault_after([](auto& m) {
                tensor(m, "conv_weight").set_data_type(::onnx::TensorProto::DOUBLE);
              }),
              AllOf(HasSubstr("DOUBLE"), HasSubstr("expected FLOAT")));
  EXPECT_THAT(fault_after([](auto& m) { tensor(m, "conv_weight").set_data_type(99); }),
              HasSubstr("number 99"));
  EXPECT_THAT(fault_after([](auto& m) {
                tensor(m, "conv_weight").clear_float_data();
                tensor(m, "conv_weight").set_data_location(::onnx::TensorProto::EXTERNAL);
                auto* entry = tensor(m, "conv_weight").add_external_data();
                entry->set_key("location");
                entry->set_value("/etc/passwd");
              }),
              AllOf(HasSubstr("another file"), Not(HasSubstr("passwd"))));
}

TEST(RefusedTensors, HoldNumbersThatAreNone) {
  EXPECT_THAT(
      fault_after([](auto& m) { tensor(m, "fc_weight").set_float_data(30, std::nanf("")); }),
      AllOf(HasSubstr("node 'fc' (Gemm)"), HasSubstr("weight 30 (output 1, row 3)"),
            HasSubstr("layer 1"), HasSubstr("nan")));
  EXPECT_THAT(fault_after([](auto& m) {
                tensor(m, "conv_bias").set_float_data(2, -std::numeric_limits<float>::infinity());
              }),
              AllOf(HasSubstr("bias 2"), HasSubstr("-inf")));
}

// --- shapes of operators

TEST(RefusedShapes, SayWhatWasFoundAndExpected) {
  EXPECT_THAT(fault_after([](auto& m) {
                tensor(m, "fc_weight").set_dims(1, 27 * 2);
                tensor(m, "fc_weight").set_dims(0, 2);
                node(m, "fc").mutable_input()->RemoveLast();
              }),
              AllOf(HasSubstr("node 'fc' (Gemm)"), HasSubstr("54 inputs"), HasSubstr("[N, 27]")));
  EXPECT_THAT(fault_after([](auto& m) {
                tensor(m, "conv_weight").set_dims(0, 2);
                tensor(m, "conv_weight").set_dims(1, 3);
              }),
              AllOf(HasSubstr("3 input channels"), HasSubstr("[N, 2, 6, 6]")));
  EXPECT_THAT(fault_after([](auto& m) {
                tensor(m, "conv_bias").set_dims(0, 4);
                tensor(m, "conv_bias").add_float_data(1.0f);
              }),
              AllOf(HasSubstr("bias"), HasSubstr("[4]"), HasSubstr("[3]")));
  EXPECT_THAT(fault_after([](auto& m) {
                node(m, "fc").set_input(0, "p");
                m.graph().mutable_node()->DeleteSubrange(6, 1);
              }),
              HasSubstr("put Flatten in front"));
  EXPECT_THAT(fault_after([](auto& m) { tensor(m, "fc_weight").add_dims(1); }),
              HasSubstr("two dimensions"));
  EXPECT_THAT(fault_after([](auto& m) {
                tensor(m, "conv_weight").mutable_dims()->RemoveLast();
                tensor(m, "conv_weight").set_dims(2, 9);
              }),
              HasSubstr("[outputs, channels, height, width]"));
  EXPECT_THAT(fault_after([](auto& m) {
                tensor(m, "fc_weight").set_dims(0, 0);
                tensor(m, "fc_weight").clear_float_data();
                tensor(m, "fc_bias").set_dims(0, 0);
                tensor(m, "fc_bias").clear_float_data();
              }),
              HasSubstr("no weights"));
}

/// The fault of a Conv or MaxPool with these attributes on [N, 2, 6, 6].
std::string fault_of_window(const char* type, const std::function<void(NodeBuilder&)>& set) {
  ModelBuilder m = model_around(
      [&](ModelBuilder& b) {
        b.floats("w", {1, 2, 3, 3});
        const bool conv = std::string(type) == "Conv";
        NodeBuilder n =
            b.node(type, "window",
                   conv ? ModelBuilder::Names{"image", "w"} : ModelBuilder::Names{"image"}, {"x"});
        set(n);
      },
      1);
  return m.fault();
}

TEST(RefusedWindows, HaveImpossibleSizes) {
  const auto conv = [](const char* name, const std::vector<std::int64_t>& values) {
    return fault_of_window("Conv", [&](NodeBuilder& n) { n.integers(name, values); });
  };
  const std::int64_t huge = std::numeric_limits<std::int64_t>::max();
  EXPECT_THAT(conv("strides", {0, 1}),
              AllOf(HasSubstr("strides is [0, 1]"), HasSubstr("'window'")));
  EXPECT_THAT(conv("strides", {1, -1}), HasSubstr("strides"));
  EXPECT_THAT(conv("strides", {1}), HasSubstr("expected 2 numbers"));
  EXPECT_THAT(conv("dilations", {0, 1}), HasSubstr("dilations"));
  EXPECT_THAT(conv("dilations", {3, 1}), AllOf(HasSubstr("7 x 3"), HasSubstr("6 x 6")));
  EXPECT_THAT(conv("dilations", {huge, 1}), HasSubstr("dilations"));
  EXPECT_THAT(conv("pads", {0, 0, -1, 0}), HasSubstr("pads"));
  EXPECT_THAT(conv("pads", {huge, 0, huge, 0}), HasSubstr("pads"));
  EXPECT_THAT(conv("pads", {1 << 24, 1 << 24, 1 << 24, 1 << 24}), HasSubstr("more than"));
  EXPECT_THAT(conv("pads", {1, 1}), HasSubstr("expected 4 numbers"));
  EXPECT_THAT(conv("kernel_shape", {5, 3}), HasSubstr("its weights are 3 x 3"));
  EXPECT_THAT(conv("kernel_shape", {}), HasSubstr("kernel_shape"));
  const auto pool = [](const std::vector<std::int64_t>& kernel,
                       const std::vector<std::int64_t>& pads) {
    return fault_of_window("MaxPool", [&](NodeBuilder& n) {
      n.integers("kernel_shape", kernel).integers("pads", pads);
    });
  };
  EXPECT_THAT(pool({7, 1}, {0, 0, 0, 0}), HasSubstr("more than the padded input"));
  EXPECT_THAT(pool({0, 1}, {0, 0, 0, 0}), HasSubstr("kernel_shape"));
  EXPECT_THAT(pool({2, 2}, {2, 0, 0, 0}), HasSubstr("border alone"));
  EXPECT_THAT(pool({2, 2}, {0, 0, 0, 2}), HasSubstr("border alone"));
  EXPECT_THAT(fault_of_window("MaxPool", [](NodeBuilder&) {}), HasSubstr("no kernel_shape"));
  EXPECT_THAT(
      fault_of_window("Conv",
                      [](NodeBuilder& n) {
                        n.word("auto_pad", "SAME_UPPER").integers("dilations", {1 << 24, 1});
                      }),
      HasSubstr("more than"));
}

TEST(RefusedWindows, HaveAttributesOutOfReach) {
  const auto conv = [](const std::function<void(NodeBuilder&)>& set) {
    return fault_of_window("Conv", set);
  };
  EXPECT_THAT(conv([](auto& n) { n.integer("group", 2); }), HasSubstr("group is 2"));
  EXPECT_THAT(conv([](auto& n) { n.word("auto_pad", "FULL"); }), HasSubstr("'FULL'"));
  EXPECT_THAT(conv([](auto& n) {
                n.word("auto_pad", "VALID").integers("pads", {1, 1, 1, 1});
              }),
              HasSubstr("both pads and auto_pad"));
  EXPECT_THAT(conv([](auto& n) { n.integer("strides", 2); }), HasSubstr("expected INTS"));
  EXPECT_THAT(conv([](auto& n) { n.real("speed", 2.0f); }), HasSubstr("'speed'"));
  EXPECT_THAT(conv([](auto& n) { n.integer("group", 1).integer("group", 1); }),
              HasSubstr("given twice"));
  EXPECT_THAT(
      fault_of_window(
          "MaxPool",
          [](auto& n) {
            n.integer("ceil_mode", 1).integers("kernel_shape", {2, 2}).integers("strides", {3, 3});
          }),
      HasSubstr("ceil_mode"));
}

TEST(RefusedOperators, WouldMixImages) {
  const auto reshape = [](const std::vector<std::int64_t>& shape) {
    return model_around(
               [&](ModelBuilder& m) {
                 m.int64s("shape", shape);
                 m.node("Reshape", "reshape", {"image", "shape"}, {"x"});
               },
               72)
        .fault();
  };
  for (const auto& shape : std::vector<std::vector<std::int64_t>>{
           {-1, 36}, {1, -1}, {-1, -1}, {72}, {0, 2, 36}, {-1}, {3, 24}, {0, 71}, {}})
    EXPECT_THAT(reshape(shape), HasSubstr("expected [N, 72]"));
  EXPECT_EQ(reshape({0, -1}), "");
  EXPECT_THAT(fault_after([](auto& m) {
                auto* axis = node(m, "flatten").add_attribute();
                axis->set_name("axis");
                axis->set_type(::onnx::AttributeProto::INT);
                axis->set_i(2);
              }),
              HasSubstr("axis is 2"));
  EXPECT_THAT(fault_after([](auto& m) {
                auto* transposed = node(m, "fc").add_attribute();
                transposed->set_name("transA");
                transposed->set_type(::onnx::AttributeProto::INT);
                transposed->set_i(1);
              }),
              HasSubstr("transA"));
}

TEST(RefusedOperators, TakeTheirConstantsFromTheNetwork) {
  EXPECT_THAT(fault_after([](auto& m) { node(m, "fc").set_input(0, "fc_weight"); }),
              HasSubstr("nothing reads"));
  ModelBuilder m;
  m.input("image", {-1, 3});
  m.output("logits", {-1, 3});
  m.floats("w", {3, 3});
  m.node("MatMul", "fc", {"w", "image"}, {"logits"});
  EXPECT_THAT(m.fault(), AllOf(HasSubstr("weights 'image'"), HasSubstr("expected a constant")));
}

TEST(RefusedOperators, HaveTooFewInputs) {
  for (const char* name : {"conv", "relu", "quantize", "pool", "flatten", "fc"})
    EXPECT_NE(fault_after([&](auto& m) { node(m, name).clear_input(); }), "") << name;
  for (const char* name : {"conv", "relu", "clip", "quantize", "dequantize", "pool", "fc"})
    EXPECT_NE(fault_after([&](auto& m) { node(m, name).clear_output(); }), "") << name;
  EXPECT_THAT(fault_after([](auto& m) { node(m, "conv").mutable_input()->DeleteSubrange(1, 2); }),
              HasSubstr("has 1 inputs, expected 2 to 3"));
}

TEST(RefusedQuantisers, AreNotThoseOfACrossbarsInput) {
  EXPECT_THAT(fault_after([](auto& m) { tensor(m, "zero_point").set_int32_data(0, 128); }),
              HasSubstr("zero point"));
  EXPECT_THAT(fault_after([](auto& m) { tensor(m, "zero_point").set_int32_data(0, 256); }),
              HasSubstr("does not fit UINT8"));
  EXPECT_THAT(fault_after([](auto& m) {
                tensor(m, "zero_point").set_data_type(::onnx::TensorProto::INT8);
              }),
              AllOf(HasSubstr("INT8"), HasSubstr("expected UINT8")));
  for (const float scale :
       {0.0f, -0.5f, std::nanf(""), 1e-45f, std::numeric_limits<float>::infinity()})
    EXPECT_THAT(fault_after([&](auto& m) { tensor(m, "scale").set_float_data(0, scale); }),
                HasSubstr("expected a positive number"))
        << scale;
  EXPECT_THAT(fault_after([](auto& m) {
                m.floats("other", {}, {0.25f});
                node(m, "dequantize").set_input(1, "other");
              }),
              HasSubstr("differs from the 0.5 of node 'quantize'"));
  EXPECT_THAT(fault_after([](auto& m) {
                tensor(m, "scale").add_dims(3);
                tensor(m, "scale").add_float_data(0.5f);
                tensor(m, "scale").add_float_data(0.5f);
              }),
              HasSubstr("expected one number"));
  EXPECT_THAT(fault_after([](auto& m) { tensor(m, "zero").set_float_data(0, -1.0f); }),
              AllOf(HasSubstr("node 'clip'"), HasSubstr("expected 0")));
}

TEST(RefusedOperators, DropInTraining) {
  EXPECT_THAT(fault_after([](auto& m) {
                auto& training = m.floats("training", {}, {0.0f});
                training.set_data_type(::onnx::TensorProto::BOOL);
                training.clear_float_data();
                training.add_int32_data(1);
                auto& drop = node(m, "relu");
                drop.set_op_type("Dropout");
                drop.add_input("");
                drop.add_input("training");
              }),
              HasSubstr("training_mode"));
}

}  // namespace
}  // namespace uswim::tests
