#pragma once
#include <array>
#include <cstddef>

#include "workloads/network/network.h"

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
/// Puts a border of zeros as wide as the window's pads around each channel.
void pad(std::size_t blocks, const Shape& input, const Window& window, const float* in, float* out);

// The way back: what an element was moved to is added to it.

void add_elements(std::size_t blocks, std::size_t count, const float* in, Part from, float* out,
                  Part to);
void add_transposed(std::size_t blocks, const Shape& input, const std::array<std::size_t, 3>& axes,
                    const float* s_out, float* s_in);
void add_without_border(std::size_t blocks, const Shape& input, const Window& window,
                        const float* s_out, float* s_in);

}  // namespace uswim::workloads::layer_arithmetic
