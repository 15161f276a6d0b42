#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace uswim::workloads {

/// How the range of a quantiser is chosen.
enum class ClipRule { Maximum, Percentile, Error };
inline constexpr std::array<std::pair<std::string_view, ClipRule>, 3> kClipRules{
    {{"maximum", ClipRule::Maximum},
     {"percentile", ClipRule::Percentile},
     {"error", ClipRule::Error}}};

/// Numbers counted by magnitude, in bins of 2^-10 of their magnitude.
class MagnitudeHistogram {
 public:
  /// `value` has to be finite.
  void add(float value);
  bool has_negative() const { return negative_; }
  double largest() const { return static_cast<double>(largest_); }
  /// The magnitude that becomes code `codes`, above which numbers are clipped. Maximum: the largest
  /// one, so none is. Percentile: the magnitude that `percentile` % of the numbers do not exceed.
  /// Error: of 100 even parts of the largest one the one with the least mean squared error of
  /// rounding and clipping. 0 where there are only zeros.
  double clip(ClipRule rule, double percentile, unsigned codes) const;

 private:
  double at_percentile(double percentile) const;
  double squared_error(double clip, unsigned codes) const;

  std::vector<std::uint64_t> count_;  ///< by the upper bits of the magnitude; empty: none yet
  std::uint64_t total_ = 0;
  float largest_ = 0.0f;
  bool negative_ = false;
};

}  // namespace uswim::workloads
