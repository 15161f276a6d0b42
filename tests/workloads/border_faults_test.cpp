// Are borders, constants beside values and images as columns refused where they mean nothing, and
// taken as what they stand for elsewhere? What they compute is held against ONNX Runtime
// (reference_borders.cpp).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "reference_sketch.h"

namespace uswim::tests {
namespace {

using namespace workloads;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// The fault of nodes that make "x", of 72 numbers, of an image of [2, 6, 6].
std::string fault_of(const Fill& fill, std::int64_t batch = -1, std::int64_t flat = 72) {
  Models models;
  models.add("border", {2, 6, 6}, flat, fill, 13, batch);
  return models.models.front().model.fault();
}

std::string fault_of_pad(const Ints& pads, const std::string& mode = "constant", float value = 1.0f,
                         std::int64_t flat = 72) {
  return fault_of(
      [&](Sketch& s) {
        s.node("Pad", "pad", {"image", s.ints("pads", pads), s.number("v", value)}, {"x"})
            .word("mode", mode);
      },
      -1, flat);
}

TEST(Pads, ThatFitAreTaken) {
  EXPECT_EQ(fault_of_pad({0, 0, -5, 0, 0, 0, 0, 0}, "constant", 1.0f, 2 * 6), "");
  EXPECT_EQ(fault_of_pad({0, 0, 5, 0, 0, 0, 0, 0}, "reflect", 1.0f, 2 * 11 * 6), "");
  EXPECT_EQ(fault_of_pad({0, 0, 50, 0, 0, 0, 0, 0}, "edge", 1.0f, 2 * 56 * 6), "");
}

TEST(Pads, ThatDoNotFitAreRefusedByName) {
  constexpr std::int64_t kHuge = std::int64_t{1} << 62;
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const std::vector<std::pair<const char*, std::string>> cases{
      {"expected 8 numbers", fault_of_pad({0, 0, 1, 1})},
      {"expected 8 numbers", fault_of_pad({})},
      {"cut off all 6 of axis 2", fault_of_pad({0, 0, -6, 0, 0, 0, 0, 0})},
      {"cut off all 6 of axis 3", fault_of_pad({0, 0, 0, -3, 0, 0, 0, -3})},
      {"cut off all 6 of axis 3", fault_of_pad({0, 0, 0, -6, 0, 0, 0, 12})},
      {"cut off all 2 of axis 1", fault_of_pad({0, -1, 0, 0, 0, -1, 0, 0})},
      {"has 5 to reflect", fault_of_pad({0, 0, 6, 0, 0, 0, 0, 0}, "reflect")},
      {"has 3 to reflect", fault_of_pad({0, 0, -2, 0, 0, 0, 4, 0}, "reflect")},
      {"expected numbers from -32768 to 32768", fault_of_pad({0, 0, kHuge, 0, 0, 0, 0, 0})},
      {"expected numbers from -32768 to 32768", fault_of_pad({0, 0, -kHuge, 0, 0, 0, 0, 0})},
      {"more than 4194304 elements", fault_of_pad({0, 0, 30000, 30000, 0, 0, 0, 0})},
      {"the images stay apart", fault_of_pad({1, 0, 0, 0, 0, 0, 0, 0})},
      {"the images stay apart", fault_of_pad({0, 0, 0, 0, -1, 0, 0, 0})},
      {"expected 'constant', 'edge' or 'reflect'", fault_of_pad({0, 0, 1, 0, 0, 0, 0, 0}, "wrap")},
      {"value 0 is inf", fault_of_pad({0, 0, 1, 0, 0, 0, 0, 0}, "constant", kInfinity)},
      {"value has shape [2]", fault_of([](Sketch& s) {
         s.floats("v", {2}, {1.0f, 2.0f});
         s.node("Pad", "pad", {"image", s.ints("pads", {0, 0, 1, 0, 0, 0, 0, 0}), "v"}, {"x"});
       })},
      {"expected at most 4 dimensions", fault_of([](Sketch& s) {
         s.node("Reshape", "split", {"image", s.ints("five", {0, 2, 2, 3, 6})}, {"1"});
         s.node("Pad", "pad", {"1", s.ints("pads", {0, 0, 1, 0, 0, 0, 0, 0, 0, 0})}, {"x"});
       })},
  };
  for (const auto& [says, fault] : cases)
    EXPECT_THAT(fault, AllOf(HasSubstr(says), HasSubstr("pad'")));
}

std::string fault_of_join(const Dims& constant, std::int64_t axis, std::int64_t batch = -1,
                          std::int64_t flat = 72) {
  return fault_of(
      [&](Sketch& s) {
        s.node("Concat", "join", {"image", s.random("k", constant)}, {"x"}).integer("axis", axis);
      },
      batch, flat);
}

TEST(ConstantsBesideValues, GoToEveryImage) {
  EXPECT_EQ(fault_of_join({1, 3, 6, 6}, 1, -1, 5 * 36), "");
  EXPECT_EQ(fault_of_join({1, 2, 6, 2}, 3, -1, 2 * 6 * 8), "");
  EXPECT_EQ(fault_of_join({1, 0, 6, 6}, 1), "");
}

TEST(ConstantsBesideValues, AreRefusedByNameWhereTheyDoNotFit) {
  const std::vector<std::pair<const char*, std::string>> cases{
      {"is [N, 1, 5, 6], which does not fit [N, 2, 6, 6] along axis 1",
       fault_of_join({1, 1, 5, 6}, 1)},
      {"does not fit", fault_of_join({1, 1, 6, 6}, 2)},
      {"does not fit", fault_of_join({1, 2, 6}, 1)},
      {"does not fit", fault_of_join({}, 1)},
      {"for 3 images", fault_of_join({3, 1, 6, 6}, 1)},
      {"for 3 images", fault_of_join({3, 1, 6, 6}, 1, 2)},
      {"for 0 images", fault_of_join({0, 1, 6, 6}, 1, 2)},
      {"differs between the images", fault_of_join({2, 1, 6, 6}, 1, 2)},
      {"the images, which stay apart", fault_of_join({1, 2, 6, 6}, 0)},
      {"axis 4 lies outside", fault_of_join({1, 2, 6, 6}, 4)},
      {"expected a finite number", fault_of([](Sketch& s) {
         s.floats("k", {1, 1, 1, 1}, {std::numeric_limits<float>::quiet_NaN()});
         s.node("GlobalAveragePool", "mean", {"image"}, {"m"});
         s.node("Concat", "join", {"m", "k"}, {"x"}).integer("axis", 1);
       })},
      {"more than 33554432 weights and other numbers", fault_of([](Sketch& s) {
         s.random("k", {1, 1 << 15, 6, 6});
         NodeBuilder node = s.node("Concat", "join", {"image"}, {"x"});
         node.integer("axis", 1);
         for (int i = 0; i < 60000; ++i) node.proto().add_input("k");
       })},
  };
  for (const auto& [says, fault] : cases)
    EXPECT_THAT(fault, AllOf(HasSubstr("node 'join' (Concat)"), HasSubstr(says)));
}

/// The first layer's weights, and its bias behind them, of a network that ends in "logits".
std::vector<float> first_layer(const Fill& fill, std::int64_t batch = -1) {
  Models models;
  models.finish("columns", {3}, 13, fill, 2, batch);
  const MatrixLayer layer = models.models.front().model.import().layers.at(0);
  std::vector<float> numbers = layer.weight;
  numbers.insert(numbers.end(), layer.bias.begin(), layer.bias.end());
  return numbers;
}

TEST(ImagesAsColumns, AreMultipliedAsRowsAre) {
  const auto matches = ElementsAre(1, 2, 3, 4, 5, 6, 7, 8);
  const std::vector<float> by_output{1, 2, 3, 4, 5, 6}, by_input{1, 4, 2, 5, 3, 6}, bias{7, 8};
  const auto with_weights = [&](Sketch& s, bool transposed) {
    if (transposed)
      s.floats("w", {2, 3}, by_output);
    else
      s.floats("w", {3, 2}, by_input);
  };
  for (const bool turned : {false, true}) {
    // Values as A, transposed twice; weights as A.
    EXPECT_THAT(first_layer([&](Sketch& s) {
                  with_weights(s, turned);
                  s.floats("b", {2}, bias);
                  s.node("Transpose", "turn", {"image"}, {"t"});
                  s.node("Gemm", "fc", {"t", "w", "b"}, {"logits"})
                      .integer("transA", 1)
                      .integer("transB", turned ? 1 : 0);
                }),
                matches);
    EXPECT_THAT(first_layer([&](Sketch& s) {
                  with_weights(s, !turned);
                  s.floats("b", {2, 1}, bias);
                  s.node("Gemm", "fc", {"w", "image", "b"}, {"t"})
                      .integer("transA", turned ? 1 : 0)
                      .integer("transB", 1);
                  s.node("Transpose", "turn", {"t"}, {"logits"}).integers("perm", {1, 0});
                }),
                matches);
  }
  for (const Ints& column : {Ints{3, 1}, Ints{-1, 1}})
    EXPECT_THAT(first_layer(
                    [&](Sketch& s) {
                      with_weights(s, true);
                      s.floats("b", {2}, bias);
                      s.node("Reshape", "column", {"image", s.ints("to", column)}, {"t"});
                      s.node("Gemm", "fc", {"t", "w", "b"}, {"logits"})
                          .integer("transA", 1)
                          .integer("transB", 1);
                    },
                    1),
                matches);
}

TEST(ImagesAsColumns, AreNotMixed) {
  const auto fault = [](const Fill& fill, std::int64_t batch = -1) {
    Models models;
    models.finish(
        "columns", {3}, 13,
        [&](Sketch& s) {
          s.node("Transpose", "turn", {"image"}, {"t"});
          s.random("w", {3, 3});
          fill(s);
        },
        3, batch);
    return models.models.front().model.fault();
  };
  const auto gemm = [&](const Names& inputs, std::int64_t a, std::int64_t b) {
    return fault([&](Sketch& s) {
      s.node("Gemm", "fc", inputs, {"logits"}).integer("transA", a).integer("transB", b);
    });
  };
  EXPECT_THAT(gemm({"image", "w"}, 1, 0),
              AllOf(HasSubstr("node 'fc' (Gemm)"), HasSubstr("transA is 1"),
                    HasSubstr("sums run over the images, which stay apart")));
  EXPECT_THAT(gemm({"t", "w"}, 0, 0), HasSubstr("transA is 0 and its input 't' is [3, N]"));
  EXPECT_THAT(gemm({"w", "image"}, 0, 0), HasSubstr("transB is 0 and its input 'image' is [N, 3]"));
  EXPECT_THAT(gemm({"w", "t"}, 1, 1), HasSubstr("sums run over the images"));
  EXPECT_THAT(gemm({"w", "t"}, 0, 0), HasSubstr("output 'logits' is [3, N]"));
  EXPECT_THAT(gemm({"image", "t"}, 0, 0), HasSubstr("expected a constant"));
  EXPECT_THAT(gemm({"w", "w"}, 1, 0), HasSubstr("as all its inputs are"));
  EXPECT_THAT(fault([](Sketch& s) { s.node("Flatten", "flat", {"t"}, {"logits"}); }),
              AllOf(HasSubstr("node 'flat'"), HasSubstr("the images as columns")));
  EXPECT_THAT(fault([](Sketch& s) {
                s.node("Gemm", "fc", {"w", "t", s.random("b", {3})}, {"logits"});
              }),
              HasSubstr("its bias has shape [3], expected [3, 1]"));
  // Of more images than one a column holds them all.
  EXPECT_THAT(fault(
                  [](Sketch& s) {
                    s.node("Reshape", "column", {"image", s.ints("to", {-1, 1})}, {"c"});
                    s.node("Gemm", "fc", {"c", "w"}, {"logits"}).integer("transA", 1);
                  },
                  2),
              AllOf(HasSubstr("node 'column'"), HasSubstr("the images stay apart")));
}

}  // namespace
}  // namespace uswim::tests
