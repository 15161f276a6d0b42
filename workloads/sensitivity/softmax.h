#pragma once
#include <vector>

namespace uswim::workloads {

/// exp(x) for x <= 0 within 2e-15 of the value, made of additions and multiplications alone: the C
/// library's differs in the last digit between processors.
double portable_exp(double x);

/// p (1 - p) for each class: the second derivative of the cross entropy behind a softmax with
/// respect to each logit, which does not depend on the label. Values below 1e-30 become 0.
void cross_entropy_second_derivative(const std::vector<float>& logits,
                                     std::vector<float>& derivative);

}  // namespace uswim::workloads
