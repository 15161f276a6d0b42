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
  plan_.output_stride = output.height * output.width * kLanes;
  for (std::size_t b = 0; b < most_blocks; ++b)
    for (std::size_t y = 0; y < output.height; ++y)
      for (std::size_t x = 0; x < output.width; ++x) {
        plan_.input.push_back(b * input.channels * plane +
                              (y * w.stride_height * padded_width_ + x * w.stride_width) * kLanes);
        plan_.output.push_back(b * output.size() * kLanes + (y * output.width + x) * kLanes);
      }
  back_.input = plan_.output;
  back_.output = plan_.input;
  back_.output_stride = plane;
  for (std::size_t o = 0; o < output.channels; ++o) back_.terms.push_back(o * plan_.output_stride);
  if (has_border_) padded_.assign(most_blocks * input.channels * plane, 0.0f);
}

/// Calls function(in the value, in the padded value) with the offset of each row of each channel.
template <class Function>
void MatrixArithmetic::for_each_row(std::size_t blocks, Function&& function) const {
  const Window& w = layer_.window;
  for (std::size_t plane = 0; plane < blocks * input_.channels; ++plane)
    for (std::size_t y = 0; y < input_.height; ++y)
      function((plane * input_.height + y) * input_.width * kLanes,
               ((plane * padded_height_ + w.pad_top + y) * padded_width_ + w.pad_left) * kLanes);
}

void MatrixArithmetic::forward(std::size_t blocks, const LaneValues& in, LaneValues& out) {
  const std::size_t row = input_.width * kLanes;
  if (has_border_)
    for_each_row(blocks, [&](std::size_t from, std::size_t to) {
      std::copy_n(in.data() + from, row, padded_.data() + to);
    });
  const std::size_t positions = output_.height * output_.width;
  float* bias = out.data();
  for (std::size_t b = 0; b < blocks; ++b)
    for (std::size_t o = 0; o < layer_.outputs; ++o, bias += plan_.output_stride)
      std::fill_n(bias, plan_.output_stride, layer_.bias[o]);
  kernels_.add_products(plan_, blocks * positions, layer_.weight.data(), layer_.outputs,
                        has_border_ ? padded_.data() : in.data(), out.data());
}

void MatrixArithmetic::add_weight_sensitivity(std::size_t blocks, const LaneValues& in,
                                              const LaneValues& s_out, double* sums) {
  squared_.resize(plan_.input.size() / (output_.height * output_.width) * input_.channels *
                  padded_height_ * padded_width_ * kLanes);
  const std::size_t row = input_.width * kLanes;
  for_each_row(blocks, [&](std::size_t from, std::size_t to) {
    const float* x = in.data() + from;
    float* square = squared_.data() + to;
    for (std::size_t i = 0; i < row; ++i) square[i] = x[i] * x[i];
  });
  kernels_.add_correlations(plan_, blocks * output_.height * output_.width, s_out.data(),
                            layer_.outputs, squared_.data(), sums);
}

// One tap of the window after the other: at one tap no two positions meet at the same input
// element, so the order of the sums does not depend on the tiles of add_products.
void MatrixArithmetic::add_input_sensitivity(std::size_t blocks, const LaneValues& s_out,
                                             LaneValues& s_in) {
  if (squared_weight_.empty()) square_weights();
  float* to = s_in.data();
  if (has_border_) {
    padded_back_.assign(padded_.size(), 0.0f);
    to = padded_back_.data();
  }
  const std::size_t taps = layer_.window.kernel_height * layer_.window.kernel_width;
  const std::size_t matrix = input_.channels * layer_.outputs;
  for (std::size_t tap = 0; tap < taps; ++tap)
    // The first channel's terms are the offsets of the taps.
    kernels_.add_products(back_, blocks * output_.height * output_.width,
                          squared_weight_.data() + tap * matrix, input_.channels, s_out.data(),
                          to + plan_.terms[tap]);
  if (!has_border_) return;
  const std::size_t row = input_.width * kLanes;
  for_each_row(blocks, [&](std::size_t in_value, std::size_t in_padded) {
    float* s = s_in.data() + in_value;
    const float* back = padded_back_.data() + in_padded;
    for (std::size_t i = 0; i < row; ++i) s[i] += back[i];
  });
}

void MatrixArithmetic::square_weights() {
  const std::size_t taps = layer_.window.kernel_height * layer_.window.kernel_width;
  squared_weight_.resize(layer_.weight.size());
  for (std::size_t o = 0; o < layer_.outputs; ++o)
    for (std::size_t r = 0; r < layer_.rows; ++r) {
      const float w = layer_.weight[o * layer_.rows + r];
      const std::size_t channel = r / taps, tap = r % taps;
      squared_weight_[(tap * input_.channels + channel) * layer_.outputs + o] = w * w;
    }
}

}  // namespace uswim::workloads::layer_arithmetic
