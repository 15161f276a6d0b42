#include "workloads/sensitivity/softmax.h"

#include <algorithm>
#include <cmath>

namespace uswim::workloads {

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

void cross_entropy_second_derivative(const std::vector<float>& logits,
                                     std::vector<float>& derivative) {
  // Smaller ones would end as denormal numbers, which are slow, and add nothing to a mean over
  // images.
  constexpr double kNegligible = 1e-30;
  const std::size_t classes = logits.size();
  const double largest = *std::max_element(logits.begin(), logits.end());
  std::vector<double> power(classes), before(classes);
  double total = 0.0;
  for (std::size_t c = 0; c < classes; ++c) {
    before[c] = total;
    power[c] = portable_exp(static_cast<double>(logits[c]) - largest);
    total += power[c];
  }
  // 1 - p is the sum of the others: a difference would lose all digits where p is nearly 1.
  double behind = 0.0;
  for (std::size_t c = classes; c-- > 0;) {
    const double second = power[c] / total * ((before[c] + behind) / total);
    derivative[c] = second < kNegligible ? 0.0f : static_cast<float>(second);
    behind += power[c];
  }
}

}  // namespace uswim::workloads
