#pragma once
#include <cstddef>
#include <vector>

namespace uswim::workloads {

/// exp(x) for x <= 0 within 2e-15 of the value, made of additions and multiplications alone: the C
/// library's differs in the last digit between processors.
double portable_exp(double x);

/// log(1 + x) for x >= 0 within 1e-15 of the value, made the same way.
double portable_log1p(double x);

/// -log p of the label behind a softmax.
double cross_entropy(const std::vector<float>& logits, std::size_t label);
/// p - 1 for the label, p for every other class: its derivative with respect to each logit. Values
/// nearer to 0 than 1e-30 become 0.
void cross_entropy_gradient(const std::vector<float>& logits, std::size_t label,
                            std::vector<float>& gradient);
/// What that gradient gains per unit when the logits move along `tangent`: p (tangent - mean of the
/// tangent over p).
void cross_entropy_hessian_product(const std::vector<float>& logits,
                                   const std::vector<float>& tangent, std::vector<float>& product);

/// p (1 - p) for each class: the second derivative of the cross entropy behind a softmax with
/// respect to each logit, which does not depend on the label. Values below 1e-30 become 0.
void cross_entropy_second_derivative(const std::vector<float>& logits,
                                     std::vector<float>& derivative);

}  // namespace uswim::workloads
