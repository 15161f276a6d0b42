#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "programmer/selection/placement.h"
#include "programmer/selection/row_planner.h"

/// What placing rows is about: a layer's rows, and what each is worth.
namespace uswim::programmer {

/// A layer's rows with all that can be done with each, per column block.
struct LayerRows {
  std::size_t column_blocks = 0;
  std::size_t fewest_blocks = 0;
  std::vector<std::vector<RowOptions>> options;  ///< [column block][row of the matrix]
  std::vector<std::uint32_t> by_need;            ///< rows, most to verify first
};

/// Rows of the layer on the arrays of `mapping`.
LayerRows collect(const tiles::Mapping& mapping, const WeightFacts& facts,
                  const DeviceStatistics& statistics, const RowPlanner& planner, std::size_t layer,
                  const PlacementRun& run);

/// Deals rows out over `blocks` arrays, to and fro, as evenly as Mapping cuts them.
std::vector<std::vector<std::uint32_t>> deal(const std::vector<std::uint32_t>& by_need,
                                             std::size_t blocks);

}  // namespace uswim::programmer
