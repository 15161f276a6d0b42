#include "sc_models/row_schedule.h"

#include <algorithm>
#include <numeric>

namespace uswim::sc_models {
namespace {

std::vector<std::size_t> in_order(std::size_t count) {
  std::vector<std::size_t> order(count);
  std::iota(order.begin(), order.end(), std::size_t{0});
  return order;
}

void longest_first(std::vector<std::size_t>& order, const std::vector<std::uint64_t>& selected) {
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return selected[a] > selected[b]; });
}

}  // namespace

std::vector<std::size_t> row_sequence(RowSequence order,
                                      const std::vector<std::uint64_t>& selected) {
  std::vector<std::size_t> sequence = in_order(selected.size());
  switch (order) {
    case RowSequence::Natural:
      break;
    case RowSequence::LongestFirst:
      longest_first(sequence, selected);
      break;
    case RowSequence::Grouped:
      std::stable_partition(sequence.begin(), sequence.end(),
                            [&](std::size_t i) { return selected[i] == 0; });
      break;
  }
  return sequence;
}

std::vector<std::size_t> tile_sequence(TileSequence order,
                                       const std::vector<std::uint64_t>& selected) {
  std::vector<std::size_t> sequence = in_order(selected.size());
  if (order == TileSequence::LongestFirst)
    longest_first(sequence, selected);
  else
    std::reverse(sequence.begin(), sequence.end());
  return sequence;
}

}  // namespace uswim::sc_models
