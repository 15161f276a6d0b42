// Is every file that cannot be used refused with a sentence that says why?
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <random>

#include "damaged_model.h"

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

TEST(DamagedFiles, AreRefusedOrGiveASoundNetwork) {
  const std::string bytes = small_model().bytes();
  std::mt19937 random(2024);
  std::size_t refused = 0;
  for (int round = 0; round < 2000; ++round) {
    const std::string damaged = damaged_bytes(bytes, random);
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
    node(m, "relu").set_op_type("Softplus");
    node(m, "pool").set_op_type("LpPool");
    node(m, "flatten").set_domain("com.example");
    m.node("Softmax", "attention", {"c"}, {"weights"});
    m.node("Mul", "product", {"weights", "r"}, {"sum"});
    node(m, "clip").set_input(0, "sum");
  });
  EXPECT_THAT(fault,
              AllOf(HasSubstr("4 nodes are not supported"), HasSubstr("node 'relu' (Softplus)"),
                    HasSubstr("(LpPool)"), HasSubstr("'com.example'"),
                    HasSubstr("node 'attention' (Softmax): only at the very end"),
                    HasSubstr("supported are Conv,")));
}

TEST(RefusedGraphs, HaveOperatorsOutOfPlace) {
  const auto around = [](const std::function<void(ModelBuilder&)>& fill) {
    ModelBuilder m = model_around(fill, 72);
    m.floats("zero", {}, {0.0f});
    m.floats("one", {}, {1.0f});
    return m.fault();
  };
  EXPECT_THAT(around([](auto& m) { m.node("Softmax", "a", {"image"}, {"x"}); }),
              HasSubstr("only at the very end"));
  EXPECT_THAT(around([](auto& m) {
                m.node("QuantizeLinear", "a", {"image", "one"}, {"x"});
              }),
              AllOf(HasSubstr("node 'flatten'"), HasSubstr("holds quantised codes")));
  EXPECT_THAT(around([](auto& m) {
                m.node("DequantizeLinear", "a", {"image", "one"}, {"x"});
              }),
              HasSubstr("only behind QuantizeLinear"));
  EXPECT_THAT(
      around([](auto& m) { m.node("Relu", "a", {"one"}, {"x"}); }),
      AllOf(HasSubstr("node 'a' (Relu)"), HasSubstr("is a constant as all its inputs are")));
}

TEST(RefusedGraphs, HaveCycles) {
  EXPECT_THAT(fault_after([](auto& m) { node(m, "relu").set_input(0, "p"); }),
              AllOf(HasSubstr("cycle"), HasSubstr("node 'pool' (MaxPool)")));
  EXPECT_THAT(fault_after([](auto& m) { node(m, "relu").set_input(0, "r"); }), HasSubstr("cycle"));
}

TEST(RefusedGraphs, NameTheNodesOfOneCycleAlone) {
  const ModelBuilder model = model_around(
      [](ModelBuilder& m) {
        m.node("Sigmoid", "behind", {"b"}, {"x"});
        m.node("Add", "first", {"image", "c"}, {"a"});
        m.node("Relu", "second", {"a"}, {"b"});
        m.node("Tanh", "third", {"b"}, {"c"});
      },
      72);
  EXPECT_THAT(model.fault(),
              AllOf(HasSubstr("node 'first' (Add)"), HasSubstr("node 'second' (Relu)"),
                    HasSubstr("node 'third' (Tanh)"), Not(HasSubstr("node 'behind'")),
                    Not(HasSubstr("node 'last'"))));
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

TEST(RefusedGraphs, ReadSecondOutputs) {
  EXPECT_THAT(fault_after([](auto& m) {
                node(m, "pool").add_output("indices");
                node(m, "flatten").set_input(0, "indices");
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
  EXPECT_THAT(fault_of_input({2, 6, 6, 1, 1}), HasSubstr("5 dimensions"));
  EXPECT_THAT(fault_of_input({2, 6, 6}), HasSubstr("[outputs, channels, length]"));
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

}  // namespace
}  // namespace uswim::tests
