#pragma once
#include <array>
#include <cstddef>
#include <vector>

#include "workloads/network/network.h"
#include "workloads/network/padding.h"

namespace uswim::workloads::layer_arithmetic {

// Operations that move elements; an element is 16 floats, one per image of a block.

/// Some elements of every block: the first one and how many a block has.
struct Part {
  std::size_t first = 0, block = 0;
};
/// `count` elements of each block from `in` to `out`.
void copy_elements(std::size_t blocks, std::size_t count, const float* in, Part from, float* out,
                   Part to);
/// See Node::axes; `input` is the shape of `in`.
void transpose(std::size_t blocks, const Shape& input, const std::array<std::size_t, 3>& axes,
               const float* in, float* out);
/// See Border; `constants`: its values, or nothing for a border of zeros.
void pad(std::size_t blocks, const Shape& input, const PaddedAxes& axes,
         const std::vector<float>& constants, const float* in, float* out);

// The way back: what an element was moved to is added to it.

void add_elements(std::size_t blocks, std::size_t count, const float* in, Part from, float* out,
                  Part to);
void add_transposed(std::size_t blocks, const Shape& input, const std::array<std::size_t, 3>& axes,
                    const float* s_out, float* s_in);
void add_padded(std::size_t blocks, const Shape& input, const PaddedAxes& axes, const float* s_out,
                float* s_in);

}  // namespace uswim::workloads::layer_arithmetic
