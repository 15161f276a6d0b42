#include "programmer/selection/hardware_aware.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "programmer/selection/placement.h"
#include "programmer/selection/row_planner.h"
#include "programmer/write_verify/row_work.h"

namespace uswim::programmer {
namespace {

/// Two layers with sensitivities that differ by orders of magnitude between rows, on R4 devices.
struct Fixture {
  tiles::Mapping mapping;
  WeightFacts facts;
  DeviceModel device;
  std::unique_ptr<PulseModel> pulses;
  DeviceStatistics statistics;
  RowTiming timing{0.0, 10e-9, 10e-9, 10e-9, 1e-9, 8};

  explicit Fixture(PulseModelKind kind = PulseModelKind::Incremental,
                   const RowClosing& closing = {})
      : mapping(layers(), {64, 64, 2, 4}),
        device(device_config()),
        pulses(make_pulse_model(write_verify(kind, closing), device)),
        statistics(device, *pulses, 1) {
    for (const tiles::MappedLayer& layer : mapping.layers())
      for (std::size_t i = 0; i < layer.weight_code.size(); ++i) {
        const std::size_t row = i % layer.rows;
        facts.second_derivative.push_back(row % 5 == 0 ? 0.0f
                                                       : std::exp(-0.1f * static_cast<float>(row)));
        facts.scale.push_back(1.0f);
        facts.magnitude.push_back(std::abs(layer.weight_code[i]) / 15.0f);
        facts.open_loop_variance.push_back(1.0f);
      }
  }
  static std::vector<tiles::MappedLayer> layers() {
    std::vector<tiles::MappedLayer> list{{"a", 20, 150, {}}, {"b", 5, 30, {}}};
    for (tiles::MappedLayer& l : list)
      for (std::size_t i = 0; i < l.outputs * l.rows; ++i)
        l.weight_code.push_back(static_cast<std::int16_t>(static_cast<int>(i * 7919 % 31) - 15));
    return list;
  }
  static DeviceConfig device_config() {
    DeviceConfig c;
    c.sigma = 0.2;
    return c;
  }
  static WriteVerifyConfig write_verify(PulseModelKind kind, const RowClosing& closing) {
    WriteVerifyConfig c;
    c.closing = closing;
    c.pulse_model = kind;
    c.max_cycles = 1000;
    return c;
  }
};

bool contains(const DeviceMask& larger, const DeviceMask& smaller) {
  for (std::size_t w = 0; w < larger.words().size(); ++w)
    if (smaller.words()[w] & ~larger.words()[w]) return false;
  return true;
}

// E[cycles] = 1 / p and the truncated normal's variance, per level.
TEST(DeviceStatistics, OfIndependentRewritingFollowTheClosedForms) {
  const Fixture f(PulseModelKind::Redraw);
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

// Rounds of n equal devices: sum over k of 1 - (1 - q^k)^n.
TEST(RowTime, IsTheExpectedMaximumOverTheRowsDevices) {
  Fixture f(PulseModelKind::Redraw);
  f.timing = {0.0, 0.0, 0.0, 1.0, 0.0, 8};  // a round takes one second
  const std::size_t kind = f.statistics.kind(1, 0.0);
  const double q = 1 - f.statistics.of(kind).done[1];
  for (const unsigned n : {1u, 8u, 64u}) {
    std::vector<unsigned> counts(f.statistics.kinds(), 0);
    counts[kind] = n;
    double want = 0.0;
    for (int k = 0; k < 300; ++k) want += 1 - std::pow(1 - std::pow(q, k), n);
    // The sampled distribution stands for the geometric one, and the tail below 0.001 is left out.
    EXPECT_NEAR(row_time(f.statistics, f.timing, counts, 64), want, 0.04 * want) << n;
  }
}

/// Mean time of rows, or of `together` rows at once, that go through their rounds: 64 devices each,
/// 20 of level 1 among them verified.
double simulated_row_time(const Fixture& f, const RowScheme& scheme, std::size_t rows,
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
        row_work({pulses, r, 1, &masks[r], scheme, 64, RowOperation::Program, together});
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
        Fixture f(PulseModelKind::Incremental, closing);
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
  const Fixture f(PulseModelKind::Incremental, {0, 0.1, OpenAtClose::Leave});
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
  const Fixture f(PulseModelKind::Redraw, {0, 0.1});
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
  const Fixture f;
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
  const Fixture f;
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
  const Fixture f;
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

TEST(BalancedPlacement, UsesNoMoreArraysThanAllowedAndPermutesEveryRow) {
  const Fixture f;
  for (const std::size_t extra : {0u, 2u, 5u}) {
    const auto placements =
        balanced_placement(f.mapping, f.facts, f.statistics, f.timing, extra, 0.3);
    const tiles::Mapping balanced(Fixture::layers(), f.mapping.config(), placements);
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
  Fixture f;
  for (std::size_t l = 0; l < f.mapping.layers().size(); ++l)
    for (std::size_t o = 0; o < f.mapping.layers()[l].outputs; ++o)
      for (std::size_t r = 0; r < f.mapping.layers()[l].rows; ++r)
        f.facts.second_derivative[f.mapping.weight_index(l, o, r)] *=
            std::exp(-0.4f * static_cast<float>(o));
  const auto placements = balanced_columns(f.mapping, f.facts, f.statistics, f.timing, 0.3);
  const tiles::Mapping balanced(Fixture::layers(), f.mapping.config(), placements);
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
  const Fixture f;
  const auto placements = balanced_placement(f.mapping, f.facts, f.statistics, f.timing, 0, 0.3);
  const tiles::Mapping balanced(Fixture::layers(), f.mapping.config(), placements);
  EXPECT_LT(slowest_array_time(balanced, f.facts, f.statistics, f.timing),
            slowest_array_time(f.mapping, f.facts, f.statistics, f.timing));
}

/// Its first layer fills arrays that need little, its second needs much on few rows.
struct UnevenFixture : Fixture {
  UnevenFixture() {
    for (std::size_t i = 0; i < facts.second_derivative.size(); ++i)
      facts.second_derivative[i] = i < mapping.first_weight(1) ? 1e-5f : 1.0f;
  }
};

TEST(SharedPlacement, EvensOutTheArraysAndAvoidsMoreLossInTheSameTime) {
  const UnevenFixture f;
  const auto placements = shared_placement(f.mapping, f.facts, f.statistics, f.timing, 0, 0.1);
  const tiles::Mapping shared(Fixture::layers(), f.mapping.config(), placements);
  const tiles::Mapping balanced(
      Fixture::layers(), f.mapping.config(),
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
    const UnevenFixture f;
    const tiles::Mapping shared(
        Fixture::layers(), f.mapping.config(),
        shared_placement(f.mapping, f.facts, f.statistics, f.timing, extra, 0.3));
    EXPECT_LE(shared.array_count(), f.mapping.array_count() + extra);
    EXPECT_EQ(shared.weights(), f.mapping.weights());
  }
  const std::vector<tiles::MappedLayer> full{{"a", 16, 64, std::vector<std::int16_t>(1024, 7)},
                                             {"b", 16, 64, std::vector<std::int16_t>(1024, 7)}};
  const Fixture f;
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
