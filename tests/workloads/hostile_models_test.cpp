// Do files that are made to crash, hang or exhaust memory get a sentence instead?
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <functional>
#include <random>

#include "damaged_model.h"
#include "reference_models.h"
#include "reference_sketch.h"
#include "workloads/sensitivity/sensitivity.h"

namespace uswim::tests {
namespace {

using namespace workloads;
using ::testing::AllOf;
using ::testing::HasSubstr;

std::string fault_of_bytes(const std::string& bytes) {
  const TemporaryFile file(bytes, ".onnx");
  try {
    import_onnx(file.path());
  } catch (const NetworkError& error) {
    return error.what();
  }
  return "";
}

/// The process has not held more than 1 GiB at any time.
void expect_little_memory() {
  struct rusage usage {};
  ::getrusage(RUSAGE_SELF, &usage);
  EXPECT_LT(usage.ru_maxrss, 1 << 20) << "KiB";
}

/// A protobuf field that holds bytes: its number, their count, they.
std::string field(int number, const std::string& bytes) {
  std::string text(1, static_cast<char>(number << 3 | 2));
  for (std::size_t rest = bytes.size();; rest >>= 7) {
    text += static_cast<char>((rest & 0x7f) | (rest >= 0x80 ? 0x80 : 0));
    if (rest < 0x80) break;
  }
  return text + bytes;
}

TEST(HostileFiles, OfCountlessEmptyPartsAreNotUnpacked) {
  constexpr int kGraph = 7, kNode = 1, kInitializer = 5;
  for (const int part : {kNode, kInitializer}) {
    std::string parts;
    for (int i = 0; i < 8'000'000; ++i) parts += field(part, "");
    EXPECT_THAT(fault_of_bytes(field(kGraph, parts)), HasSubstr("MiB"));
  }
  expect_little_memory();
}

TEST(HostileFiles, OfManyNodesAreRefused) {
  ModelBuilder m = small_model();
  for (int i = 0; i < 1 << 16; ++i) m.node("Relu", "r", {"image"}, {std::to_string(i)});
  EXPECT_THAT(m.fault(), HasSubstr("expected at most 65536"));
}

TEST(HostileFiles, NestGraphsWithinAttributes) {
  std::string graph;
  for (int depth = 0; depth < 2000; ++depth) {
    constexpr int kAttributeGraph = 6, kNodeAttribute = 5, kGraphNode = 1;
    graph = field(kGraphNode, field(kNodeAttribute, field(kAttributeGraph, graph)));
  }
  constexpr int kGraph = 7;
  EXPECT_THAT(fault_of_bytes(field(kGraph, graph)), HasSubstr("damaged"));
}

TEST(HostileModels, MultiplyTheirConstants) {
  Sketch s;
  s.input("image", {-1, 4});
  s.output("logits", {-1, 3});
  s.random("w", {1000, 1000});
  for (int i = 0; i < 100; ++i)
    s.node("Transpose", "t" + std::to_string(i), {"w"}, {"w" + std::to_string(i)});
  s.random("last", {4, 3});
  s.node("MatMul", "product", {"image", "last"}, {"logits"});
  EXPECT_THAT(s.fault(), AllOf(HasSubstr("constants computed"), HasSubstr("'t33'")));
  expect_little_memory();
}

TEST(HostileModels, JoinOneConstantManyTimes) {
  Models models;
  models.add("joined", {2, 6, 6}, 72, [](Sketch& s) {
    NodeBuilder node = s.node("Concat", "node", {}, {"w"});
    node.integer("axis", 1);
    s.random("k", {1, 1 << 20});
    for (int i = 0; i < 4000; ++i) node.proto().add_input("k");
    s.node("Mul", "use", {"image", "w"}, {"x"});
  });
  EXPECT_THAT(models.models.front().model.fault(),
              AllOf(HasSubstr("node 'node'"), HasSubstr("more than")));
  Models empty;
  empty.add("empty", {2, 6, 6}, 72, [](Sketch& s) {
    NodeBuilder node = s.node("Concat", "node", {}, {"w"});
    node.integer("axis", 1);
    s.floats("row", {1 << 24, 0}, {});
    for (int i = 0; i < 4000; ++i) node.proto().add_input("row");
    s.node("Mul", "use", {"image", "w"}, {"x"});
  });
  EXPECT_NE(empty.models.front().model.fault(), "");
  expect_little_memory();
}

/// Each of 30 million numbers would be found by going through a million dimensions.
TEST(HostileModels, HaveConstantsOfManyDimensions) {
  Models models;
  models.add("dimensions", {2, 6, 6}, 72, [](Sketch& s) {
    Ints dims(1'000'000, 1);
    dims.front() = 30'000'000;
    s.node("ConstantOfShape", "fill", {s.ints("dims", dims)}, {"k"});
    s.node("Transpose", "turn", {"k"}, {"t"});
    s.node("Mul", "use", {"image", "t"}, {"x"});
  });
  EXPECT_THAT(models.models.front().model.fault(),
              HasSubstr("node 'turn' (Transpose): its constant 'k' has 1000000 dimensions"));
}

TEST(HostileModels, ComputeSizesInLongChains) {
  Models models;
  models.add("sizes", {2, 6, 6}, 72, [](Sketch& s) {
    s.node("Shape", "shape", {"image"}, {"s0"});
    s.ints("i", {0, 1, 2, 3});
    constexpr int kSteps = 60'000;
    for (int i = 0; i < kSteps; ++i)
      s.node("Gather", "g", {"s" + std::to_string(i), "i"}, {"s" + std::to_string(i + 1)});
    s.node("Reshape", "view", {"image", "s" + std::to_string(kSteps)}, {"x"});
  });
  EXPECT_THAT(models.models.front().model.fault(), HasSubstr("only of constants and of the sizes"));
}

TEST(HostileModels, UseTheirWeightsManyTimes) {
  Sketch s;
  s.input("image", {-1, 1000});
  s.output("logits", {-1, 1000});
  s.random("w", {1000, 1000});
  std::string last = "image";
  for (int i = 0; i < 100; ++i) {
    const std::string next = i == 99 ? "logits" : "x" + std::to_string(i);
    s.node("MatMul", "m" + std::to_string(i), {last, "w"}, {next});
    last = next;
  }
  EXPECT_THAT(s.fault(), AllOf(HasSubstr("more than"), HasSubstr("node 'm33' (MatMul)")));
  expect_little_memory();
}

struct Case {
  const char* says;
  Fill fill;
};

TEST(HostileModels, HaveManyLargeValues) {
  ModelBuilder m;
  m.input("image", {-1, 1, 2000, 2000});
  m.output("logits", {-1, 1});
  std::string value = "image";
  for (int i = 0; i < 9; ++i) {
    const std::string next = "v" + std::to_string(i);
    m.node("Sigmoid", "node" + std::to_string(i), {value}, {next});
    value = next;
  }
  m.node("GlobalAveragePool", "mean", {value}, {"mean"});
  m.node("Flatten", "flat", {"mean"}, {"flat"});
  m.floats("w", {1, 1});
  m.node("MatMul", "fc", {"flat", "w"}, {"logits"});
  EXPECT_THAT(m.fault(), HasSubstr("the values up to node 'node7' have more than 33554432"));
}

TEST(HostileModels, HaveAxesShapesAndAttributesThatDoNotFit) {
  const std::vector<Case> cases{
      {"axis -5 lies outside",
       [](Sketch& s) {
         s.node("Concat", "node", {"image", "image"}, {"x"}).integer("axis", -5);
       }},
      {"axis 0 is that of the images",
       [](Sketch& s) {
         s.node("Concat", "node", {"image", "image"}, {"x"}).integer("axis", -4);
       }},
      {"gives no axis", [](Sketch& s) { s.node("Concat", "node", {"image"}, {"x"}); }},
      {"perm is",
       [](Sketch& s) {
         s.node("Transpose", "node", {"image"}, {"x"}).integers("perm", {0, 1, 1, 2});
       }},
      {"perm is",
       [](Sketch& s) {
         s.node("Transpose", "node", {"image"}, {"x"}).integers("perm", {1, 0, 2, 3});
       }},
      {"perm is",
       [](Sketch& s) {
         s.node("Transpose", "node", {"image"}, {"x"}).integers("perm", {0, -1, 2, 3});
       }},
      {"which is not 1",
       [](Sketch& s) {
         s.node("Squeeze", "node", {"image", s.ints("axes", {1})}, {"x"});
       }},
      {"name one twice",
       [](Sketch& s) {
         s.node("Unsqueeze", "node", {"image", s.ints("axes", {1, -5})}, {"x"});
       }},
      {"lies outside",
       [](Sketch& s) {
         s.node("Squeeze", "node", {"image", s.ints("axes", {std::int64_t{1} << 62})}, {"x"});
       }},
      {"does not spread over",
       [](Sketch& s) {
         s.node("Add", "node", {"image", s.random("c", {5})}, {"x"});
       }},
      {"does not spread over",
       [](Sketch& s) {
         s.node("Mul", "node", {"image", s.random("c", {2, 2, 6, 6})}, {"x"});
       }},
      {"expected equal shapes",
       [](Sketch& s) {
         s.node("GlobalAveragePool", "mean", {"image"}, {"m"});
         s.node("Add", "node", {"image", "m"}, {"x"});
       }},
      {"expected a constant",
       [](Sketch& s) {
         s.node("Relu", "relu", {"image"}, {"r"});
         s.node("Div", "node", {"image", "r"}, {"x"});
       }},
      {"expected a finite number",
       [](Sketch& s) {
         s.node("Div", "node", {"image", s.number("zero", 0)}, {"x"});
       }},
      {"scale has 3 numbers",
       [](Sketch& s) {
         for (const char* name : {"a", "b", "c", "d"}) s.random(name, {3});
         s.node("BatchNormalization", "node", {"image", "a", "b", "c", "d"}, {"x"});
       }},
      {"expected more than 0",
       [](Sketch& s) {
         for (const char* name : {"a", "b", "c"}) s.random(name, {2});
         s.floats("d", {2}, {1.0f, -3.0f});
         s.node("BatchNormalization", "node", {"image", "a", "b", "c", "d"}, {"x"});
       }},
      {"group is 3",
       [](Sketch& s) {
         s.node("Conv", "node", {"image", s.random("w", {4, 1, 3, 3})}, {"x"}).integer("group", 3);
       }},
      {"for 6 input channels",
       [](Sketch& s) {
         s.node("Conv", "node", {"image", s.random("w", {3, 2, 3, 3})}, {"x"}).integer("group", 3);
       }},
      {"expected the lower one first",
       [](Sketch& s) {
         s.node("Clip", "node", {"image", s.number("l", 2), s.number("h", 1)}, {"x"});
       }},
      {"alpha is",
       [](Sketch& s) {
         s.node("LeakyRelu", "node", {"image"}, {"x"})
             .real("alpha", std::numeric_limits<float>::infinity());
       }},
      {"another number of elements",
       [](Sketch& s) {
         s.node("Reshape", "node", {s.random("w", {4, 9}), s.ints("to", {5, -1})}, {"x"});
       }},
  };
  for (const Case& c : cases) {
    Models models;
    models.add("hostile", {2, 6, 6}, 72, c.fill);
    EXPECT_THAT(models.models.front().model.fault(),
                AllOf(HasSubstr("node 'node'"), HasSubstr(c.says)));
  }
}

// Every operator's reader meets damage; what is accepted can be computed.
TEST(HostileModels, AreRefusedOrComputed) {
  std::mt19937 random(7);
  std::size_t refused = 0, computed = 0;
  for (const ReferenceModel& reference : reference_models()) {
    const std::string bytes = reference.model.bytes();
    for (int round = 0; round < 60; ++round) {
      const TemporaryFile file(damaged_bytes(bytes, random), ".onnx");
      try {
        const Network network = import_onnx(file.path());
        expect_consistent(network);
        if (::testing::Test::HasFatalFailure()) return;
        std::size_t work = network.input.size();
        for (const Node& node : network.nodes)
          work += node.shape.size() * (node.operation == Operation::Matrix
                                           ? network.layers[node.layer].rows
                                           : node.window.kernel_height * node.window.kernel_width);
        if (work > 1'000'000) continue;  // a damaged size may be a large one
        float_logits(network, std::vector<float>(network.input.size(), 0.5f), 1);
        ++computed;
      } catch (const NetworkError&) {
        ++refused;
      }
    }
  }
  EXPECT_GT(refused, 1000u);
  EXPECT_GT(computed, 200u);
  expect_little_memory();
}

}  // namespace
}  // namespace uswim::tests
