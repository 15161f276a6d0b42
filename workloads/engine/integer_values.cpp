#include "workloads/engine/integer_values.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace uswim::workloads {
namespace {

IntegerValue concatenated(const Node& node, const std::vector<IntegerValue>& values) {
  IntegerValue result = values[node.input()];
  for (const std::size_t input : node.inputs) {
    const IntegerValue& value = values[input];
    if (!value.integer || value.scale != result.scale) return {};
    result.range.minimum = std::min(result.range.minimum, value.range.minimum);
    result.range.maximum = std::max(result.range.maximum, value.range.maximum);
  }
  return result;
}

IntegerValue padded(const Node& node, IntegerValue value) {
  const auto codes = border_codes(node.border, value.scale);
  if (!value.integer || !codes) return {};
  for (const int code : *codes) value.range.widen(code);
  return value;
}

IntegerValue written_by(const Node& node, const std::vector<IntegerValue>& values) {
  switch (node.operation) {
    case Operation::Quantize:
      return {true, node.scale, {node.minimum, node.maximum}};
    case Operation::Relu: {
      IntegerValue value = values[node.input()];
      value.range.minimum = 0;
      return value;
    }
    case Operation::MaxPool:
    case Operation::Flatten:
    case Operation::Reshape:
    case Operation::Transpose:
    case Operation::Slice:
      return values[node.input()];
    case Operation::Pad:
      return padded(node, values[node.input()]);
    case Operation::Concat:
      return concatenated(node, values);
    default:
      return {};
  }
}

}  // namespace

std::optional<std::vector<std::int16_t>> border_codes(const Border& border, float scale) {
  using Codes = std::numeric_limits<std::int16_t>;
  constexpr float kRounding = 1e-6f;
  std::vector<std::int16_t> codes;
  for (const float value : border.values) {
    const float code = value == 0.0f ? 0.0f : std::nearbyint(value / scale);
    if (!(code >= Codes::min() && code <= Codes::max()) ||
        std::abs(code * scale - value) > kRounding * std::abs(value))
      return std::nullopt;
    codes.push_back(static_cast<std::int16_t>(code));
  }
  return codes;
}

std::vector<IntegerValue> integer_values(const std::vector<Node>& nodes) {
  std::vector<IntegerValue> values(1);
  for (const Node& node : nodes) values.push_back(written_by(node, values));
  return values;
}

std::vector<CodeRange> activation_ranges(const Network& network) {
  const std::vector<IntegerValue> values = integer_values(network.nodes);
  std::vector<CodeRange> ranges(network.layers.size());
  for (const Node& node : network.nodes) {
    if (node.operation != Operation::Matrix) continue;
    const IntegerValue& input = values[node.input()];
    if (!input.integer) {
      throw NetworkError(
          network.layers[node.layer].name +
          ": its input is no integer activation (expected Quantize on the way to it)");
    }
    CodeRange& range = ranges[node.layer];
    range.minimum = std::min(range.minimum, input.range.minimum);
    range.maximum = std::max(range.maximum, input.range.maximum);
  }
  return ranges;
}

}  // namespace uswim::workloads
