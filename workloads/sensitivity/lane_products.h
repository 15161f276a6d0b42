#pragma once
#include <cstddef>
#include <vector>

#include "support/parallel.h"

namespace uswim::workloads::layer_arithmetic {

using Range = support::IndexRange;
using support::in_parallel;

/// Where the operands of a layer's products lie, as offsets in floats. Output m at position p has
/// `terms.size()` terms, of which term k is 16 floats at input[p] + terms[k].
struct ProductPlan {
  std::vector<std::size_t> terms;
  std::vector<std::size_t> input;   ///< of each position's window, in the array that is read
  std::vector<std::size_t> output;  ///< of output 0 at each position
  std::size_t output_stride = 0;    ///< from output m to output m + 1
};

/// The inner loops, for one instruction set. Every version gives the same bytes: each sum runs in
/// an order that the plan alone decides, and no product is fused with its addition
/// (-ffp-contract=off). So results do not depend on how positions or outputs are divided among
/// threads either.
struct Kernels {
  const char* instruction_set;
  /// out[output[p] + m * output_stride] += sum over k of matrix[m][k] * in[input[p] + terms[k]],
  /// for each lane and the positions p; `matrix` is outputs x terms, row-major. k ascends.
  void (*add_products)(const ProductPlan& plan, Range positions, const float* matrix,
                       std::size_t outputs, const float* in, float* out);
  /// sums[m][k] += sum over lanes and positions p of
  /// out[output[p] + m * output_stride] * in[input[p] + terms[k]], for the outputs m: in float over
  /// the positions of one chunk of 512, then over lanes, then in double.
  void (*add_correlations)(const ProductPlan& plan, Range positions, Range outputs,
                           const float* out, const float* in, double* sums);
  /// sums[m][k] += sum over lanes of the square of the sum over positions, in float.
  void (*add_squared_correlations)(const ProductPlan& plan, Range positions, Range outputs,
                                   const float* out, const float* in, double* sums);
};

/// All that this machine can run: the baseline first, the fastest last.
const std::vector<Kernels>& available_kernels();

}  // namespace uswim::workloads::layer_arithmetic
