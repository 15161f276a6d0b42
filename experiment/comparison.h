#pragma once
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "experiment/curve_point.h"

namespace uswim::experiment {

/// What programming is paid in.
enum class Currency { Nwc, Time, Energy };
inline constexpr std::array<Currency, 3> kCurrencies{Currency::Nwc, Currency::Time,
                                                     Currency::Energy};
inline constexpr std::array<std::string_view, 3> kCurrencyNames{"nwc", "time", "energy"};
/// A point's cost relative to `all`, the write-verify of everything; not a number where that costs
/// nothing.
double relative_cost(const CurvePoint& point, const CurvePoint& all, Currency currency);

/// One policy's curve read the other way round: points ordered by cost, straight lines between
/// them.
class CostCurve {
 public:
  /// `points`: of one policy, in any order.
  CostCurve(const std::vector<CurvePoint>& points, const CurvePoint& all, Currency currency);
  /// Mean accuracy at a relative cost; nothing below the cheapest and above the dearest point.
  std::optional<double> accuracy_at(double cost) const;
  /// The smallest relative cost at which the line reaches an accuracy.
  std::optional<double> cost_of(double accuracy) const;

 private:
  std::vector<std::pair<double, double>> points_;  ///< cost, accuracy
};

/// The cheapest evaluated points of a policy that reach an accuracy.
struct CostToReach {
  std::string policy;
  std::array<std::optional<CurvePoint>, 3> cheapest;  ///< by Currency; all of them or none
  bool is_reached() const { return cheapest.front().has_value(); }
};
/// One entry per policy in the order of the curve.
std::vector<CostToReach> costs_to_reach(const std::vector<CurvePoint>& curve, const CurvePoint& all,
                                        double accuracy);

/// All policies at equal cost.
struct EqualCost {
  std::string policy;
  Currency currency;
  double cost;  ///< relative to verifying everything
  std::optional<double> accuracy;
};
/// For each policy of the curve (in its order), currency and cost.
std::vector<EqualCost> compare_at_equal_cost(const std::vector<CurvePoint>& curve,
                                             const CurvePoint& all,
                                             const std::vector<double>& costs);

/// How many times cheaper than verifying everything a policy reaches `accuracy`, in each currency.
struct SpeedUp {
  std::string policy;
  std::array<std::optional<double>, 3> factor;  ///< by Currency
};
std::vector<SpeedUp> speed_ups(const std::vector<CurvePoint>& curve, const CurvePoint& all,
                               double accuracy);

/// A sentence on the devices of a chip that are not converged when all of `devices` are verified;
/// empty where there are none.
std::string not_converged_text(const CurvePoint& all, std::uint64_t devices);

}  // namespace uswim::experiment
