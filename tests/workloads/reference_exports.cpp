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

/// torch's F.pad(image, (1, 2, 0, 1)) from opset 11 on: the list of borders is made longer by those
/// of the other axes, turned around and put as pads wants it.
void pad_of_lists(Models& models) {
  models.add("pad_of_lists", {2, 5, 5}, 3 * 4 * 6, [](Sketch& s) {
    s.ints("list", {1, 2, 0, 1});
    s.node("Shape", "lengths", {"list"}, {"n1"});
    s.node("Gather", "length", {"n1", s.ints("i0", {0})}, {"n"}).integer("axis", 0);
    s.node("Sub", "missing", {s.ints("twice_the_rank", {8}), "n"}, {"m"});
    TensorProto zero;
    zero.set_data_type(TensorProto::INT64);
    zero.add_dims(1);
    zero.add_int64_data(0);
    NodeBuilder zeros = s.node("ConstantOfShape", "zeros", {"m"}, {"z"});
    ::onnx::AttributeProto* value = zeros.proto().add_attribute();
    value->set_name("value");
    value->set_type(::onnx::AttributeProto::TENSOR);
    *value->mutable_t() = zero;
    s.node("Concat", "longer", {"list", "z"}, {"1"}).integer("axis", 0);
    s.node("Reshape", "pairs", {"1", s.ints("by_two", {-1, 2})}, {"2"});
    s.node("Slice", "around",
           {"2", s.ints("last", {-1}), s.ints("first", {-9223372036854775807}), s.ints("axis", {0}),
            s.ints("back", {-1})},
           {"3"});
    s.node("Transpose", "turn", {"3"}, {"4"}).integers("perm", {1, 0});
    s.node("Reshape", "flat", {"4", s.ints("one_axis", {-1})}, {"5"});
    s.node("Cast", "whole", {"5"}, {"pads"}).integer("to", TensorProto::INT64);
    s.node("Pad", "pad", {"image", "pads", s.number("fill", 0.75f)}, {"6"});
    s.node("Conv", "conv", {"6", s.random("w", {3, 2, 3, 3})}, {"x"});
  });
}

void selected_constants(Models& models) {
  models.add("selected_constants", {2, 6, 6}, 3 * 16, [](Sketch& s) {
    s.node("Slice", "every_second_backwards",
           {s.random("k1", {9, 5, 2, 3}), s.ints("starts", {100, -2, 1}),
            s.ints("ends", {-100, 100, 1000}), s.ints("axes", {0, 1, -1}),
            s.ints("steps", {-4, 1, 1})},
           {"1"});  // [3, 2, 2, 2]
    s.node("Slice", "first_axes", {"1", s.ints("none", {0, 0}), s.ints("all", {3, 2})}, {"2"});
    s.node("Gather", "rows", {"2", s.ints("i", {1, 0, -1})}, {"w"}).integer("axis", 2);
    s.node("Shape", "shape", {"w"}, {"3"});  // [3, 2, 3, 2]
    s.node("Slice", "outputs", {"3", s.ints("zero", {0}), s.ints("one", {1})}, {"4"});
    s.node("ConstantOfShape", "zeros", {"4"}, {"5"});
    s.node("Add", "bias", {"5", s.number("half", 0.5f)}, {"b"});
    s.node("Conv", "conv", {"image", "w", "b"}, {"6"});  // [3, 4, 5]
    s.node("Pad", "cut", {"6", s.ints("p", {0, 0, 0, 0, 0, 0, 0, -1})}, {"x"});
  });
  models.add(
      "slice_by_attributes", {2, 3, 3}, 2 * 9,
      [](Sketch& s) {
        s.node("Slice", "slice", {s.random("k", {3, 4, 1, 1})}, {"w"})
            .integers("starts", {1, -3})
            .integers("ends", {1000, -1})
            .integers("axes", {0, 1});
        s.node("Conv", "conv", {"image", "w"}, {"x"});
      },
      9);
  models.add("transposed_codes", {2, 4, 4}, 3 * 16, [](Sketch& s) {
    s.codes("q", {1, 1, 2, 3}, {5, -7, 100, -128, 3, 0}, TensorProto::INT8);
    s.node("Transpose", "turn", {"q"}, {"t"}).integers("perm", {3, 2, 0, 1});
    s.node("DequantizeLinear", "steps", {"t", s.number("step", 0.013f)}, {"w"});
    s.node("Conv", "conv", {"image", "w"}, {"x"});
  });
}

void weights_in_front(Models& models) {
  models.add("matmul_of_weights_and_rows", {5, 7}, 4 * 7, [](Sketch& s) {
    s.node("MatMul", "mix", {s.random("w", {4, 5}), "image"}, {"1"});
    s.node("Add", "bias", {"1", s.random("b", {4, 1})}, {"2"});
    s.node("Relu", "relu", {"2"}, {"x"});
  });
  models.add("matmul_of_weights_and_images", {3, 5, 4}, 3 * 2 * 4, [](Sketch& s) {
    s.node("MatMul", "mix", {s.random("w", {2, 5}), "image"}, {"1"});
    s.node("Add", "bias", {"1", s.random("b", {4})}, {"x"});  // along the columns
  });
  models.finish("matmul_of_weights_and_columns", {6}, 13, [](Sketch& s) {
    s.node("Transpose", "turn", {"image"}, {"0"}).integers("perm", {1, 0});
    s.node("MatMul", "first", {s.random("w1", {5, 6}), "0"}, {"1"});
    s.node("Add", "bias", {"1", s.random("b", {5, 1})}, {"2"});
    s.node("Relu", "relu", {"2"}, {"3"});
    s.node("MatMul", "second", {s.random("w2", {3, 5}), "3"}, {"4"});
    s.node("Transpose", "back", {"4"}, {"logits"});
  });
}

/// A classifier whose last layer is a convolution, without Flatten behind it.
void images_of_one_pixel(Models& models) {
  const auto with = [&](const std::string& name, std::int64_t opset, const Fill& behind) {
    models.finish(name, {2, 4, 4}, opset, [&](Sketch& s) {
      auto* shape = s.graph().mutable_output(0)->mutable_type()->mutable_tensor_type();
      for (int i = 0; i < 2; ++i) shape->mutable_shape()->add_dim()->set_dim_value(1);
      s.node("GlobalAveragePool", "mean", {"image"}, {"1"});
      behind(s);
    });
  };
  with("convolution_at_the_end", 13, [](Sketch& s) {
    s.node("Conv", "classes", {"1", s.random("w", {3, 2, 1, 1}), s.random("b", {3})}, {"logits"});
  });
  with("Softmax_of_images", 13, [](Sketch& s) {
    s.node("Conv", "classes", {"1", s.random("w", {3, 2, 1, 1})}, {"2"});
    s.node("Softmax", "soft", {"2"}, {"logits"}).integer("axis", 1);
  });
}

}  // namespace

void add_exports(Models& models) {
  constants(models);
  sizes(models);
  pad_of_lists(models);
  selected_constants(models);
  weights_in_front(models);
  images_of_one_pixel(models);
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
