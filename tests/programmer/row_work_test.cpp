#include "programmer/write_verify/row_work.h"

#include <gtest/gtest.h>

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
  const double p = std::erf(0.06 / 0.1 / std::sqrt(2.0)), q = 1 - p;
  const DeviceOutcomes o = outcomes(PulseModelKind::Redraw, n * rows, 0);
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
      const RowView view{o, row * 2, 2, mask, 8};
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
  const std::uint64_t none[2] = {0, 0};
  const RowWork w = row_work({o, 0, 2, none, 8});
  EXPECT_EQ(w.set_pulses, 128u);
  EXPECT_EQ(w.set_phases, 1u);
  EXPECT_EQ(w.verify_reads, 0u);
  EXPECT_EQ(w.write_cycles, 0u);
}

TEST(RowWork, OfAFullMaskCountsEveryCycle) {
  const DeviceOutcomes o = outcomes(PulseModelKind::Incremental, 128, 0);
  const std::uint64_t all[2] = {~0ull, ~0ull};
  const RowWork w = row_work({o, 0, 2, all, 8});
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
  const std::uint64_t mask[2] = {0x0f0f1234567890ffull, 0x8000000000000001ull};
  const RowView view{o, 2, 2, mask, 8};
  RowWork sum;
  for (std::size_t r = 0; r < rounds_of(view); ++r) sum.add(round_work(view, r));
  const RowWork w = row_work(view);
  EXPECT_EQ(sum.set_pulses, w.set_pulses);
  EXPECT_EQ(sum.reset_phases, w.reset_phases);
  EXPECT_EQ(sum.verify_reads, w.verify_reads);
  EXPECT_EQ(sum.serial_conversions, w.serial_conversions);
}

TEST(RowWork, SharesAnAdcBetweenColumns) {
  const DeviceOutcomes o = outcomes(PulseModelKind::Redraw, 128, 0);
  const std::uint64_t one_group[2] = {0xff, 0};                // eight columns of one ADC
  const std::uint64_t spread[2] = {0x0101010101010101ull, 0};  // one column of each of eight ADCs
  EXPECT_EQ(round_work({o, 0, 2, one_group, 8}, 0).serial_conversions, 8u);
  EXPECT_EQ(round_work({o, 0, 2, spread, 8}, 0).serial_conversions, 1u);
  EXPECT_EQ(round_work({o, 0, 2, spread, 64}, 0).serial_conversions, 8u);
}

}  // namespace
}  // namespace uswim::programmer
