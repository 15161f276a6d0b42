#include "workloads/onnx/network_builder.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <utility>

#include "workloads/onnx/constants.h"
#include "workloads/onnx/describe.h"

namespace uswim::workloads::onnx_reader {

using ::onnx::NodeProto;

std::size_t NetworkBuilder::Value::size() const {
  return std::accumulate(dims.begin(), dims.end(), std::size_t{1}, std::multiplies<>());
}

Network NetworkBuilder::build() {
  read_input();
  for (const NodeProto* node : graph_.order()) {
    if (node->output_size() == 0 || node->output(0).empty()) refuse(*node, "it writes no value");
    for (int i = 1; i < node->output_size(); ++i)
      if (!graph_.consumers(node->output(i)).empty() || node->output(i) == graph_.output().name())
        refuse(*node, "its output {} is used; only first outputs are supported",
               quoted(node->output(i)));
    if (folded_.count(node) == 0) read_node(*node);
  }
  check_output();
  return std::move(network_);
}

void NetworkBuilder::read_input() {
  const ::onnx::ValueInfoProto& input = graph_.input();
  const std::string name = "input " + quoted(input.name());
  if (!input.type().has_tensor_type() || !is_floating(input.type().tensor_type().elem_type()))
    throw NetworkError(name + " is no tensor of FLOAT (or FLOAT16, DOUBLE)");
  if (!input.type().tensor_type().has_shape()) throw NetworkError(name + " has no shape");
  const auto& dims = input.type().tensor_type().shape().dim();
  if (dims.size() < 2 || dims.size() > 4)
    throw NetworkError(
        fmt::format("{} has {} dimensions, expected [N, channels, height, width], "
                    "[N, channels, length] or [N, size]",
                    name, dims.size()));
  if (dims[0].has_dim_value()) {
    if (dims[0].dim_value() < 1)
      throw NetworkError(
          fmt::format("{} holds {} images, expected 1 or more", name, dims[0].dim_value()));
    batch_ = dims[0].dim_value();
  }
  Dims extents;
  for (int i = 1; i < dims.size(); ++i) {
    if (!dims[i].has_dim_value() || dims[i].dim_value() < 1)
      throw NetworkError(
          fmt::format("{}: dimension {} is no positive number; only the first one, the images, "
                      "may be left open",
                      name, i));
    extents.push_back(static_cast<std::size_t>(dims[i].dim_value()));
  }
  if (bounded_product(extents) > kMaximumElements)
    throw NetworkError(fmt::format("{}: an image of {} has more than {} elements", name,
                                   fmt::join(extents, " x "), kMaximumElements));
  network_.input = shape_of(extents);
  values_[input.name()] = {0, extents};
}

void NetworkBuilder::read_node(const NodeProto& node) {
  using Reader = void (NetworkBuilder::*)(const NodeProto&);
  static const std::unordered_map<std::string, Reader> kReaders{
      {"Conv", &NetworkBuilder::read_convolution},
      {"Gemm", &NetworkBuilder::read_gemm},
      {"MatMul", &NetworkBuilder::read_matmul},
      {"Relu", &NetworkBuilder::read_relu},
      {"LeakyRelu", &NetworkBuilder::read_leaky_relu},
      {"Sigmoid", &NetworkBuilder::read_squashing},
      {"Tanh", &NetworkBuilder::read_squashing},
      {"Clip", &NetworkBuilder::read_clip},
      {"Add", &NetworkBuilder::read_sum},
      {"Sub", &NetworkBuilder::read_sum},
      {"Mul", &NetworkBuilder::read_product},
      {"Div", &NetworkBuilder::read_product},
      {"BatchNormalization", &NetworkBuilder::read_batch_normalization},
      {"QuantizeLinear", &NetworkBuilder::read_quantize},
      {"DequantizeLinear", &NetworkBuilder::read_dequantize},
      {"MaxPool", &NetworkBuilder::read_pool},
      {"AveragePool", &NetworkBuilder::read_pool},
      {"GlobalAveragePool", &NetworkBuilder::read_global_pool},
      {"ReduceMean", &NetworkBuilder::read_global_pool},
      {"Pad", &NetworkBuilder::read_pad},
      {"Flatten", &NetworkBuilder::read_flatten},
      {"Reshape", &NetworkBuilder::read_reshape},
      {"Transpose", &NetworkBuilder::read_transpose},
      {"Squeeze", &NetworkBuilder::read_squeeze},
      {"Unsqueeze", &NetworkBuilder::read_squeeze},
      {"Concat", &NetworkBuilder::read_concat},
      {"Identity", &NetworkBuilder::read_dropout},
      {"Dropout", &NetworkBuilder::read_dropout},
      {"Cast", &NetworkBuilder::read_cast},
      {"Softmax", &NetworkBuilder::read_softmax},
      {"LogSoftmax", &NetworkBuilder::read_softmax},
  };
  if (computes_sizes(node)) return read_sizes(node);
  const auto reader = kReaders.find(node.op_type());
  if (reader == kReaders.end()) refuse(node, "this operator has no reader");
  (this->*reader->second)(node);
}

void NetworkBuilder::check_output() const {
  const std::string name = quoted(graph_.output().name());
  if (network_.layers.empty())
    throw NetworkError("the graph has no Conv, Gemm or MatMul: there are no weights to program");
  const auto found = values_.find(graph_.output().name());
  if (found == values_.end() || found->second.index != network_.nodes.size())
    throw NetworkError("output " + name + " is not what the last node writes");
  const Value& value = found->second;
  if (!one_per_channel(value) || value.code_scale > 0.0f || value.images_last)
    throw NetworkError(fmt::format("output {} is {}, expected [N, classes] or [N, classes, 1, 1]",
                                   name, text(value)));
  const auto& dims = graph_.output().type().tensor_type().shape().dim();
  if (dims.size() >= 2 && dims[1].has_dim_value() &&
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
  if (found == values_.end()) {
    const auto& inputs = node.input();
    const bool all = std::all_of(inputs.begin(), inputs.end(), [&](const std::string& name) {
      return name.empty() || graph_.constant(name) != nullptr;
    });
    refuse(node, "its input {} is a constant{}, expected what the node before it writes",
           quoted(node.input(input)), all ? " as all its inputs are" : "");
  }
  if (found->second.code_scale > 0.0f && node.op_type() != "DequantizeLinear")
    refuse(node, "its input {} holds quantised codes, which only DequantizeLinear may read",
           quoted(node.input(input)));
  static const std::unordered_set<std::string> kReadColumns{
      "Transpose", "Gemm",     "MatMul",  "Relu", "LeakyRelu",      "Sigmoid",         "Tanh",
      "Clip",      "Identity", "Dropout", "Cast", "QuantizeLinear", "DequantizeLinear"};
  if (found->second.images_last && kReadColumns.count(node.op_type()) == 0)
    refuse(node,
           "its input {} is {}, with the images as columns, which only Transpose, Gemm, MatMul and "
           "what "
           "works number by number may read",
           quoted(node.input(input)), text(found->second));
  return found->second;
}

const NetworkBuilder::Value& NetworkBuilder::image_read_by(const NodeProto& node) const {
  const Value& value = value_read_by(node);
  if (value.dims.size() != 2 && value.dims.size() != 3)
    refuse(node, "its input is {}, expected [N, channels, height, width] or [N, channels, length]",
           text(value));
  return value;
}

bool NetworkBuilder::one_per_channel(const Value& value) {
  return std::all_of(value.dims.begin() + 1, value.dims.end(),
                     [](std::size_t d) { return d == 1; });
}

Shape NetworkBuilder::shape_of(const Dims& dims) {
  if (dims.size() == 1) return {dims[0], 1, 1};
  if (dims.size() == 2) return {dims[0], 1, dims[1]};
  return {dims[0], dims[1],
          std::accumulate(dims.begin() + 2, dims.end(), std::size_t{1}, std::multiplies<>())};
}

std::string NetworkBuilder::text(const Value& value) {
  if (value.images_last) return fmt::format("[{}, N]", value.dims[0]);
  return fmt::format("[N, {}]", fmt::join(value.dims, ", "));
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

NetworkBuilder::Value NetworkBuilder::add(Node node, Dims dims) {
  if (bounded_product(dims) > kMaximumElements)
    throw NetworkError(fmt::format("node {}: its output {} has more than {} elements",
                                   quoted(node.name), fmt::join(dims, " x "), kMaximumElements));
  network_.nodes.push_back(std::move(node));
  return {network_.nodes.size(), std::move(dims)};
}

NetworkBuilder::Value NetworkBuilder::add_alike(Node node, const Value& input) {
  Value result = add(std::move(node), input.dims);
  result.images_last = input.images_last;
  return result;
}

void NetworkBuilder::charge(const NodeProto& node, std::size_t numbers) {
  numbers_ += std::min(numbers, kMaximumParameters + 1);
  if (numbers_ > kMaximumParameters)
    refuse(node, "the network up to here has more than {} weights and other numbers",
           kMaximumParameters);
}

void NetworkBuilder::check_finite(const NodeProto& node, const std::vector<float>& values,
                                  const char* what) const {
  const auto bad =
      std::find_if_not(values.begin(), values.end(), [](float v) { return std::isfinite(v); });
  if (bad != values.end())
    refuse(node, "its {} {} is {}, expected a finite number", what, bad - values.begin(), *bad);
}

NetworkBuilder::Value NetworkBuilder::reshaped(const NodeProto& node, const Value& input,
                                               Dims dims) {
  const Shape shape = shape_of(dims);
  if (shape == network_.shape_of(input.index)) return {input.index, std::move(dims)};
  const bool flat = shape.height == 1 && shape.width == 1;
  return add(make(flat ? Operation::Flatten : Operation::Reshape, node, input, shape),
             std::move(dims));
}

NetworkBuilder::Value NetworkBuilder::transpose(const NodeProto& node, const Value& input,
                                                const Dims& order) {
  Dims result;
  for (const std::size_t axis : order) result.push_back(input.dims[axis]);
  // Axes that stay neighbours move as one; axes of one element do not matter.
  std::vector<Dims> groups;
  for (const std::size_t axis : order) {
    if (input.dims[axis] == 1) continue;
    std::size_t previous = axis;  // axis before it in the input that has more than one element
    while (previous-- > 0 && input.dims[previous] == 1) {
    }
    if (!groups.empty() && groups.back().back() == previous)
      groups.back().push_back(axis);
    else
      groups.push_back({axis});
  }
  if (groups.size() < 2) return reshaped(node, input, std::move(result));
  if (order.size() == 3) groups = {{order[0]}, {order[1]}, {order[2]}};  // as they are
  if (groups.size() > 3)
    refuse(node, "it moves {} groups of axes of {}, expected at most 3", groups.size(),
           text(input));
  std::vector<std::size_t> by_input(groups.size());  // groups in the order of the input
  std::iota(by_input.begin(), by_input.end(), 0);
  std::sort(by_input.begin(), by_input.end(),
            [&](std::size_t a, std::size_t b) { return groups[a] < groups[b]; });
  // Two groups go to the channels and the columns, as the axes of [N, C, L] do.
  const auto place = [&](std::size_t rank) { return groups.size() == 2 ? 2 * rank : rank; };
  std::array<std::size_t, 3> from{1, 1, 1}, to{1, 1, 1}, axes{0, 1, 2};
  for (std::size_t i = 0; i < by_input.size(); ++i) {
    std::size_t extent = 1;
    for (const std::size_t axis : groups[by_input[i]]) extent *= input.dims[axis];
    from[place(i)] = to[place(by_input[i])] = extent;
    axes[place(by_input[i])] = place(i);
  }
  Value grouped = reshaped(node, input, {from.begin(), from.end()});
  Node moved = make(Operation::Transpose, node, grouped, {to[0], to[1], to[2]});
  moved.axes = axes;
  return reshaped(node, add(std::move(moved), {to.begin(), to.end()}), std::move(result));
}

}  // namespace uswim::workloads::onnx_reader
