#pragma once
#include <cstddef>
#include <functional>
#include <vector>

#include "programmer/selection/hardware_aware.h"

namespace uswim::programmer {

/// How a placement runs, which takes a minute for millions of weights. No result depends on it.
struct PlacementRun {
  unsigned threads = 1;
  /// Told of so many arrays more whose rows have been looked at: each array once by the placements
  /// of rows, three times by that of outputs.
  std::function<void(std::size_t arrays)> progress = [](std::size_t) {};
};

/// Places rows so that programming time buys most: a layer's rows are cut evenly, and those with
/// much to verify are dealt out over its arrays, so that no tile keeps the others waiting;
/// `extra_arrays` more arrays go, one cut after the other, to the layer where they avoid most loss
/// per array. `budget`: part of the time of verifying everything, for which the placement is made.
/// Outputs stay where `natural`, whose rows are in order, has them. What the network computes does
/// not change.
std::vector<tiles::LayerPlacement> balanced_placement(
    const tiles::Mapping& natural, const WeightFacts& facts, const DeviceStatistics& statistics,
    const RowTiming& timing, std::size_t extra_arrays, double budget, const PlacementRun& run = {});

/// The same with rows of several layers on one array, so that every array has as much to do as any
/// other: layers are cut into more blocks where that evens out the arrays, on as many arrays as
/// `natural` has and `extra_arrays` more.
std::vector<tiles::LayerPlacement> shared_placement(
    const tiles::Mapping& natural, const WeightFacts& facts, const DeviceStatistics& statistics,
    const RowTiming& timing, std::size_t extra_arrays, double budget, const PlacementRun& run = {});

/// Where each layer's outputs should stand, on as few arrays as hold them: cut evenly over the
/// column blocks, and in the order with which the layer avoids most loss within the budget: dealt
/// out, so that no array has more to verify than the others; gathered, so that few arrays have all
/// of it; or as they were. Outputs that share ADCs have much and little to verify in turn.
std::vector<tiles::LayerPlacement> balanced_columns(const tiles::Mapping& natural,
                                                    const WeightFacts& facts,
                                                    const DeviceStatistics& statistics,
                                                    const RowTiming& timing, double budget,
                                                    const PlacementRun& run = {});

}  // namespace uswim::programmer
