#include "workloads/engine/node_arithmetic.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

namespace uswim::workloads {

Quantizer quantizer_of(const Node& node) {
  if (!(node.scale > 0.0f) || !std::isfinite(node.scale) || !std::isfinite(1.0f / node.scale))
    throw NetworkError(node.name + ": the scale of a quantiser must be positive");
  using Codes = std::numeric_limits<std::int16_t>;
  if (node.maximum < 1 || node.maximum > Codes::max())
    throw NetworkError(node.name + ": a quantiser's largest code must lie in [1, 32767]");
  if (node.minimum > 0 || node.minimum < Codes::min())
    throw NetworkError(node.name + ": a quantiser's smallest code must lie in [-32768, 0]");
  return {1.0f / node.scale, {node.minimum, node.maximum}};
}

Quantizer clamped_quantizer_of(const std::vector<const Node*>& nodes) {
  // Clamping before the quantiser is clamping codes: rounding is monotone.
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  float low = -kInfinity, high = kInfinity;
  const auto clamp = [&](float least, float most) {
    low = std::min(std::max(low, least), most);
    high = std::min(std::max(high, least), most);
  };
  bool quantized = false;
  Quantizer quantizer;
  for (const Node* node : nodes) {
    if (node->operation == Operation::Quantize) {
      quantized = true;
      quantizer = quantizer_of(*node);
      quantizer.range = {quantizer(low), quantizer(high)};
    } else if (node->operation == Operation::Clip) {
      clamp(node->low, node->high);
    } else if (node->operation == Operation::Relu && !quantized) {
      clamp(0.0f, kInfinity);
    } else if (node->operation == Operation::Relu) {
      quantizer.range = {std::max(quantizer.range.minimum, 0),
                         std::max(quantizer.range.maximum, 0)};
    }
  }
  return quantizer;
}

RowOperation operation_of(const Node& node) {
  RowOperation operation{};
  operation.slope = node.slope;
  operation.low = node.low;
  operation.high = node.high;
  operation.factor = node.factor;
  operation.offset = node.offset;
  switch (node.operation) {
    case Operation::LeakyRelu:
      operation.kind = RowOperation::Kind::LeakyRelu;
      break;
    case Operation::Clip:
      operation.kind = RowOperation::Kind::Clip;
      break;
    case Operation::Sigmoid:
      operation.kind = RowOperation::Kind::Sigmoid;
      break;
    case Operation::Tanh:
      operation.kind = RowOperation::Kind::Tanh;
      break;
    case Operation::Scale:
      operation.kind = RowOperation::Kind::Scale;
      break;
    default:
      operation.kind = RowOperation::Kind::Relu;
      break;
  }
  return operation;
}

}  // namespace uswim::workloads
