#include <string>
#include <utility>
#include <vector>

#include "reference_sketch.h"

namespace uswim::tests {

void add_pools(Models& models) {
  models.add("max_pool", {2, 9, 8}, 2 * 4 * 4, [](Sketch& s) {
    s.node("MaxPool", "pool", {"image"}, {"x"})
        .integers("kernel_shape", {2, 3})
        .integers("dilations", {3, 2})
        .integers("strides", {2, 1})
        .integers("pads", {1, 0, 0, 0});
  });
  models.add("max_pool_same", {2, 5, 6}, 2 * 3 * 3, [](Sketch& s) {
    s.node("MaxPool", "pool", {"image"}, {"x"})
        .integers("kernel_shape", {2, 3})
        .integers("strides", {2, 2})
        .word("auto_pad", "SAME_LOWER");
  });
  models.add("max_pool_ceil", {2, 6, 7}, 2 * 3 * 3, [](Sketch& s) {
    s.node("MaxPool", "pool", {"image"}, {"x"})
        .integers("kernel_shape", {3, 2})
        .integers("strides", {2, 3})
        .integer("ceil_mode", 1);
  });
  for (const std::int64_t counts : {0, 1}) {
    const std::string suffix = counts != 0 ? "_with_border" : "";
    models.add("average_pool" + suffix, {2, 6, 7}, 2 * 3 * 5, [&](Sketch& s) {
      s.node("AveragePool", "pool", {"image"}, {"x"})
          .integers("kernel_shape", {3, 4})
          .integers("strides", {2, 2})
          .integers("pads", {1, 2, 0, 3})
          .integer("count_include_pad", counts);
    });
    models.add("average_pool_ceil" + suffix, {2, 6, 7}, 2 * 4 * 4, [&](Sketch& s) {
      s.node("AveragePool", "pool", {"image"}, {"x"})
          .integers("kernel_shape", {3, 3})
          .integers("strides", {2, 2})
          .integers("pads", {1, 1, 1, 0})
          .integer("ceil_mode", 1)
          .integer("count_include_pad", counts);
    });
    models.add("average_pool_same" + suffix, {2, 5, 6}, 2 * 3 * 3, [&](Sketch& s) {
      s.node("AveragePool", "pool", {"image"}, {"x"})
          .integers("kernel_shape", {2, 3})
          .integers("strides", {2, 2})
          .word("auto_pad", "SAME_UPPER")
          .integer("count_include_pad", counts);
    });
  }
}

void add_shapes(Models& models) {
  models.add("rows_last", {3, 4, 5}, 60, [](Sketch& s) {  // as TensorFlow flattens
    s.node("Transpose", "transpose", {"image"}, {"x"}).integers("perm", {0, 2, 3, 1});
  });
  models.add("transpose_five_dimensions", {6, 4, 2}, 48, [](Sketch& s) {
    s.node("Reshape", "split", {"image", s.ints("five", {0, 2, 3, -1, 2})}, {"1"});
    s.node("Transpose", "turn", {"1"}, {"2"}).integers("perm", {0, 3, 1, 2, 4});
    s.node("Reshape", "join", {"2", s.ints("three", {0, 4, 12})}, {"x"});
  });
  models.add("channel_shuffle", {6, 3, 3}, 54, [](Sketch& s) {
    s.node("Reshape", "split", {"image", s.ints("five", {-1, 2, 3, 3, 3})}, {"1"});
    s.node("Transpose", "turn", {"1"}, {"2"}).integers("perm", {0, 2, 1, 3, 4});
    s.node("Reshape", "join", {"2", s.ints("four", {-1, 6, 3, 3})}, {"3"});
    s.node("Conv", "conv", {"3", s.random("w", {6, 3, 1, 1})}, {"x"}).integer("group", 2);
  });
  for (const std::int64_t opset : {9, 13})
    models.add(
        "reshaped_weights_opset_" + std::to_string(opset), {2, 5, 5}, 3,
        [&](Sketch& s) {
          s.node("Reshape", "kernel", {s.random("w1", {9, 6}), s.ints("to", {3, 2, 3, -1})}, {"w"});
          s.node("Conv", "conv", {"image", "w"}, {"1"});
          s.node("Transpose", "turn", {s.random("w2", {3, 27})}, {"w2t"});
          s.node("Flatten", "flatten", {"1"}, {"2"}).integer("axis", opset < 11 ? 1 : -3);
          s.node("MatMul", "product", {"2", "w2t"}, {"3"});
          s.random("offset", {3, 1});
          if (opset < 13) {
            s.node("Squeeze", "thin", {"offset"}, {"o"}).integers("axes", {1});
            s.node("Unsqueeze", "wide", {"3"}, {"4"}).integers("axes", {1, 3});
            s.node("Squeeze", "narrow", {"4"}, {"5"}).integers("axes", {1});
          } else {
            s.node("Squeeze", "thin", {"offset", s.ints("last", {-1})}, {"o"});
            s.node("Unsqueeze", "wide", {"3", s.ints("both", {3, 1})}, {"4"});
            s.node("Squeeze", "narrow", {"4", s.ints("one", {-3})}, {"5"});
          }
          s.node("Add", "add", {"3", "o"}, {"6"});
          s.node("Reshape", "same", {"5", s.ints("flat", {-1, 3})}, {"7"});
          s.node("Add", "sum", {"6", "7"}, {"x"});
        },
        opset);
  models.add("concat", {3, 4, 5}, 5 * 4 * 5 + 3 * 4 * 10, [](Sketch& s) {
    s.node("Conv", "conv", {"image", s.random("w", {2, 3, 3, 3})}, {"c"})
        .integers("pads", {1, 1, 1, 1});
    s.node("Concat", "channels", {"c", "image"}, {"1"}).integer("axis", 1);
    s.node("Relu", "relu", {"image"}, {"2"});
    s.node("Concat", "columns", {"image", "2"}, {"3"}).integer("axis", -1);
    s.node("Flatten", "flat1", {"1"}, {"4"});
    s.node("Flatten", "flat2", {"3"}, {"5"});
    s.node("Concat", "vectors", {"4", "5"}, {"x"}).integer("axis", 1);
  });
  for (const std::int64_t opset : {10, 13})
    models.add(
        "pad_opset_" + std::to_string(opset), {2, 4, 4}, 3 * 5 * 6,
        [&](Sketch& s) {
          const Ints pads{0, 0, 1, 0, 0, 0, 2, 4};
          if (opset < 11)
            s.node("Pad", "pad", {"image"}, {"1"}).integers("pads", pads);
          else
            s.node("Pad", "pad", {"image", s.ints("pads", pads), s.number("nothing", 0)}, {"1"});
          s.node("Conv", "conv", {"1", s.random("w", {3, 2, 3, 3})}, {"x"});
        },
        opset);
}

void add_networks(Models& models) {
  models.add("residual", {3, 8, 8}, 6, [](Sketch& s) {
    const auto conv = [&](const std::string& name, const std::string& from, const Dims& weight,
                          std::int64_t stride) {
      const std::int64_t pad = weight[2] / 2;
      s.node("Conv", name, {from, s.random(name + "_w", weight, -0.4f, 0.4f)}, {name})
          .integers("strides", {stride, stride})
          .integers("pads", {pad, pad, pad, pad});
    };
    conv("stem", "image", {4, 3, 3, 3}, 1);
    s.node("Relu", "relu1", {"stem"}, {"a"});
    conv("first", "a", {6, 4, 3, 3}, 2);
    s.node("Relu", "relu2", {"first"}, {"b"});
    conv("second", "b", {6, 6, 3, 3}, 1);
    conv("shortcut", "a", {6, 4, 1, 1}, 2);
    s.node("Add", "add", {"second", "shortcut"}, {"sum"});
    s.node("Relu", "relu3", {"sum"}, {"c"});
    s.node("GlobalAveragePool", "mean", {"c"}, {"x"});
  });
  for (const bool is_signed : {false, true})
    models.add(is_signed ? "signed_quantiser" : "quantiser", {2, 5, 5}, 3 * 9, [&](Sketch& s) {
      const auto type = is_signed ? ::onnx::TensorProto::INT8 : ::onnx::TensorProto::UINT8;
      s.codes("zero", {}, {0}, type);
      s.number("step1", 0.01f);
      s.number("step2", 0.25f);
      s.node("QuantizeLinear", "q1", {"image", "step1", "zero"}, {"c1"});
      s.node("DequantizeLinear", "d1", {"c1", "step1", "zero"}, {"1"});
      s.node("Conv", "conv", {"1", s.random("w", {3, 2, 3, 3})}, {"2"});
      s.node("Clip", "clip",
             {"2", s.number("low", is_signed ? -2.0f : 0.0f), s.number("high", 1.75f)}, {"3"});
      s.node("QuantizeLinear", "q2", {"3", "step2", "zero"}, {"c2"});
      s.node("DequantizeLinear", "d2", {"c2", "step2", "zero"}, {"x"});
    });
  models.add("weights_of_one_byte", {2, 4, 4}, 3 * 4, [](Sketch& s) {
    Ints codes;
    for (std::int64_t i = 0; i < 54; ++i) codes.push_back(i * 37 % 255 - 127);
    s.codes("w1", {3, 2, 3, 3}, codes, ::onnx::TensorProto::INT8);
    s.codes("z1", {3}, {0, 5, -3}, ::onnx::TensorProto::INT8);
    s.floats("s1", {3}, {0.01f, 0.004f, 0.02f});
    s.node("DequantizeLinear", "weight", {"w1", "s1", "z1"}, {"w"}).integer("axis", 0);
    s.codes("b1", {3}, {1000, -70000, 3}, ::onnx::TensorProto::INT32);
    s.node("DequantizeLinear", "bias", {"b1", s.number("sb", 1e-5f)}, {"b"});
    s.node("Conv", "conv", {"image", "w", "b"}, {"1"});
    Ints unsigned_codes;
    for (std::int64_t i = 0; i < 9; ++i) unsigned_codes.push_back(i * 101 % 256);
    s.codes("w2", {3, 3, 1, 1}, unsigned_codes, ::onnx::TensorProto::UINT8);
    s.codes("z2", {}, {128}, ::onnx::TensorProto::UINT8);
    s.node("DequantizeLinear", "weight2", {"w2", s.number("s2", 0.01f), "z2"}, {"w2f"});
    s.node("Conv", "conv2", {"1", "w2f"}, {"x"});
  });
  for (const char* last : {"Softmax", "LogSoftmax"})
    for (const std::int64_t opset : {11, 13})
      models.finish(
          std::string(last) + "_opset_" + std::to_string(opset), {4, 3}, opset, [&](Sketch& s) {
            s.node("Identity", "copy", {"image"}, {"1"});
            s.node("Dropout", "drop", {"1"}, {"2"});
            auto* value = s.node("Constant", "shape", {}, {"to"}).proto().add_attribute();
            value->set_name("value");
            value->set_type(::onnx::AttributeProto::TENSOR);
            value->mutable_t()->set_data_type(::onnx::TensorProto::INT64);
            value->mutable_t()->add_dims(2);
            value->mutable_t()->add_int64_data(0);
            value->mutable_t()->add_int64_data(12);
            s.node("Reshape", "flat", {"2", "to"}, {"3"});
            s.input(s.random("w", {12, 3}), {12, 3});  // an initializer that is also an input
            s.node("MatMul", "product", {"3", "w"}, {"4"});
            s.node(last, "soft", {"4"}, {"logits"}).integer("axis", 1);
          });
}

}  // namespace uswim::tests
