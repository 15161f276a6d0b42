#include "experiment/comparison.h"

#include <gtest/gtest.h>

#include "experiment/monte_carlo.h"
#include "experiment/summary.h"

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

TEST(NotConverged, IsASentenceWhereThereAreSome) {
  CurvePoint all = kAll;
  EXPECT_EQ(not_converged_text(all, 423672), "");
  all.not_converged_mean = 2357.25;
  EXPECT_EQ(not_converged_text(all, 423672),
            "Not converged when all are verified: 2357.25 of 423672 devices (0.56 %), given up at "
            "programming.max_cycles or open when their row was closed.");
}

TEST(RatedLife, IsASentenceWhereOneIsRated) {
  std::vector<CurvePoint> curve = kCurve;
  curve[1].most_pulses = 36;
  EXPECT_EQ(rated_life_text(30, curve), "A device gets 36 write pulses, more than its rated 30.");
  EXPECT_EQ(rated_life_text(1e6, curve),
            "A device gets up to 36 write pulses; its rated 1e+06 last 27777 programmings.");
  EXPECT_EQ(rated_life_text(0, curve), "");
}

TEST(CostToReach, IsTheCheapestPointInEachCurrency) {
  std::vector<CurvePoint> curve = kCurve;
  curve[4].energy_J_mean = 5;  // b at NWC 0.25: cheap in cycles and time, dear in energy
  const auto c = costs_to_reach(curve, kAll, 0.85);
  ASSERT_EQ(c.size(), 2u);
  EXPECT_EQ(c[0].cheapest[0]->nwc_mean, 1.0);  // of a only everything reaches it
  EXPECT_EQ(c[1].cheapest[0]->nwc_mean, 0.25);
  EXPECT_EQ(c[1].cheapest[1]->time_s_mean, 4.0);
  EXPECT_FALSE(costs_to_reach(curve, kAll, 0.95)[0].is_reached());
}

// Where everything is in its window already, no part of its write cycles can be named.
TEST(EqualCost, IsEmptyInACurrencyInWhichEverythingIsFree) {
  const CurvePoint all = point("a", 0, 10, 4, 0.9);
  const CostCurve nwc({point("a", 0, 2, 1, 0.5), all}, all, Currency::Nwc);
  EXPECT_FALSE(nwc.accuracy_at(0.5));
  EXPECT_FALSE(nwc.cost_of(0.9));
}

TEST(Evaluations, EndWithEverythingWhereNothingElseVerifiesIt) {
  SelectionConfig selection;
  selection.policies = {programmer::SelectionPolicy::Uswim};
  selection.fractions = {0.0, 0.1};
  const auto last = [&] { return evaluations(selection, 0.9).back(); };
  EXPECT_EQ(last().policy, "all");
  EXPECT_TRUE(last().verifies_everything);
  selection.fractions = {0.0, 1.0};
  EXPECT_EQ(last().policy, "uswim");
  selection.verified_slices = 1;  // of each weight only its top slice
  EXPECT_EQ(last().policy, "all");
  selection.policies = {programmer::SelectionPolicy::None};
  selection.verified_slices = 0;
  EXPECT_EQ(evaluations(selection, 0.0).size(), 1u);  // nothing to compare
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
