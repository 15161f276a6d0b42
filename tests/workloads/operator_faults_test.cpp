// Are tensors, shapes and operators that cannot be used refused with a sentence that says why?
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "damaged_model.h"

namespace uswim::tests {
namespace {

using namespace workloads;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

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
                tensor(m, "conv_weight").set_data_type(::onnx::TensorProto::BFLOAT16);
              }),
              AllOf(HasSubstr("BFLOAT16"), HasSubstr("expected FLOAT")));
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
  EXPECT_THAT(conv("pads", {1 << 15, 1 << 15, 1 << 15, 1 << 15}), HasSubstr("more than"));
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
  for (const auto& shape : std::vector<std::vector<std::int64_t>>{{-1, 36},
                                                                  {1, -1},
                                                                  {-1, -1},
                                                                  {72},
                                                                  {0, -1, -1},
                                                                  {0, -2},
                                                                  {-1},
                                                                  {3, 24},
                                                                  {0, 71},
                                                                  {0, 0},
                                                                  {}})
    EXPECT_THAT(reshape(shape), HasSubstr("the images stay apart"));
  EXPECT_EQ(reshape({0, 2, 36}), "");
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
              HasSubstr("is a constant"));
  ModelBuilder m;
  m.input("image", {-1, 3});
  m.output("logits", {-1, 3});
  m.node("Relu", "relu", {"image"}, {"r"});
  m.node("MatMul", "fc", {"r", "image"}, {"logits"});
  EXPECT_THAT(m.fault(), HasSubstr("expected a constant for its weights: 'image' is computed"));
}

TEST(RefusedOperators, HaveTooFewInputs) {
  for (const char* name : {"conv", "relu", "quantize", "pool", "flatten", "fc"})
    EXPECT_NE(fault_after([&](auto& m) { node(m, name).clear_input(); }), "") << name;
  for (const char* name : {"conv", "relu", "clip", "quantize", "dequantize", "pool", "fc"})
    EXPECT_NE(fault_after([&](auto& m) { node(m, name).clear_output(); }), "") << name;
  EXPECT_THAT(fault_after([](auto& m) { node(m, "conv").mutable_input()->DeleteSubrange(1, 2); }),
              HasSubstr("has 1 inputs, expected 2 to 3"));
}

// INT8 codes from -128 on are UINT8 codes, less 128.
TEST(Quantisers, MayShiftTheirCodesByTheLowestOne) {
  const auto quantizer = [](const std::function<void(ModelBuilder&)>& change) {
    ModelBuilder model = small_model();
    tensor(model, "scale").set_float_data(0, 0.01f);  // codes above those of a signed byte
    change(model);
    const Network network = model.import();
    return *std::find_if(network.nodes.begin(), network.nodes.end(),
                         [](const Node& n) { return n.operation == Operation::Quantize; });
  };
  const Node plain = quantizer([](auto&) {});
  ASSERT_GT(plain.maximum, 127);
  const Node shifted = quantizer([](auto& m) {
    tensor(m, "zero_point").set_data_type(::onnx::TensorProto::INT8);
    tensor(m, "zero_point").set_int32_data(0, -128);
  });
  EXPECT_EQ(shifted.minimum, 0);
  EXPECT_EQ(shifted.maximum, plain.maximum);
  EXPECT_EQ(shifted.scale, plain.scale);
}

TEST(RefusedQuantisers, AreNotThoseOfACrossbarsInput) {
  EXPECT_THAT(fault_after([](auto& m) {
                tensor(m, "zero_point").set_data_type(::onnx::TensorProto::INT8);
                tensor(m, "zero_point").set_int32_data(0, -127);
              }),
              HasSubstr("expected 0, or the -128 of INT8"));
  EXPECT_THAT(fault_after([](auto& m) { tensor(m, "zero_point").set_int32_data(0, 128); }),
              HasSubstr("zero point"));
  EXPECT_THAT(fault_after([](auto& m) { tensor(m, "zero_point").set_int32_data(0, 256); }),
              HasSubstr("does not fit UINT8"));
  EXPECT_THAT(fault_after([](auto& m) {
                tensor(m, "zero_point").set_data_type(::onnx::TensorProto::INT16);
              }),
              AllOf(HasSubstr("INT16"), HasSubstr("expected UINT8")));
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
  EXPECT_THAT(fault_after([](auto& m) { tensor(m, "zero").set_float_data(0, 1.0f); }),
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
