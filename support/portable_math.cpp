#include "support/portable_math.h"

#include <cmath>

namespace uswim::support {
namespace {

/// log((1 + z) / (1 - z)) for |z| <= 1/5; the first term left out is below 1e-17.
double log_of_quotient(double z) {
  constexpr int kTerms = 11;
  const double square = z * z;
  double sum = 0.0;
  for (int k = kTerms; k-- > 0;) sum = sum * square + 1.0 / (2 * k + 1);
  return 2.0 * z * sum;
}

}  // namespace

double portable_exp(double x) {
  constexpr double kLogTwoHigh =
      0x1.62e42fee00000p-1;  // 33 bits of ln 2, so that k times it is exact
  constexpr double kLogTwoLow = 0x1.a39ef35793c76p-33;
  constexpr double kInverseLogTwo = 0x1.71547652b82fep+0;
  constexpr int kDegree = 14;  // of the series; |r| <= ln 2 / 2, so the rest is below 1e-19
  if (!(x > -700.0)) return 0.0;
  const double k = std::nearbyint(x * kInverseLogTwo);
  const double r = (x - k * kLogTwoHigh) - k * kLogTwoLow;
  double sum = 1.0;
  for (int n = kDegree; n > 0; --n) sum = 1.0 + sum * r / n;
  return std::ldexp(sum, static_cast<int>(k));
}

double portable_log1p(double x) {
  constexpr double kLogTwo = 0x1.62e42fefa39efp-1;
  if (x < 0.4) return log_of_quotient(x / (2.0 + x));
  int exponent = 0;
  double m = std::frexp(1.0 + x, &exponent);  // in [1/2, 1)
  if (m < 0.70710678118654752) {
    m *= 2.0;
    --exponent;
  }
  return exponent * kLogTwo + log_of_quotient((m - 1.0) / (m + 1.0));
}

}  // namespace uswim::support
