#include "experiment/comparison.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace uswim::experiment {
namespace {

std::vector<std::string> policies_of(const std::vector<CurvePoint>& curve) {
  std::vector<std::string> names;
  for (const CurvePoint& p : curve)
    if (std::find(names.begin(), names.end(), p.policy) == names.end()) names.push_back(p.policy);
  return names;
}

std::vector<CurvePoint> points_of(const std::vector<CurvePoint>& curve, const std::string& policy) {
  std::vector<CurvePoint> points;
  for (const CurvePoint& p : curve)
    if (p.policy == policy) points.push_back(p);
  return points;
}

}  // namespace

double relative_cost(const CurvePoint& point, const CurvePoint& all, Currency currency) {
  switch (currency) {
    case Currency::Nwc:
      return point.nwc_mean / all.nwc_mean;
    case Currency::Time:
      return point.time_s_mean / all.time_s_mean;
    case Currency::Energy:
      return point.energy_J_mean / all.energy_J_mean;
  }
  return 0.0;
}

CostCurve::CostCurve(const std::vector<CurvePoint>& points, const CurvePoint& all,
                     Currency currency) {
  for (const CurvePoint& p : points)
    if (const double cost = relative_cost(p, all, currency); std::isfinite(cost))
      points_.emplace_back(cost, p.accuracy_mean);
  std::sort(points_.begin(), points_.end());
}

std::optional<double> CostCurve::accuracy_at(double cost) const {
  if (points_.empty() || cost < points_.front().first || cost > points_.back().first)
    return std::nullopt;
  for (std::size_t i = 1; i < points_.size(); ++i) {
    const auto& [c0, a0] = points_[i - 1];
    const auto& [c1, a1] = points_[i];
    if (cost <= c1) return c1 == c0 ? std::max(a0, a1) : a0 + (a1 - a0) * (cost - c0) / (c1 - c0);
  }
  return points_.front().second;
}

std::optional<double> CostCurve::cost_of(double accuracy) const {
  for (std::size_t i = 0; i < points_.size(); ++i) {
    const auto& [c1, a1] = points_[i];
    if (a1 < accuracy) continue;
    if (i == 0) return c1;
    const auto& [c0, a0] = points_[i - 1];
    return c0 + (c1 - c0) * (accuracy - a0) / (a1 - a0);
  }
  return std::nullopt;
}

std::vector<CostToReach> costs_to_reach(const std::vector<CurvePoint>& curve, const CurvePoint& all,
                                        double accuracy) {
  std::vector<CostToReach> costs;
  for (const std::string& policy : policies_of(curve)) {
    CostToReach c{policy, {}};
    for (const CurvePoint& p : points_of(curve, policy)) {
      if (p.accuracy_mean < accuracy) continue;
      for (std::size_t k = 0; k < kCurrencies.size(); ++k)
        if (!c.cheapest[k] || relative_cost(p, all, kCurrencies[k]) <
                                  relative_cost(*c.cheapest[k], all, kCurrencies[k]))
          c.cheapest[k] = p;
    }
    costs.push_back(std::move(c));
  }
  return costs;
}

std::vector<EqualCost> compare_at_equal_cost(const std::vector<CurvePoint>& curve,
                                             const CurvePoint& all,
                                             const std::vector<double>& costs) {
  std::vector<EqualCost> table;
  for (const std::string& policy : policies_of(curve))
    for (const Currency currency : kCurrencies) {
      const CostCurve line(points_of(curve, policy), all, currency);
      for (const double cost : costs)
        table.push_back({policy, currency, cost, line.accuracy_at(cost)});
    }
  return table;
}

std::vector<SpeedUp> speed_ups(const std::vector<CurvePoint>& curve, const CurvePoint& all,
                               double accuracy) {
  std::vector<SpeedUp> list;
  for (const std::string& policy : policies_of(curve)) {
    SpeedUp s{policy, {}};
    for (std::size_t c = 0; c < kCurrencies.size(); ++c) {
      const auto cost = CostCurve(points_of(curve, policy), all, kCurrencies[c]).cost_of(accuracy);
      if (cost && *cost > 0.0) s.factor[c] = 1.0 / *cost;
    }
    list.push_back(std::move(s));
  }
  return list;
}

std::string not_converged_text(const CurvePoint& all, std::uint64_t devices) {
  if (all.not_converged_mean <= 0.0) return "";
  return fmt::format(
      "Not converged when all are verified: {:.6g} of {} devices ({:.2g} %), given up at "
      "programming.max_cycles or open when their row was closed.",
      all.not_converged_mean, devices,
      100.0 * all.not_converged_mean / static_cast<double>(devices));
}

}  // namespace uswim::experiment
