#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "reprogrammed_chip.h"

/// Devices that hold the weights of an earlier programming.
namespace uswim::programmer {
namespace {

class ProgrammedStart : public testing::TestWithParam<PulseModelKind> {};

TEST_P(ProgrammedStart, EqualsThePlainLoopBitForBit) {
  std::vector<DeviceTarget> t(700);
  for (std::size_t i = 0; i < t.size(); ++i) {
    t[i] = {i % 7 != 3, static_cast<float>(i % 4) / 3.0f, i % 2 == 0 ? 0.4f : 1.5f};
    t[i].programmed = i % 5 != 0;
    t[i].start = static_cast<float>(i % 11) / 10.0f;
  }
  const DeviceModel d = device(0.2, 0.02, 0.05, 0.01);
  DeviceOutcomes fast, plain;
  make_pulse_model(model(GetParam()), d)->write(t, 5000, 42, 3, fast);
  write_plainly(model(GetParam()), d, t, 5000, 42, 3, plain);
  EXPECT_EQ(fast.open_loop, plain.open_loop);
  EXPECT_EQ(fast.verified, plain.verified);
  EXPECT_EQ(fast.cycles, plain.cycles);
  EXPECT_EQ(fast.converged, plain.converged);
  EXPECT_EQ(fast.open_loop_set, plain.open_loop_set);
  EXPECT_EQ(fast.open_loop_reset, plain.open_loop_reset);
  EXPECT_EQ(fast.first_set, plain.first_set);
  EXPECT_EQ(fast.reset, plain.reset);
}

TEST_P(ProgrammedStart, TakesNoPulseInsideTheWindow) {
  std::vector<DeviceTarget> t(100, {true, 2.0f / 3, 1.0f});
  for (std::size_t i = 0; i < t.size(); ++i) {
    t[i].programmed = true;
    t[i].start = 2.0f / 3 + 0.059f * (static_cast<float>(i) / 50.0f - 1.0f);
  }
  DeviceOutcomes o;
  make_pulse_model(model(GetParam()), device(0.2, 0.0, 0.0, 0.05))->write(t, 0, 1, 0, o);
  for (std::size_t i = 0; i < t.size(); ++i) {
    EXPECT_EQ(o.cycles[i], 0u);
    EXPECT_EQ(o.verified[i], t[i].start);  // without a pulse nothing relaxes
  }
}
INSTANTIATE_TEST_SUITE_P(Models, ProgrammedStart,
                         testing::Values(PulseModelKind::Redraw, PulseModelKind::Incremental,
                                         PulseModelKind::Ispp));

// Without noise, moving by D takes ceil((D - tolerance) / step) pulses of the sign of D, from
// wherever the device is.
TEST(ProgrammedIncremental, TakesTheDistanceOverTheStepInTheRightDirection) {
  WriteVerifyConfig c = model(PulseModelKind::Incremental);
  c.step_noise = 0.0;
  for (const float start : {0.02f, 0.31f, 0.55f, 0.83f, 0.97f}) {
    std::vector<DeviceTarget> t(1, {true, 0.5f, 1.0f, true, start});
    DeviceOutcomes o;
    make_pulse_model(c, device(0.0))->write(t, 0, 1, 0, o);
    const double distance = std::fabs(0.5 - double{start});
    EXPECT_EQ(o.cycles[0], std::max(0.0, std::ceil((distance - c.tolerance) / c.step))) << start;
    if (o.rounds > 1) {
      EXPECT_EQ(o.set_by_round()[1], start < 0.5f ? 1u : 0u);
      EXPECT_EQ(o.reset[1], start < 0.5f ? 0u : 1u);
    }
    EXPECT_EQ(o.open_loop_set[0], start < 0.5f ? 1u : 0u);
    EXPECT_EQ(o.open_loop_reset[0], start < 0.5f ? 0u : 1u);
  }
}

std::uint64_t pulses_of(const ArrayProgrammer& programmer) {
  std::uint64_t sum = 0;
  for (const std::uint16_t c : programmer.draw_outcomes().cycles) sum += c;
  return sum;
}

TEST(Reprogramming, OfTheSameVerifiedNetworkTakesNoPulse) {
  for (const PulseModelKind kind : {PulseModelKind::Redraw, PulseModelKind::Incremental}) {
    Chip chip(kind, device(0.15));
    const EarlierProgramming same{&chip.networks.after, true, false};
    EXPECT_EQ(pulses_of(chip.programmer(&same)), 0u);
    EXPECT_GT(pulses_of(chip.programmer(nullptr)), 0u);
  }
}

TEST(Reprogramming, StartsFromWhatTheEarlierNetworkLeft) {
  Chip chip(PulseModelKind::Incremental, device(0.15, 0.0, 0.03));
  const EarlierProgramming other{&chip.networks.before, true, false};
  const ArrayProgrammer moved = chip.programmer(&other);
  // By hand: the earlier programming's draws are those of the chip's number with the mark.
  ArrayProgrammer earlier(chip.networks.before, 0, chip.device_model, *chip.pulses, {});
  earlier.new_chip(1, 2 | kEarlierProgramming);
  const DeviceOutcomes before = earlier.draw_outcomes();
  std::vector<DeviceTarget> t(before.devices);
  for (std::size_t i = 0; i < t.size(); ++i) {
    const std::size_t row = i / 128, column = i % 128;
    t[i].present = column < chip.networks.after.columns(0);
    if (!t[i].present) continue;
    const unsigned level = chip.networks.after.level(0, row, column);
    t[i] = {true, static_cast<float>(chip.device_model.target(level)), 1.0f, true,
            before.verified[i]};
  }
  DeviceOutcomes plain;
  write_plainly(model(PulseModelKind::Incremental), chip.device_model, t, 0, 1, 2, plain);
  const DeviceOutcomes after = moved.draw_outcomes();
  EXPECT_EQ(after.verified, plain.verified);
  EXPECT_EQ(after.open_loop, plain.open_loop);
  EXPECT_EQ(after.cycles, plain.cycles);
  EXPECT_EQ(after.first_set, plain.first_set);
  EXPECT_EQ(after.reset, plain.reset);
  // The same devices are stuck in both programmings, at the same end.
  std::size_t stuck = 0;
  for (std::size_t i = 0; i < t.size(); ++i) {
    if (!t[i].present || (plain.open_loop[i] != 0.0f && plain.open_loop[i] != 1.0f)) continue;
    ++stuck;
    EXPECT_EQ(before.verified[i], plain.open_loop[i]);
  }
  EXPECT_GT(stuck, 100u);
}

TEST(Reprogramming, LeavesUnchangedDevicesAloneWhereAsked) {
  Chip chip(PulseModelKind::Redraw, device(0.15));
  const EarlierProgramming skip{&chip.networks.before, false, true};
  ArrayProgrammer p = chip.programmer(&skip);
  const std::size_t columns = chip.networks.after.columns(0);
  std::uint64_t unchanged = 0, written = 0, read = 0;
  ArrayProgrammer earlier(chip.networks.before, 0, chip.device_model, *chip.pulses, {});
  earlier.new_chip(1, 2 | kEarlierProgramming);
  const DeviceOutcomes before = earlier.draw_outcomes(), after = p.draw_outcomes();
  for (std::size_t r = 0; r < Networks::kRows; ++r) {
    std::uint64_t mask[2] = {~0ull, (1ull << (columns - 64)) - 1};
    std::uint64_t row_unchanged = 0;
    for (std::size_t c = 0; c < columns; ++c) {
      if (chip.networks.after.level(0, r, c) != chip.networks.before.level(0, r, c)) continue;
      ++row_unchanged;
      EXPECT_EQ(after.verified[r * 128 + c], before.open_loop[r * 128 + c]);
    }
    unchanged += row_unchanged;
    p.leave_untouched(r, mask);
    EXPECT_EQ(
        static_cast<std::uint64_t>(__builtin_popcountll(mask[0]) + __builtin_popcountll(mask[1])),
        columns - row_unchanged);
    const std::uint64_t nothing[2] = {0, 0};
    const RowWork open_loop = p.program_rows(r, 1, nothing);
    EXPECT_EQ(open_loop.set_pulses + open_loop.reset_pulses, columns - row_unchanged);
    const RowWork w = p.program_rows(r, 1, mask);
    written += w.set_pulses + w.reset_pulses;
    read += w.verify_reads;
  }
  EXPECT_GT(unchanged, 0u);
  EXPECT_GT(written, 0u);
  EXPECT_EQ(read, written + Networks::kRows * columns - unchanged);  // one before the first pulse
}

}  // namespace
}  // namespace uswim::programmer
