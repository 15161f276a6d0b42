#include "workloads/sensitivity/matrix_arithmetic.h"

#include <algorithm>

namespace uswim::workloads::layer_arithmetic {

MatrixArithmetic::MatrixArithmetic(const MatrixLayer& layer, const Shape& input,
                                   const Shape& output, std::size_t most_blocks,
                                   const Kernels& kernels)
    : layer_(layer),
      input_(input),
      output_(output),
      kernels_(kernels),
      most_blocks_(most_blocks),
      padded_height_(input.height + layer.window.pad_top + layer.window.pad_bottom),
      padded_width_(input.width + layer.window.pad_left + layer.window.pad_right),
      has_border_(padded_height_ != input.height || padded_width_ != input.width) {
  const Window& w = layer.window;
  const std::size_t plane = padded_height_ * padded_width_ * kLanes;
  for (std::size_t c = 0; c < input.channels; ++c)
    for (std::size_t ky = 0; ky < w.kernel_height; ++ky)
      for (std::size_t kx = 0; kx < w.kernel_width; ++kx)
        plan_.terms.push_back(
            c * plane + (ky * w.dilation_height * padded_width_ + kx * w.dilation_width) * kLanes);
  plan_.output_stride = positions() * kLanes;
  for (std::size_t b = 0; b < most_blocks; ++b)
    for (std::size_t y = 0; y < output.height; ++y)
      for (std::size_t x = 0; x < output.width; ++x) {
        plan_.input.push_back(b * padded_block() +
                              (y * w.stride_height * padded_width_ + x * w.stride_width) * kLanes);
        plan_.output.push_back(b * output.size() * kLanes + (y * output.width + x) * kLanes);
      }
  back_.input = plan_.output;
  back_.output = plan_.input;
  back_.output_stride = plane;
  for (std::size_t o = 0; o < output.channels; ++o) back_.terms.push_back(o * plan_.output_stride);
}

std::size_t MatrixArithmetic::padded_block() const {
  return input_.channels * padded_height_ * padded_width_ * kLanes;
}

std::size_t MatrixArithmetic::scratch_size() const { return most_blocks_ * padded_block(); }

/// Calls function(offset in the value, offset in the padded value) for each row of each channel.
template <class Function>
void MatrixArithmetic::for_each_row(Range blocks, Function&& function) const {
  const Window& w = layer_.window;
  for (std::size_t plane = blocks.begin * input_.channels; plane < blocks.end * input_.channels;
       ++plane)
    for (std::size_t y = 0; y < input_.height; ++y)
      function((plane * input_.height + y) * input_.width * kLanes,
               ((plane * padded_height_ + w.pad_top + y) * padded_width_ + w.pad_left) * kLanes);
}

void MatrixArithmetic::copy_windows(Derivative order, Range blocks, const LaneValues& in,
                                    Scratch& prepared) const {
  if (has_border_)
    std::fill(prepared.begin() + static_cast<std::ptrdiff_t>(blocks.begin * padded_block()),
              prepared.begin() + static_cast<std::ptrdiff_t>(blocks.end * padded_block()), 0.0f);
  const std::size_t row = input_.width * kLanes;
  for_each_row(blocks, [&](std::size_t from, std::size_t to) {
    const float* x = in.data() + from;
    float* y = prepared.data() + to;
    if (order == Derivative::First)
      std::copy_n(x, row, y);
    else
      for (std::size_t i = 0; i < row; ++i) y[i] = x[i] * x[i];
  });
}

void MatrixArithmetic::forward(Range blocks, const LaneValues& in, LaneValues& out,
                               Scratch& scratch) const {
  float* bias = out.data() + blocks.begin * output_.size() * kLanes;
  for (std::size_t b = blocks.begin; b < blocks.end; ++b)
    for (std::size_t o = 0; o < layer_.outputs; ++o, bias += plan_.output_stride)
      std::fill_n(bias, plan_.output_stride, layer_.bias[o]);
  add_products(blocks, layer_.weight.data(), in, out, scratch);
}

void MatrixArithmetic::add_products(Range blocks, const float* matrix, const LaneValues& in,
                                    LaneValues& out, Scratch& scratch) const {
  if (has_border_) copy_windows(Derivative::First, blocks, in, scratch);
  kernels_.add_products(plan_, {blocks.begin * positions(), blocks.end * positions()}, matrix,
                        layer_.outputs, has_border_ ? scratch.data() : in.data(), out.data());
}

void MatrixArithmetic::add_weight_sums(std::size_t blocks, Range outputs, const Scratch& prepared,
                                       const LaneValues& s_out, double* sums) const {
  kernels_.add_correlations(plan_, {0, blocks * positions()}, outputs, s_out.data(),
                            prepared.data(), sums);
}

void MatrixArithmetic::add_squared_weight_sums(std::size_t blocks, Range outputs,
                                               const Scratch& prepared, const LaneValues& s_out,
                                               double* squares) const {
  for (std::size_t b = 0; b < blocks; ++b)
    kernels_.add_squared_correlations(plan_, {b * positions(), (b + 1) * positions()}, outputs,
                                      s_out.data(), prepared.data(), squares);
}

std::vector<float> MatrixArithmetic::transposed(Derivative order, const float* matrix) const {
  const std::size_t taps = layer_.window.kernel_height * layer_.window.kernel_width;
  std::vector<float> result(layer_.outputs * layer_.rows);
  for (std::size_t o = 0; o < layer_.outputs; ++o)
    for (std::size_t r = 0; r < layer_.rows; ++r) {
      const std::size_t channel = r / taps, tap = r % taps;
      result[(tap * input_.channels + channel) * layer_.outputs + o] =
          power(order, matrix[o * layer_.rows + r]);
    }
  return result;
}

// One tap of the window after the other: at one tap no two positions meet at the same input
// element, so the order of the sums does not depend on the tiles of add_products.
void MatrixArithmetic::add_input_sums(Range blocks, const std::vector<float>& transposed,
                                      const LaneValues& s_out, LaneValues& s_in,
                                      Scratch& scratch) const {
  float* to = s_in.data();
  if (has_border_) {
    to = scratch.data();
    std::fill(to + blocks.begin * padded_block(), to + blocks.end * padded_block(), 0.0f);
  }
  const std::size_t taps = layer_.window.kernel_height * layer_.window.kernel_width;
  const std::size_t matrix = input_.channels * layer_.outputs;
  for (std::size_t tap = 0; tap < taps; ++tap)
    // The first channel's terms are the offsets of the taps.
    kernels_.add_products(back_, {blocks.begin * positions(), blocks.end * positions()},
                          transposed.data() + tap * matrix, input_.channels, s_out.data(),
                          to + plan_.terms[tap]);
  if (!has_border_) return;
  const std::size_t row = input_.width * kLanes;
  for_each_row(blocks, [&](std::size_t in_value, std::size_t in_padded) {
    float* s = s_in.data() + in_value;
    const float* back = scratch.data() + in_padded;
    for (std::size_t i = 0; i < row; ++i) s[i] += back[i];
  });
}

}  // namespace uswim::workloads::layer_arithmetic
