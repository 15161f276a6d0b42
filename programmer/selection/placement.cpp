#include "programmer/selection/placement.h"

#include <algorithm>
#include <numeric>
#include <optional>

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

namespace {

/// Worth of verifying each output of a layer, at its position in `natural`.
std::vector<double> output_needs(const tiles::Mapping& natural, const WeightFacts& facts,
                                 const DeviceStatistics& statistics, std::size_t l) {
  std::vector<double> need(natural.layers()[l].outputs, 0.0);
  for (std::size_t a = natural.first_array(l); a < natural.first_array(l) + natural.array_count(l);
       ++a) {
    const tiles::ArrayBlock& block = natural.arrays()[a];
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
                                                    const RowTiming& timing, double budget) {
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
    const LayerRows rows = collect(natural, facts, statistics, planner, l);
    gain.push_back(avoided_loss(rows, rows.fewest_blocks, seconds));
    dealt.push_back(columns(by_need, rows.column_blocks, true, outputs_per_adc));
    gathered.push_back(columns(by_need, rows.column_blocks, false, outputs_per_adc));
  }
  for (const auto& placements : {dealt, gathered}) {
    const tiles::Mapping mapping(natural.layers(), natural.config(), placements);
    for (std::size_t l = 0; l < layers; ++l) {
      const LayerRows rows = collect(mapping, facts, statistics, planner, l);
      const double now = avoided_loss(rows, rows.fewest_blocks, seconds);
      if (now <= gain[l]) continue;
      gain[l] = now;
      best[l] = placements[l];
    }
  }
  return best;
}

namespace {

/// A block of a layer that is to be put on an array.
struct Piece {
  std::size_t layer;
  std::size_t place;  ///< among its layer's blocks
  std::size_t rows;
  double load;  ///< seconds
};

/// Pieces on arrays.
struct Packing {
  std::optional<std::size_t> misfit;             ///< the first piece for which there was no place
  std::vector<std::vector<std::size_t>> pieces;  ///< of each array
  std::vector<double> load;                      ///< of each array
  std::size_t fullest() const {
    return static_cast<std::size_t>(std::max_element(load.begin(), load.end()) - load.begin());
  }
};

/// Each piece, those with most to do first, on the array with the least load that has rows for it
/// and none of its layer.
Packing pack(const std::vector<Piece>& pieces, std::size_t arrays, std::size_t array_rows) {
  std::vector<std::size_t> order(pieces.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  // Two of the long ones do not fit on one array, so they come first.
  const auto key = [&](std::size_t p) {
    return std::pair(2 * pieces[p].rows > array_rows, pieces[p].load);
  };
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return key(a) > key(b); });
  Packing packing{
      {}, std::vector<std::vector<std::size_t>>(arrays), std::vector<double>(arrays, 0.0)};
  std::vector<std::size_t> rows_taken(arrays, 0);
  for (const std::size_t p : order) {
    std::size_t best = arrays;
    for (std::size_t a = 0; a < arrays; ++a) {
      if (best < arrays && packing.load[a] >= packing.load[best]) continue;
      if (rows_taken[a] + pieces[p].rows > array_rows) continue;
      const std::vector<std::size_t>& there = packing.pieces[a];
      if (std::none_of(there.begin(), there.end(),
                       [&](std::size_t other) { return pieces[other].layer == pieces[p].layer; }))
        best = a;
    }
    if (best == arrays) {
      packing.misfit = p;
      return packing;
    }
    packing.pieces[best].push_back(p);
    packing.load[best] += pieces[p].load;
    rows_taken[best] += pieces[p].rows;
  }
  return packing;
}

}  // namespace

std::vector<tiles::LayerPlacement> shared_placement(const tiles::Mapping& natural,
                                                    const WeightFacts& facts,
                                                    const DeviceStatistics& statistics,
                                                    const RowTiming& timing,
                                                    std::size_t extra_arrays, double budget) {
  const RowPlanner planner(statistics, timing);
  const std::size_t arrays = natural.array_total() + extra_arrays;
  const std::size_t count = natural.layers().size();
  std::vector<LayerRows> layers;
  TileRows all;
  for (std::size_t l = 0; l < count; ++l)
    layers.push_back(collect(natural, facts, statistics, planner, l));
  for (const LayerRows& layer : layers)
    for (const std::vector<RowOptions>& block : layer.options)
      for (const RowOptions& row : block) all.push_back(&row);

  // Were the work spread evenly, a second would have the same price everywhere; with that price
  // each row has the time that it is worth.
  const double seconds = budget * slowest_array_time(natural, facts, statistics, timing);
  const double total = seconds * static_cast<double>(arrays);
  std::vector<const Option*> chosen;
  const double mean = choose(all, tile_price(all, total), chosen) / static_cast<double>(arrays);
  std::vector<std::vector<std::vector<double>>> load(count);  // [layer][column block][row]
  auto next = chosen.begin();
  for (std::size_t l = 0; l < count; ++l) {
    std::vector<double> of_row(natural.layers()[l].rows, 0.0);
    for (const std::vector<RowOptions>& block : layers[l].options) {
      load[l].emplace_back();
      for (std::size_t r = 0; r < block.size(); ++r, ++next) {
        load[l].back().push_back((*next)->time);
        of_row[r] += (*next)->time;
      }
    }
    std::stable_sort(layers[l].by_need.begin(), layers[l].by_need.end(),
                     [&](std::uint32_t a, std::uint32_t b) { return of_row[a] > of_row[b]; });
  }

  const auto cut = [&](const std::vector<std::size_t>& blocks) {
    std::vector<Piece> pieces;
    for (std::size_t l = 0; l < count; ++l) {
      std::size_t place = 0;
      for (const auto& rows : deal(layers[l].by_need, blocks[l]))
        for (const std::vector<double>& of_row : load[l]) {
          Piece piece{l, place++, rows.size(), 0.0};
          for (const std::uint32_t row : rows) piece.load += of_row[row];
          pieces.push_back(piece);
        }
    }
    return pieces;
  };
  std::vector<std::size_t> blocks;
  for (const LayerRows& layer : layers) blocks.push_back(layer.fewest_blocks);
  std::vector<std::size_t> best_blocks = blocks;
  std::vector<Piece> pieces = cut(blocks), best_pieces = pieces;
  const std::size_t array_rows = natural.config().array_rows;
  // No more pieces than arrays: each has its own.
  Packing packing = pack(pieces, arrays, array_rows), best = packing;
  constexpr double kEvenEnough = 1.05;
  constexpr int kPatience = 40;  // cuts that need not help
  for (int in_vain = 0; in_vain < kPatience && best.load[best.fullest()] > kEvenEnough * mean;
       ++in_vain) {
    // What did not fit is made smaller, or the largest piece of the fullest array.
    std::size_t largest = packing.misfit.value_or(pieces.size());
    if (!packing.misfit)
      for (const std::size_t p : packing.pieces[packing.fullest()])
        if (largest == pieces.size() || pieces[p].load > pieces[largest].load) largest = p;
    const std::size_t layer = pieces[largest].layer;
    if (blocks[layer] == natural.layers()[layer].rows ||
        (blocks[layer] + 1) * layers[layer].column_blocks > arrays)
      break;
    ++blocks[layer];
    pieces = cut(blocks);
    packing = pack(pieces, arrays, array_rows);
    if (packing.misfit || packing.load[packing.fullest()] >= best.load[best.fullest()]) continue;
    best = packing;
    best_blocks = blocks;
    best_pieces = pieces;
    in_vain = -1;
  }

  std::vector<std::uint32_t> array_of(best_pieces.size());
  std::uint32_t used = 0;
  for (const std::vector<std::size_t>& of_array : best.pieces) {
    for (const std::size_t p : of_array) array_of[p] = used;
    used += !of_array.empty();
  }
  std::vector<tiles::LayerPlacement> placements;
  for (std::size_t l = 0; l < count; ++l) {
    tiles::LayerPlacement p = natural.placement(l);
    p.row_blocks = best_blocks[l];
    p.row_order.clear();
    for (const auto& rows : deal(layers[l].by_need, best_blocks[l]))
      p.row_order.insert(p.row_order.end(), rows.begin(), rows.end());
    placements.push_back(std::move(p));
  }
  for (std::size_t p = 0; p < best_pieces.size(); ++p)
    placements[best_pieces[p].layer].arrays.push_back(array_of[p]);
  return placements;
}

std::vector<tiles::LayerPlacement> balanced_placement(const tiles::Mapping& natural,
                                                      const WeightFacts& facts,
                                                      const DeviceStatistics& statistics,
                                                      const RowTiming& timing,
                                                      std::size_t extra_arrays, double budget) {
  const RowPlanner planner(statistics, timing);
  const double seconds = budget * slowest_array_time(natural, facts, statistics, timing);
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
    tiles::LayerPlacement p = natural.placement(l);
    p.row_blocks = blocks[l];
    for (const auto& rows : deal(layers[l].by_need, blocks[l]))
      p.row_order.insert(p.row_order.end(), rows.begin(), rows.end());
    placements.push_back(std::move(p));
  }
  return placements;
}

}  // namespace uswim::programmer
