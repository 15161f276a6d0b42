#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "workloads/network/network.h"

namespace uswim::workloads {

/// Codes that can occur, both ends included; minimum <= 0 <= maximum.
struct CodeRange {
  int minimum = 0, maximum = 0;
  /// Largest magnitude.
  int magnitude() const { return maximum > -minimum ? maximum : -minimum; }
  void widen(int code) {
    if (code < minimum) minimum = code;
    if (code > maximum) maximum = code;
  }
  bool operator==(const CodeRange& o) const { return minimum == o.minimum && maximum == o.maximum; }
};

/// The codes of a Pad node's constants in steps of `scale`. Nothing where one is no code, up to the
/// rounding of a float: the border would take the value off the grid, so that it holds numbers.
std::optional<std::vector<std::int16_t>> border_codes(const Border& border, float scale);

/// A value of the network that consists of codes: what a Quantize node writes, and what moving,
/// pooling, clamping at zero and a border of codes leave of it.
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
