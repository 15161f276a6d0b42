#include "programmer/selection/placement.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "planned_chip.h"
#include "programmer/selection/row_planner.h"

namespace uswim::programmer {
namespace {

TEST(BalancedPlacement, UsesNoMoreArraysThanAllowedAndPermutesEveryRow) {
  const PlannedChip f;
  for (const std::size_t extra : {0u, 2u, 5u}) {
    const auto placements =
        balanced_placement(f.mapping, f.facts, f.statistics, f.timing, extra, 0.3);
    const tiles::Mapping balanced(PlannedChip::layers(), f.mapping.config(), placements);
    EXPECT_LE(balanced.blocks().size(), f.mapping.blocks().size() + extra);
    for (std::size_t l = 0; l < placements.size(); ++l) {
      std::vector<std::uint32_t> rows = placements[l].row_order;
      std::sort(rows.begin(), rows.end());
      std::vector<std::uint32_t> want(f.mapping.layers()[l].rows);
      std::iota(want.begin(), want.end(), 0u);
      EXPECT_EQ(rows, want);
    }
  }
}

// Outputs of very different worth: where they stand must not cost, and may avoid, loss.
TEST(BalancedColumns, UseNoMoreArraysAndAvoidMoreLossInTheSameTime) {
  PlannedChip f;
  for (std::size_t l = 0; l < f.mapping.layers().size(); ++l)
    for (std::size_t o = 0; o < f.mapping.layers()[l].outputs; ++o)
      for (std::size_t r = 0; r < f.mapping.layers()[l].rows; ++r)
        f.facts.second_derivative[f.mapping.weight_index(l, o, r)] *=
            std::exp(-0.4f * static_cast<float>(o));
  const auto placements = balanced_columns(f.mapping, f.facts, f.statistics, f.timing, 0.3);
  const tiles::Mapping balanced(PlannedChip::layers(), f.mapping.config(), placements);
  EXPECT_EQ(balanced.blocks().size(), f.mapping.blocks().size());
  for (std::size_t l = 0; l < placements.size(); ++l) {
    std::vector<std::uint32_t> outputs = placements[l].output_order;
    if (outputs.empty()) continue;
    std::sort(outputs.begin(), outputs.end());
    std::vector<std::uint32_t> want(f.mapping.layers()[l].outputs);
    std::iota(want.begin(), want.end(), 0u);
    EXPECT_EQ(outputs, want);
  }
  const double seconds = 0.3 * slowest_array_time(f.mapping, f.facts, f.statistics, f.timing);
  const auto avoided = [&](const tiles::Mapping& mapping) {
    const double fraction = seconds / slowest_array_time(mapping, f.facts, f.statistics, f.timing);
    DeviceMask mask = select_row_time(mapping, f.facts, f.statistics, f.timing, fraction);
    double loss = 0.0;
    for (std::size_t a = 0; a < mapping.blocks().size(); ++a)
      for (std::size_t r = 0; r < mapping.blocks()[a].rows; ++r)
        for (const Candidate& c : candidates(mapping, f.facts, f.statistics, a, r))
          if (mask.row(a, r)[c.column / 64] >> (c.column % 64) & 1) loss += c.worth;
    return loss;
  };
  EXPECT_GT(avoided(balanced), avoided(f.mapping));
}

TEST(BalancedPlacement, ShortensTheSlowestTile) {
  const PlannedChip f;
  const auto placements = balanced_placement(f.mapping, f.facts, f.statistics, f.timing, 0, 0.3);
  const tiles::Mapping balanced(PlannedChip::layers(), f.mapping.config(), placements);
  EXPECT_LT(slowest_array_time(balanced, f.facts, f.statistics, f.timing),
            slowest_array_time(f.mapping, f.facts, f.statistics, f.timing));
}

TEST(Placement, IsTheSameOnAnyNumberOfThreadsAndTellsOfEveryArray) {
  const PlannedChip f;
  const auto same = [](const std::vector<tiles::LayerPlacement>& a,
                       const std::vector<tiles::LayerPlacement>& b) {
    ASSERT_EQ(a.size(), b.size());
    for (std::size_t l = 0; l < a.size(); ++l) {
      EXPECT_EQ(a[l].row_blocks, b[l].row_blocks);
      EXPECT_EQ(a[l].row_order, b[l].row_order);
      EXPECT_EQ(a[l].output_order, b[l].output_order);
      EXPECT_EQ(a[l].arrays, b[l].arrays);
    }
  };
  for (const unsigned threads : {1u, 3u}) {
    std::size_t told = 0;
    const PlacementRun run{threads, [&](std::size_t arrays) { told += arrays; }};
    const std::size_t arrays = f.mapping.blocks().size();
    same(balanced_placement(f.mapping, f.facts, f.statistics, f.timing, 2, 0.3, run),
         balanced_placement(f.mapping, f.facts, f.statistics, f.timing, 2, 0.3));
    EXPECT_EQ(told, arrays);
    same(shared_placement(f.mapping, f.facts, f.statistics, f.timing, 0, 0.3, run),
         shared_placement(f.mapping, f.facts, f.statistics, f.timing, 0, 0.3));
    EXPECT_EQ(told, 2 * arrays);
    same(balanced_columns(f.mapping, f.facts, f.statistics, f.timing, 0.3, run),
         balanced_columns(f.mapping, f.facts, f.statistics, f.timing, 0.3));
    EXPECT_EQ(told, 5 * arrays);
  }
}

/// Its first layer fills arrays that need little, its second needs much on few rows.
struct UnevenChip : PlannedChip {
  UnevenChip() {
    for (std::size_t i = 0; i < facts.second_derivative.size(); ++i)
      facts.second_derivative[i] = i < mapping.first_weight(1) ? 1e-5f : 1.0f;
  }
};

TEST(SharedPlacement, EvensOutTheArraysAndAvoidsMoreLossInTheSameTime) {
  const UnevenChip f;
  const auto placements = shared_placement(f.mapping, f.facts, f.statistics, f.timing, 0, 0.1);
  const tiles::Mapping shared(PlannedChip::layers(), f.mapping.config(), placements);
  const tiles::Mapping balanced(
      PlannedChip::layers(), f.mapping.config(),
      balanced_placement(f.mapping, f.facts, f.statistics, f.timing, 0, 0.1));
  EXPECT_EQ(shared.array_count(), f.mapping.array_count());
  EXPECT_GT(shared.blocks().size(), shared.array_count());
  for (const tiles::LayerPlacement& p : placements) {
    std::vector<std::uint32_t> rows = p.row_order, want(rows.size());
    std::sort(rows.begin(), rows.end());
    std::iota(want.begin(), want.end(), 0u);
    EXPECT_EQ(rows, want);
  }
  const double seconds = 0.1 * slowest_array_time(f.mapping, f.facts, f.statistics, f.timing);
  const auto avoided = [&](const tiles::Mapping& m) {
    const double fraction = seconds / slowest_array_time(m, f.facts, f.statistics, f.timing);
    const DeviceMask mask = select_row_time(m, f.facts, f.statistics, f.timing, fraction);
    double loss = 0.0;
    std::vector<double> time(m.array_count(), 0.0);  // as the planner expects it
    for (std::size_t b = 0; b < m.blocks().size(); ++b)
      for (std::size_t r = 0; r < m.blocks()[b].rows; ++r) {
        std::vector<unsigned> counts(f.statistics.kinds(), 0);
        for (const Candidate& c : candidates(m, f.facts, f.statistics, b, r))
          if (mask.row(b, r)[c.column / 64] >> (c.column % 64) & 1) {
            loss += c.worth;
            ++counts[c.kind];
          }
        time[m.blocks()[b].array] += row_time(f.statistics, f.timing, counts, m.columns(b));
      }
    for (const double t : time) EXPECT_LE(t, seconds * (1 + 1e-9));
    return loss;
  };
  EXPECT_GT(avoided(shared), 1.2 * avoided(balanced));
}

// Where arrays are full, there is nothing to share; arrays more than that are used.
TEST(SharedPlacement, KeepsToTheRowsAndTheNumberOfArrays) {
  for (const std::size_t extra : {0u, 1u, 3u, 50u}) {
    const UnevenChip f;
    const tiles::Mapping shared(
        PlannedChip::layers(), f.mapping.config(),
        shared_placement(f.mapping, f.facts, f.statistics, f.timing, extra, 0.3));
    EXPECT_LE(shared.array_count(), f.mapping.array_count() + extra);
    EXPECT_EQ(shared.weights(), f.mapping.weights());
  }
  const std::vector<tiles::MappedLayer> full{{"a", 16, 64, std::vector<std::int16_t>(1024, 7)},
                                             {"b", 16, 64, std::vector<std::int16_t>(1024, 7)}};
  const PlannedChip f;
  const tiles::Mapping natural(full, {64, 64, 2, 4});
  WeightFacts facts;
  facts.second_derivative.assign(2048, 1e-3f);
  std::fill_n(facts.second_derivative.begin(), 1024, 1.0f);
  facts.scale.assign(2048, 1.0f);
  facts.magnitude.assign(2048, 7.0f / 15);
  facts.open_loop_variance.assign(2048, 1.0f);
  const tiles::Mapping shared(full, {64, 64, 2, 4},
                              shared_placement(natural, facts, f.statistics, f.timing, 0, 0.3));
  EXPECT_EQ(shared.blocks().size(), 2u);
  EXPECT_EQ(shared.array_count(), 2u);
}

}  // namespace
}  // namespace uswim::programmer
