#pragma once
#include <array>
#include <cstddef>
#include <vector>

#include "workloads/network/network.h"

namespace uswim::workloads {

/// Of each channel, row and column of a Pad node's result: the one of the input that it repeats, or
/// kInBorder.
using PaddedAxes = std::array<std::vector<std::size_t>, 3>;
inline constexpr std::size_t kInBorder = static_cast<std::size_t>(-1);

/// Throws NetworkError naming the node: a shape that its border does not lead to, a border that
/// leaves nothing of the input or reflects more than that, constants that are not as many as the
/// border's places.
PaddedAxes padded_axes(const Node& pad, const Shape& input);

/// Calls visit(place in the input or kInBorder) for each place of the result, in order.
template <class Visit>
void for_each_padded(const PaddedAxes& axes, const Shape& input, Visit&& visit) {
  for (const std::size_t channel : axes[0])
    for (const std::size_t row : axes[1])
      for (const std::size_t column : axes[2]) {
        const bool inside = channel != kInBorder && row != kInBorder && column != kInBorder;
        visit(inside ? (channel * input.height + row) * input.width + column : kInBorder);
      }
}

}  // namespace uswim::workloads
