#include <string>
#include <utility>
#include <vector>

#include "reference_sketch.h"

namespace uswim::tests {
namespace {

void convolutions(Models& models) {
  models.add("conv_uneven", {2, 7, 9}, 3 * 5 * 9, [](Sketch& s) {
    s.node("Conv", "conv", {"image", s.random("w", {3, 2, 3, 2}), s.random("b", {3})}, {"x"})
        .integers("pads", {1, 2, 3, 0})
        .integers("strides", {2, 1})
        .integers("dilations", {1, 2});
  });
  for (const std::string pad : {"SAME_UPPER", "SAME_LOWER", "VALID"})
    models.add("conv_" + pad, {2, 7, 6}, pad == "VALID" ? 3 * 2 * 2 : 3 * 4 * 3, [&](Sketch& s) {
      s.node("Conv", "conv", {"image", s.random("w", {3, 2, 4, 3})}, {"x"})
          .word("auto_pad", pad)
          .integers("strides", {2, 2});
    });
  models.add("conv_groups", {4, 5, 5}, 6 * 9, [](Sketch& s) {
    s.node("Conv", "depthwise", {"image", s.random("w1", {4, 1, 3, 3}), s.random("b1", {4})}, {"d"})
        .integer("group", 4)
        .integers("pads", {1, 1, 1, 1});
    s.node("Relu", "relu", {"d"}, {"r"});
    s.node("Conv", "two", {"r", s.random("w2", {6, 2, 3, 3}), s.random("b2", {6})}, {"x"})
        .integer("group", 2);
  });
  models.add(
      "one_dimension", {3, 14}, 4 * 2,
      [](Sketch& s) {
        s.node("Conv", "conv", {"image", s.random("w1", {4, 3, 3}), s.random("b1", {4})}, {"c"})
            .integers("pads", {2, 1})
            .integers("strides", {2})
            .integers("dilations", {2});
        s.node("MaxPool", "most", {"c"}, {"m"}).integers("kernel_shape", {2});
        s.node("Conv", "grouped", {"m", s.random("w2", {4, 2, 2})}, {"g"}).integer("group", 2);
        s.node("AveragePool", "mean", {"g"}, {"x"})
            .integers("kernel_shape", {2})
            .integers("pads", {1, 0})
            .integers("strides", {3});
      },
      11);
}

void fully_connected(Models& models) {
  models.finish("gemm", {6}, 13, [](Sketch& s) {
    s.node("Gemm", "first", {"image", s.random("w1", {5, 6}), s.random("b1", {1, 5})}, {"h"})
        .integer("transB", 1)
        .real("alpha", 0.7f)
        .real("beta", -1.5f);
    s.node("Tanh", "tanh", {"h"}, {"t"});
    s.node("Gemm", "second", {"t", s.random("w2", {5, 3}), s.random("b2", {})}, {"logits"})
        .real("alpha", -2.0f);
  });
  models.add("matmul", {4, 5}, 4 * 3, [](Sketch& s) {
    // On the last axis of [N, 4, 5], with a bias that the next Add brings and one that differs by
    // row.
    s.node("MatMul", "first", {"image", s.random("w1", {5, 6})}, {"p"});
    s.node("Add", "bias", {s.random("b1", {6}), "p"}, {"h"});
    s.node("Sigmoid", "sigmoid", {"h"}, {"q"});
    s.node("MatMul", "second", {"q", s.random("w2", {6, 3})}, {"r"});
    s.node("Add", "by_row", {"r", s.random("b2", {4, 3})}, {"x"});
  });
  models.add("matmul_four_dimensions", {2, 3, 4}, 2 * 3 * 5, [](Sketch& s) {
    s.node("MatMul", "product", {"image", s.random("w", {4, 5})}, {"x"});
  });
}

void arithmetic(Models& models) {
  const std::vector<std::pair<std::string, Dims>> shapes{
      {"number", {}},   {"channels", {3, 1, 1}}, {"with_images", {1, 3, 1, 1}}, {"columns", {5}},
      {"rows", {4, 1}}, {"elements", {3, 4, 5}}, {"plane", {1, 1, 4, 5}},
  };
  for (const auto& [name, dims] : shapes)
    models.add("arithmetic_" + name, {3, 4, 5}, 60, [&, d = dims](Sketch& s) {
      s.node("Add", "add", {"image", s.random("a", d)}, {"1"});
      s.node("Mul", "multiply", {s.random("m", d), "1"}, {"2"});
      s.node("Sub", "subtract", {"2", s.random("s", d)}, {"3"});
      s.node("Div", "divide", {"3", s.random("d", d, 0.5f, 2)}, {"4"});
      s.node("Sub", "from", {s.random("f", d), "4"}, {"x"});
    });
  models.add("arithmetic_values", {3, 4, 5}, 60, [](Sketch& s) {
    s.node("Conv", "conv", {"image", s.random("w", {3, 3, 1, 1})}, {"c"});
    s.node("Add", "add", {"c", "image"}, {"1"});
    s.node("Sub", "subtract", {"1", "c"}, {"2"});
    s.node("Sub", "negative", {"c", "2"}, {"3"});
    s.node("Mul", "multiply", {"3", "1"}, {"4"});
    s.node("Add", "twice", {"4", "4"}, {"x"});
  });
  models.add("squeeze_and_excitation", {4, 5, 5}, 100, [](Sketch& s) {
    s.node("GlobalAveragePool", "mean", {"image"}, {"m"});
    s.node("Conv", "reduce", {"m", s.random("w1", {2, 4, 1, 1})}, {"r"});
    s.node("Relu", "relu", {"r"}, {"p"});
    s.node("Conv", "expand", {"p", s.random("w2", {4, 2, 1, 1})}, {"e"});
    s.node("Sigmoid", "gate", {"e"}, {"g"});
    s.node("Mul", "weigh", {"g", "image"}, {"x"});
  });
  for (const std::int64_t opset : {7, 9, 14, 15})
    models.add(
        "batch_norm_opset_" + std::to_string(opset), {3, 6, 6}, 4 * 16,
        [](Sketch& s) {
          const auto norm = [&](const std::string& name, const std::string& from,
                                const std::string& to, std::int64_t channels) {
            s.node("BatchNormalization", name,
                   {from, s.random(name + "_scale", {channels}),
                    s.random(name + "_bias", {channels}), s.random(name + "_mean", {channels}),
                    s.random(name + "_variance", {channels}, 0.1f, 2)},
                   {to})
                .real("epsilon", 0.02f)
                .real("momentum", 0.8f);
          };
          norm("before", "image", "1", 3);
          s.node("Conv", "conv", {"1", s.random("w", {4, 3, 3, 3})}, {"2"});
          norm("behind", "2", "3", 4);
          s.node("Relu", "relu", {"3"}, {"4"});
          norm("behind_relu", "4", "x", 4);
        },
        opset);
  models.finish("batch_norm_of_a_vector", {6}, 13, [](Sketch& s) {
    s.node("Gemm", "first", {"image", s.random("w1", {6, 4})}, {"1"});
    s.node("BatchNormalization", "norm",
           {"1", s.random("s", {4}), s.random("b", {4}), s.random("m", {4}),
            s.random("v", {4}, 0.1f, 2)},
           {"2"});
    s.node("MatMul", "second", {"2", s.random("w2", {4, 3})}, {"logits"});
  });
}

void activations(Models& models) {
  for (const std::int64_t opset : {7, 13})
    models.add(
        "activations_opset_" + std::to_string(opset), {3, 4, 4}, 48,
        [&](Sketch& s) {
          s.node("Mul", "wider", {"image", s.number("nine", 9)}, {"0"});
          s.node("LeakyRelu", "leaky", {"0"}, {"1"}).real("alpha", 0.3f);
          s.node("LeakyRelu", "default", {"1"}, {"2"});
          if (opset < 11) {
            s.node("Clip", "relu6", {"2"}, {"3"}).real("min", 0).real("max", 6);
            s.node("Clip", "low", {"3"}, {"4"}).real("min", 0.5f);
          } else {
            s.node("Clip", "relu6", {"2", s.number("none", 0), s.number("six", 6)}, {"3"});
            s.node("Clip", "low", {"3", s.number("half", 0.5f)}, {"4"});
          }
          s.node("Sub", "around", {"4", s.number("two", 2)}, {"5"});
          s.node("Sigmoid", "sigmoid", {"5"}, {"6"});
          s.node("Tanh", "tanh", {"6"}, {"7"});
          s.node("Relu", "relu", {"7"}, {"x"});
        },
        opset);
}

}  // namespace

std::vector<ReferenceModel> reference_models() {
  Models models;
  convolutions(models);
  fully_connected(models);
  arithmetic(models);
  activations(models);
  add_pools(models);
  add_shapes(models);
  add_borders(models);
  add_networks(models);
  add_exports(models);
  return std::move(models.models);
}

}  // namespace uswim::tests
