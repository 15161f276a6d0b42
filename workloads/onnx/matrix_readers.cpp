// The members of NetworkBuilder that read what goes onto crossbars: Conv, Gemm and MatMul; and the
// constants that any operator takes.
#include <algorithm>
#include <cmath>
#include <utility>

#include "workloads/onnx/describe.h"
#include "workloads/onnx/network_builder.h"
#include "workloads/onnx/operators.h"

namespace uswim::workloads::onnx_reader {

using ::onnx::NodeProto;

template <class T>
Tensor<T> NetworkBuilder::constant(const NodeProto& node, int input, const char* what) const {
  const auto* constant = graph_.constant(node.input(input));
  if (constant == nullptr)
    refuse(node, "expected a constant for its {}: {} is computed", what, quoted(node.input(input)));
  try {
    return read_tensor<T>(*constant);
  } catch (const NetworkError& error) {
    refuse(node, "its {}: {}", what, error.what());
  }
}
template Tensor<float> NetworkBuilder::constant(const NodeProto&, int, const char*) const;
template Tensor<std::int64_t> NetworkBuilder::constant(const NodeProto&, int, const char*) const;
template Tensor<std::int8_t> NetworkBuilder::constant(const NodeProto&, int, const char*) const;
template Tensor<std::uint8_t> NetworkBuilder::constant(const NodeProto&, int, const char*) const;

float NetworkBuilder::constant_scalar(const NodeProto& node, int input, const char* what) const {
  const Tensor<float> tensor = constant<float>(node, input, what);
  if (tensor.values.size() != 1)
    refuse(node, "its {} has shape {}, expected one number", what, dims_text(tensor.dims));
  return tensor.values.front();
}

std::vector<float> NetworkBuilder::broadcast_bias(const NodeProto& node, const Tensor<float>& bias,
                                                  std::size_t outputs, bool images_last) const {
  const std::size_t rank = bias.dims.size();
  const bool fits =
      images_last ? rank == 2 && bias.dims[1] == 1 : rank < 2 || (rank == 2 && bias.dims[0] == 1);
  if (fits && bias.values.size() == outputs) return bias.values;
  if (rank <= 2 && bias.values.size() == 1) return std::vector<float>(outputs, bias.values.front());
  refuse(node, "its bias has shape {}, expected [{}{}]", dims_text(bias.dims), outputs,
         images_last ? ", 1" : "");
}

void NetworkBuilder::read_convolution(const NodeProto& node) {
  constexpr std::int64_t kMostGroups = 4096;  // each becomes a layer of its own
  const AttributeReader attributes(
      node, {"auto_pad", "dilations", "group", "kernel_shape", "pads", "strides"});
  check_inputs(node, 2, 3);
  const Value input = image_read_by(node);
  const bool flat = input.dims.size() == 2;  // one-dimensional: [N, channels, length]
  const Shape shape = shape_of(input.dims);
  Tensor<float> weight = constant<float>(node, 1, "weights");
  if (weight.dims.size() != input.dims.size() + 1 || weight.values.empty())
    refuse(
        node, "its weights have shape {}, expected {} for an input of {}", dims_text(weight.dims),
        flat ? "[outputs, channels, length]" : "[outputs, channels, height, width]", text(input));
  if (flat) weight.dims.insert(weight.dims.begin() + 2, 1);
  const auto dim = [&](std::size_t i) { return static_cast<std::size_t>(weight.dims[i]); };
  const std::int64_t group = attributes.integer("group", 1);
  if (group < 1 || group > kMostGroups || weight.dims[0] % group != 0)
    refuse(node, "group is {}, expected 1 to {}, a divisor of its {} outputs", group, kMostGroups,
           dim(0));
  const auto groups = static_cast<std::size_t>(group);
  if (dim(1) * groups != shape.channels)
    refuse(node, "its weights {} are for {} input channels, but its input is {}",
           dims_text(weight.dims), dim(1) * groups, text(input));
  const WindowedShape windowed = read_window(node, attributes, shape, flat ? 1 : 2, dim(2), dim(3));
  std::vector<float> bias(dim(0), 0.0f);
  if (node.input_size() > 2 && !node.input(2).empty()) {
    Tensor<float> stored = constant<float>(node, 2, "bias");
    if (stored.dims.size() != 1 || stored.values.size() != dim(0))
      refuse(node, "its bias has shape {}, expected [{}]", dims_text(stored.dims), dim(0));
    bias = std::move(stored.values);
  }

  const std::size_t outputs = dim(0) / groups, rows = dim(1) * dim(2) * dim(3);
  const auto dims_with = [&](std::size_t channels) {
    return flat ? Dims{channels, windowed.width} : Dims{channels, windowed.height, windowed.width};
  };
  std::vector<std::size_t> parts;
  Value result;
  for (std::size_t g = 0; g < groups; ++g) {
    MatrixLayer layer;
    layer.name = name_of(node);
    layer.outputs = outputs;
    layer.rows = rows;
    layer.window = windowed.window;
    layer.code_steps = graph_.code_steps(node.input(1), 0);
    if (layer.code_steps.size() > 1)
      layer.code_steps = {
          layer.code_steps.begin() + static_cast<std::ptrdiff_t>(g * outputs),
          layer.code_steps.begin() + static_cast<std::ptrdiff_t>((g + 1) * outputs)};
    Value part = input;
    if (groups == 1) {
      layer.weight = std::move(weight.values);
      layer.bias = std::move(bias);
    } else {
      const auto slice = [g](const std::vector<float>& from, std::size_t count) {
        const auto begin = from.begin() + static_cast<std::ptrdiff_t>(g * count);
        return std::vector<float>(begin, begin + static_cast<std::ptrdiff_t>(count));
      };
      layer.name += fmt::format(".{}", g);
      layer.weight = slice(weight.values, outputs * rows);
      layer.bias = slice(bias, outputs);
      Node cut = make(Operation::Slice, node, input, {dim(1), shape.height, shape.width});
      cut.first_channel = g * dim(1);
      Dims cut_dims = input.dims;
      cut_dims[0] = dim(1);
      part = add(std::move(cut), std::move(cut_dims));
    }
    result = add_matrix(node, std::move(layer), part, dims_with(outputs));
    parts.push_back(result.index);
  }
  if (groups > 1) {
    const Dims dims = dims_with(dim(0));
    Node joined = make(Operation::Concat, node, result, shape_of(dims));
    joined.inputs = parts;
    result = add(std::move(joined), dims);
  }
  bind(node, std::move(result));
}

void NetworkBuilder::read_gemm(const NodeProto& node) {
  const AttributeReader attributes(node, {"alpha", "beta", "transA", "transB", "broadcast"});
  check_inputs(node, 2, 3);
  // Images are rows of the product, or its columns where the weights stand in front of them.
  const bool weights_first = is_constant(node, 0) && !is_constant(node, 1);
  const char* turns[] = {"transA", "transB"};
  const int weights = weights_first ? 0 : 1, values = 1 - weights;
  Tensor<float> matrix = constant<float>(node, weights, "weights");
  if (matrix.dims.size() != 2)
    refuse(node, "its weights have shape {}, expected two dimensions", dims_text(matrix.dims));
  const Value input = value_read_by(node, values);
  if (input.dims.size() != 1)
    refuse(node, "its input is {}, expected [N, size]: put Flatten in front of it", text(input));
  const bool turned = attributes.integer(turns[values], 0) != 0;
  if ((input.images_last != turned) != weights_first)
    refuse(node,
           "{} is {} and its input {} is {}, so that sums run over the images, which stay apart; "
           "expected {} {} or the input transposed",
           turns[values], turned ? 1 : 0, quoted(node.input(values)), text(input), turns[values],
           turned ? 0 : 1);
  const bool transposed = (attributes.integer(turns[weights], 0) != 0) != weights_first;
  const float alpha = attributes.real("alpha", 1.0f);
  const float beta = attributes.real("beta", 1.0f);
  for (float& w : matrix.values) w *= alpha;
  std::vector<float> bias;
  if (node.input_size() > 2 && !node.input(2).empty()) {
    const auto outputs = static_cast<std::size_t>(matrix.dims[transposed ? 0 : 1]);
    bias = broadcast_bias(node, constant<float>(node, 2, "bias"), outputs, weights_first);
    for (float& b : bias) b *= beta;
  }
  Value result = add_fully_connected(node, input, 0, matrix, transposed, std::move(bias));
  result.images_last = weights_first;
  bind(node, std::move(result));
  for (float& step : network_.layers.back().code_steps) step *= std::abs(alpha);
}

void NetworkBuilder::read_matmul(const NodeProto& node) {
  AttributeReader(node, {});
  check_inputs(node, 2, 2);
  const bool weights_first = is_constant(node, 0) && !is_constant(node, 1);
  const Tensor<float> matrix = constant<float>(node, weights_first ? 0 : 1, "weights");
  if (matrix.dims.size() != 2)
    refuse(node, "its weights have shape {}, expected two dimensions", dims_text(matrix.dims));
  const Value input = value_read_by(node, weights_first ? 1 : 0);
  const bool is_matrix = input.dims.size() == 1;  // of the images and their numbers
  if (is_matrix && input.images_last != weights_first)
    refuse(node,
           "its input {} is {}, so that sums run over the images, which stay apart; expected the "
           "input transposed",
           quoted(node.input(weights_first ? 1 : 0)), text(input));
  // Sums run over the last axis of the value or, behind weights, over the one before it.
  const std::size_t axis = input.dims.size() - (weights_first && !is_matrix ? 2 : 1);
  const bool images_last = input.images_last;
  // A bias spreads along the last axis, which is another one than the outputs' behind weights.
  const bool takes_bias = is_matrix || !weights_first;
  const NodeProto* sum = takes_bias ? bias_after(node, graph_, images_last) : nullptr;
  std::vector<float> bias;
  if (sum != nullptr) {
    const int operand = graph_.constant(sum->input(0)) ? 0 : 1;
    const auto outputs = static_cast<std::size_t>(matrix.dims[weights_first ? 0 : 1]);
    bias = broadcast_bias(*sum, constant<float>(*sum, operand, "bias"), outputs, images_last);
    AttributeReader(*sum, {});
    folded_.insert(sum);
  }
  Value result = add_fully_connected(node, input, axis, matrix, weights_first, std::move(bias));
  result.images_last = images_last;
  bind(sum != nullptr ? *sum : node, std::move(result));
}

const std::string& NetworkBuilder::weights_of(const NodeProto& node) const {
  return node.input(is_constant(node, 1) ? 1 : 0);
}

NetworkBuilder::Value NetworkBuilder::add_fully_connected(const NodeProto& node, const Value& input,
                                                          std::size_t axis,
                                                          const Tensor<float>& matrix,
                                                          bool transposed,
                                                          std::vector<float> bias) {
  MatrixLayer layer;
  layer.name = name_of(node);
  layer.outputs = static_cast<std::size_t>(matrix.dims[transposed ? 0 : 1]);
  layer.rows = static_cast<std::size_t>(matrix.dims[transposed ? 1 : 0]);
  if (layer.rows != input.dims[axis])
    refuse(node, "its weights {} take {} inputs, but its input is {}", dims_text(matrix.dims),
           layer.rows, text(input));
  if (transposed) {
    layer.weight = matrix.values;
  } else {
    layer.weight.resize(matrix.values.size());
    for (std::size_t i = 0; i < layer.rows; ++i)
      for (std::size_t o = 0; o < layer.outputs; ++o)
        layer.weight[o * layer.rows + i] = matrix.values[i * layer.outputs + o];
  }
  layer.code_steps = graph_.code_steps(weights_of(node), transposed ? 0 : 1);
  bias.resize(layer.outputs, 0.0f);
  layer.bias = std::move(bias);
  const std::size_t outputs = layer.outputs, rank = input.dims.size();
  if (rank == 1) return add_matrix(node, std::move(layer), input, {outputs});
  // The axis becomes the channels of a 1 x 1 convolution, and goes back.
  Dims forth{axis}, back;
  for (std::size_t other = 0; other < rank; ++other) {
    if (other != axis) forth.push_back(other);
    back.push_back(other < axis ? other + 1 : other == axis ? 0 : other);
  }
  Value turned = transpose(node, input, forth);
  Dims dims = turned.dims;
  dims[0] = outputs;
  return transpose(node, add_matrix(node, std::move(layer), turned, dims), back);
}

NetworkBuilder::Value NetworkBuilder::add_matrix(const NodeProto& node, MatrixLayer layer,
                                                 const Value& input, Dims dims) {
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
  charge(node, layer.weight.size() + layer.bias.size());
  layer.stored_as_codes = graph_.holds_codes(weights_of(node));
  Node matrix = make(Operation::Matrix, node, input, shape_of(dims));
  matrix.name = layer.name;
  matrix.layer = network_.layers.size();
  network_.layers.push_back(std::move(layer));
  return add(std::move(matrix), std::move(dims));
}

}  // namespace uswim::workloads::onnx_reader
