#include "experiment/comparison.h"

#include <gtest/gtest.h>

#include "experiment/run.h"

namespace uswim::experiment {
namespace {

CurvePoint point(const std::string& policy, double nwc, double time, double energy,
                 double accuracy) {
  CurvePoint p;
  p.policy = policy;
  p.nwc_mean = nwc;
  p.time_s_mean = time;
  p.energy_J_mean = energy;
  p.accuracy_mean = accuracy;
  return p;
}

const CurvePoint kAll = point("a", 1, 10, 4, 0.9);
const std::vector<CurvePoint> kCurve{point("a", 0, 2, 1, 0.5), point("a", 0.5, 6, 2, 0.8),   kAll,
                                     point("b", 0, 2, 1, 0.5), point("b", 0.25, 4, 2, 0.85), kAll};

TEST(EqualCost, InterpolatesBetweenEvaluatedPoints) {
  const CostCurve time({kCurve[0], kCurve[1], kCurve[2]}, kAll, Currency::Time);
  EXPECT_DOUBLE_EQ(*time.accuracy_at(0.4), 0.65);  // halfway between 0.2 and 0.6
  EXPECT_DOUBLE_EQ(*time.accuracy_at(1.0), 0.9);
  EXPECT_FALSE(time.accuracy_at(0.1));  // less than an open-loop write takes
  EXPECT_FALSE(time.accuracy_at(1.1));
}

TEST(SpeedUp, IsTheInverseOfTheInterpolatedCost) {
  const auto s = speed_ups(kCurve, kAll, 0.85);
  ASSERT_EQ(s.size(), 2u);
  EXPECT_NEAR(*s[0].factor[0], 1 / 0.75, 1e-12);
  EXPECT_NEAR(*s[0].factor[1], 1 / 0.8, 1e-12);
  EXPECT_NEAR(*s[1].factor[0], 4, 1e-12);
  EXPECT_NEAR(*s[1].factor[1], 2.5, 1e-12);
  EXPECT_NEAR(*s[1].factor[2], 2, 1e-12);
  EXPECT_FALSE(speed_ups(kCurve, kAll, 0.95)[0].factor[0]);  // never reached
}

TEST(EqualCost, ComparesEveryPolicyInEveryCurrency) {
  const auto table = compare_at_equal_cost(kCurve, kAll, {0.25, 0.5});
  EXPECT_EQ(table.size(), 2u * 3 * 2);
  EXPECT_EQ(table[0].policy, "a");
  EXPECT_EQ(table.back().policy, "b");
  EXPECT_DOUBLE_EQ(*table[1].accuracy, 0.8);
}

}  // namespace
}  // namespace uswim::experiment
