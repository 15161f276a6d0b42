#include "workloads/sensitivity/layer_arithmetic.h"

#include <algorithm>
#include <limits>

namespace uswim::workloads::layer_arithmetic {
namespace {

/// Calls function(offset) with the element, within one channel, of each tap of window (y, x) that
/// lies in the image.
template <class Function>
void for_each_tap(const Window& window, const Shape& input, std::size_t y, std::size_t x,
                  Function&& function) {
  for (std::size_t ky = 0; ky < window.kernel_height; ++ky) {
    const std::size_t row = y * window.stride_height + ky * window.dilation_height;
    if (row < window.pad_top || row - window.pad_top >= input.height) continue;
    for (std::size_t kx = 0; kx < window.kernel_width; ++kx) {
      const std::size_t column = x * window.stride_width + kx * window.dilation_width;
      if (column < window.pad_left || column - window.pad_left >= input.width) continue;
      function((row - window.pad_top) * input.width + column - window.pad_left);
    }
  }
}

/// Calls function(input channel's offset, output position's offset, y, x) for each window of each
/// block.
template <class Function>
void for_each_window(std::size_t blocks, const Shape& input, const Shape& output,
                     Function&& function) {
  const std::size_t image = input.height * input.width;
  std::size_t to = 0;
  for (std::size_t plane = 0; plane < blocks * input.channels; ++plane)
    for (std::size_t y = 0; y < output.height; ++y)
      for (std::size_t x = 0; x < output.width; ++x, to += kLanes)
        function(plane * image * kLanes, to, y, x);
}

/// The largest element of window (y, x) of one channel, in each lane.
void find_largest(const Window& window, const Shape& input, const float* channel, std::size_t y,
                  std::size_t x, Quad (&largest)[kQuads]) {
  for (Quad& quad : largest) quad = Quad{} - std::numeric_limits<float>::infinity();
  for_each_tap(window, input, y, x, [&](std::size_t element) {
    for (std::size_t q = 0; q < kQuads; ++q) {
      Quad v;
      load(v, channel + element * kLanes + 4 * q);
      largest[q] = v > largest[q] ? v : largest[q];
    }
  });
}

}  // namespace

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

void relu(std::size_t count, const float* in, float* out) {
  for (std::size_t i = 0; i < count; ++i) out[i] = in[i] > 0.0f ? in[i] : 0.0f;
}

void quantize(std::size_t count, float scale, int maximum, const float* in, float* out) {
  // Adding 2^23 leaves no bits behind the point, so the sum is rounded to a whole number, halves to
  // even.
  constexpr float kNoFraction = 8388608.0f;
  const float largest = static_cast<float>(maximum);
  for (std::size_t i = 0; i < count; ++i) {
    const float code = in[i] / scale;
    const float low = code > 0.0f ? code : 0.0f;  // not a number becomes 0 as well
    const float clamped = low < largest ? low : largest;
    out[i] = scale * ((clamped + kNoFraction) - kNoFraction);
  }
}

void max_pool(std::size_t blocks, const Node& pool, const Shape& input, const LaneValues& in,
              LaneValues& out) {
  for_each_window(blocks, input, pool.shape,
                  [&](std::size_t channel, std::size_t to, std::size_t y, std::size_t x) {
                    Quad largest[kQuads];
                    find_largest(pool.window, input, in.data() + channel, y, x, largest);
                    for (std::size_t q = 0; q < kQuads; ++q)
                      store(largest[q], out.data() + to + 4 * q);
                  });
}

void add_max_pool_sensitivity(std::size_t blocks, const Node& pool, const Shape& input,
                              const LaneValues& in, const LaneValues& s_out, LaneValues& s_in) {
  // The largest elements are searched again instead of read from the pool's output, which a ReLU
  // behind it may have overwritten.
  for_each_window(
      blocks, input, pool.shape,
      [&](std::size_t channel, std::size_t to, std::size_t y, std::size_t x) {
        Quad largest[kQuads], rest[kQuads];
        find_largest(pool.window, input, in.data() + channel, y, x, largest);
        for (std::size_t q = 0; q < kQuads; ++q) load(rest[q], s_out.data() + to + 4 * q);
        for_each_tap(pool.window, input, y, x, [&](std::size_t element) {
          const std::size_t offset = channel + element * kLanes;
          for (std::size_t q = 0; q < kQuads; ++q) {
            const Quad zero{};
            Quad v, s;
            load(v, in.data() + offset + 4 * q);
            load(s, s_in.data() + offset + 4 * q);
            store(s + (v == largest[q] ? rest[q] : zero), s_in.data() + offset + 4 * q);
            rest[q] = v == largest[q] ? zero : rest[q];  // only the first of equal ones gets it
          }
        });
      });
}

ValueSlots::ValueSlots(const Network& network, const std::vector<bool>& in_place) {
  std::vector<std::size_t> readers(network.nodes.size() + 1, 0);
  for (const Node& node : network.nodes) ++readers[node.input()];
  std::size_t slots = 1;
  slot_.push_back(0);
  for (std::size_t i = 0; i < network.nodes.size(); ++i) {
    const std::size_t input = network.nodes[i].input();
    slot_.push_back(in_place[i] && readers[input] == 1 ? slot_[input] : slots++);
  }
  storage_.resize(slots);
}

void ValueSlots::allocate(const Network& network, std::size_t blocks) {
  for (std::size_t v = 0; v < slot_.size(); ++v)
    storage_[slot_[v]].assign(blocks * network.shape_of(v).size() * kLanes, 0.0f);
}

void ValueSlots::clear() {
  for (LaneValues& values : storage_) std::fill(values.begin(), values.end(), 0.0f);
}

namespace {

std::vector<bool> forward_in_place(const Network& network, bool quantize) {
  std::vector<bool> in_place;
  for (const Node& node : network.nodes)
    // A quantiser keeps its input, whose sign the backward pass asks for where it is a ReLU's
    // output.
    in_place.push_back(node.operation == Operation::Relu || node.operation == Operation::Flatten ||
                       (node.operation == Operation::Quantize && !quantize));
  return in_place;
}

}  // namespace

ForwardPass::ForwardPass(const Network& network, std::size_t most_blocks, bool quantize,
                         const Kernels& kernels)
    : network_(network),
      quantize_(quantize),
      values_(network, forward_in_place(network, quantize)),
      matrix_of_node_(network.nodes.size(), 0) {
  values_.allocate(network, most_blocks);
  for (std::size_t i = 0; i < network.nodes.size(); ++i) {
    const Node& node = network.nodes[i];
    if (node.operation != Operation::Matrix) continue;
    matrix_of_node_[i] = matrices_.size();
    matrices_.emplace_back(network.layers[node.layer], network.shape_of(node.input()), node.shape,
                           most_blocks, kernels);
  }
}

void ForwardPass::run(std::size_t blocks) {
  for (std::size_t i = 0; i < network_.nodes.size(); ++i) {
    const Node& node = network_.nodes[i];
    const LaneValues& in = values_[node.input()];
    LaneValues& out = values_[i + 1];
    const std::size_t count = blocks * node.shape.size() * kLanes;
    switch (node.operation) {
      case Operation::Matrix:
        matrix(i).forward(blocks, in, out);
        break;
      case Operation::Relu:
        relu(count, in.data(), out.data());
        break;
      case Operation::Quantize:
        if (quantize_) {
          layer_arithmetic::quantize(count, node.scale, node.maximum, in.data(), out.data());
          break;
        }
        [[fallthrough]];
      case Operation::Flatten:
        // The elements' order is the same; only where another node reads the input too it is
        // copied.
        if (&in != &out) std::copy_n(in.data(), count, out.data());
        break;
      case Operation::MaxPool:
        max_pool(blocks, node, network_.shape_of(node.input()), in, out);
        break;
      default:
        throw NetworkError(node.name + ": this operation is not supported here");
    }
  }
}

std::size_t blocks_per_batch(const Network& network, std::size_t images) {
  constexpr std::size_t kBytes = std::size_t{16} << 20;
  std::size_t elements = network.input.size();
  for (const Node& node : network.nodes) elements += node.shape.size();
  const std::size_t fitting = kBytes / (elements * kLanes * sizeof(float));
  return std::max<std::size_t>(1, std::min(fitting, ForwardPass::blocks_of(images)));
}

}  // namespace uswim::workloads::layer_arithmetic
