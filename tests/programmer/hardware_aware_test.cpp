#include "programmer/selection/hardware_aware.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "planned_chip.h"
#include "programmer/selection/row_planner.h"
#include "programmer/write_verify/row_work.h"

namespace uswim::programmer {
namespace {

bool contains(const DeviceMask& larger, const DeviceMask& smaller) {
  for (std::size_t w = 0; w < larger.words().size(); ++w)
    if (smaller.words()[w] & ~larger.words()[w]) return false;
  return true;
}

// E[cycles] = 1 / p and the truncated normal's variance, per level.
TEST(DeviceStatistics, OfIndependentRewritingFollowTheClosedForms) {
  const PlannedChip f(PulseModelKind::Redraw);
  for (unsigned level = 0; level < 4; ++level) {
    const double sigma = f.device.sigma(level, 0.0), a = 0.06 / sigma;
    const double p = std::erf(a / std::sqrt(2.0));
    const double density = std::exp(-a * a / 2) / std::sqrt(2 * M_PI);
    const double verified = sigma * sigma * (1 - 2 * a * density / p);
    const LevelStatistics& s = f.statistics.of(f.statistics.kind(level, 0.0));
    const double n = 8192;
    EXPECT_NEAR(s.mean_cycles, 1 / p, 4.5 * std::sqrt(1 - p) / p / std::sqrt(n));
    // The variance of a normal sample's square is 2 sigma^4.
    EXPECT_NEAR(s.gain, sigma * sigma - verified, 4.5 * std::sqrt(2 / n) * sigma * sigma);
    EXPECT_NEAR(s.mean_rounds, s.mean_cycles, 1e-9);  // every cycle is one round
    EXPECT_NEAR(s.done[1], p, 4.5 * std::sqrt(p * (1 - p) / n));
    EXPECT_DOUBLE_EQ(s.done[0], 0.0);
    EXPECT_NEAR(s.done.back(), 1.0, 1e-9);
  }
}

// Rounds of n equal devices: sum over k of 1 - (1 - q^k)^n, where a rewrite misses the window with
// probability q.
TEST(RowTime, IsTheExpectedMaximumOverTheRowsDevices) {
  PlannedChip f(PulseModelKind::Redraw);
  f.timing = {0.0, 0.0, 0.0, 1.0, 0.0, 8};  // a round takes one second
  const std::size_t kind = f.statistics.kind(1, 0.0);
  const double q = std::erfc(0.06 / f.device.sigma(1, 0.0) / std::sqrt(2.0));
  constexpr std::size_t kRounds = 300;
  constexpr double kSamples = 8192;
  for (const unsigned n : {1u, 8u, 64u}) {
    std::vector<unsigned> counts(f.statistics.kinds(), 0);
    counts[kind] = n;
    double want = 0.0, variance = 0.0;
    // A sampled distribution stands for the geometric one: the variance of a sum of
    // n (1 - q^k)^(n - 1) times the error of the sampled q^k, whose covariances are
    // q^max(k, l) (1 - q^min(k, l)) / samples.
    const auto slope = [&](std::size_t k) { return n * std::pow(1 - std::pow(q, k), n - 1); };
    for (std::size_t k = 0; k < kRounds; ++k) {
      want += 1 - std::pow(1 - std::pow(q, k), n);
      for (std::size_t l = 1; k > 0 && l < kRounds; ++l)
        variance += slope(k) * slope(l) * std::pow(q, std::max(k, l)) *
                    (1 - std::pow(q, std::min(k, l))) / kSamples;
    }
    // Besides, the tail below 0.001 is left out.
    const double bound = 3.5 * std::sqrt(variance) + 0.001 * n / (1 - q);
    EXPECT_NEAR(row_time(f.statistics, f.timing, counts, 64), want, bound) << n;
  }
}

/// Mean time of rows, or of `together` rows at once, that go through their rounds: 64 devices each,
/// 20 of level 1 among them verified.
double simulated_row_time(const PlannedChip& f, const RowScheme& scheme, std::size_t rows,
                          std::size_t together) {
  std::vector<DeviceTarget> targets(rows * 64);
  std::vector<std::uint64_t> masks(rows, 0);
  for (std::size_t i = 0; i < targets.size(); ++i) {
    // Places without pattern: the 20 of 64 devices with the smallest hash.
    const std::size_t place = i % 64 * 37 % 64 ^ (i / 64 * 11 % 64);
    const bool selected = place < 20;
    const unsigned level = selected ? 1 : 3;
    targets[i] = {true, static_cast<float>(f.device.target(level)),
                  static_cast<float>(f.device.level_factor(level, 0.0))};
    if (selected) masks[i / 64] |= std::uint64_t{1} << (i % 64);
  }
  DeviceOutcomes outcomes;
  f.pulses->write(targets, 0, 5, 0, outcomes);
  const DevicePulses pulses(outcomes);
  double time = 0.0;
  for (std::size_t r = 0; r < rows; r += together) {
    const RowWork w =
        row_work(RowView{pulses, r, 1, &masks[r], scheme, 64, RowOperation::Program, together});
    time += f.timing.set * w.set_slots + f.timing.reset * w.reset_slots +
            std::max(f.timing.set, f.timing.reset) * w.mixed_slots +
            f.timing.read * w.verify_rounds + f.timing.conversion * w.serial_conversions;
  }
  return time * static_cast<double>(together) / static_cast<double>(rows);
}

// The time of a row has a standard deviation of less than a third of its mean, so 400 rows tell the
// mean within 1/60 with 1 sigma to spare; the rest is for what the model leaves out: that devices
// of one group are drawn without replacement.
TEST(RowTime, IsThatOfSimulatedRowsUnderEveryWriteScheme) {
  for (const bool mixed : {false, true})
    for (const unsigned drivers : {0u, 16u, 1u})
      for (const auto& [closing, rows] : {std::pair{RowClosing{}, 1u},
                                          {RowClosing{0, 0.1, OpenAtClose::Leave}, 1u},
                                          {RowClosing{0, 0.1, OpenAtClose::WriteOpenLoop}, 1u},
                                          {RowClosing{0, 0.3, OpenAtClose::WriteOpenLoop}, 1u},
                                          {RowClosing{4, 0.0, OpenAtClose::WriteOpenLoop}, 1u},
                                          {RowClosing{}, 4u}}) {
        PlannedChip f(PulseModelKind::Incremental, closing);
        f.timing = {0.0, 40e-9, 25e-9, 10e-9, 0.0, 8, drivers, mixed};
        f.timing.closing = closing;
        std::vector<unsigned> counts(f.statistics.kinds(), 0);
        counts[f.statistics.kind(1, 0.0)] = 20 * rows;
        const RowScheme scheme{8, drivers, mixed, false, closing};
        const double want = simulated_row_time(f, scheme, 400 * rows, rows);
        EXPECT_NEAR(row_time(f.statistics, f.timing, counts, 64, rows), want, 0.06 * want)
            << "drivers " << drivers << (mixed ? ", mixed" : "") << ", closed at "
            << closing.open_part << " or " << closing.rounds << (closing.writes() ? ", writes" : "")
            << ", rows " << rows;
      }
}

// Closed at once, a device that starts from the erased state has gained nothing; at the end, all.
TEST(DeviceStatistics, OfClosedRowsTellWhatIsGainedByThen) {
  const PlannedChip f(PulseModelKind::Incremental, {0, 0.1, OpenAtClose::Leave});
  for (unsigned level = 1; level < 3; ++level) {
    const LevelStatistics& s = f.statistics.of(f.statistics.kind(level, 0.0));
    EXPECT_LT(s.gain_after[1], 0.0);  // worse than open loop
    // Few samples for the one, many for the other: 1024 squared normal deviates of variance
    // sigma^2.
    const double sigma = f.device.sigma(level, 0.0);
    EXPECT_NEAR(s.gain_after.back(), s.gain, 4.5 * std::sqrt(2.0 / 1024) * sigma * sigma);
  }
}

// What is written at the close has gained nothing, what is done by then all that it will: of
// independent rewriting, per level, q^k and the truncated normal.
TEST(DeviceStatistics, OfClosingWritesTellWhatIsGainedByThen) {
  const PlannedChip f(PulseModelKind::Redraw, {0, 0.1});
  for (unsigned level = 0; level < 4; ++level) {
    const LevelStatistics& s = f.statistics.of(f.statistics.kind(level, 0.0));
    const double sigma = f.device.sigma(level, 0.0);
    const double q = 1 - std::erf(0.06 / sigma / std::sqrt(2.0));
    for (const unsigned k : {1u, 2u, 5u})
      EXPECT_NEAR(s.gain_after[k], (1 - std::pow(q, k)) * s.gain,
                  4.5 * std::sqrt(4.0 / 8192) * sigma * sigma);
  }
}

// Two tiles of equal rows: with power for one row at a time both together get one tile's budget.
TEST(TilePrices, HoldAllTilesToWhatThePowerAllows) {
  RowOptions options{{0, 0, 0.0, 1.0}};
  for (unsigned n = 1; n < 8; ++n) options.push_back({n, 0, std::sqrt(n), 1.0 + n});
  RowOptions richer = options;
  for (Option& o : richer) o.gain *= 3;
  const std::vector<TileRows> tiles{TileRows(4, &options), TileRows(4, &richer)};
  std::vector<const Option*> chosen;
  const auto times = [&](double rows_at_once) {
    const std::vector<double> prices = tile_prices(tiles, 20.0, rows_at_once);
    return std::make_pair(choose(tiles[0], prices[0], chosen), choose(tiles[1], prices[1], chosen));
  };
  const auto free = times(0.0), tight = times(1.0), loose = times(2.0);
  EXPECT_LE(std::max(free.first, free.second), 20.0);
  EXPECT_EQ(free, loose);
  EXPECT_LE(tight.first + tight.second, 20.0);
  EXPECT_GT(tight.second, tight.first);  // the time goes where it avoids more loss
}

TEST(WorthPerCycle, SelectsTheFractionOfDevicesAndIsNested) {
  const PlannedChip f;
  DeviceMask last(f.mapping);
  for (const double fraction : {0.0, 0.05, 0.2, 0.4}) {
    const DeviceMask mask = select_worth_per_cycle(f.mapping, f.facts, f.statistics, fraction);
    EXPECT_EQ(mask.count(), static_cast<std::size_t>(
                                std::llround(fraction * static_cast<double>(f.mapping.devices()))));
    EXPECT_TRUE(contains(mask, last));
    last = mask;
  }
  EXPECT_EQ(select_worth_per_cycle(f.mapping, f.facts, f.statistics, 1.0).count(),
            f.mapping.devices());
}

TEST(WorthPerCycle, LeavesOutWhatHasNoSensitivity) {
  const PlannedChip f;
  const DeviceMask mask = select_worth_per_cycle(f.mapping, f.facts, f.statistics, 0.99);
  EXPECT_LT(mask.count(), f.mapping.devices());
  for (std::size_t a = 0; a < f.mapping.blocks().size(); ++a)
    for (std::size_t r = 0; r < f.mapping.blocks()[a].rows; ++r)
      if (f.facts.second_derivative[f.mapping.weight_of(a, r, 0)] == 0.0f) {
        DeviceMask copy = mask;
        EXPECT_EQ(copy.row(a, r)[0], 0u);
      }
}

TEST(RowTimePolicy, KeepsEveryTileWithinItsBudget) {
  const PlannedChip f;
  const double all = slowest_array_time(f.mapping, f.facts, f.statistics, f.timing);
  for (const double fraction : {0.3, 0.5, 0.8}) {
    DeviceMask mask = select_row_time(f.mapping, f.facts, f.statistics, f.timing, fraction);
    for (std::size_t a = 0; a < f.mapping.blocks().size(); ++a) {
      double time = 0.0;
      for (std::size_t r = 0; r < f.mapping.blocks()[a].rows; ++r) {
        std::vector<unsigned> counts(f.statistics.kinds(), 0);
        for (std::size_t c = 0; c < f.mapping.columns(a); ++c)
          if (mask.row(a, r)[c / 64] >> (c % 64) & 1)
            ++counts[f.statistics.kind(f.mapping.level(a, r, c),
                                       f.facts.magnitude[f.mapping.weight_of(a, r, c)])];
        time += row_time(f.statistics, f.timing, counts, f.mapping.columns(a));
      }
      EXPECT_LE(time, fraction * all * (1 + 1e-9));
    }
  }
}

// The planner against every combination of options: it may miss the optimum of a knapsack by one
// row's option, no more.
TEST(RowTimePolicy, ComesWithinOneRowOfTheBestPlan) {
  std::vector<RowOptions> rows;
  for (int r = 0; r < 6; ++r) {
    RowOptions o{{0, 0, 0.0, 1.0}};
    for (int k = 1; k < 4; ++k)
      o.push_back({static_cast<unsigned>(k), 0, std::sqrt(k * (r + 1.0)) * (1 + r % 3),
                   1.0 + k * (1 + r % 2)});
    rows.push_back(o);
  }
  std::vector<const RowOptions*> tile;
  for (const RowOptions& o : rows) tile.push_back(&o);
  double largest = 0.0;
  for (const RowOptions& row : rows)
    for (const Option& o : row) largest = std::max(largest, o.gain);
  for (const double budget : {6.0, 8.0, 11.0, 15.0, 30.0}) {
    double best = 0.0;
    for (int code = 0; code < 4096; ++code) {
      double gain = 0.0, time = 0.0;
      for (std::size_t r = 0; r < 6; ++r) {
        const Option& o = rows[r][static_cast<std::size_t>(code >> (2 * r)) & 3];
        gain += o.gain;
        time += o.time;
      }
      if (time <= budget) best = std::max(best, gain);
    }
    std::vector<const Option*> chosen;
    const double gain = plan_tile(tile, budget, chosen);
    double time = 0.0;
    for (const Option* o : chosen) time += o->time;
    EXPECT_LE(time, budget + 1e-9);
    EXPECT_LE(gain, best + 1e-9);
    EXPECT_GE(gain, best - largest);
    if (budget >= 30.0) {
      EXPECT_DOUBLE_EQ(gain, best);
    }
  }
}

}  // namespace
}  // namespace uswim::programmer
