// The members of NetworkBuilder that read element-wise arithmetic, batch norm and quantisers.
#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "workloads/onnx/describe.h"
#include "workloads/onnx/network_builder.h"
#include "workloads/onnx/operators.h"

namespace uswim::workloads::onnx_reader {

using ::onnx::NodeProto;

void NetworkBuilder::read_relu(const NodeProto& node) {
  AttributeReader(node, {});
  check_inputs(node, 1, 1);
  const Value& input = value_read_by(node);
  bind(node, add_alike(make(Operation::Relu, node, input, network_.shape_of(input.index)), input));
}

void NetworkBuilder::read_leaky_relu(const NodeProto& node) {
  const AttributeReader attributes(node, {"alpha"});
  check_inputs(node, 1, 1);
  const Value& input = value_read_by(node);
  Node made = make(Operation::LeakyRelu, node, input, network_.shape_of(input.index));
  made.slope = attributes.real("alpha", 0.01f);
  if (!std::isfinite(made.slope)) refuse(node, "alpha is {}, expected a number", made.slope);
  bind(node, add_alike(std::move(made), input));
}

void NetworkBuilder::read_squashing(const NodeProto& node) {
  AttributeReader(node, {});
  check_inputs(node, 1, 1);
  const Value& input = value_read_by(node);
  const auto operation = node.op_type() == "Tanh" ? Operation::Tanh : Operation::Sigmoid;
  bind(node, add_alike(make(operation, node, input, network_.shape_of(input.index)), input));
}

void NetworkBuilder::read_clip(const NodeProto& node) {
  const Limits limits = clip_limits(node);
  const Value& input = value_read_by(node);
  const NodeProto* quantize = quantizer_after(node, graph_);
  if (quantize != nullptr) return bind(node, input);  // read_quantize takes the limits
  Node clip = make(Operation::Clip, node, input, network_.shape_of(input.index));
  clip.low = limits.low;
  clip.high = limits.high;
  bind(node, add_alike(std::move(clip), input));
}

NetworkBuilder::Limits NetworkBuilder::clip_limits(const NodeProto& clip) const {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  Limits limits{-kInfinity, kInfinity};
  if (opset_ < 11) {
    const AttributeReader attributes(clip, {"min", "max"});
    check_inputs(clip, 1, 1);
    limits = {attributes.real("min", limits.low), attributes.real("max", limits.high)};
  } else {
    AttributeReader(clip, {});
    check_inputs(clip, 1, 3);
    const auto given = [&](int i) { return clip.input_size() > i && !clip.input(i).empty(); };
    if (given(1)) limits.low = constant_scalar(clip, 1, "min");
    if (given(2)) limits.high = constant_scalar(clip, 2, "max");
  }
  if (!(limits.low <= limits.high))
    refuse(clip, "its limits are {} and {}, expected the lower one first", limits.low, limits.high);
  // Exporters write "no limit" as the largest number.
  constexpr float kLargest = std::numeric_limits<float>::max();
  if (limits.low <= -kLargest) limits.low = -kInfinity;
  if (limits.high >= kLargest) limits.high = kInfinity;
  if (std::isinf(limits.low) && limits.low > 0.0f) refuse(clip, "its lower limit is infinite");
  if (std::isinf(limits.high) && limits.high < 0.0f) refuse(clip, "its upper limit is infinite");
  return limits;
}

NetworkBuilder::Broadcast NetworkBuilder::broadcast(const NodeProto& node, int input,
                                                    const Dims& dims) const {
  const Tensor<float> tensor = constant<float>(node, input, "operand");
  check_finite(node, tensor.values, "operand's number");
  const auto unfit = [&] {
    refuse(node, "its constant {} has shape {}, which does not spread over [N, {}]",
           quoted(node.input(input)), dims_text(tensor.dims), fmt::join(dims, ", "));
  };
  const std::size_t rank = dims.size();
  if (tensor.dims.size() > rank + 1) unfit();
  // Dimensions of the constant, aligned to the right; 1 where it has none.
  Dims extent(rank, 1);
  for (std::size_t i = 0; i < tensor.dims.size(); ++i) {
    const auto d = static_cast<std::size_t>(tensor.dims[tensor.dims.size() - 1 - i]);
    if (i == rank ? d != 1 : d != 1 && d != dims[rank - 1 - i]) unfit();
    if (i < rank) extent[rank - 1 - i] = d;
  }
  const std::size_t channels = dims[0];
  Broadcast result;
  result.per_channel =
      std::all_of(extent.begin() + 1, extent.end(), [](std::size_t e) { return e == 1; });
  if (result.per_channel) {
    for (std::size_t c = 0; c < channels; ++c)
      result.values.push_back(tensor.values[extent[0] == 1 ? 0 : c]);
    return result;
  }
  std::size_t size = 1;
  for (const std::size_t d : dims) size *= d;
  result.values.reserve(size);
  for (std::size_t n = 0; n < size; ++n) {
    std::size_t rest = n, from = 0, stride = 1;
    for (std::size_t i = rank; i-- > 0; rest /= dims[i]) {
      if (extent[i] != 1) from += rest % dims[i] * stride;
      stride *= extent[i];
    }
    result.values.push_back(tensor.values[from]);
  }
  return result;
}

NetworkBuilder::Value NetworkBuilder::add_scale(const NodeProto& node, const Value& input,
                                                Broadcast factor, Broadcast offset) {
  Value from = input;
  const bool per_channel = factor.values.empty() ? offset.per_channel : factor.per_channel;
  if (!per_channel) from = reshaped(node, input, {input.size()});
  const std::size_t channels = from.dims[0];
  charge(node, 2 * channels);
  if (factor.values.empty()) factor.values.assign(channels, 1.0f);
  if (offset.values.empty()) offset.values.assign(channels, 0.0f);
  check_finite(node, factor.values, "factor");
  check_finite(node, offset.values, "offset");
  Node scale = make(Operation::Scale, node, from, network_.shape_of(from.index));
  scale.factor = std::move(factor.values);
  scale.offset = std::move(offset.values);
  Value scaled = add(std::move(scale), from.dims);
  return reshaped(node, scaled, input.dims);
}

// Add and Sub.
void NetworkBuilder::read_sum(const NodeProto& node) {
  AttributeReader(node, {});
  check_inputs(node, 2, 2);
  const bool minus = node.op_type() == "Sub";
  if (is_constant(node, 0) || is_constant(node, 1)) {
    const int operand = is_constant(node, 0) ? 0 : 1;
    const Value& input = value_read_by(node, 1 - operand);
    Broadcast offset = broadcast(node, operand, input.dims), factor;
    if (minus && operand == 1)
      for (float& v : offset.values) v = -v;
    if (minus && operand == 0)
      factor = {std::vector<float>(offset.values.size(), -1.0f), offset.per_channel};
    return bind(node, add_scale(node, input, std::move(factor), std::move(offset)));
  }
  const Value &a = value_read_by(node, 0), &b = value_read_by(node, 1);
  if (a.dims != b.dims)
    refuse(node, "its inputs are {} and {}, expected equal shapes", text(a), text(b));
  Node sum = make(Operation::Add, node, a, network_.shape_of(a.index));
  sum.inputs.push_back(b.index);
  sum.factor = {1.0f, minus ? -1.0f : 1.0f};
  bind(node, add(std::move(sum), a.dims));
}

// Mul and Div.
void NetworkBuilder::read_product(const NodeProto& node) {
  AttributeReader(node, {});
  check_inputs(node, 2, 2);
  const bool divides = node.op_type() == "Div";
  if (divides && !is_constant(node, 1))
    refuse(node, "it divides by {}, which is computed; expected a constant", quoted(node.input(1)));
  if (is_constant(node, 0) || is_constant(node, 1)) {
    const int operand = is_constant(node, 0) ? 0 : 1;
    const Value& input = value_read_by(node, 1 - operand);
    Broadcast factor = broadcast(node, operand, input.dims);
    if (divides)
      for (float& v : factor.values) v = 1.0f / v;
    return bind(node, add_scale(node, input, std::move(factor), {}));
  }
  const Value *a = &value_read_by(node, 0), *b = &value_read_by(node, 1);
  if (one_per_channel(*a)) std::swap(a, b);
  if (a->dims != b->dims &&
      !(a->dims.size() == b->dims.size() && a->dims[0] == b->dims[0] && one_per_channel(*b)))
    refuse(node, "its inputs are {} and {}, expected equal shapes or one number per channel",
           text(*a), text(*b));
  Node product = make(Operation::Multiply, node, *a, network_.shape_of(a->index));
  product.inputs.push_back(b->index);
  bind(node, add(std::move(product), a->dims));
}

void NetworkBuilder::read_batch_normalization(const NodeProto& node) {
  const AttributeReader attributes(node, {"epsilon", "momentum", "spatial", "training_mode"});
  check_inputs(node, 5, 5);
  if (attributes.integer("training_mode", 0) != 0) refuse(node, "training_mode is set");
  if (attributes.integer("spatial", 1) != 1) refuse(node, "spatial is 0, expected 1");
  const Value& input = value_read_by(node);
  const std::size_t channels = input.dims[0];
  std::vector<float> numbers[4];
  const char* names[] = {"scale", "bias", "mean", "variance"};
  for (int i = 0; i < 4; ++i) {
    numbers[i] = constant<float>(node, i + 1, names[i]).values;
    if (numbers[i].size() != channels)
      refuse(node, "its {} has {} numbers, expected {} (its input is {})", names[i],
             numbers[i].size(), channels, text(input));
    check_finite(node, numbers[i], names[i]);
  }
  const double epsilon = static_cast<double>(attributes.real("epsilon", 1e-5f));
  Broadcast factor{{}, true}, offset{{}, true};
  for (std::size_t c = 0; c < channels; ++c) {
    const double variance = static_cast<double>(numbers[3][c]) + epsilon;
    if (!(variance > 0.0))
      refuse(node, "variance and epsilon of its channel {} add up to {}, expected more than 0", c,
             variance);
    const double f = static_cast<double>(numbers[0][c]) / std::sqrt(variance);
    factor.values.push_back(static_cast<float>(f));
    offset.values.push_back(static_cast<float>(static_cast<double>(numbers[1][c]) -
                                               static_cast<double>(numbers[2][c]) * f));
  }
  bind(node, add_scale(node, input, std::move(factor), std::move(offset)));
}

void NetworkBuilder::read_quantize(const NodeProto& node) {
  const float scale = quantizer_scale(node);
  const bool is_signed = signed_codes(node);
  const int least = is_signed ? std::numeric_limits<std::int8_t>::min() : 0;
  const int most = is_signed ? std::numeric_limits<std::int8_t>::max()
                             : std::numeric_limits<std::uint8_t>::max();
  const Value& input = value_read_by(node);
  Node made = make(Operation::Quantize, node, input, network_.shape_of(input.index));
  made.scale = scale;
  made.minimum = least;
  made.maximum = most;
  const NodeProto* clip = clip_before(node, graph_);
  if (clip != nullptr) {
    // Rounding and limiting commute: the codes of the limits are the limits of the codes.
    const Limits limits = clip_limits(*clip);
    const auto code = [&](float limit) {
      return static_cast<int>(std::clamp(std::nearbyint(limit / scale), static_cast<float>(least),
                                         static_cast<float>(most)));
    };
    if (!is_signed && limits.low > 0.0f)
      refuse(*clip, "its lower limit is {}, expected 0", limits.low);
    made.minimum = code(limits.low);
    made.maximum = code(limits.high);
    if (made.maximum < 1 || made.minimum > 0)
      refuse(*clip, "its limits {} and {} leave the codes {} to {} of the {} of {}", limits.low,
             limits.high, made.minimum, made.maximum, scale, describe(node));
  }
  Value codes = add_alike(std::move(made), input);
  codes.code_scale = scale;
  bind(node, std::move(codes));
}

void NetworkBuilder::read_dequantize(const NodeProto& node) {
  const float scale = quantizer_scale(node);
  const bool is_signed = signed_codes(node);
  Value codes = value_read_by(node);
  if (!(codes.code_scale > 0.0f)) refuse(node, "its input holds no codes of a QuantizeLinear");
  if (signed_codes(*graph_.producer(node.input(0))) != is_signed)
    refuse(node, "its zero point differs from that of {}",
           describe(*graph_.producer(node.input(0))));
  if (codes.code_scale != scale)
    refuse(node, "its scale {} differs from the {} of {}", scale, codes.code_scale,
           describe(*graph_.producer(node.input(0))));
  codes.code_scale = 0.0f;
  bind(node, std::move(codes));
}

float NetworkBuilder::quantizer_scale(const NodeProto& node) const {
  AttributeReader(node, {"axis"});  // says nothing where the scale is one number
  check_inputs(node, 2, 3);
  const float scale = constant_scalar(node, 1, "scale");
  if (!std::isnormal(scale) || scale < 0.0f)
    refuse(node, "its scale is {}, expected a positive number", scale);
  return scale;
}

bool NetworkBuilder::signed_codes(const NodeProto& node) const {
  if (node.input_size() < 3 || node.input(2).empty()) return false;  // UINT8 by default
  const auto* zero = graph_.constant(node.input(2));
  const bool is_int8 = zero != nullptr && zero->data_type() == ::onnx::TensorProto::INT8;
  const std::vector<std::int64_t> zeros = [&] {
    if (!is_int8) {
      const auto values = constant<std::uint8_t>(node, 2, "zero point").values;
      return std::vector<std::int64_t>(values.begin(), values.end());
    }
    const auto values = constant<std::int8_t>(node, 2, "zero point").values;
    return std::vector<std::int64_t>(values.begin(), values.end());
  }();
  // At the lowest int8 the codes are those of UINT8 less 128.
  const bool is_shifted = is_int8 && zeros.size() == 1 && zeros[0] == -128;
  if (zeros.size() != 1 || (zeros[0] != 0 && !is_shifted))
    refuse(node,
           "its zero point is not 0, which crossbar inputs need (code 0 is no input); expected 0, "
           "or the -128 of INT8");
  return is_int8 && !is_shifted;
}

}  // namespace uswim::workloads::onnx_reader
