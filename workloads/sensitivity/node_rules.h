#pragma once
#include <cstddef>
#include <vector>

#include "workloads/network/network.h"
#include "workloads/sensitivity/matrix_arithmetic.h"
#include "workloads/sensitivity/value_buffers.h"

namespace uswim::workloads::layer_arithmetic {

// What nodes other than matrix layers do, forwards and backwards. Blocks may be divided among
// threads.

/// Whether a node writes its (only) input's numbers, in the same order.
bool only_renames(const Node& node);
/// Whether a node is linear in its inputs, up to Scale's offset and Pad's constants. The rest works
/// number by number, or is Matrix, MaxPool or Multiply.
bool is_linear(const Node& node);
/// Whether element e of what the node writes depends on element e of its first input and of no
/// other element of it, so that it may work in place.
bool works_number_by_number(const Node& node);

enum class Offset { Added, LeftOut };
/// A linear node's output of its inputs.
void run_linear(const Network& network, std::size_t node, Range blocks, Offset offset,
                ValueBuffers& values);
/// A linear node's inputs' sums += what the output's sums give them; inputs that are not `wanted`
/// are left alone. A buffer may be its input's and its output's.
void carry_linear(const Network& network, std::size_t node, Range blocks, Derivative order,
                  const std::vector<bool>& wanted, ValueBuffers& sums);

/// out = value by value what a node that is no linear one makes of `in`.
void run_pointwise(const Node& node, std::size_t count, const float* in, float* out);
/// Value by value out = or += derivative (or its square) * s. `seen` is what the node wrote, for
/// LeakyRelu what it read; `out` may be `s`. A quantiser lets everything through.
enum class Into { Replaced, Added };
void scale_by_derivative(const Node& node, Derivative order, std::size_t count, const float* seen,
                         const float* s, float* out, Into into);
/// Second over first derivative of Sigmoid or Tanh where it wrote `y`.
float curvature_over_slope(const Node& node, float y);

}  // namespace uswim::workloads::layer_arithmetic
