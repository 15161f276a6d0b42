#include "workloads/engine/integer_values.h"

#include <algorithm>

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
    case Operation::Pad:
      return values[node.input()];
    case Operation::Concat:
      return concatenated(node, values);
    default:
      return {};
  }
}

}  // namespace

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
