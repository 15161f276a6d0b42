#include <algorithm>
#include <memory>
#include <numeric>
#include <optional>

#include "programmer/selection/layer_rows.h"
#include "programmer/selection/placement.h"

namespace uswim::programmer {
namespace {

/// A block of a layer that is to be put on an array.
struct Piece {
  std::size_t layer;
  std::size_t rows;
  double load;  ///< seconds
};

/// Pieces on arrays.
class Packing {
 public:
  Packing(const std::vector<Piece>& pieces, std::size_t arrays, std::size_t array_rows)
      : pieces_(pieces),
        array_rows_(array_rows),
        of_array_(arrays),
        array_of_(pieces.size(), 0),
        rows_(arrays, 0),
        load_(arrays, 0.0) {
    fill();
    if (!misfit_) even_out();
  }

  /// The layer of the first piece for which there was no place.
  const std::optional<std::size_t>& misfit() const { return misfit_; }
  double longest() const { return load_[fullest()]; }
  std::size_t array_of(std::size_t piece) const { return array_of_[piece]; }

 private:
  std::size_t fullest() const {
    return static_cast<std::size_t>(std::max_element(load_.begin(), load_.end()) - load_.begin());
  }
  /// Whether piece p can be on array a once `leaving` has left it.
  bool fits(std::size_t p, std::size_t a, std::size_t leaving) const {
    std::size_t rows = rows_[a] + pieces_[p].rows;
    for (const std::size_t other : of_array_[a]) {
      if (other == leaving)
        rows -= pieces_[other].rows;
      else if (pieces_[other].layer == pieces_[p].layer)
        return false;
    }
    return rows <= array_rows_;
  }
  void put(std::size_t p, std::size_t a) {
    of_array_[a].push_back(p);
    array_of_[p] = a;
    rows_[a] += pieces_[p].rows;
    load_[a] += pieces_[p].load;
  }
  void take(std::size_t p) {
    const std::size_t a = array_of_[p];
    of_array_[a].erase(std::find(of_array_[a].begin(), of_array_[a].end(), p));
    rows_[a] -= pieces_[p].rows;
    load_[a] -= pieces_[p].load;
  }

  /// Each piece, those with most to do first, on the array with the least load that has rows for it
  /// and none of its layer.
  void fill() {
    std::vector<std::size_t> order(pieces_.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    // Two of the long ones do not fit on one array, so they come first.
    const auto key = [&](std::size_t p) {
      return std::pair(2 * pieces_[p].rows > array_rows_, pieces_[p].load);
    };
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return key(a) > key(b); });
    for (const std::size_t p : order) {
      std::size_t best = of_array_.size();
      for (std::size_t a = 0; a < of_array_.size(); ++a)
        if ((best == of_array_.size() || load_[a] < load_[best]) && fits(p, a, kNone)) best = a;
      if (best == of_array_.size()) {
        misfit_ = pieces_[p].layer;
        return;
      }
      put(p, best);
    }
  }

  /// As long as it helps the fullest array, one of its pieces moves, or changes places with
  /// another.
  void even_out() {
    for (std::size_t step = 0; step < 4 * of_array_.size(); ++step) {
      const std::size_t from = fullest();
      double best = load_[from] * (1.0 - 1e-9);  // of the longer of the two, after
      std::optional<std::pair<std::size_t, std::size_t>> exchange;
      std::size_t to = from;
      for (const std::size_t p : of_array_[from])
        for (std::size_t a = 0; a < of_array_.size(); ++a) {
          if (a == from || load_[a] >= best) continue;
          const auto longer = [&](double more) {
            return std::max(load_[from] - more, load_[a] + more);
          };
          if (longer(pieces_[p].load) < best && fits(p, a, kNone)) {
            best = longer(pieces_[p].load);
            exchange = {p, kNone};
            to = a;
          }
          for (const std::size_t q : of_array_[a]) {
            const double more = pieces_[p].load - pieces_[q].load;
            if (longer(more) < best && fits(p, a, q) && fits(q, from, p)) {
              best = longer(more);
              exchange = {p, q};
              to = a;
            }
          }
        }
      if (!exchange) return;
      take(exchange->first);
      if (exchange->second != kNone) {
        take(exchange->second);
        put(exchange->second, from);
      }
      put(exchange->first, to);
    }
  }

  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);
  const std::vector<Piece>& pieces_;
  std::size_t array_rows_;
  std::vector<std::vector<std::size_t>> of_array_;
  std::vector<std::size_t> array_of_, rows_;
  std::vector<double> load_;
  std::optional<std::size_t> misfit_;
};

/// Layers with the time that each row is worth, and how to cut them.
class Cutting {
 public:
  Cutting(const tiles::Mapping& natural, std::vector<LayerRows> layers,
          const std::vector<const Option*>& chosen, std::size_t arrays)
      : natural_(natural), layers_(std::move(layers)), arrays_(arrays) {
    auto next = chosen.begin();
    for (LayerRows& layer : layers_) {
      load_.emplace_back();
      std::vector<double> of_row(layer.by_need.size(), 0.0);
      for (const std::vector<RowOptions>& block : layer.options) {
        load_.back().emplace_back();
        for (std::size_t r = 0; r < block.size(); ++r, ++next) {
          load_.back().back().push_back((*next)->time);
          of_row[r] += (*next)->time;
        }
      }
      std::stable_sort(layer.by_need.begin(), layer.by_need.end(),
                       [&](std::uint32_t a, std::uint32_t b) { return of_row[a] > of_row[b]; });
    }
  }

  using Blocks = std::vector<std::size_t>;  ///< row blocks of each layer
  struct Attempt {
    Blocks blocks;
    std::vector<Piece> pieces;
    Packing packing;
    Attempt(const Cutting& cutting, Blocks cut)
        : blocks(std::move(cut)),
          pieces(cutting.pieces(blocks)),
          packing(pieces, cutting.arrays_, cutting.natural_.config().array_rows) {}
    Attempt(const Attempt&) = delete;  // `packing` refers to `pieces`
    Attempt& operator=(const Attempt&) = delete;
  };

  Blocks fewest() const {
    Blocks blocks;
    for (const LayerRows& layer : layers_) blocks.push_back(layer.fewest_blocks);
    return blocks;
  }
  std::size_t layers() const { return layers_.size(); }
  bool can_be_cut(std::size_t layer, const Blocks& blocks) const {
    return blocks[layer] < layers_[layer].by_need.size() &&
           (blocks[layer] + 1) * layers_[layer].column_blocks <= arrays_;
  }
  std::vector<Piece> pieces(const Blocks& blocks) const {
    std::vector<Piece> list;
    for (std::size_t l = 0; l < layers_.size(); ++l)
      for (const auto& rows : deal(layers_[l].by_need, blocks[l]))
        for (const std::vector<double>& of_row : load_[l]) {
          list.push_back({l, rows.size(), 0.0});
          for (const std::uint32_t row : rows) list.back().load += of_row[row];
        }
    return list;
  }

  std::vector<tiles::LayerPlacement> placements(const Attempt& attempt) const {
    std::vector<tiles::LayerPlacement> list;
    for (std::size_t l = 0; l < layers_.size(); ++l) {
      list.push_back(natural_.placement(l));
      list.back().row_blocks = attempt.blocks[l];
      list.back().row_order.clear();
      for (const auto& rows : deal(layers_[l].by_need, attempt.blocks[l]))
        list.back().row_order.insert(list.back().row_order.end(), rows.begin(), rows.end());
    }
    // Arrays are numbered as they are met; some may have stayed empty.
    std::vector<std::uint32_t> number(arrays_, 0);
    std::uint32_t met = 0;
    for (std::size_t p = 0; p < attempt.pieces.size(); ++p) {
      std::uint32_t& n = number[attempt.packing.array_of(p)];
      if (n == 0) n = ++met;
      list[attempt.pieces[p].layer].arrays.push_back(n - 1);
    }
    return list;
  }

 private:
  const tiles::Mapping& natural_;
  std::vector<LayerRows> layers_;
  std::vector<std::vector<std::vector<double>>> load_;  ///< [layer][column block][row]
  std::size_t arrays_;
};

using AttemptPointer = std::unique_ptr<Cutting::Attempt>;

/// With one block more of `layer`, and as many of others as it takes until all fit. Nothing where
/// that is no better than `best`.
AttemptPointer cut_further(const Cutting& cutting, const Cutting::Attempt& best,
                           std::size_t layer) {
  constexpr int kMostCuts = 40;
  Cutting::Blocks blocks = best.blocks;
  for (int cuts = 0; cuts < kMostCuts && cutting.can_be_cut(layer, blocks); ++cuts) {
    ++blocks[layer];
    auto attempt = std::make_unique<Cutting::Attempt>(cutting, blocks);
    if (attempt->packing.misfit()) {
      layer = *attempt->packing.misfit();
      continue;
    }
    if (attempt->packing.longest() < best.packing.longest() * (1.0 - 1e-3)) return attempt;
    break;
  }
  return nullptr;
}

}  // namespace

std::vector<tiles::LayerPlacement> shared_placement(
    const tiles::Mapping& natural, const WeightFacts& facts, const DeviceStatistics& statistics,
    const RowTiming& timing, std::size_t extra_arrays, double budget, const PlacementRun& run) {
  const RowPlanner planner(statistics, timing);
  const std::size_t arrays = natural.array_count() + extra_arrays;
  std::vector<LayerRows> layers;
  for (std::size_t l = 0; l < natural.layers().size(); ++l)
    layers.push_back(collect(natural, facts, statistics, planner, l, run));
  TileRows all;
  for (const LayerRows& layer : layers)
    for (const std::vector<RowOptions>& block : layer.options)
      for (const RowOptions& row : block) all.push_back(&row);

  // Were the work spread evenly, a second would have the same price everywhere; with that price
  // each row has the time that it is worth.
  const auto share = static_cast<double>(arrays);
  const double seconds = budget * slowest_array_time(natural, facts, statistics, timing);
  std::vector<const Option*> chosen;
  const double mean = choose(all, tile_price(all, seconds * share), chosen) / share;
  const Cutting cutting(natural, std::move(layers), chosen, arrays);

  // No more pieces than arrays: all fit.
  auto best = std::make_unique<Cutting::Attempt>(cutting, cutting.fewest());
  constexpr double kEvenEnough = 1.02;
  while (best->packing.longest() > kEvenEnough * mean) {
    AttemptPointer next;
    for (std::size_t l = 0; l < cutting.layers(); ++l) {
      AttemptPointer attempt = cut_further(cutting, *best, l);
      if (attempt && (!next || attempt->packing.longest() < next->packing.longest()))
        next = std::move(attempt);
    }
    if (!next) break;
    best = std::move(next);
  }
  return cutting.placements(*best);
}

}  // namespace uswim::programmer
