#include <string>
#include <utility>
#include <vector>

#include "reference_sketch.h"

namespace uswim::tests {
namespace {

void pads(Models& models) {
  struct Case {
    std::string mode;
    Ints pads;
    Dims image;
    std::int64_t flat;
  };
  const std::vector<std::pair<std::string, Case>> cases{
      {"constant", {"constant", {0, 0, 1, 0, 0, 0, 2, 3}, {2, 4, 4}, 2 * 7 * 7}},
      {"cropped", {"constant", {0, 0, -1, 2, 0, 0, -2, -1}, {2, 5, 4}, 2 * 2 * 5}},
      {"channels", {"constant", {0, 2, 0, -1, 0, 1, 1, 0}, {2, 3, 4}, 5 * 4 * 3}},
      {"vector", {"constant", {0, 1, 0, 2}, {4}, 7}},
      {"length", {"constant", {0, 0, -1, 0, 1, 2}, {3, 5}, 4 * 6}},
      {"reflect", {"reflect", {0, 0, 3, 1, 0, 0, 2, 0}, {2, 4, 5}, 2 * 9 * 6}},
      {"reflect_cropped", {"reflect", {0, 0, -1, 2, 0, 0, 2, -2}, {2, 5, 6}, 2 * 6 * 6}},
      {"reflect_length", {"reflect", {0, 1, 2, 0, 0, -1}, {3, 5}, 4 * 6}},
      {"edge", {"edge", {0, 0, 5, 1, 0, 0, 2, 0}, {2, 4, 5}, 2 * 11 * 6}},
      {"edge_cropped", {"edge", {0, 1, -1, 2, 0, 0, 7, -2}, {2, 5, 6}, 3 * 11 * 6}},
  };
  for (const auto& [name, c] : cases)
    for (const std::int64_t opset : {10, 13})
      models.add(
          "pad_" + name + "_opset_" + std::to_string(opset), c.image, c.flat,
          [&, &given = c](Sketch& s) {
            s.node("Sub", "centre", {"image", s.number("third", 0.3f)}, {"0"});
            NodeBuilder node = s.node("Pad", "pad", {"0"}, {"x"});
            node.word("mode", given.mode);
            if (opset < 11) return void(node.integers("pads", given.pads).real("value", 0.7f));
            node.proto().add_input(s.ints("pads", given.pads));
            node.proto().add_input(s.number("value", 0.7f));
          },
          opset);
  // 0.75 is a code of the quantiser in front, -0.35 is none.
  for (const auto& [name, value] : {std::pair{"code", 0.75f}, std::pair{"number", -0.35f}})
    models.add(std::string("pad_of_codes_with_a_") + name, {2, 5, 5}, 3 * 25,
               [&, v = value](Sketch& s) {
                 s.codes("zero", {}, {0}, ::onnx::TensorProto::UINT8);
                 s.number("step", 0.25f);
                 s.node("QuantizeLinear", "q", {"image", "step", "zero"}, {"c"});
                 s.node("DequantizeLinear", "d", {"c", "step", "zero"}, {"1"});
                 s.node("Pad", "pad",
                        {"1", s.ints("pads", {0, 0, 1, 1, 0, 0, 1, 1}), s.number("v", v)}, {"2"});
                 s.node("Conv", "conv", {"2", s.random("w", {3, 2, 3, 3})}, {"x"});
               });
}

/// Random numbers that are the same for each of the images.
std::string repeated(Sketch& s, const std::string& name, Dims dims) {
  const std::vector<float> one = random_numbers(name, count_of(dims));
  std::vector<float> all;
  for (std::size_t n = 0; n < kReferenceImages; ++n) all.insert(all.end(), one.begin(), one.end());
  dims.insert(dims.begin(), static_cast<std::int64_t>(kReferenceImages));
  s.floats(name, dims, all);
  return name;
}

void constants_beside_values(Models& models) {
  const auto images = static_cast<std::int64_t>(kReferenceImages);
  models.add(
      "concat_constants", {2, 4, 3}, 7 * 6 * 3 + 5,
      [&](Sketch& s) {
        s.node("Relu", "relu", {"image"}, {"r"});
        s.node("Concat", "channels",
               {repeated(s, "k1", {1, 4, 3}), "image", repeated(s, "k2", {2, 4, 3}), "r"}, {"1"})
            .integer("axis", 1);
        s.node("Concat", "rows", {"1", repeated(s, "k3", {7, 1, 3}), repeated(s, "k4", {7, 1, 3})},
               {"2"})
            .integer("axis", -2);
        s.node("Flatten", "flat", {"2"}, {"3"});
        s.node("Concat", "vectors", {repeated(s, "k5", {4}), "3", repeated(s, "k6", {1})}, {"x"})
            .integer("axis", 1);
      },
      13, images);
  models.add(
      "concat_constant_columns", {2, 3}, 2 * 7,
      [&](Sketch& s) {
        s.node("Concat", "columns", {repeated(s, "k1", {2, 2}), "image", repeated(s, "k2", {2, 2})},
               {"x"})
            .integer("axis", 2);
      },
      13, images);
  models.add(
      "coordinates", {2, 4, 4}, 3 * 4,
      [&](Sketch& s) {  // channels that say where a pixel lies
        s.node("Concat", "join", {"image", repeated(s, "where", {2, 4, 4})}, {"1"})
            .integer("axis", 1);
        s.node("Conv", "conv", {"1", s.random("w", {3, 4, 3, 3})}, {"x"});
      },
      13, images);
}

void columns(Models& models) {
  models.finish("gemm_of_columns", {6}, 13, [](Sketch& s) {
    s.node("Transpose", "turn", {"image"}, {"0"}).integers("perm", {1, 0});
    s.node("Gemm", "first", {s.random("w1", {6, 5}), "0", s.random("b1", {5, 1})}, {"1"})
        .integer("transA", 1)
        .real("alpha", 0.7f)
        .real("beta", -1.5f);
    s.node("LeakyRelu", "leaky", {"1"}, {"2"}).real("alpha", 0.3f);
    s.node("Gemm", "second", {s.random("w2", {4, 5}), "2", s.random("b2", {1})}, {"3"});
    s.node("Tanh", "tanh", {"3"}, {"4"});
    s.node("Gemm", "third", {"4", s.random("w3", {6, 4}), s.random("b3", {6})}, {"5"})
        .integer("transA", 1)
        .integer("transB", 1);
    s.node("Sigmoid", "sigmoid", {"5"}, {"6"});
    s.node("Gemm", "fourth", {s.random("w4", {6, 3}), "6"}, {"7"})
        .integer("transA", 1)
        .integer("transB", 1);
    s.node("Transpose", "back", {"7"}, {"logits"});
  });
}

}  // namespace

void add_borders(Models& models) {
  pads(models);
  constants_beside_values(models);
  columns(models);
}

}  // namespace uswim::tests
