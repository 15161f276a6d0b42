#include "support/quantity.h"

#include <gtest/gtest.h>

#include <type_traits>

namespace {

using namespace uswim::support;

static_assert(!std::is_convertible_v<double, Energy> && !std::is_constructible_v<Energy, double>,
              "an energy names its unit");
static_assert(!std::is_convertible_v<Energy, Power> && !std::is_constructible_v<Duration, double>,
              "units do not mix");

TEST(Quantity, KeepsItsUnit) {
  EXPECT_EQ(picojoules(2.0).in_si(), 2e-12);
  EXPECT_EQ(in_picojoules(joules(3.0)), 3e12);
  EXPECT_EQ(gigahertz(1.5).in_si(), 1.5e9);
  EXPECT_EQ((milliwatts(2.0) * Duration::nanoseconds(500)).in_si(), 2e-3 * (500'000 * 1e-12));
  Energy sum = joules(1.0);
  sum += joules(2.0) * 3.0 - joules(4.0);
  EXPECT_EQ(sum, joules(3.0));
  EXPECT_EQ(joules(6.0) / joules(2.0), 3.0);
  EXPECT_LT(joules(1.0), joules(2.0));
}

TEST(Duration, RoundsUpToWholeClockCycles) {
  const Duration period = Duration::picoseconds(700);
  const auto rounded = [&](std::int64_t ps) {
    return Duration::picoseconds(ps).rounded_up_to(period).in_picoseconds();
  };
  EXPECT_EQ(rounded(0), 0);
  EXPECT_EQ(rounded(1), 700);
  EXPECT_EQ(rounded(699), 700);
  EXPECT_EQ(rounded(700), 700);
  EXPECT_EQ(rounded(701), 1400);
}

TEST(Duration, FromSecondsTakesTheNearestPicosecond) {
  EXPECT_EQ(Duration::from_seconds(100e-9), Duration::nanoseconds(100));
  EXPECT_EQ(Duration::from_seconds(0.0), Duration());
  EXPECT_EQ(Duration::from_seconds(0.6e-12), Duration::picoseconds(1));
  EXPECT_EQ(Duration::from_seconds(1.4e-12), Duration::picoseconds(1));
  EXPECT_EQ(period_of(gigahertz(1.2)), Duration::picoseconds(833));
}

TEST(Duration, NoPositiveTimeBecomesZero) {
  EXPECT_THROW(Duration::from_seconds(0.4e-12), std::invalid_argument);
  EXPECT_THROW(Duration::from_seconds(1e-300), std::invalid_argument);
  EXPECT_THROW(period_of(Frequency::from_si(1e13)), std::invalid_argument);
}

TEST(Duration, ANegativeOrEndlessTimeIsRefused) {
  EXPECT_THROW(Duration::from_seconds(-1e-9), std::invalid_argument);
  EXPECT_THROW(Duration::from_seconds(1e10), std::invalid_argument);
  EXPECT_THROW(Duration::from_seconds(0.0 / 0.0 * 1.0), std::invalid_argument);
  EXPECT_THROW(period_of(Frequency()), std::invalid_argument);
}

}  // namespace
