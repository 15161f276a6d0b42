#include "programmer/selection/placement.h"

#include <algorithm>
#include <numeric>

#include "programmer/selection/layer_rows.h"

namespace uswim::programmer {
namespace {

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

/// Worth of verifying each output of a layer, at its position in `natural`.
std::vector<double> output_needs(const tiles::Mapping& natural, const WeightFacts& facts,
                                 const DeviceStatistics& statistics, std::size_t l) {
  std::vector<double> need(natural.layers()[l].outputs, 0.0);
  for (std::size_t a = natural.first_block(l); a < natural.first_block(l) + natural.block_count(l);
       ++a) {
    const tiles::ArrayBlock& block = natural.blocks()[a];
    for (std::size_t r = 0; r < block.rows; ++r)
      for (const Candidate& c : candidates(natural, facts, statistics, a, r))
        need[block.first_output + c.column / natural.devices_per_weight()] += c.worth;
  }
  return need;
}

/// Outputs cut into `blocks`, `by_need` dealt out or filled in turn; within each block those with
/// much and with little to verify take turns on the ADCs' groups of columns.
tiles::LayerPlacement columns(const std::vector<std::uint32_t>& by_need, std::size_t blocks,
                              bool deal_out, std::size_t outputs_per_adc) {
  std::vector<std::size_t> rank(by_need.size());
  for (std::size_t i = 0; i < by_need.size(); ++i) rank[by_need[i]] = i;
  std::vector<std::vector<std::uint32_t>> cut = deal(by_need, blocks);
  if (!deal_out) {
    auto next = by_need.begin();
    for (auto& block : cut)
      for (std::uint32_t& output : block) output = *next++;
  }
  tiles::LayerPlacement p;
  p.column_blocks = blocks;
  for (std::vector<std::uint32_t>& block : cut) {
    std::sort(block.begin(), block.end(),
              [&](std::uint32_t a, std::uint32_t b) { return rank[a] < rank[b]; });
    const std::size_t groups = (block.size() + outputs_per_adc - 1) / outputs_per_adc;
    for (const auto& group : deal(block, groups))
      p.output_order.insert(p.output_order.end(), group.begin(), group.end());
  }
  return p;
}

}  // namespace

std::vector<tiles::LayerPlacement> balanced_columns(const tiles::Mapping& natural,
                                                    const WeightFacts& facts,
                                                    const DeviceStatistics& statistics,
                                                    const RowTiming& timing, double budget,
                                                    const PlacementRun& run) {
  const RowPlanner planner(statistics, timing);
  const double seconds = budget * slowest_array_time(natural, facts, statistics, timing);
  const std::size_t layers = natural.layers().size();
  const std::size_t outputs_per_adc =
      std::max<std::size_t>(1, timing.columns_per_adc / natural.devices_per_weight());
  std::vector<tiles::LayerPlacement> best(layers), dealt, gathered;
  std::vector<double> gain;
  for (std::size_t l = 0; l < layers; ++l) {
    const std::vector<double> need = output_needs(natural, facts, statistics, l);
    std::vector<std::uint32_t> by_need(need.size());
    std::iota(by_need.begin(), by_need.end(), 0u);
    std::stable_sort(by_need.begin(), by_need.end(),
                     [&](std::uint32_t a, std::uint32_t b) { return need[a] > need[b]; });
    const LayerRows rows = collect(natural, facts, statistics, planner, l, run);
    gain.push_back(avoided_loss(rows, rows.fewest_blocks, seconds));
    dealt.push_back(columns(by_need, rows.column_blocks, true, outputs_per_adc));
    gathered.push_back(columns(by_need, rows.column_blocks, false, outputs_per_adc));
  }
  for (const auto& placements : {dealt, gathered}) {
    const tiles::Mapping mapping(natural.layers(), natural.config(), placements);
    for (std::size_t l = 0; l < layers; ++l) {
      const LayerRows rows = collect(mapping, facts, statistics, planner, l, run);
      const double now = avoided_loss(rows, rows.fewest_blocks, seconds);
      if (now <= gain[l]) continue;
      gain[l] = now;
      best[l] = placements[l];
    }
  }
  return best;
}

std::vector<tiles::LayerPlacement> balanced_placement(
    const tiles::Mapping& natural, const WeightFacts& facts, const DeviceStatistics& statistics,
    const RowTiming& timing, std::size_t extra_arrays, double budget, const PlacementRun& run) {
  const RowPlanner planner(statistics, timing);
  const double seconds = budget * slowest_array_time(natural, facts, statistics, timing);
  std::vector<LayerRows> layers;
  std::vector<std::size_t> blocks;
  std::vector<double> now, next;
  for (std::size_t l = 0; l < natural.layers().size(); ++l) {
    layers.push_back(collect(natural, facts, statistics, planner, l, run));
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
    tiles::LayerPlacement p = natural.placement(l);
    p.row_blocks = blocks[l];
    for (const auto& rows : deal(layers[l].by_need, blocks[l]))
      p.row_order.insert(p.row_order.end(), rows.begin(), rows.end());
    placements.push_back(std::move(p));
  }
  return placements;
}

}  // namespace uswim::programmer
