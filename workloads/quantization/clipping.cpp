#include "workloads/quantization/clipping.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace uswim::workloads {
namespace {

// Positive floats are ordered as their bit patterns are: 8 bits of exponent, 10 of the mantissa.
constexpr unsigned kDroppedBits = 13;
constexpr std::size_t kBins = std::size_t{1} << (31 - kDroppedBits);

/// Upper end of a bin.
double upper_end(std::size_t bin) {
  const auto bits = static_cast<std::uint32_t>(((bin + 1) << kDroppedBits) - 1);
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return static_cast<double>(value);
}
double middle(std::size_t bin) {
  return bin == 0 ? 0.0 : 0.5 * (upper_end(bin - 1) + upper_end(bin));
}

}  // namespace

void MagnitudeHistogram::add(float value) {
  if (count_.empty()) count_.resize(kBins, 0);
  negative_ = negative_ || value < 0.0f;
  const float magnitude = std::abs(value);
  largest_ = std::max(largest_, magnitude);
  std::uint32_t bits;
  std::memcpy(&bits, &magnitude, sizeof bits);
  ++count_[bits >> kDroppedBits];
  ++total_;
}

double MagnitudeHistogram::clip(ClipRule rule, double percentile, unsigned codes) const {
  if (rule == ClipRule::Maximum || largest_ == 0.0f) return largest();
  if (rule == ClipRule::Percentile) return at_percentile(percentile);
  constexpr int kParts = 100;
  double best = largest(), least = squared_error(best, codes);
  for (int part = kParts - 1; part > 0; --part) {
    const double candidate = largest() * part / kParts;
    const double error = squared_error(candidate, codes);
    if (error >= least) continue;
    least = error;
    best = candidate;
  }
  return best;
}

double MagnitudeHistogram::at_percentile(double percentile) const {
  const double wanted = percentile / 100.0 * static_cast<double>(total_);
  std::uint64_t seen = 0;
  for (std::size_t bin = 0; bin < count_.size(); ++bin) {
    seen += count_[bin];
    // A tensor of almost only zeros keeps its few numbers.
    if (bin > 0 && count_[bin] > 0 && static_cast<double>(seen) >= wanted)
      return std::min(upper_end(bin), largest());
  }
  return largest();
}

double MagnitudeHistogram::squared_error(double clip, unsigned codes) const {
  const double step = clip / codes;
  double sum = 0.0;
  for (std::size_t bin = 0; bin < count_.size(); ++bin) {
    if (count_[bin] == 0) continue;
    const double value = std::min(middle(bin), largest());
    const double code = std::min(std::nearbyint(value / step), static_cast<double>(codes));
    sum += static_cast<double>(count_[bin]) * (value - code * step) * (value - code * step);
  }
  return sum;
}

}  // namespace uswim::workloads
