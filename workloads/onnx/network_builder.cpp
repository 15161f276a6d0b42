#include "workloads/onnx/network_builder.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "workloads/onnx/attributes.h"
#include "workloads/onnx/describe.h"
#include "workloads/onnx/window_reader.h"

namespace uswim::workloads::onnx_reader {

using ::onnx::NodeProto;

Network NetworkBuilder::build() {
  check_single_chain();
  read_input();
  for (const NodeProto* node : graph_.order())
    if (folded_.count(node) == 0) read_node(*node);
  check_output();
  return std::move(network_);
}

void NetworkBuilder::check_single_chain() const {
  const auto check = [&](const std::string& value, const std::string& writer) {
    const auto& readers = graph_.consumers(value);
    const bool is_output = value == graph_.output().name();
    if (readers.size() + (is_output ? 1 : 0) == 1) return;
    std::string text = fmt::format("{} writes {}, which ", writer, quoted(value));
    if (readers.empty()) throw NetworkError(text + "nothing reads; expected one chain of nodes");
    text += "is read more than once; branching networks are not supported. It is read by";
    for (const NodeProto* reader : readers) text += "\n  " + describe(*reader);
    throw NetworkError(is_output ? text + "\n  the output of the graph" : text);
  };
  check(graph_.input().name(), "the input of the graph");
  for (const NodeProto* node : graph_.order()) {
    if (node->output_size() == 0 || node->output(0).empty()) refuse(*node, "it writes no value");
    check(node->output(0), describe(*node));
    for (int i = 1; i < node->output_size(); ++i)
      if (!graph_.consumers(node->output(i)).empty() || node->output(i) == graph_.output().name())
        refuse(*node, "its output {} is used; only first outputs are supported",
               quoted(node->output(i)));
  }
}

void NetworkBuilder::read_input() {
  const ::onnx::ValueInfoProto& input = graph_.input();
  const std::string name = "input " + quoted(input.name());
  if (!input.type().has_tensor_type() ||
      input.type().tensor_type().elem_type() != ::onnx::TensorProto::FLOAT)
    throw NetworkError(name + " is no tensor of FLOAT");
  if (!input.type().tensor_type().has_shape()) throw NetworkError(name + " has no shape");
  const auto& dims = input.type().tensor_type().shape().dim();
  if (dims.size() != 2 && dims.size() != 4)
    throw NetworkError(
        fmt::format("{} has {} dimensions, expected [N, channels, height, width] or [N, size]",
                    name, dims.size()));
  if (dims[0].has_dim_value()) {
    if (dims[0].dim_value() < 1)
      throw NetworkError(
          fmt::format("{} holds {} images, expected 1 or more", name, dims[0].dim_value()));
    batch_ = dims[0].dim_value();
  }
  std::vector<std::size_t> extents;
  for (int i = 1; i < dims.size(); ++i) {
    if (!dims[i].has_dim_value() || dims[i].dim_value() < 1)
      throw NetworkError(
          fmt::format("{}: dimension {} is no positive number; only the first one, the images, "
                      "may be left open",
                      name, i));
    extents.push_back(static_cast<std::size_t>(dims[i].dim_value()));
  }
  extents.resize(3, 1);
  if (bounded_product(extents[0], extents[1], extents[2]) > kMaximumElements)
    throw NetworkError(fmt::format("{}: an image of {} x {} x {} has more than {} elements", name,
                                   extents[0], extents[1], extents[2], kMaximumElements));
  network_.input = {extents[0], extents[1], extents[2]};
  values_[input.name()] = {0, dims.size() == 2};
}

void NetworkBuilder::read_node(const NodeProto& node) {
  const std::string& type = node.op_type();
  if (type == "Conv") return read_convolution(node);
  if (type == "Gemm") return read_gemm(node);
  if (type == "MatMul") return read_matmul(node);
  if (type == "MaxPool") return read_max_pool(node);
  if (type == "Flatten") return read_flatten(node);
  if (type == "Reshape") return read_reshape(node);
  if (type == "Dropout") return read_dropout(node);
  if (type == "Softmax" || type == "LogSoftmax") return read_softmax(node);
  if (type == "Clip" || type == "QuantizeLinear") return read_quantizer(node);
  AttributeReader(node, {});
  check_inputs(node, 1, 1);
  if (type == "Identity") return pass_through(node);
  if (type != "Relu") refuse(node, "this operator has no reader");
  const Value& input = value_read_by(node);
  add_node(make(Operation::Relu, node, input, shape_of(input)), node.output(0), input.vector);
}

void NetworkBuilder::check_output() const {
  const std::string name = quoted(graph_.output().name());
  if (network_.layers.empty())
    throw NetworkError("the graph has no Conv, Gemm or MatMul: there are no weights to program");
  const auto found = values_.find(graph_.output().name());
  if (found == values_.end() || found->second.index != network_.nodes.size())
    throw NetworkError("output " + name + " is not the last value of the chain");
  if (!found->second.vector)
    throw NetworkError(fmt::format("output {} is {}, expected [N, classes]", name,
                                   value_text(shape_of(found->second), false)));
  const auto& dims = graph_.output().type().tensor_type().shape().dim();
  if (dims.size() == 2 && dims[1].has_dim_value() &&
      dims[1].dim_value() != static_cast<std::int64_t>(network_.classes()))
    throw NetworkError(fmt::format("output {} is declared with {} classes, but has {}", name,
                                   dims[1].dim_value(), network_.classes()));
}

void NetworkBuilder::check_inputs(const NodeProto& node, int least, int most) const {
  if (node.input_size() < least || node.input_size() > most)
    refuse(node, "it has {} inputs, expected {}", node.input_size(),
           least == most ? fmt::format("{}", least) : fmt::format("{} to {}", least, most));
}

const NetworkBuilder::Value& NetworkBuilder::value_read_by(const NodeProto& node, int input) const {
  const auto found = values_.find(node.input(input));
  if (found == values_.end())
    refuse(node, "its input {} is a constant, expected what the node before it writes",
           quoted(node.input(input)));
  return found->second;
}

const NetworkBuilder::Value& NetworkBuilder::vector_read_by(const NodeProto& node) const {
  const Value& value = value_read_by(node);
  if (!value.vector)
    refuse(node, "its input is {}, expected [N, size]: put Flatten in front of it",
           value_text(shape_of(value), false));
  return value;
}

const NetworkBuilder::Value& NetworkBuilder::image_read_by(const NodeProto& node) const {
  const Value& value = value_read_by(node);
  if (value.vector)
    refuse(node, "its input is {}, expected [N, channels, height, width]",
           value_text(shape_of(value), true));
  return value;
}

void NetworkBuilder::add_fully_connected(const NodeProto& node, const NodeProto& last,
                                         const Tensor<float>& matrix, bool transposed,
                                         std::vector<float> bias) {
  const Value& input = vector_read_by(node);
  MatrixLayer layer;
  layer.name = name_of(node);
  layer.outputs = static_cast<std::size_t>(matrix.dims[transposed ? 0 : 1]);
  layer.rows = static_cast<std::size_t>(matrix.dims[transposed ? 1 : 0]);
  if (layer.rows != shape_of(input).size())
    refuse(node, "its weights {} take {} inputs, but its input is {}", dims_text(matrix.dims),
           layer.rows, value_text(shape_of(input), true));
  if (transposed) {
    layer.weight = matrix.values;
  } else {
    layer.weight.resize(matrix.values.size());
    for (std::size_t i = 0; i < layer.rows; ++i)
      for (std::size_t o = 0; o < layer.outputs; ++o)
        layer.weight[o * layer.rows + i] = matrix.values[i * layer.outputs + o];
  }
  bias.resize(layer.outputs, 0.0f);
  layer.bias = std::move(bias);
  const Shape shape{layer.outputs, 1, 1};
  add_matrix_layer(node, std::move(layer), shape, true, last.output(0));
}

void NetworkBuilder::add_matrix_layer(const NodeProto& node, MatrixLayer layer, const Shape& shape,
                                      bool vector, const std::string& output) {
  const auto check = [&](const std::vector<float>& values, const char* what, std::size_t rows) {
    const auto bad =
        std::find_if_not(values.begin(), values.end(), [](float v) { return std::isfinite(v); });
    if (bad == values.end()) return;
    const auto index = static_cast<std::size_t>(bad - values.begin());
    refuse(node, "{} {} (output {}, row {}) of layer {} is {}, expected a finite number", what,
           index, index / rows, index % rows, network_.layers.size(), *bad);
  };
  if (layer.weight.empty()) refuse(node, "it has no weights");
  check(layer.weight, "weight", layer.rows);
  check(layer.bias, "bias", 1);
  Node matrix = make(Operation::Matrix, node, value_read_by(node), shape);
  matrix.layer = network_.layers.size();
  network_.layers.push_back(std::move(layer));
  add_node(std::move(matrix), output, vector);
}

Node NetworkBuilder::make(Operation operation, const NodeProto& node, const Value& input,
                          const Shape& shape) {
  Node made;
  made.operation = operation;
  made.name = name_of(node);
  made.inputs = {input.index};
  made.shape = shape;
  return made;
}

void NetworkBuilder::add_flatten(const NodeProto& node) {
  const Value& input = value_read_by(node);
  if (input.vector) return pass_through(node);
  const Shape shape{shape_of(input).size(), 1, 1};
  add_node(make(Operation::Flatten, node, input, shape), node.output(0), true);
}

void NetworkBuilder::add_node(Node node, const std::string& output, bool vector) {
  const Shape& shape = node.shape;
  if (bounded_product(shape.channels, shape.height, shape.width) > kMaximumElements)
    throw NetworkError(fmt::format("node {}: its output {} x {} x {} has more than {} elements",
                                   quoted(node.name), shape.channels, shape.height, shape.width,
                                   kMaximumElements));
  network_.nodes.push_back(std::move(node));
  values_[output] = {network_.nodes.size(), vector};
}

}  // namespace uswim::workloads::onnx_reader
