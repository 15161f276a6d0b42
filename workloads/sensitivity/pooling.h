#pragma once
#include <cstddef>

#include "workloads/network/network.h"
#include "workloads/sensitivity/matrix_arithmetic.h"

namespace uswim::workloads::layer_arithmetic {

// Windows over the channels of values of shape `input`. Elements beyond the image and its pads,
// where a window of ceil mode may reach, never count.

void max_pool(std::size_t blocks, const Node& pool, const Shape& input, const LaneValues& in,
              LaneValues& out);
/// s_in += s_out at the first of the largest elements of each window.
void add_max_pool_sensitivity(std::size_t blocks, const Node& pool, const Shape& input,
                              const LaneValues& in, const LaneValues& s_out, LaneValues& s_in);

/// Sum of the window's elements over their number, zeros of the pads counted or not.
void average_pool(std::size_t blocks, const Node& pool, const Shape& input, const LaneValues& in,
                  LaneValues& out);

}  // namespace uswim::workloads::layer_arithmetic
