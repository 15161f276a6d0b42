#pragma once
#include <array>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace uswim::programmer {

/// What decides which weights, or single devices, are write-verified. `imported` ranks by scores
/// from a file; `hutchinson`, `fisher` and `gradient` replace the second derivative of `uswim` by
/// other measures; `worth_per_cycle` and `row_time` see devices and rows instead of weights
/// (hardware_aware.h).
enum class SelectionPolicy {
  Uswim,
  Swim,
  Magnitude,
  Random,
  All,
  None,
  Imported,
  Hutchinson,
  Fisher,
  Gradient,
  WorthPerCycle,
  RowTime
};
inline constexpr std::array<std::pair<std::string_view, SelectionPolicy>, 12> kSelectionPolicies{
    {{"uswim", SelectionPolicy::Uswim},
     {"swim", SelectionPolicy::Swim},
     {"magnitude", SelectionPolicy::Magnitude},
     {"random", SelectionPolicy::Random},
     {"all", SelectionPolicy::All},
     {"none", SelectionPolicy::None},
     {"imported", SelectionPolicy::Imported},
     {"hutchinson", SelectionPolicy::Hutchinson},
     {"fisher", SelectionPolicy::Fisher},
     {"gradient", SelectionPolicy::Gradient},
     {"worth_per_cycle", SelectionPolicy::WorthPerCycle},
     {"row_time", SelectionPolicy::RowTime}}};
/// Whether a policy chooses single devices rather than whole weights.
inline bool selects_devices(SelectionPolicy p) {
  return p == SelectionPolicy::WorthPerCycle || p == SelectionPolicy::RowTime;
}
std::string_view name_of(SelectionPolicy policy);

/// What is known of each weight, one entry per weight of the network in the order of its layers. A
/// policy sees these and no network.
struct WeightFacts {
  std::vector<float> second_derivative;  ///< of the loss with respect to the weight, recursion
  std::vector<float> hessian_diagonal;   ///< the same by Hutchinson probes; empty unless asked for
  std::vector<float> fisher;    ///< mean squared gradient of an image; empty unless asked for
  std::vector<float> gradient;  ///< of the mean loss; empty unless asked for
  /// What policies that see devices, and placements, take for the second derivative; empty: that.
  std::vector<float> other_curvature;
  const std::vector<float>& curvature() const {
    return other_curvature.empty() ? second_derivative : other_curvature;
  }
  std::vector<float> scale;                ///< max |w| of its layer
  std::vector<float> magnitude;            ///< |w| / scale, in [0, 1]
  std::vector<float> open_loop_variance;   ///< of the weight after an open-loop write, in units of
                                           ///< the weight squared
  std::vector<float> imported;             ///< scores from a file; empty without one
  std::vector<std::int16_t> earlier_code;  ///< what the weight's devices hold before they are
                                           ///< written; empty: they are erased
  std::size_t weights() const { return magnitude.size(); }
};

/// The score by which a policy ranks, larger first.
///   uswim      second derivative x variance of the weight's error
///   swim       second derivative x scale^2 (one variance for all)
///   magnitude  |w| / scale
///   random     a random number per weight and chip
///   imported   from a file
///   hutchinson diagonal of the Hessian x variance of the weight's error
///   fisher     mean squared gradient x variance of the weight's error
///   gradient   |gradient| x standard deviation of the weight's error: the first-order term
///   all, none  equal scores
std::vector<double> scores(SelectionPolicy policy, const WeightFacts& facts, std::uint64_t seed,
                           std::uint32_t chip);

/// Weights in the order in which they are verified: score falling, then |w| / scale falling, then
/// index.
std::vector<std::uint32_t> ranking(const std::vector<double>& scores, const WeightFacts& facts);

/// Which weights are write-verified: true = verified.
using SelectionMask = std::vector<std::uint8_t>;

/// The first round(fraction x weights) of the ranking.
SelectionMask select_fraction(const std::vector<std::uint32_t>& ranking, double fraction);

}  // namespace uswim::programmer
