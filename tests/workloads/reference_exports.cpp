#include <string>
#include <vector>

#include "reference_sketch.h"

namespace uswim::tests {
namespace {

using ::onnx::TensorProto;

/// IEEE 754 binary16 of whole multiples of 2^-8 below 2 in magnitude, and of 0.
std::int64_t half_of(std::int64_t multiple) {
  const std::int64_t sign = multiple < 0 ? 0x8000 : 0;
  std::int64_t mantissa = multiple < 0 ? -multiple : multiple, exponent = 15 + 2;
  if (mantissa == 0) return sign;
  for (; mantissa < 1024; mantissa *= 2) --exponent;  // 1024 * 2^-8 = 4 = 2^(17 - 15)
  return sign | exponent << 10 | (mantissa - 1024);
}

void constants(Models& models) {
  models.add("constants_of_constants", {2, 5, 5}, 3 * 9, [](Sketch& s) {
    s.node("Add", "add", {s.random("k1", {3, 1, 3, 3}), s.random("k2", {2, 1, 1})}, {"1"});
    s.node("Mul", "multiply", {"1", s.random("k3", {3, 1, 1, 1})}, {"2"});
    s.node("Sub", "subtract", {s.number("one", 1), "2"}, {"3"});
    s.node("Div", "divide", {"3", s.random("k4", {1, 3}, 0.5f, 2)}, {"w"});
    s.node("Concat", "join", {s.random("b1", {1}), s.random("b2", {2})}, {"b"}).integer("axis", 0);
    s.node("Conv", "conv", {"image", "w", "b"}, {"x"});
  });
  models.add("numbers_of_other_types", {2, 5, 5}, 3 * 9, [](Sketch& s) {
    Ints halves;
    for (std::int64_t i = 0; i < 54; ++i) halves.push_back(half_of(i * 37 % 255 - 127));
    s.codes("w16", {3, 2, 3, 3}, halves, TensorProto::FLOAT16);
    s.node("Cast", "weight", {"w16"}, {"w"}).integer("to", TensorProto::FLOAT);
    TensorProto& bias = s.floats("b64", {3}, {});
    bias.set_data_type(TensorProto::DOUBLE);
    for (const double v : {0.1, -0.2, 3e-9}) bias.add_double_data(v);
    s.node("Cast", "bias", {"b64"}, {"b"}).integer("to", TensorProto::FLOAT);
    s.node("Cast", "same", {"image"}, {"i"}).integer("to", TensorProto::FLOAT);
    s.node("Conv", "conv", {"i", "w", "b"}, {"x"});
  });
  models.add("weights_behind_fake_quantisers", {2, 4, 4}, 3 * 4, [](Sketch& s) {
    s.floats("s1", {3}, {0.01f, 0.004f, 0.02f});
    s.codes("z1", {3}, {0, 5, -3}, TensorProto::INT8);
    s.random("w1", {3, 2, 3, 3});
    s.node("QuantizeLinear", "to_codes", {"w1", "s1", "z1"}, {"q"}).integer("axis", 0);
    s.node("DequantizeLinear", "to_floats", {"q", "s1", "z1"}, {"w"}).integer("axis", 0);
    s.node("Conv", "conv", {"image", "w"}, {"1"});
    s.number("s2", 0.05f);
    s.node("QuantizeLinear", "to_bytes", {s.random("w2", {3, 3, 1, 1}), "s2"}, {"q2"});
    s.node("DequantizeLinear", "of_bytes", {"q2", "s2"}, {"w2f"});
    s.node("Conv", "conv2", {"1", "w2f"}, {"x"});
  });
}

void sizes(Models& models) {
  models.add("view_by_sizes", {3, 4, 4}, 3 * 16, [](Sketch& s) {
    s.node("Shape", "shape", {"image"}, {"s"});
    s.codes("first", {}, {}, TensorProto::INT64).add_int64_data(0);  // a scalar, as x.size(0) has
    s.node("Gather", "images", {"s", "first"}, {"n"}).integer("axis", 0);
    s.node("Unsqueeze", "list", {"n", s.ints("axis0", {0})}, {"n1"});
    s.node("Concat", "target", {"n1", s.ints("rest", {-1})}, {"t"}).integer("axis", 0);
    s.node("Reshape", "view", {"image", "t"}, {"x"});
  });
  models.add(
      "view_by_products_of_sizes", {3, 4, 5}, 60,
      [](Sketch& s) {
        s.node("Shape", "shape", {"image"}, {"s"});
        s.node("Slice", "front", {"s", s.ints("zero", {0}), s.ints("two", {2})}, {"nc"});
        s.node("Gather", "rows", {"s", s.ints("i2", {-2})}, {"h"});
        s.node("Gather", "columns", {"s", s.ints("i3", {3})}, {"w"});
        s.node("Mul", "pixels", {"h", "w"}, {"hw"});
        s.node("Concat", "target", {"nc", "hw"}, {"t"}).integer("axis", 0);
        s.node("Cast", "whole", {"t"}, {"t64"}).integer("to", TensorProto::INT64);
        s.node("Reshape", "view", {"image", "t64"}, {"1"});
        s.node("Relu", "relu", {"1"}, {"x"});
      },
      11);
}

}  // namespace

void add_exports(Models& models) {
  constants(models);
  sizes(models);
  for (const bool keeps : {false, true})
    models.add(keeps ? "reduce_mean" : "reduce_mean_without_axes", {3, 4, 5}, 3, [&](Sketch& s) {
      s.node("ReduceMean", "mean", {"image"}, {"x"})
          .integers("axes", keeps ? Ints{2, 3} : Ints{-1, -2})
          .integer("keepdims", keeps ? 1 : 0);
    });
  models.finish("Softmax_then_identity", {4}, 13, [](Sketch& s) {
    s.node("MatMul", "product", {"image", s.random("w", {4, 3})}, {"1"});
    s.node("Softmax", "soft", {"1"}, {"2"}).integer("axis", 1);
    s.node("Identity", "name", {"2"}, {"logits"});
  });
}

}  // namespace uswim::tests
