// Does the plot put points where they belong?
#include "experiment/curve_plot.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "experiment/run.h"

namespace uswim::experiment {
namespace {

using ::testing::HasSubstr;

CurvePoint point(const char* policy, double nwc, double time_s, double accuracy, double sd) {
  CurvePoint p;
  p.policy = policy;
  p.chips = 20;
  p.nwc_mean = nwc;
  p.time_s_mean = time_s;
  p.energy_J_mean = 1;
  p.accuracy_mean = accuracy;
  p.accuracy_sd = sd;
  return p;
}

TEST(CurvePlot, ShowsEveryPolicyOverCyclesAndTime) {
  // Accuracies from 0.4 to 0.9 with bands: the axis runs from 0.39 to 0.91 (margins of 2 %).
  std::vector<CurvePoint> curve{point("uswim", 0, 1, 0.5, 0.1), point("uswim", 1, 4, 0.8, 0.1),
                                point("random", 0.5, 2, 0.6, 0.0)};
  curve[1].verifies_everything = true;
  const std::string svg = curve_svg(curve, curve[1], 0.9);
  const auto y = [](double accuracy) { return 34 + 300 * (0.91 - accuracy) / 0.52; };
  const auto circle = [&](double x, double accuracy) {
    char text[64];
    std::snprintf(text, sizeof text, "cx='%.1f' cy='%.1f'", x, y(accuracy));
    return std::string(text);
  };
  EXPECT_THAT(svg, HasSubstr(circle(62, 0.5)));
  EXPECT_THAT(svg, HasSubstr(circle(462, 0.8)));
  EXPECT_THAT(svg, HasSubstr(circle(262, 0.6)));
  // The second diagram: time relative to the last point's.
  EXPECT_THAT(svg, HasSubstr(circle(546 + 100, 0.5)));
  EXPECT_THAT(svg, HasSubstr(circle(546 + 200, 0.6)));
  EXPECT_THAT(svg, HasSubstr(">random</text>"));
  EXPECT_THAT(svg, HasSubstr("mean over 20 chips"));
}

TEST(CurvePlot, EndsBehindTheDearestPointWhereRowsClosedEarlyCostMore) {
  std::vector<CurvePoint> curve{point("uswim", 0.5, 8, 0.6, 0.0), point("uswim", 0.9, 4, 0.8, 0.0)};
  curve[1].verifies_everything = true;
  const std::string svg = curve_svg(curve, curve[1], 0.9);
  // Half of the cycles, twice the time: the first axis ends at 1, the second one at 2.
  EXPECT_THAT(svg, HasSubstr("cx='262.0'"));
  EXPECT_THAT(svg, HasSubstr("cx='946.0'"));
  EXPECT_THAT(svg, HasSubstr("cx='746.0'"));
}

TEST(CurvePlot, ComparesNoTimesWhereNothingIsVerified) {
  const std::vector<CurvePoint> curve{point("none", 0, 1, 0.5, 0.0)};
  EXPECT_EQ(curve_svg(curve, curve[0], 0.9).find("programming time"), std::string::npos);
}

TEST(CurvePlot, OfEqualAccuraciesHasAnAxisAllTheSame) {
  const std::vector<CurvePoint> curve{point("none", 0, 1, 0.9, 0.0)};
  const std::string svg = curve_svg(curve, curve[0], 0.9);
  EXPECT_EQ(svg.find("nan"), std::string::npos);
  EXPECT_EQ(svg.find("inf"), std::string::npos);
}

InSituSummary iteration(double writing_s, double training_s, double energy_J, double accuracy) {
  InSituSummary s;
  s.writing_s = writing_s;
  s.training_s = training_s;
  s.energy_J = energy_J;
  s.accuracy_mean = accuracy;
  return s;
}

// Times from 1 us to 1 s: an axis of six decades on 400 units; energies (1 J by the policies) from
// 1 mJ to 10 J: four decades. Accuracies from 0.4 to 0.9: the axis runs from 0.39 to 0.91.
TEST(InSituPlot, ShowsTrainingBesideThePoliciesOverTimeAndEnergy) {
  const std::vector<CurvePoint> curve{point("uswim", 0, 1e-6, 0.4, 0.0),
                                      point("uswim", 1, 1e-5, 0.9, 0.0)};
  const std::vector<InSituSummary> in_situ{iteration(1e-6, 0, 1e-3, 0.4),
                                           iteration(0.25, 0.75, 10, 0.8)};
  const std::string svg = in_situ_svg(curve, in_situ, 0.9);
  const auto circle = [&](double x, double accuracy) {
    char text[64];
    std::snprintf(text, sizeof text, "cx='%.1f' cy='%.1f'", x, 34 + 300 * (0.91 - accuracy) / 0.52);
    return std::string(text);
  };
  EXPECT_THAT(svg, HasSubstr(circle(62 + 400.0 / 6, 0.9)));       // 10 us
  EXPECT_THAT(svg, HasSubstr(circle(462, 0.8)));                  // 1 s, training included
  EXPECT_THAT(svg, HasSubstr(circle(546 + 400.0 * 3 / 4, 0.9)));  // 1 J
  EXPECT_THAT(svg, HasSubstr(circle(946, 0.8)));                  // 10 J
  EXPECT_THAT(svg, HasSubstr(">uswim</text>"));
  EXPECT_THAT(svg, HasSubstr(">in-situ training</text>"));
}

TEST(InSituPlot, LeavesOutACostThatIsNotAboveZero) {
  std::vector<CurvePoint> curve{point("uswim", 0, 1e-6, 0.4, 0.0)};
  const std::vector<InSituSummary> in_situ{iteration(1e-6, 0, 0, 0.4)};
  const std::string svg = in_situ_svg(curve, in_situ, 0.9);
  EXPECT_THAT(svg, HasSubstr("time of programming"));
  EXPECT_EQ(svg.find("energy of programming"), std::string::npos);
  curve.front().time_s_mean = 0;
  EXPECT_EQ(in_situ_svg(curve, in_situ, 0.9), "");
}

}  // namespace
}  // namespace uswim::experiment
