#pragma once
#include <algorithm>
#include <random>
#include <utility>

#include "workloads/network/network.h"

namespace uswim::tests {

/// A border of any kind that fits a value of this shape, and the shape that it leads to: rows and
/// columns added or cut off, channels of constants. Half of the constants are whole steps of 0.25.
inline std::pair<workloads::Shape, workloads::Border> random_border(const workloads::Shape& input,
                                                                    std::mt19937& random) {
  using workloads::Border;
  const auto draw = [&](long low, long high) {
    return low + static_cast<long>(random() % static_cast<unsigned long>(high - low + 1));
  };
  Border border;
  border.kind = static_cast<Border::Kind>(draw(0, 2));
  const std::size_t extent[3] = {input.channels, input.height, input.width};
  std::size_t result[3];
  std::size_t kept = 1;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const auto size = static_cast<long>(extent[axis]);
    long before = draw(-1, 2), after = draw(-1, 2);
    if (axis == 0 && draw(0, 2) > 0) before = after = 0;
    const long left = size + std::min(before, 0l) + std::min(after, 0l);
    if (left < 1 || (border.kind == Border::Kind::Reflect && std::max(before, after) >= left))
      before = after = 0;
    border.before[axis] = before;
    border.after[axis] = after;
    result[axis] = static_cast<std::size_t>(size + before + after);
    kept *= static_cast<std::size_t>(size + std::min(before, 0l) + std::min(after, 0l));
  }
  const workloads::Shape shape{result[0], result[1], result[2]};
  if (border.kind == Border::Kind::Constant) {
    const long choice = draw(0, 2);  // zeros, one number, one for each place
    const std::size_t places = shape.size() - kept;
    const std::size_t count = choice == 0 ? 0 : choice == 1 ? 1 : places;
    const bool whole = draw(0, 1) == 0;
    for (std::size_t i = 0; i < count; ++i)
      border.values.push_back(whole ? 0.25f * static_cast<float>(draw(-5, 5))
                                    : 0.01f * static_cast<float>(draw(-150, 150)));
  }
  return {shape, border};
}

}  // namespace uswim::tests
