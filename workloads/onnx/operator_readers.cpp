// The members of NetworkBuilder that read one operator each: attributes, constants, accepted
// shapes.
#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "workloads/onnx/attributes.h"
#include "workloads/onnx/describe.h"
#include "workloads/onnx/network_builder.h"
#include "workloads/onnx/operators.h"
#include "workloads/onnx/window_reader.h"

namespace uswim::workloads::onnx_reader {

using ::onnx::NodeProto;

template <class T>
Tensor<T> NetworkBuilder::constant(const NodeProto& node, int input, const char* what) const {
  const auto* constant = graph_.constant(node.input(input));
  if (constant == nullptr)
    refuse(node, "its {} {} is computed, expected a constant", what, quoted(node.input(input)));
  try {
    return read_tensor<T>(*constant);
  } catch (const NetworkError& error) {
    refuse(node, "its {}: {}", what, error.what());
  }
}

float NetworkBuilder::constant_scalar(const NodeProto& node, int input, const char* what) const {
  const Tensor<float> tensor = constant<float>(node, input, what);
  if (tensor.values.size() != 1)
    refuse(node, "its {} has shape {}, expected one number", what, dims_text(tensor.dims));
  return tensor.values.front();
}

std::vector<float> NetworkBuilder::broadcast_bias(const NodeProto& node, const Tensor<float>& bias,
                                                  std::size_t outputs) const {
  const std::size_t rank = bias.dims.size();
  const bool row = rank < 2 || (rank == 2 && bias.dims[0] == 1);
  if (row && bias.values.size() == outputs) return bias.values;
  if (row && bias.values.size() == 1) return std::vector<float>(outputs, bias.values.front());
  refuse(node, "its bias has shape {}, expected [{}]", dims_text(bias.dims), outputs);
}

void NetworkBuilder::read_convolution(const NodeProto& node) {
  const AttributeReader attributes(
      node, {"auto_pad", "dilations", "group", "kernel_shape", "pads", "strides"});
  check_inputs(node, 2, 3);
  if (attributes.integer("group", 1) != 1)
    refuse(node, "group is {}; only 1 is supported (no grouped or depthwise convolution)",
           attributes.integer("group", 1));
  const Value& input = image_read_by(node);
  const Shape& shape = shape_of(input);
  Tensor<float> weight = constant<float>(node, 1, "weights");
  if (weight.dims.size() != 4 || weight.values.empty())
    refuse(node, "its weights have shape {}, expected [outputs, channels, height, width]",
           dims_text(weight.dims));
  const auto dim = [&](std::size_t i) { return static_cast<std::size_t>(weight.dims[i]); };
  if (dim(1) != shape.channels)
    refuse(node, "its weights {} are for {} input channels, but its input is {}",
           dims_text(weight.dims), dim(1), value_text(shape, false));
  const WindowedShape windowed = read_window(node, attributes, shape, dim(2), dim(3));

  MatrixLayer layer;
  layer.name = name_of(node);
  layer.outputs = dim(0);
  layer.rows = dim(1) * dim(2) * dim(3);
  layer.window = windowed.window;
  layer.weight = std::move(weight.values);
  layer.bias.assign(layer.outputs, 0.0f);
  if (node.input_size() > 2 && !node.input(2).empty()) {
    Tensor<float> bias = constant<float>(node, 2, "bias");
    if (bias.dims.size() != 1 || bias.values.size() != layer.outputs)
      refuse(node, "its bias has shape {}, expected [{}]", dims_text(bias.dims), layer.outputs);
    layer.bias = std::move(bias.values);
  }
  const Shape output{layer.outputs, windowed.height, windowed.width};
  add_matrix_layer(node, std::move(layer), output, false, node.output(0));
}

void NetworkBuilder::read_gemm(const NodeProto& node) {
  const AttributeReader attributes(node, {"alpha", "beta", "transA", "transB", "broadcast"});
  check_inputs(node, 2, 3);
  if (attributes.integer("transA", 0) != 0) refuse(node, "transA is set, expected 0");
  const bool transposed = attributes.integer("transB", 0) != 0;
  Tensor<float> matrix = constant<float>(node, 1, "weights");
  if (matrix.dims.size() != 2)
    refuse(node, "its weights have shape {}, expected two dimensions", dims_text(matrix.dims));
  const float alpha = attributes.real("alpha", 1.0f);
  const float beta = attributes.real("beta", 1.0f);
  for (float& w : matrix.values) w *= alpha;
  std::vector<float> bias;
  if (node.input_size() > 2 && !node.input(2).empty()) {
    const auto outputs = static_cast<std::size_t>(matrix.dims[transposed ? 0 : 1]);
    bias = broadcast_bias(node, constant<float>(node, 2, "bias"), outputs);
    for (float& b : bias) b *= beta;
  }
  add_fully_connected(node, node, matrix, transposed, std::move(bias));
}

void NetworkBuilder::read_matmul(const NodeProto& node) {
  AttributeReader(node, {});
  check_inputs(node, 2, 2);
  const Tensor<float> matrix = constant<float>(node, 1, "weights");
  if (matrix.dims.size() != 2)
    refuse(node, "its weights have shape {}, expected two dimensions", dims_text(matrix.dims));
  const NodeProto* add = bias_after(node, graph_);
  if (add == nullptr) return add_fully_connected(node, node, matrix, false, {});
  const int operand = graph_.constant(add->input(0)) ? 0 : 1;
  std::vector<float> bias = broadcast_bias(*add, constant<float>(*add, operand, "bias"),
                                           static_cast<std::size_t>(matrix.dims[1]));
  AttributeReader(*add, {});
  folded_.insert(add);
  add_fully_connected(node, *add, matrix, false, std::move(bias));
}

void NetworkBuilder::read_max_pool(const NodeProto& node) {
  const AttributeReader attributes(node, {"auto_pad", "ceil_mode", "dilations", "kernel_shape",
                                          "pads", "storage_order", "strides"});
  check_inputs(node, 1, 1);
  const Value& input = image_read_by(node);
  const Shape shape = shape_of(input);
  const WindowedShape windowed = read_window(node, attributes, shape, 0, 0);
  check_windows_see_input(node, windowed, shape);
  const Window& w = windowed.window;
  if (attributes.integer("ceil_mode", 0) != 0) {
    const auto rest = [](std::size_t size, std::size_t pads, std::size_t kernel,
                         std::size_t dilation, std::size_t stride) {
      return (size + pads - ((kernel - 1) * dilation + 1)) % stride;
    };
    if (rest(shape.height, w.pad_top + w.pad_bottom, w.kernel_height, w.dilation_height,
             w.stride_height) != 0 ||
        rest(shape.width, w.pad_left + w.pad_right, w.kernel_width, w.dilation_width,
             w.stride_width) != 0)
      refuse(node, "ceil_mode is set and would round the size of its output up; expected 0");
  }
  Node pool =
      make(Operation::MaxPool, node, input, Shape{shape.channels, windowed.height, windowed.width});
  pool.window = w;
  add_node(std::move(pool), node.output(0), false);
}

void NetworkBuilder::read_flatten(const NodeProto& node) {
  const AttributeReader attributes(node, {"axis"});
  check_inputs(node, 1, 1);
  const std::int64_t axis = attributes.integer("axis", 1);
  const std::int64_t rank = value_read_by(node).vector ? 2 : 4;
  if (axis != 1 && axis != 1 - rank)
    refuse(node, "axis is {}, expected 1: the images stay apart", axis);
  add_flatten(node);
}

void NetworkBuilder::read_reshape(const NodeProto& node) {
  const AttributeReader attributes(node, {"allowzero"});
  check_inputs(node, 2, 2);
  const Value& input = value_read_by(node);
  const auto shape = constant<std::int64_t>(node, 1, "shape");
  const auto size = static_cast<std::int64_t>(shape_of(input).size());
  const bool zero_copies = attributes.integer("allowzero", 0) == 0;
  bool fits = shape.dims.size() == 1 && shape.values.size() == 2;
  if (fits) {
    const std::int64_t images = shape.values[0], elements = shape.values[1];
    const bool copies = (images == 0 && zero_copies) || (batch_ > 0 && images == batch_);
    fits = (copies && (elements == size || elements == -1)) || (images == -1 && elements == size);
  }
  if (!fits)
    refuse(node, "it makes {} out of {}, expected [N, {}]: only flattening is supported",
           dims_text(shape.values), value_text(shape_of(input), input.vector), size);
  add_flatten(node);
}

void NetworkBuilder::read_dropout(const NodeProto& node) {
  AttributeReader(node, {"ratio", "seed"});
  check_inputs(node, 1, 3);
  if (node.input_size() > 2 && !node.input(2).empty()) {
    const auto* training = graph_.constant(node.input(2));
    const bool off = training != nullptr && training->data_type() == ::onnx::TensorProto::BOOL &&
                     (training->has_raw_data()
                          ? training->raw_data() == std::string(1, '\0')
                          : training->int32_data_size() == 1 && training->int32_data(0) == 0);
    if (!off) refuse(node, "training_mode is not the constant false");
  }
  pass_through(node);
}

// It changes neither the order of the logits nor, since the loss applies it itself, their
// derivatives.
void NetworkBuilder::read_softmax(const NodeProto& node) {
  const AttributeReader attributes(node, {"axis"});
  check_inputs(node, 1, 1);
  const std::int64_t axis = attributes.integer("axis", opset_ < 13 ? 1 : -1);
  if (!value_read_by(node).vector || (axis != 1 && axis != -1))
    refuse(node, "axis is {} on {}, expected the classes of [N, classes]", axis,
           value_text(shape_of(value_read_by(node)), value_read_by(node).vector));
  pass_through(node);
}

void NetworkBuilder::read_quantizer(const NodeProto& first) {
  constexpr int kLargestCode = 255;  // of the unsigned byte that QuantizeLinear writes
  const QuantizerNodes nodes = quantizer_at(first, graph_);
  const NodeProto& quantize = *nodes.quantize;
  const float scale = quantizer_scale(quantize);
  if (quantizer_scale(*nodes.dequantize) != scale)
    refuse(*nodes.dequantize, "its scale {} differs from the {} of {}",
           quantizer_scale(*nodes.dequantize), scale, describe(quantize));
  int maximum = kLargestCode;
  if (nodes.clip != nullptr) {
    const double limit = clip_limit(*nodes.clip);
    const double codes = limit / static_cast<double>(scale);
    // Above the largest code QuantizeLinear saturates first.
    if (!(codes >= 0.5) || (codes < kLargestCode && std::abs(codes - std::round(codes)) > 1e-3))
      refuse(*nodes.clip,
             "its limit {} is {} steps of the {} of {}, expected a whole number of 1 or more",
             limit, codes, scale, describe(quantize));
    maximum = static_cast<int>(std::round(std::min<double>(kLargestCode, codes)));
  }
  const Value& input = value_read_by(first);
  Node node = make(Operation::Quantize, quantize, input, shape_of(input));
  node.scale = scale;
  node.maximum = maximum;
  folded_.insert(nodes.quantize);
  folded_.insert(nodes.dequantize);
  add_node(std::move(node), nodes.dequantize->output(0), input.vector);
}

float NetworkBuilder::quantizer_scale(const NodeProto& node) const {
  AttributeReader(node, {"axis"});  // says nothing where the scale is one number
  check_inputs(node, 2, 3);
  const float scale = constant_scalar(node, 1, "scale");
  if (!std::isnormal(scale) || scale < 0.0f)
    refuse(node, "its scale is {}, expected a positive number", scale);
  if (node.input_size() > 2 && !node.input(2).empty()) {
    const auto zero = constant<std::uint8_t>(node, 2, "zero point");
    if (zero.values.size() != 1 || zero.values[0] != 0)
      refuse(node, "its zero point is not 0, which crossbar inputs need (codes count from 0)");
  }
  return scale;
}

float NetworkBuilder::clip_limit(const NodeProto& clip) const {
  float low = std::numeric_limits<float>::lowest(), high = std::numeric_limits<float>::max();
  if (opset_ < 11) {
    const AttributeReader attributes(clip, {"min", "max"});
    check_inputs(clip, 1, 1);
    low = attributes.real("min", low);
    high = attributes.real("max", high);
  } else {
    AttributeReader(clip, {});
    check_inputs(clip, 1, 3);
    if (clip.input_size() > 1 && !clip.input(1).empty()) low = constant_scalar(clip, 1, "min");
    if (clip.input_size() > 2 && !clip.input(2).empty()) high = constant_scalar(clip, 2, "max");
  }
  if (low != 0.0f) refuse(clip, "its lower limit is {}, expected 0", low);
  return high;
}

}  // namespace uswim::workloads::onnx_reader
