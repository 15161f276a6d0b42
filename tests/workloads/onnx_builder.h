#pragma once
#include <onnx/onnx_pb.h>

#include <cstdint>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "temporary_file.h"
#include "workloads/network/network.h"
#include "workloads/onnx/import.h"

namespace uswim::tests {

/// Sets attributes of a node one after the other.
class NodeBuilder {
 public:
  explicit NodeBuilder(::onnx::NodeProto* node) : node_(node) {}
  NodeBuilder& integer(const std::string& name, std::int64_t value) {
    ::onnx::AttributeProto* a = add(name, ::onnx::AttributeProto::INT);
    a->set_i(value);
    return *this;
  }
  NodeBuilder& integers(const std::string& name, const std::vector<std::int64_t>& values) {
    ::onnx::AttributeProto* a = add(name, ::onnx::AttributeProto::INTS);
    for (const std::int64_t v : values) a->add_ints(v);
    return *this;
  }
  NodeBuilder& real(const std::string& name, float value) {
    add(name, ::onnx::AttributeProto::FLOAT)->set_f(value);
    return *this;
  }
  NodeBuilder& word(const std::string& name, const std::string& value) {
    add(name, ::onnx::AttributeProto::STRING)->set_s(value);
    return *this;
  }
  ::onnx::NodeProto& proto() { return *node_; }

 private:
  ::onnx::AttributeProto* add(const std::string& name, ::onnx::AttributeProto::AttributeType type) {
    ::onnx::AttributeProto* attribute = node_->add_attribute();
    attribute->set_name(name);
    attribute->set_type(type);
    return attribute;
  }
  ::onnx::NodeProto* node_;
};

/// An ONNX model under construction. A dimension of -1 is left open as "N".
class ModelBuilder {
 public:
  using Dims = std::vector<std::int64_t>;
  using Names = std::vector<std::string>;

  explicit ModelBuilder(std::int64_t opset = 13) {
    model_.set_ir_version(8);
    model_.add_opset_import()->set_version(opset);
    model_.mutable_graph()->set_name("test");
  }
  void input(const std::string& name, const Dims& dims) {
    describe(graph().add_input(), name, dims);
  }
  void output(const std::string& name, const Dims& dims) {
    describe(graph().add_output(), name, dims);
  }
  ::onnx::TensorProto& floats(const std::string& name, const Dims& dims,
                              const std::vector<float>& values) {
    ::onnx::TensorProto& tensor = initializer(name, dims, ::onnx::TensorProto::FLOAT);
    for (const float v : values) tensor.add_float_data(v);
    return tensor;
  }
  /// `dims` with values 0.25, 0.5, 0.75 ... in turn.
  ::onnx::TensorProto& floats(const std::string& name, const Dims& dims) {
    std::int64_t count = 1;
    for (const std::int64_t d : dims) count *= d;
    std::vector<float> values;
    for (std::int64_t i = 0; i < count; ++i)
      values.push_back(0.25f * static_cast<float>(i % 5 - 2));
    return floats(name, dims, values);
  }
  ::onnx::TensorProto& int64s(const std::string& name, const std::vector<std::int64_t>& values) {
    ::onnx::TensorProto& tensor =
        initializer(name, {static_cast<std::int64_t>(values.size())}, ::onnx::TensorProto::INT64);
    for (const std::int64_t v : values) tensor.add_int64_data(v);
    return tensor;
  }
  ::onnx::TensorProto& byte(const std::string& name, int value) {
    ::onnx::TensorProto& tensor = initializer(name, {}, ::onnx::TensorProto::UINT8);
    tensor.add_int32_data(value);
    return tensor;
  }
  NodeBuilder node(const std::string& type, const std::string& name, const Names& inputs,
                   const Names& outputs) {
    ::onnx::NodeProto* node = graph().add_node();
    node->set_op_type(type);
    node->set_name(name);
    for (const std::string& value : inputs) node->add_input(value);
    for (const std::string& value : outputs) node->add_output(value);
    return NodeBuilder(node);
  }
  ::onnx::GraphProto& graph() { return *model_.mutable_graph(); }
  ::onnx::ModelProto& model() { return model_; }
  std::string bytes() const { return model_.SerializeAsString(); }
  workloads::Network import() const {
    const TemporaryFile file(bytes(), ".onnx");
    return workloads::import_onnx(file.path());
  }
  /// The message of the NetworkError that importing throws; empty if it throws none.
  std::string fault() const {
    try {
      import();
    } catch (const workloads::NetworkError& error) {
      return error.what();
    }
    return "";
  }

 private:
  static void describe(::onnx::ValueInfoProto* value, const std::string& name, const Dims& dims) {
    value->set_name(name);
    auto* type = value->mutable_type()->mutable_tensor_type();
    type->set_elem_type(::onnx::TensorProto::FLOAT);
    for (const std::int64_t d : dims) {
      auto* dim = type->mutable_shape()->add_dim();
      if (d < 0)
        dim->set_dim_param("N");
      else
        dim->set_dim_value(d);
    }
  }
  ::onnx::TensorProto& initializer(const std::string& name, const Dims& dims,
                                   ::onnx::TensorProto::DataType type) {
    ::onnx::TensorProto* tensor = graph().add_initializer();
    tensor->set_name(name);
    tensor->set_data_type(type);
    for (const std::int64_t d : dims) tensor->add_dims(d);
    return *tensor;
  }

  ::onnx::ModelProto model_;
};

/// image [N, 2, 6, 6] -> conv 3 3x3 -> relu -> quantise (4 bits) -> pool 2 -> flatten -> gemm 4:
/// one of each.
inline ModelBuilder small_model() {
  ModelBuilder m;
  m.input("image", {-1, 2, 6, 6});
  m.output("logits", {-1, 4});
  m.floats("conv_weight", {3, 2, 3, 3});
  m.floats("conv_bias", {3});
  m.floats("zero", {}, {0.0f});
  m.floats("limit", {}, {7.5f});
  m.floats("scale", {}, {0.5f});
  m.byte("zero_point", 0);
  m.floats("fc_weight", {4, 27});
  m.floats("fc_bias", {4});
  m.node("Conv", "conv", {"image", "conv_weight", "conv_bias"}, {"c"})
      .integers("pads", {1, 1, 1, 1});
  m.node("Relu", "relu", {"c"}, {"r"});
  m.node("Clip", "clip", {"r", "zero", "limit"}, {"l"});
  m.node("QuantizeLinear", "quantize", {"l", "scale", "zero_point"}, {"q"});
  m.node("DequantizeLinear", "dequantize", {"q", "scale", "zero_point"}, {"d"});
  m.node("MaxPool", "pool", {"d"}, {"p"})
      .integers("kernel_shape", {2, 2})
      .integers("strides", {2, 2});
  m.node("Flatten", "flatten", {"p"}, {"f"});
  m.node("Gemm", "fc", {"f", "fc_weight", "fc_bias"}, {"logits"}).integer("transB", 1);
  return m;
}

/// image [N, 2, 6, 6] -> `fill` adds nodes from "image" to "x" -> flatten -> matmul.
template <class Fill>
ModelBuilder model_around(Fill&& fill, std::int64_t flat_size, std::int64_t opset = 13) {
  ModelBuilder m(opset);
  m.input("image", {-1, 2, 6, 6});
  m.output("logits", {-1, 2});
  m.floats("last_weight", {flat_size, 2});
  fill(m);
  m.node("Flatten", "flatten", {"x"}, {"f"});
  m.node("MatMul", "last", {"f", "last_weight"}, {"logits"});
  return m;
}

}  // namespace uswim::tests
