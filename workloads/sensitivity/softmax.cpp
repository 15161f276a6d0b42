#include "workloads/sensitivity/softmax.h"

#include <algorithm>
#include <cmath>

namespace uswim::workloads {
namespace {

// Smaller ones would end as denormal numbers, which are slow, and add nothing to a mean over
// images.
constexpr double kNegligible = 1e-30;
float rounded(double v) { return std::abs(v) < kNegligible ? 0.0f : static_cast<float>(v); }

struct Softmax {
  std::vector<double> power;  ///< exp(logit - largest logit)
  double total = 0.0;
};
Softmax softmax_of(const std::vector<float>& logits) {
  Softmax result;
  const double largest = static_cast<double>(*std::max_element(logits.begin(), logits.end()));
  for (const float z : logits) {
    result.power.push_back(portable_exp(static_cast<double>(z) - largest));
    result.total += result.power.back();
  }
  return result;
}

}  // namespace

double cross_entropy(const std::vector<float>& logits, std::size_t label) {
  const auto largest = std::max_element(logits.begin(), logits.end());
  double others = 0.0;
  for (auto z = logits.begin(); z != logits.end(); ++z)
    if (z != largest)
      others += portable_exp(static_cast<double>(*z) - static_cast<double>(*largest));
  return portable_log1p(others) +
         (static_cast<double>(*largest) - static_cast<double>(logits[label]));
}

void cross_entropy_gradient(const std::vector<float>& logits, std::size_t label,
                            std::vector<float>& gradient) {
  const Softmax softmax = softmax_of(logits);
  double others =
      0.0;  // 1 - p is their sum: a difference would lose all digits where p is nearly 1
  for (std::size_t c = 0; c < logits.size(); ++c) {
    gradient[c] = rounded(softmax.power[c] / softmax.total);
    if (c != label) others += softmax.power[c];
  }
  gradient[label] = rounded(-others / softmax.total);
}

void cross_entropy_hessian_product(const std::vector<float>& logits,
                                   const std::vector<float>& tangent, std::vector<float>& product) {
  const Softmax softmax = softmax_of(logits);
  double mean = 0.0;
  for (std::size_t c = 0; c < logits.size(); ++c)
    mean += softmax.power[c] / softmax.total * static_cast<double>(tangent[c]);
  for (std::size_t c = 0; c < logits.size(); ++c)
    product[c] =
        rounded(softmax.power[c] / softmax.total * (static_cast<double>(tangent[c]) - mean));
}

void cross_entropy_second_derivative(const std::vector<float>& logits,
                                     std::vector<float>& derivative) {
  const std::size_t classes = logits.size();
  const Softmax softmax = softmax_of(logits);
  std::vector<double> before(classes);
  for (std::size_t c = 1; c < classes; ++c) before[c] = before[c - 1] + softmax.power[c - 1];
  // 1 - p is the sum of the others: a difference would lose all digits where p is nearly 1.
  double behind = 0.0;
  for (std::size_t c = classes; c-- > 0;) {
    derivative[c] =
        rounded(softmax.power[c] / softmax.total * ((before[c] + behind) / softmax.total));
    behind += softmax.power[c];
  }
}

}  // namespace uswim::workloads
