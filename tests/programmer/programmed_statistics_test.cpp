#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <vector>

#include "programmer/selection/row_planner.h"
#include "reprogrammed_chip.h"

/// What planners expect of devices that hold an earlier network.
namespace uswim::programmer {
namespace {

WeightFacts facts_of(const Networks& networks) {
  WeightFacts facts;
  const std::vector<std::int16_t>& codes = networks.after.layers()[0].weight_code;
  for (const std::int16_t code : codes) {
    facts.second_derivative.push_back(1.0f);
    facts.scale.push_back(1.0f);
    facts.magnitude.push_back(static_cast<float>(std::abs(code)) / 15.0f);
  }
  facts.earlier_code = networks.before.layers()[0].weight_code;
  return facts;
}

/// Means over chips of what write-verify does to each kind of device.
struct Measured {
  std::vector<double> devices, cycles, cycle_squares, gain, gain_squares, open_loop_set;
  double others_set = 0.0, others_reset = 0.0;
};

Measured measure(Chip& chip, const EarlierProgramming& earlier, const DeviceStatistics& statistics,
                 const WeightFacts& facts, unsigned chips) {
  Measured m;
  for (auto* list :
       {&m.devices, &m.cycles, &m.cycle_squares, &m.gain, &m.gain_squares, &m.open_loop_set})
    list->assign(statistics.kinds(), 0.0);
  ArrayProgrammer p(chip.networks.after, 0, chip.device_model, *chip.pulses, {});
  p.start_from(earlier, chip.device_model);
  double devices = 0.0;
  for (unsigned n = 0; n < chips; ++n) {
    p.new_chip(7, n);
    const DeviceOutcomes o = p.draw_outcomes();
    for (std::size_t r = 0; r < Networks::kRows; ++r)
      for (std::size_t c = 0; c < chip.networks.after.columns(0); ++c) {
        const std::size_t k = statistics.kind(chip.networks.after, facts, 0, r, c), i = r * 128 + c;
        const double target = chip.device_model.target(chip.networks.after.level(0, r, c));
        const double open = o.open_loop[i] - target, verified = o.verified[i] - target;
        const double gain = statistics.of(k).untouched ? 0.0 : open * open - verified * verified;
        ++devices;
        ++m.devices[k];
        m.cycles[k] += o.cycles[i];
        m.cycle_squares[k] += double{1} * o.cycles[i] * o.cycles[i];
        m.gain[k] += gain;
        m.gain_squares[k] += gain * gain;
        m.open_loop_set[k] += o.open_loop_set[i / 64] >> (i % 64) & 1;
        m.others_set += o.open_loop_set[i / 64] >> (i % 64) & 1;
        m.others_reset += o.open_loop_reset[i / 64] >> (i % 64) & 1;
      }
  }
  m.others_set /= devices;
  m.others_reset /= devices;
  return m;
}

struct StartCase {
  PulseModelKind kind;
  bool verified, skip;
};
class ProgrammedStatistics : public testing::TestWithParam<StartCase> {};

// Both are samples of one distribution: 5 sigma of their difference, from the measured variances.
TEST_P(ProgrammedStatistics, AreTheMeansOfSimulatedChips) {
  Chip chip(GetParam().kind, device(0.15, 0.01));
  const WeightFacts facts = facts_of(chip.networks);
  const EarlierProgramming earlier{&chip.networks.before, GetParam().verified, GetParam().skip};
  constexpr double kSamples = 4096;
  const DeviceStatistics statistics(chip.device_model, *chip.pulses, 1, chip.networks.after, facts,
                                    earlier, static_cast<std::size_t>(kSamples));
  EXPECT_GT(statistics.kinds(), 8u);
  const Measured m = measure(chip, earlier, statistics, facts, 40);
  double untouched = 0.0, all = 0.0;
  for (std::size_t k = 0; k < statistics.kinds(); ++k) {
    const LevelStatistics& s = statistics.of(k);
    const double n = m.devices[k];
    ASSERT_GT(n, 0.0);
    all += n;
    if (s.untouched) untouched += n;
    const double error = 5 * std::sqrt(1 / n + 1 / kSamples);
    const double cycles = m.cycles[k] / n, gain = m.gain[k] / n;
    EXPECT_NEAR(s.mean_cycles, cycles,
                error * std::sqrt(m.cycle_squares[k] / n - cycles * cycles + 1e-3));
    EXPECT_NEAR(s.gain, gain, error * std::sqrt(m.gain_squares[k] / n - gain * gain) + 1e-12);
    EXPECT_NEAR(s.open_loop_set, m.open_loop_set[k] / n, error * 0.5);
  }
  EXPECT_NEAR(statistics.others_set(), m.others_set, 5 * 0.5 / std::sqrt(kSamples));
  EXPECT_NEAR(statistics.others_reset(), m.others_reset, 5 * 0.5 / std::sqrt(kSamples));
  EXPECT_EQ(untouched > 0.0, GetParam().skip);
  EXPECT_NEAR(statistics.others_set() + statistics.others_reset(), 1.0 - untouched / all, 1e-9);
}
INSTANTIATE_TEST_SUITE_P(Starts, ProgrammedStatistics,
                         testing::Values(StartCase{PulseModelKind::Incremental, true, false},
                                         StartCase{PulseModelKind::Incremental, false, false},
                                         StartCase{PulseModelKind::Incremental, true, true},
                                         StartCase{PulseModelKind::Redraw, true, false},
                                         StartCase{PulseModelKind::Ispp, false, true}));

TEST(ProgrammedStatistics, OfTheSameVerifiedNetworkExpectNoCycles) {
  Chip chip(PulseModelKind::Incremental, device(0.15));
  WeightFacts facts = facts_of(chip.networks);
  facts.earlier_code = chip.networks.after.layers()[0].weight_code;
  const DeviceStatistics statistics(chip.device_model, *chip.pulses, 1, chip.networks.after, facts,
                                    {nullptr, true, false});
  EXPECT_EQ(statistics.kinds(), 4u);  // a pair of equal levels each
  for (std::size_t k = 0; k < statistics.kinds(); ++k) {
    EXPECT_EQ(statistics.of(k).mean_cycles, 0.0);
    EXPECT_EQ(statistics.of(k).mean_rounds, 1.0);  // the read of what is there
    EXPECT_GT(statistics.of(k).gain, 0.0);         // an open-loop write would be worse
  }
}

TEST(ProgrammedStatistics, LetPlannersPassOverWhatIsLeftAlone) {
  Chip chip(PulseModelKind::Incremental, device(0.15));
  const tiles::Mapping& after = chip.networks.after;
  const WeightFacts facts = facts_of(chip.networks);
  const DeviceStatistics statistics(chip.device_model, *chip.pulses, 1, after, facts,
                                    {nullptr, true, true});
  const RowTiming timing{0.0, 10e-9, 10e-9, 10e-9, 1e-9, 8};
  std::size_t changed = 0;
  DeviceMask by_worth = select_worth_per_cycle(after, facts, statistics, 0.3),
             by_time = select_row_time(after, facts, statistics, timing, 0.6);
  for (std::size_t r = 0; r < Networks::kRows; ++r)
    for (std::size_t c = 0; c < after.columns(0); ++c) {
      if (after.level(0, r, c) != chip.networks.before.level(0, r, c)) {
        ++changed;
        continue;
      }
      EXPECT_FALSE(by_worth.row(0, r)[c / 64] >> (c % 64) & 1);
      EXPECT_FALSE(by_time.row(0, r)[c / 64] >> (c % 64) & 1);
    }
  EXPECT_LT(changed, after.devices());
  EXPECT_EQ(by_worth.count(),
            static_cast<std::size_t>(std::llround(0.3 * static_cast<double>(after.devices()))));
  EXPECT_GT(by_time.count(), 0u);
}

// Devices that most likely are in their window cost a part of a cycle. Every device that is
// selected avoids at least as much loss per expected cycle as any that is not.
TEST(ProgrammedStatistics, LetWorthPerCycleCountTheCyclesExpected) {
  Chip chip(PulseModelKind::Incremental, device(0.15, 0.01));
  const tiles::Mapping& after = chip.networks.after;
  WeightFacts facts = facts_of(chip.networks);
  for (std::size_t w = 0; w < facts.second_derivative.size(); ++w)
    facts.second_derivative[w] = static_cast<float>(1 + w * 7919 % 13);
  const DeviceStatistics statistics(chip.device_model, *chip.pulses, 1, after, facts,
                                    {&chip.networks.before, true, false});
  DeviceMask mask = select_worth_per_cycle(after, facts, statistics, 0.3);
  double least = HUGE_VAL, most = 0.0, most_cycles = 0.0;
  std::size_t below_one = 0, selected = 0;
  for (std::size_t r = 0; r < Networks::kRows; ++r)
    for (std::size_t c = 0; c < after.columns(0); ++c) {
      const std::size_t weight = after.weight_of(0, r, c);
      const LevelStatistics& s = statistics.of(statistics.kind(after, facts, 0, r, c));
      const double slice = c % after.devices_per_weight() < 2 ? 4.0 : 1.0;
      const double score = s.gain * facts.second_derivative[weight] * slice * slice / s.mean_cycles;
      if (mask.row(0, r)[c / 64] >> (c % 64) & 1) {
        least = std::min(least, score);
        most_cycles = std::max(most_cycles, s.mean_cycles);
        ++selected;
      } else {
        most = std::max(most, score);
      }
      below_one += s.mean_cycles < 1.0;
    }
  EXPECT_GT(below_one, 0u);
  EXPECT_GT(selected, 0u);
  EXPECT_GE(least, most * (1 - 1e-6));
}

// Rows of which every other weight is verified, over many chips.
TEST(ProgrammedRowTime, IsThatOfSimulatedRows) {
  for (const bool verified : {true, false})
    for (const bool skip : {false, true}) {
      Chip chip(PulseModelKind::Incremental, device(0.15));
      const WeightFacts facts = facts_of(chip.networks);
      const EarlierProgramming earlier{&chip.networks.before, verified, skip};
      const DeviceStatistics statistics(chip.device_model, *chip.pulses, 1, chip.networks.after,
                                        facts, earlier);
      const RowTiming timing{0.0, 40e-9, 25e-9, 10e-9, 0.0, 8};
      const std::size_t columns = chip.networks.after.columns(0);
      ArrayProgrammer p(chip.networks.after, 0, chip.device_model, *chip.pulses, {8});
      p.start_from(earlier, chip.device_model);
      double want = 0.0, got = 0.0;
      for (std::size_t r = 0; r < Networks::kRows; ++r) {
        std::vector<unsigned> counts(statistics.kinds(), 0);
        for (std::size_t c = 0; c < columns; ++c)
          if (c / 4 % 2 == 0) ++counts[statistics.kind(chip.networks.after, facts, 0, r, c)];
        got += row_time(statistics, timing, counts, columns);
      }
      constexpr unsigned kChips = 20;
      for (unsigned n = 0; n < kChips; ++n) {
        p.new_chip(3, n);
        for (std::size_t r = 0; r < Networks::kRows; ++r) {
          std::uint64_t mask[2] = {0x0f0f0f0f0f0f0f0f, 0x0f0f0f0f0f0f0f0f};
          mask[1] &= (1ull << (columns - 64)) - 1;
          p.leave_untouched(r, mask);
          const RowWork w = p.program_rows(r, 1, mask);
          want += (timing.set * w.set_slots + timing.reset * w.reset_slots +
                   timing.read * w.verify_rounds) /
                  kChips;
        }
      }
      // 1,200 rows whose times differ by a third or so: 1 %, and 3 % for what the model leaves out.
      EXPECT_NEAR(got, want, 0.04 * want) << verified << skip;
    }
}

}  // namespace
}  // namespace uswim::programmer
