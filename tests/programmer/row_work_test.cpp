#include "programmer/write_verify/row_work.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace uswim::programmer {
namespace {

DeviceOutcomes outcomes(PulseModelKind kind, std::size_t devices, std::uint32_t chip,
                        double sigma = 0.1) {
  DeviceConfig d;
  d.preset = DevicePreset::R1;
  d.sigma = sigma;
  WriteVerifyConfig c;
  c.pulse_model = kind;
  c.max_cycles = 1000;
  DeviceOutcomes o;
  make_pulse_model(c, DeviceModel(d))
      ->write(std::vector<DeviceTarget>(devices, {true, 2.0f / 3, 1.0f}), 0, 1, chip, o);
  return o;
}

// n devices of which each is verified with probability f take sum_k 1 - (1 - f q^k)^n write rounds.
TEST(RowRounds, FollowTheClosedSum) {
  const std::size_t n = 128, rows = 4000;
  const double q = 1 - std::erf(0.06 / 0.1 / std::sqrt(2.0));
  const DeviceOutcomes o = outcomes(PulseModelKind::Redraw, n * rows, 0);
  const DevicePulses p(o);
  for (const double f : {1.0, 0.5, 0.1, 0.01}) {
    double want = 0.0;
    for (int k = 0; k < 400; ++k)
      want += 1 - std::pow(1 - f * std::pow(q, k), static_cast<double>(n));
    double sum = 0.0, squares = 0.0;
    for (std::size_t row = 0; row < rows; ++row) {
      std::uint64_t mask[2] = {};
      for (std::size_t i = 0; i < n; ++i) {
        const support::StreamKey key{77, 0, support::Stream::RandomPolicy};
        if (static_cast<double>(support::uniform_word(key, row * n + i)) <
            f * 18446744073709551616.0)
          mask[i / 64] |= std::uint64_t{1} << (i % 64);
      }
      const RowView view{p, row * 2, 2, mask, 8};
      const double rounds = row_work(view).verify_rounds;  // one read per write round
      sum += rounds;
      squares += rounds * rounds;
    }
    const double mean = sum / rows, sd = std::sqrt(squares / rows - mean * mean);
    EXPECT_NEAR(mean, want, 4.5 * sd / std::sqrt(static_cast<double>(rows))) << "fraction " << f;
  }
}

TEST(RowWork, OfAnEmptyMaskIsTheOpenLoopWrite) {
  const DeviceOutcomes o = outcomes(PulseModelKind::Incremental, 128, 0);
  const DevicePulses p(o);
  const std::uint64_t none[2] = {0, 0};
  const RowWork w = row_work(RowView{p, 0, 2, none, 8});
  EXPECT_EQ(w.set_pulses, 128u);
  EXPECT_EQ(w.set_phases, 1u);
  EXPECT_EQ(w.verify_reads, 0u);
  EXPECT_EQ(w.write_cycles, 0u);
}

TEST(RowWork, OfAFullMaskCountsEveryCycle) {
  const DeviceOutcomes o = outcomes(PulseModelKind::Incremental, 128, 0);
  const DevicePulses p(o);
  const std::uint64_t all[2] = {~0ull, ~0ull};
  const RowWork w = row_work(RowView{p, 0, 2, all, 8});
  std::uint32_t cycles = 0, slowest = 0;
  for (const std::uint16_t c : o.cycles) {
    cycles += c;
    slowest = std::max<std::uint32_t>(slowest, c);
  }
  EXPECT_EQ(w.write_cycles, cycles);
  EXPECT_EQ(w.set_pulses + w.reset_pulses, cycles);
  EXPECT_EQ(w.verify_reads, cycles + 128);  // every device is read once before its first pulse
  EXPECT_EQ(w.verify_rounds, slowest + 1);
}

TEST(RowWork, IsTheSumOfItsRounds) {
  const DeviceOutcomes o = outcomes(PulseModelKind::Incremental, 256, 3);
  const DevicePulses p(o);
  const std::uint64_t mask[2] = {0x0f0f1234567890ffull, 0x8000000000000001ull};
  const RowView view{p, 2, 2, mask, 8};
  RowWork sum;
  for (std::size_t r = 0; r < rounds_of(view); ++r) sum.add(round_work(view, r));
  const RowWork w = row_work(view);
  EXPECT_EQ(sum.set_pulses, w.set_pulses);
  EXPECT_EQ(sum.reset_phases, w.reset_phases);
  EXPECT_EQ(sum.set_slots, w.set_slots);
  EXPECT_EQ(sum.verify_reads, w.verify_reads);
  EXPECT_EQ(sum.serial_conversions, w.serial_conversions);
}

/// Write-verify from the open-loop write, so that both polarities occur in every round.
DeviceOutcomes both_polarities(std::size_t devices) {
  DeviceConfig d;
  d.preset = DevicePreset::R1;
  d.sigma = 0.2;
  WriteVerifyConfig c;
  c.start = StartState::OpenLoop;
  DeviceOutcomes o;
  make_pulse_model(c, DeviceModel(d))
      ->write(std::vector<DeviceTarget>(devices, {true, 2.0f / 3, 1.0f}), 0, 1, 0, o);
  return o;
}

/// Groups of `drivers` columns with a bit, one by one.
std::uint32_t groups_with(const std::vector<bool>& columns, std::size_t drivers) {
  std::uint32_t groups = 0;
  for (std::size_t at = 0; at < columns.size(); at += drivers) {
    bool any = false;
    for (std::size_t c = at; c < std::min(at + drivers, columns.size()); ++c) any |= columns[c];
    groups += any;
  }
  return groups;
}

std::uint32_t fullest_group(const std::vector<bool>& columns, std::size_t drivers) {
  std::uint32_t fullest = 0;
  for (std::size_t at = 0; at < columns.size(); at += drivers) {
    std::uint32_t n = 0;
    for (std::size_t c = at; c < std::min(at + drivers, columns.size()); ++c) n += columns[c];
    fullest = std::max(fullest, n);
  }
  return fullest;
}

TEST(RowSlots, AreTheGroupsOfColumnsWithAPulse) {
  const std::size_t words = 3, columns = words * 64;
  const DeviceOutcomes o = both_polarities(2 * columns);
  const std::vector<std::uint64_t> sets = o.set_by_round();
  const DevicePulses p(o);
  const std::uint64_t mask[3] = {0x0f0f1234567890ffull, 0x8000000000000001ull, 0x00ff0000ff000100};
  std::uint32_t mixed_slots = 0;
  for (const unsigned drivers : {1u, 2u, 3u, 8u, 24u, 63u, 64u, 65u, 100u, 128u, 192u, 500u})
    for (const bool mixed : {false, true}) {
      const RowView view{p, words, words, mask, {8, drivers, mixed, false}};
      for (std::size_t r = 0; r < rounds_of(view); ++r) {
        std::vector<bool> set(columns), reset(columns), both(columns);
        std::size_t at = 0;
        for (std::size_t c = 0; c < columns; ++c) {
          const auto bit = [&](const std::vector<std::uint64_t>& bits, std::size_t first_word) {
            return (bits[first_word + words + c / 64] >> (c % 64) & 1) != 0;
          };
          const bool selected = (mask[c / 64] >> (c % 64) & 1) != 0;
          set[c] = selected ? bit(sets, r * o.words()) : r == 0 && bit(o.open_loop_set, 0);
          reset[c] = selected ? bit(o.reset, r * o.words()) : r == 0 && bit(o.open_loop_reset, 0);
          both[c] = set[c] || reset[c];
          at += both[c];
        }
        const RoundWork w = round_work(view, r);
        ASSERT_EQ(w.set_pulses + w.reset_pulses, at);
        EXPECT_EQ(w.set_slots + w.mixed_slots, groups_with(set, drivers)) << drivers;
        EXPECT_EQ(w.reset_slots + w.mixed_slots, groups_with(reset, drivers)) << drivers;
        mixed_slots += w.mixed_slots;
        EXPECT_EQ(w.fullest_set, fullest_group(set, drivers)) << drivers;
        EXPECT_EQ(w.fullest_reset, fullest_group(reset, drivers)) << drivers;
        EXPECT_EQ(w.fullest_mixed, mixed ? fullest_group(both, drivers) : 0u) << drivers;
        if (mixed)
          EXPECT_EQ(w.set_slots + w.reset_slots + w.mixed_slots, groups_with(both, drivers));
        else
          EXPECT_EQ(w.mixed_slots, 0u);
      }
    }
  EXPECT_GT(mixed_slots, 0u);
}

TEST(RowSlots, OfOneDriverAreThePulsesAndOfAllTheVerifiedRoundsPhases) {
  const DeviceOutcomes o = both_polarities(128);
  const DevicePulses p(o);
  const std::uint64_t mask[2] = {0x0f0f1234567890ffull, 0x8000000000000001ull};
  const RowWork one = row_work(RowView{p, 0, 2, mask, {8, 1}});
  EXPECT_EQ(one.set_slots, one.set_pulses);
  EXPECT_EQ(one.reset_slots, one.reset_pulses);
  EXPECT_GT(one.reset_pulses, 0u);
  const RowWork all = row_work(RowView{p, 0, 2, mask, {8}});
  EXPECT_EQ(all.set_slots, all.set_phases);
  EXPECT_EQ(all.reset_slots, all.reset_phases);
  EXPECT_EQ(all.set_pulses, one.set_pulses);
}

TEST(RowWork, OfAWholeRowVerifyReadsEveryColumnInEveryRound) {
  const DeviceOutcomes o = outcomes(PulseModelKind::Incremental, 128, 0);
  const DevicePulses p(o);
  const std::uint64_t mask[2] = {1, 0}, none[2] = {0, 0};
  const RowWork open = row_work(RowView{p, 0, 2, mask, {8}});
  const RowWork row = row_work(RowView{p, 0, 2, mask, {8, 0, false, true}, 100});
  EXPECT_EQ(row.verify_rounds, open.verify_rounds);
  EXPECT_EQ(row.verify_reads, 100 * open.verify_rounds);
  EXPECT_EQ(row.serial_conversions, 8 * open.verify_rounds);
  EXPECT_EQ(open.serial_conversions, open.verify_rounds);
  EXPECT_EQ(row_work(RowView{p, 0, 2, none, {8, 0, false, true}, 100}).verify_reads, 0u);
}

TEST(RowWork, SharesAnAdcBetweenColumns) {
  const DeviceOutcomes o = outcomes(PulseModelKind::Redraw, 128, 0);
  const DevicePulses p(o);
  const std::uint64_t one_group[2] = {0xff, 0};                // eight columns of one ADC
  const std::uint64_t spread[2] = {0x0101010101010101ull, 0};  // one column of each of eight ADCs
  EXPECT_EQ(round_work(RowView{p, 0, 2, one_group, 8}, 0).serial_conversions, 8u);
  EXPECT_EQ(round_work(RowView{p, 0, 2, spread, 8}, 0).serial_conversions, 1u);
  EXPECT_EQ(round_work(RowView{p, 0, 2, spread, 64}, 0).serial_conversions, 8u);
}

}  // namespace
}  // namespace uswim::programmer
