// Does the importer see through what exporters put around a network, and say where it does not?
// What these graphs compute is held against ONNX Runtime (reference_exports.cpp).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "reference_sketch.h"
#include "workloads/sensitivity/sensitivity.h"

namespace uswim::tests {
namespace {

using namespace workloads;
using ::onnx::TensorProto;
using ::testing::AllOf;
using ::testing::HasSubstr;

/// The fault of nodes that make "x" of an image of [2, 6, 6].
std::string fault_of(const Fill& fill, std::int64_t flat = 72) {
  Models models;
  models.add("export", {2, 6, 6}, flat, fill);
  return models.models.front().model.fault();
}

/// The first layer's weights, [2, 1] of `tensor`, in a network of one input.
std::vector<float> weights_of(const std::function<void(Sketch&)>& fill) {
  Models models;
  models.finish(
      "weights", {1}, 13,
      [&](Sketch& s) {
        fill(s);
        s.node("Gemm", "fc", {"image", "w"}, {"logits"}).integer("transB", 1);
      },
      2);
  return models.models.front().model.import().layers.at(0).weight;
}

TEST(NumbersOfOtherTypes, BecomeFloats) {
  const auto halves = [](const Ints& bits) {
    return weights_of([&](Sketch& s) { s.codes("w", {2, 1}, bits, TensorProto::FLOAT16); });
  };
  EXPECT_EQ(halves({0x3c00, 0xc500}), (std::vector<float>{1.0f, -5.0f}));
  EXPECT_EQ(halves({0x7bff, 0x8001}), (std::vector<float>{65504.0f, -5.9604645e-8f}));
  EXPECT_EQ(weights_of([](Sketch& s) {
              TensorProto& tensor = s.floats("w", {2, 1}, {});
              tensor.set_data_type(TensorProto::DOUBLE);
              tensor.add_double_data(0.1);
              tensor.add_double_data(-1e-50);
            }),
            (std::vector<float>{0.1f, -0.0f}));
  Sketch infinite;
  infinite.input("image", {-1, 1});
  infinite.output("logits", {-1, 1});
  infinite.codes("w", {1, 1}, {0x7c00}, TensorProto::FLOAT16);
  infinite.node("Gemm", "fc", {"image", "w"}, {"logits"});
  EXPECT_THAT(infinite.fault(), AllOf(HasSubstr("weight 0"), HasSubstr("inf")));
}

TEST(ConstantsOfConstants, LeaveNoNode) {
  Models models;
  add_exports(models);
  for (const ReferenceModel& reference : models.models)
    if (reference.name == "constants_of_constants") {
      EXPECT_EQ(reference.model.import().nodes.size(), 3u);  // conv, flatten, last
    }
}

TEST(ConstantsOfConstants, HaveToFit) {
  const auto with = [](const std::string& type, const Dims& a, const Dims& b) {
    return fault_of([&](Sketch& s) {
      NodeBuilder node = s.node(type, "k", {s.random("a", a), s.random("b", b)}, {"w"});
      if (type == "Concat") node.integer("axis", 1);
      s.node("Mul", "use", {"image", "w"}, {"x"});
    });
  };
  EXPECT_THAT(with("Add", {2, 3}, {3, 2}),
              AllOf(HasSubstr("node 'k' (Add)"), HasSubstr("[2, 3] and [3, 2]")));
  EXPECT_THAT(with("Concat", {2, 3}, {1, 3}), AllOf(HasSubstr("node 'k'"), HasSubstr("axis 1")));
  EXPECT_THAT(with("Concat", {2}, {2}), HasSubstr("axis 1 lies outside"));
  EXPECT_THAT(with("Add", {8192, 1}, {1, 8192}), HasSubstr("more than"));
  EXPECT_THAT(fault_of([](Sketch& s) {
                s.node("Div", "k", {s.ints("a", {6}), s.ints("b", {0})}, {"shape"});
                s.node("Reshape", "use", {"image", "shape"}, {"x"});
              }),
              HasSubstr("divides the constant 6 by 0"));
}

TEST(SizesOfShapes, MoveImagesNowhere) {
  const auto view = [](const std::function<void(Sketch&)>& fill) {
    return fault_of([&](Sketch& s) {
      s.node("Shape", "shape", {"image"}, {"s"});
      fill(s);
      s.node("Reshape", "view", {"image", "t"}, {"x"});
    });
  };
  const auto gathered = [&](const Ints& indices) {
    return view([&](Sketch& s) { s.node("Gather", "g", {"s", s.ints("i", indices)}, {"t"}); });
  };
  EXPECT_EQ(gathered({0, 1, 2, 3}), "");
  EXPECT_THAT(gathered({1, 0, 2, 3}),
              AllOf(HasSubstr("the images stay apart"), HasSubstr("[2, N, 6, 6]")));
  EXPECT_THAT(gathered({0, 4}), HasSubstr("axis 4 lies outside"));
  EXPECT_THAT(view([](Sketch& s) {
                s.node("Mul", "product", {"s", s.ints("two", {2})}, {"t"});
              }),
              HasSubstr("multiplies the number of images"));
  EXPECT_THAT(view([](Sketch& s) { s.node("Relu", "relu", {"s"}, {"t"}); }),
              AllOf(HasSubstr("node 'relu'"), HasSubstr("sizes that Shape gives")));
  EXPECT_THAT(fault_of([](Sketch& s) {
                s.node("Gather", "g", {"image", s.ints("i", {0})}, {"x"});
              }),
              HasSubstr("only of constants and of the sizes that Shape gives"));
}

TEST(SelectedConstants, HaveToBeThere) {
  const auto with = [](const Fill& select) {
    return fault_of([&](Sketch& s) {
      s.random("k", {2, 3});
      select(s);
      s.node("Mul", "use", {"image", "w"}, {"x"});
    });
  };
  const auto sliced = [&](const Names& bounds) {
    return with([&](Sketch& s) {
      s.ints("zero", {0});
      s.ints("one", {1});
      s.ints("two", {2});
      s.ints("both", {0, 0});
      Names inputs{"k"};
      inputs.insert(inputs.end(), bounds.begin(), bounds.end());
      s.node("Slice", "cut", inputs, {"w"});
    });
  };
  EXPECT_EQ(
      with([](Sketch& s) {
        s.node("Gather", "pick", {"k", s.codes("i", {}, {1}, TensorProto::INT32).name()}, {"1"});
        s.node("Slice", "cut", {"1", s.ints("zero", {0}), s.ints("one", {1})}, {"w"});
      }),
      "");
  EXPECT_THAT(sliced({"zero"}), AllOf(HasSubstr("node 'cut' (Slice)"), HasSubstr("2 inputs")));
  EXPECT_THAT(sliced({"zero", "both"}), HasSubstr("differ in number"));
  EXPECT_THAT(sliced({"zero", "one", "two"}), HasSubstr("axis 2 lies outside"));
  EXPECT_THAT(sliced({"both", "both", "both"}), HasSubstr("cuts axis 0 twice"));
  EXPECT_THAT(sliced({"zero", "one", "one", "zero"}), HasSubstr("step along axis 1 is 0"));
  EXPECT_THAT(sliced({"zero", "k"}), HasSubstr("its ends are no list of whole numbers"));
  // Nothing is left, which no operator takes.
  EXPECT_THAT(sliced({"one", "zero"}), HasSubstr("does not spread"));
  const auto gathered = [&](const Ints& indices, std::int64_t axis) {
    return with([&](Sketch& s) {
      s.node("Gather", "pick", {"k", s.ints("i", indices)}, {"w"}).integer("axis", axis);
    });
  };
  EXPECT_THAT(gathered({2}, 0),
              AllOf(HasSubstr("node 'pick' (Gather)"), HasSubstr("axis 2 lies outside")));
  EXPECT_THAT(gathered({0}, 2), HasSubstr("axis 2 lies outside"));
  const auto filled = [&](const Ints& shape) {
    return with([&](Sketch& s) { s.node("ConstantOfShape", "fill", {s.ints("n", shape)}, {"w"}); });
  };
  EXPECT_EQ(filled({6}), "");
  EXPECT_THAT(filled({-1}),
              AllOf(HasSubstr("node 'fill' (ConstantOfShape)"), HasSubstr("negative dimension")));
  EXPECT_THAT(filled({1 << 20, 1 << 20}), HasSubstr("more than 33554432 elements"));
  EXPECT_THAT(fault_of([](Sketch& s) { s.node("ConstantOfShape", "fill", {"image"}, {"x"}); }),
              HasSubstr("only of constants"));
}

TEST(Divisions, AreByConstants) {
  EXPECT_EQ(fault_of([](Sketch& s) {
              s.node("Div", "half", {"image", s.number("two", 2.0f)}, {"x"});
            }),
            "");
  EXPECT_THAT(fault_of([](Sketch& s) {
                s.node("Div", "inverse", {s.number("one", 1.0f), "image"}, {"x"});
              }),
              AllOf(HasSubstr("node 'inverse' (Div)"), HasSubstr("it divides by 'image', which is "
                                                                 "computed")));
}

TEST(WeightsInFront, TakeSumsWithinAnImage) {
  Models models;
  models.finish("over_images", {6}, 13, [](Sketch& s) {
    s.node("MatMul", "mix", {s.random("w", {3, 6}), "image"}, {"logits"});
  });
  EXPECT_THAT(models.models.front().model.fault(),
              AllOf(HasSubstr("node 'mix' (MatMul)"), HasSubstr("sums run over the images")));
  EXPECT_THAT(fault_of([](Sketch& s) {
                s.node("MatMul", "mix", {s.random("w", {2, 5}), "image"}, {"x"});
              }),
              HasSubstr("take 5 inputs"));
}

TEST(SizesOfShapes, AreWholeNumbersWhereTheFileFixesTheImages) {
  ModelBuilder m;
  m.input("image", {4, 2, 3});
  m.output("logits", {4, 2});
  m.floats("w", {6, 2});
  m.int64s("index", {0});
  m.int64s("rest", {6});
  m.node("Shape", "shape", {"image"}, {"s"});
  m.node("Gather", "gather", {"s", "index"}, {"n"});
  m.node("Concat", "join", {"n", "rest"}, {"t"}).integer("axis", 0);
  m.node("Reshape", "view", {"image", "t"}, {"flat"});
  m.node("MatMul", "fc", {"flat", "w"}, {"logits"});
  EXPECT_EQ(m.fault(), "");
}

TEST(ReducedMeans, AreThoseOverWholeImages) {
  const auto over = [](const Ints& axes) {
    return fault_of(
        [&](Sketch& s) {
          NodeBuilder node = s.node("ReduceMean", "mean", {"image"}, {"x"});
          if (!axes.empty()) node.integers("axes", axes);
        },
        2);
  };
  EXPECT_EQ(over({2, 3}), "");
  for (const Ints& axes : {Ints{}, Ints{3}, Ints{1, 2, 3}, Ints{1, 2}, Ints{2, 2}})
    EXPECT_THAT(over(axes),
                AllOf(HasSubstr("node 'mean' (ReduceMean)"), HasSubstr("its axes are")));
}

TEST(CastValues, StayNumbers) {
  const auto to = [](std::int64_t type) {
    return fault_of(
        [&](Sketch& s) { s.node("Cast", "cast", {"image"}, {"x"}).integer("to", type); });
  };
  EXPECT_EQ(to(TensorProto::FLOAT), "");
  EXPECT_EQ(to(TensorProto::FLOAT16), "");
  EXPECT_THAT(to(TensorProto::INT8), AllOf(HasSubstr("node 'cast'"), HasSubstr("expected FLOAT")));
}

TEST(LastSoftmax, MayBeHandedOn) {
  const auto with = [](const std::string& last) {
    Models models;
    models.finish("soft", {4}, 13, [&](Sketch& s) {
      s.node("MatMul", "product", {"image", s.random("w", {4, 3})}, {"1"});
      s.node("Softmax", "soft", {"1"}, {"2"});
      s.node(last, "last", {"2"}, {"logits"});
    });
    return models.models.front().model.fault();
  };
  EXPECT_EQ(with("Identity"), "");
  EXPECT_EQ(with("Dropout"), "");
  EXPECT_THAT(with("Relu"), HasSubstr("only at the very end"));
}

TEST(PadsOfNothing, AreLeftOut) {
  EXPECT_EQ(fault_of([](Sketch& s) {
              s.node("Pad", "pad", {"image", s.ints("pads", Ints(8, 0)), s.number("v", 3)}, {"x"})
                  .word("mode", "reflect");
            }),
            "");
}

}  // namespace
}  // namespace uswim::tests
