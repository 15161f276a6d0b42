#include "programmer/selection/selection.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace uswim::programmer {
namespace {

WeightFacts facts() {
  WeightFacts f;
  f.second_derivative = {1.0f, 2.0f, 0.0f, 0.0f, 3.0f};
  f.scale = {1.0f, 1.0f, 1.0f, 2.0f, 0.5f};
  f.magnitude = {0.1f, 0.2f, 0.3f, 0.9f, 0.5f};
  f.open_loop_variance = {4.0f, 1.0f, 1.0f, 1.0f, 1.0f};
  return f;
}

std::vector<std::uint32_t> order(SelectionPolicy policy) {
  const WeightFacts f = facts();
  return ranking(scores(policy, f, 1, 0), f);
}

TEST(Ranking, OfUswimIsSecondDerivativeTimesVariance) {
  EXPECT_EQ(order(SelectionPolicy::Uswim), (std::vector<std::uint32_t>{0, 4, 1, 3, 2}));
}
TEST(Ranking, OfSwimIgnoresTheDevice) {
  EXPECT_EQ(order(SelectionPolicy::Swim), (std::vector<std::uint32_t>{1, 0, 4, 3, 2}));
}
TEST(Ranking, OfOtherMeasuresTakesTheirVariance) {
  WeightFacts f = facts();
  f.hessian_diagonal = {1.0f, 5.0f, -1.0f, 0.0f, 2.0f};
  f.fisher = {0.5f, 1.0f, 3.0f, 0.0f, 4.0f};
  f.gradient = {-1.0f, 1.5f, -2.5f, 0.0f, 0.5f};  // times 2, 1, 1, 1, 1
  const auto order_of = [&](SelectionPolicy policy) { return ranking(scores(policy, f, 1, 0), f); };
  EXPECT_EQ(order_of(SelectionPolicy::Hutchinson), (std::vector<std::uint32_t>{1, 0, 4, 3, 2}));
  EXPECT_EQ(order_of(SelectionPolicy::Fisher), (std::vector<std::uint32_t>{4, 2, 0, 1, 3}));
  EXPECT_EQ(order_of(SelectionPolicy::Gradient), (std::vector<std::uint32_t>{2, 0, 1, 4, 3}));
  f.fisher.clear();
  EXPECT_THROW(scores(SelectionPolicy::Fisher, f, 1, 0), std::invalid_argument);
}
TEST(Ranking, OfMagnitudeIsRelativeToTheLayer) {
  EXPECT_EQ(order(SelectionPolicy::Magnitude), (std::vector<std::uint32_t>{3, 4, 2, 1, 0}));
}
TEST(Ranking, BreaksTiesByMagnitude) {
  const auto r = order(SelectionPolicy::Uswim);
  EXPECT_LT(std::find(r.begin(), r.end(), 3u), std::find(r.begin(), r.end(), 2u));
}
TEST(Ranking, UswimEqualsSwimOnAUniformDevice) {
  WeightFacts f = facts();
  for (std::size_t i = 0; i < f.weights(); ++i)
    f.open_loop_variance[i] = 0.01f * f.scale[i] * f.scale[i];
  EXPECT_EQ(ranking(scores(SelectionPolicy::Uswim, f, 1, 0), f),
            ranking(scores(SelectionPolicy::Swim, f, 1, 0), f));
}
TEST(Ranking, OfRandomDiffersBetweenChipsAndRepeatsWithTheSeed) {
  WeightFacts f;
  for (auto* v : {&f.second_derivative, &f.scale, &f.magnitude, &f.open_loop_variance})
    v->assign(500, 1.0f);
  const auto of = [&](std::uint64_t seed, std::uint32_t chip) {
    return ranking(scores(SelectionPolicy::Random, f, seed, chip), f);
  };
  EXPECT_EQ(of(1, 0), of(1, 0));
  EXPECT_NE(of(1, 0), of(1, 1));
  EXPECT_NE(of(1, 0), of(2, 0));
}
TEST(Mask, HoldsTheFractionAndIsNested) {
  WeightFacts f = facts();
  const auto r = ranking(scores(SelectionPolicy::Uswim, f, 1, 0), f);
  SelectionMask previous(5, 0);
  for (const double fraction : {0.0, 0.2, 0.4, 0.6, 1.0}) {
    const SelectionMask m = select_fraction(r, fraction);
    EXPECT_EQ(std::count(m.begin(), m.end(), 1), static_cast<long>(5 * fraction + 0.5));
    for (std::size_t i = 0; i < 5; ++i) EXPECT_GE(m[i], previous[i]);
    previous = m;
  }
}
TEST(Mask, RefusesAFractionOutsideZeroToOne) {
  EXPECT_THROW(select_fraction({0, 1}, 1.01), std::invalid_argument);
  EXPECT_THROW(select_fraction({0, 1}, -0.01), std::invalid_argument);
}

}  // namespace
}  // namespace uswim::programmer
