#include "workloads/network/padding.h"

#include <algorithm>

namespace uswim::workloads {
namespace {

std::vector<std::size_t> padded_axis(const Node& pad, std::size_t axis, std::size_t input,
                                     std::size_t result) {
  const Border& border = pad.border;
  const auto size = static_cast<std::ptrdiff_t>(input);
  const std::ptrdiff_t before = border.before[axis], after = border.after[axis];
  const std::ptrdiff_t first = std::max<std::ptrdiff_t>(-before, 0);  // that is left
  const std::ptrdiff_t last = size - 1 - std::max<std::ptrdiff_t>(-after, 0);
  if (first > last || size + before + after != static_cast<std::ptrdiff_t>(result))
    throw NetworkError(pad.name + ": its border does not fit the sizes of its input and output");
  std::vector<std::size_t> from;
  for (std::size_t i = 0; i < result; ++i) {
    std::ptrdiff_t at = static_cast<std::ptrdiff_t>(i) - before;
    if (border.kind == Border::Kind::Edge) at = std::clamp(at, first, last);
    if (border.kind == Border::Kind::Reflect)
      at = at < first ? 2 * first - at : at > last ? 2 * last - at : at;
    const bool inside = at >= first && at <= last;
    if (!inside && border.kind == Border::Kind::Reflect)
      throw NetworkError(pad.name + ": it reflects more than its input holds");
    from.push_back(inside ? static_cast<std::size_t>(at) : kInBorder);
  }
  return from;
}

}  // namespace

PaddedAxes padded_axes(const Node& pad, const Shape& input) {
  const PaddedAxes axes{padded_axis(pad, 0, input.channels, pad.shape.channels),
                        padded_axis(pad, 1, input.height, pad.shape.height),
                        padded_axis(pad, 2, input.width, pad.shape.width)};
  std::size_t repeated = 1;  // places that repeat the input
  for (const auto& axis : axes)
    repeated *=
        axis.size() - static_cast<std::size_t>(std::count(axis.begin(), axis.end(), kInBorder));
  const std::size_t constants = pad.border.values.size();
  if (constants > 1 && constants != pad.shape.size() - repeated)
    throw NetworkError(pad.name + ": it has not one constant per place of its border");
  return axes;
}

}  // namespace uswim::workloads
