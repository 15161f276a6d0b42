#include "experiment/iterative.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace uswim::experiment {
namespace {

using programmer::device_mask;
using programmer::DeviceMask;

const tiles::Mapping& mapping() {
  static const tiles::Mapping m({{"fc", 8, 25, std::vector<std::int16_t>(200, 5)}}, {32, 32, 2, 4});
  return m;
}

/// A chip on which every verified device costs 3 cycles, 1 ps and 1 J, and makes one image right.
struct CountingChip : IterativeChip {
  DeviceMask verified{mapping()};
  unsigned measurements = 0;
  WriteCost write_open_loop() override { return {{1000, 100.0}, 7, 0}; }
  WriteCost verify(const DeviceMask& devices) override {
    DeviceMask fresh = devices;
    fresh.remove(verified);
    EXPECT_EQ(fresh.count(), devices.count());  // nothing is verified twice
    verified.add(devices);
    return {{static_cast<std::int64_t>(devices.count()), static_cast<double>(devices.count())},
            7,
            3 * devices.count()};
  }
  std::uint64_t count_correct() override {
    ++measurements;
    return verified.count();
  }
};

/// The first weights, in their order.
DeviceMask first_part(double fraction) {
  programmer::SelectionMask mask(mapping().weights(), 0);
  for (std::size_t i = 0; i < static_cast<std::size_t>(fraction * 200 + 0.5); ++i) mask[i] = 1;
  return device_mask(mapping(), mask);
}

TEST(IterativeSelection, StopsAtTheFirstMeasurementWithinTheDrop) {
  // 200 weights of 4 devices, 5 % a step: 40 devices, so 130 right images need the fourth step.
  CountingChip chip;
  const auto steps = select_iteratively(chip, first_part, 0.05, 130);
  ASSERT_EQ(steps.size(), 5u);
  EXPECT_EQ(chip.measurements, 5u);
  for (std::size_t s = 0; s < steps.size(); ++s) {
    EXPECT_DOUBLE_EQ(steps[s].fraction, 0.05 * static_cast<double>(s));
    EXPECT_EQ(steps[s].devices, 40 * s);
    EXPECT_EQ(steps[s].correct, 40 * s);
    EXPECT_EQ(steps[s].is_within_the_drop, s == 4);
    EXPECT_EQ(fmt::format("{}", steps[s].fraction).find("0000"), std::string::npos);
    EXPECT_EQ(steps[s].write.programming.time_ps, s == 0 ? 1000 : 40);
  }
}

TEST(IterativeSelection, VerifiesNothingWhereTheOpenLoopWriteIsGoodEnough) {
  CountingChip chip;
  const auto steps = select_iteratively(chip, first_part, 0.05, 0);
  ASSERT_EQ(steps.size(), 1u);
  EXPECT_TRUE(steps[0].is_within_the_drop);
  EXPECT_EQ(chip.verified.count(), 0u);
}

TEST(IterativeSelection, EndsWithEverythingVerifiedWhereTheGoalIsOutOfReach) {
  CountingChip chip;
  const auto steps = select_iteratively(chip, first_part, 0.3, 100000);
  ASSERT_EQ(steps.size(), 5u);  // 0, 0.3, 0.6, 0.9, 1
  EXPECT_DOUBLE_EQ(steps.back().fraction, 1.0);
  EXPECT_FALSE(steps.back().is_within_the_drop);
  EXPECT_EQ(chip.verified.count(), 800u);
}

TEST(IterativeSelection, DoesNotMeasureAgainWhatWasNotWritten) {
  CountingChip chip;
  // A policy that runs out of devices at a half until everything is asked for.
  const auto steps = select_iteratively(
      chip, [](double f) { return first_part(f < 1.0 ? std::min(f, 0.5) : 1.0); }, 0.25, 100000);
  ASSERT_EQ(steps.size(), 5u);
  EXPECT_FALSE(steps[3].is_measured);
  EXPECT_EQ(steps[3].write.programming.time_ps, 0);
  EXPECT_EQ(chip.measurements, 4u);
}

TEST(Measurement, TakesTheLatencyAndThenAnImagePerThroughput) {
  EXPECT_EQ(stream_time_ps(500, 1e9, 1), 500);
  EXPECT_EQ(stream_time_ps(500, 1e9, 4), 500 + 3000);
  EXPECT_EQ(stream_time_ps(500, 1e9, 0), 0);
}

TEST(Measurement, IsEnoughWithinTheDrop) {
  EXPECT_EQ(enough_correct(980, 1000, 0.005), 975u);
  EXPECT_EQ(enough_correct(980, 1000, 0.0), 980u);
  EXPECT_EQ(enough_correct(2, 1000, 0.005), 0u);
  EXPECT_EQ(enough_correct(98, 100, 0.005), 98u);
}

}  // namespace
}  // namespace uswim::experiment
