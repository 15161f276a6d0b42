#pragma once
#include <vector>

#include "workloads/engine/row_steps.h"
#include "workloads/network/network.h"

namespace uswim::workloads {

/// Of a Quantize node. Throws NetworkError for a scale that is not positive or codes that 16 bits
/// do not hold.
Quantizer quantizer_of(const Node& node);

/// Of the only Quantize node among nodes that follow each other, with the clamping of the Relu and
/// Clip nodes before it and the Relu nodes behind it.
Quantizer clamped_quantizer_of(const std::vector<const Node*>& nodes);

/// Of a node with one input that computes number by number.
RowOperation operation_of(const Node& node);

}  // namespace uswim::workloads
