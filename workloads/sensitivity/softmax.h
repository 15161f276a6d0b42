#pragma once
#include <cstddef>
#include <vector>

#include "support/portable_math.h"

namespace uswim::workloads {

using support::portable_exp;
using support::portable_log1p;

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
