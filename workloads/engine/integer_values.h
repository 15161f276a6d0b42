#pragma once
#include <vector>

#include "workloads/network/network.h"

namespace uswim::workloads {

/// Codes that can occur, both ends included; minimum <= 0 <= maximum.
struct CodeRange {
  int minimum = 0, maximum = 0;
  /// Largest magnitude.
  int magnitude() const { return maximum > -minimum ? maximum : -minimum; }
  bool operator==(const CodeRange& o) const { return minimum == o.minimum && maximum == o.maximum; }
};

/// A value of the network that consists of codes: what a Quantize node writes, and what moving,
/// pooling and clamping at zero leave of it.
struct IntegerValue {
  bool integer = false;  ///< or else numbers
  float scale = 1.0f;    ///< of a code
  CodeRange range = {};
};

/// Of every value: 0 is the network's input, node i writes value i + 1.
std::vector<IntegerValue> integer_values(const std::vector<Node>& nodes);

/// The codes that can reach each matrix layer's input. Throws NetworkError naming a layer whose
/// input holds no codes.
std::vector<CodeRange> activation_ranges(const Network& network);

}  // namespace uswim::workloads
