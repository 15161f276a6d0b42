#include "programmer/selection/placement.h"

#include <algorithm>
#include <numeric>

#include "programmer/selection/row_planner.h"

namespace uswim::programmer {
namespace {

/// A layer's rows with all that can be done with each, per column block.
struct LayerRows {
  std::size_t column_blocks = 0;
  std::size_t fewest_blocks = 0;
  std::vector<std::vector<RowOptions>> options;  ///< [column block][row of the matrix]
  std::vector<std::uint32_t> by_need;            ///< rows, most to verify first
};

/// Deals rows out over `blocks` arrays, to and fro, as evenly as Mapping cuts them.
std::vector<std::vector<std::uint32_t>> deal(const std::vector<std::uint32_t>& by_need,
                                             std::size_t blocks) {
  std::vector<std::vector<std::uint32_t>> dealt(blocks);
  for (std::size_t i = 0; i < by_need.size(); ++i) {
    const std::size_t round = i / blocks, seat = i % blocks;
    // The last round may be short; it goes forwards, since Mapping makes the first blocks the
    // longer ones.
    const bool backwards = round % 2 == 1 && (round + 1) * blocks <= by_need.size();
    dealt[backwards ? blocks - 1 - seat : seat].push_back(by_need[i]);
  }
  for (auto& rows : dealt) std::sort(rows.begin(), rows.end());
  return dealt;
}

/// The loss that the layer avoids within the budget when it is cut into `blocks`.
double avoided_loss(const LayerRows& layer, std::size_t blocks, double budget) {
  double gain = 0.0;
  std::vector<const Option*> chosen;
  for (const std::vector<std::uint32_t>& rows : deal(layer.by_need, blocks))
    for (std::size_t c = 0; c < layer.column_blocks; ++c) {
      std::vector<const RowOptions*> tile;
      for (const std::uint32_t row : rows) tile.push_back(&layer.options[c][row]);
      gain += plan_tile(tile, budget, chosen);
    }
  return gain;
}

LayerRows collect(const tiles::Mapping& natural, const WeightFacts& facts,
                  const DeviceStatistics& statistics, const RowPlanner& planner, std::size_t l) {
  LayerRows layer;
  const std::size_t rows = natural.layers()[l].rows;
  std::vector<double> need(rows, 0.0);
  for (std::size_t a = natural.first_array(l); a < natural.first_array(l) + natural.array_count(l);
       ++a) {
    const tiles::ArrayBlock& block = natural.arrays()[a];
    if (block.first_row == 0) {
      layer.options.emplace_back(rows);
      ++layer.column_blocks;
    }
    layer.fewest_blocks += block.first_output == 0;
    const std::size_t column_block = block.first_row == 0
                                         ? layer.column_blocks - 1
                                         : (a - natural.first_array(l)) % layer.column_blocks;
    for (std::size_t r = 0; r < block.rows; ++r) {
      const std::vector<Candidate> list = candidates(natural, facts, statistics, a, r);
      const std::size_t row = natural.matrix_row(l, block.first_row + r);
      for (const Candidate& candidate : list) need[row] += candidate.worth;
      layer.options[column_block][row] = planner.options(list, natural.columns(a));
    }
  }
  layer.by_need.resize(rows);
  std::iota(layer.by_need.begin(), layer.by_need.end(), 0u);
  std::stable_sort(layer.by_need.begin(), layer.by_need.end(),
                   [&](std::uint32_t a, std::uint32_t b) { return need[a] > need[b]; });
  return layer;
}

}  // namespace

std::vector<tiles::LayerPlacement> balanced_placement(const tiles::Mapping& natural,
                                                      const WeightFacts& facts,
                                                      const DeviceStatistics& statistics,
                                                      const RowTiming& timing,
                                                      std::size_t extra_arrays, double budget) {
  const RowPlanner planner(statistics, timing);
  const double seconds = budget * slowest_tile_time(natural, facts, statistics, timing);
  std::vector<LayerRows> layers;
  std::vector<std::size_t> blocks;
  std::vector<double> now, next;
  for (std::size_t l = 0; l < natural.layers().size(); ++l) {
    layers.push_back(collect(natural, facts, statistics, planner, l));
    blocks.push_back(layers[l].fewest_blocks);
    now.push_back(avoided_loss(layers[l], blocks[l], seconds));
    next.push_back(blocks[l] < natural.layers()[l].rows
                       ? avoided_loss(layers[l], blocks[l] + 1, seconds)
                       : now[l]);
  }
  while (true) {
    std::size_t best = layers.size();
    double best_gain = 0.0;
    for (std::size_t l = 0; l < layers.size(); ++l) {
      if (layers[l].column_blocks > extra_arrays) continue;
      const double gain = (next[l] - now[l]) / static_cast<double>(layers[l].column_blocks);
      if (gain > best_gain) {
        best = l;
        best_gain = gain;
      }
    }
    if (best == layers.size()) break;
    extra_arrays -= layers[best].column_blocks;
    now[best] = next[best];
    ++blocks[best];
    next[best] = blocks[best] < natural.layers()[best].rows
                     ? avoided_loss(layers[best], blocks[best] + 1, seconds)
                     : now[best];
  }
  std::vector<tiles::LayerPlacement> placements;
  for (std::size_t l = 0; l < layers.size(); ++l) {
    tiles::LayerPlacement p;
    p.row_blocks = blocks[l];
    for (const auto& rows : deal(layers[l].by_need, blocks[l]))
      p.row_order.insert(p.row_order.end(), rows.begin(), rows.end());
    placements.push_back(std::move(p));
  }
  return placements;
}

}  // namespace uswim::programmer
