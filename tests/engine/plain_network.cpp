#include "tests/engine/plain_network.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <stdexcept>

#include "workloads/sensitivity/elementwise.h"

namespace uswim::workloads::plain {

std::vector<QuantizedWeights> random_weights(const Network& network, unsigned bits,
                                             std::mt19937& random) {
  const int largest = (1 << bits) - 1;
  std::uniform_int_distribution<int> code(-largest, largest);
  std::vector<QuantizedWeights> all;
  for (const MatrixLayer& layer : network.layers) {
    QuantizedWeights weights;
    weights.bits = bits;
    weights.scale = 3.0 / std::sqrt(static_cast<double>(layer.rows));
    weights.code.resize(layer.outputs * layer.rows);
    for (auto& c : weights.code) c = static_cast<std::int16_t>(code(random));
    all.push_back(weights);
  }
  return all;
}

std::vector<float> as_floats(const QuantizedWeights& weights) {
  return {weights.code.begin(), weights.code.end()};
}

namespace {

/// Calls visit(index into the window, y, x of the input) for what of a window at (y, x) lies inside
/// the input.
template <class Visit>
void under_window(const Window& w, const Shape& input, std::size_t y, std::size_t x,
                  const Visit& visit) {
  for (std::size_t ky = 0; ky < w.kernel_height; ++ky) {
    for (std::size_t kx = 0; kx < w.kernel_width; ++kx) {
      const std::size_t from_y = y * w.stride_height + ky * w.dilation_height - w.pad_top;
      const std::size_t from_x = x * w.stride_width + kx * w.dilation_width - w.pad_left;
      // Less than zero wraps around to far outside.
      if (from_y < input.height && from_x < input.width)
        visit(ky * w.kernel_width + kx, from_y, from_x);
    }
  }
}

}  // namespace

std::vector<std::int64_t> multiply(const MatrixLayer& layer, const std::int16_t* weights,
                                   Shape input, const std::vector<std::int16_t>& codes,
                                   Shape result) {
  const std::size_t taps = layer.window.kernel_height * layer.window.kernel_width;
  std::vector<std::int64_t> products;
  for (std::size_t o = 0; o < result.channels; ++o) {
    for (std::size_t y = 0; y < result.height; ++y) {
      for (std::size_t x = 0; x < result.width; ++x) {
        std::int64_t sum = 0;
        under_window(layer.window, input, y, x,
                     [&](std::size_t tap, std::size_t from_y, std::size_t from_x) {
                       for (std::size_t c = 0; c < input.channels; ++c) {
                         sum += std::int64_t{weights[o * layer.rows + c * taps + tap]} *
                                codes[(c * input.height + from_y) * input.width + from_x];
                       }
                     });
        products.push_back(sum);
      }
    }
  }
  return products;
}

namespace {

/// What a node writes: numbers and, if they are scale x code, the codes.
struct Value {
  std::vector<float> numbers;
  std::vector<std::int16_t> codes;
  float scale = 0.0f;
};

Value of_codes(std::vector<std::int16_t> codes, float scale) {
  Value value;
  for (const std::int16_t code : codes) value.numbers.push_back(scale * static_cast<float>(code));
  value.codes = std::move(codes);
  value.scale = scale;
  return value;
}

/// Place of channel c, row y, column x.
std::size_t place(const Shape& shape, std::size_t c, std::size_t y, std::size_t x) {
  return (c * shape.height + y) * shape.width + x;
}

/// What a node that moves numbers writes at (c, y, x): a place in its input, or none.
std::optional<std::size_t> source(const Node& node, const Shape& input, std::size_t c,
                                  std::size_t y, std::size_t x) {
  if (node.operation == Operation::Transpose) {
    std::size_t at[3] = {};
    at[node.axes[0]] = c;
    at[node.axes[1]] = y;
    at[node.axes[2]] = x;
    return place(input, at[0], at[1], at[2]);
  }
  if (node.operation == Operation::Slice) return place(input, c + node.first_channel, y, x);
  if (node.operation == Operation::Pad) {
    const std::size_t extent[3] = {input.channels, input.height, input.width}, to[3] = {c, y, x};
    std::size_t at[3];
    for (std::size_t axis = 0; axis < 3; ++axis) {
      const long size = static_cast<long>(extent[axis]);
      const long cut_before = std::max(-node.border.before[axis], 0l);
      const long last = size - 1 - std::max(-node.border.after[axis], 0l);
      long i = static_cast<long>(to[axis]) - node.border.before[axis];
      if ((i < cut_before || i > last) && node.border.kind == Border::Kind::Constant)
        return std::nullopt;
      const bool mirrors = node.border.kind == Border::Kind::Reflect;
      if (i < cut_before) i = mirrors ? cut_before + (cut_before - i) : cut_before;
      if (i > last) i = mirrors ? last - (i - last) : last;
      at[axis] = static_cast<std::size_t>(i);
    }
    return place(input, at[0], at[1], at[2]);
  }
  return place(node.shape, c, y, x);
}

/// Calls body(c, y, x) for every number of a shape, in order.
template <class Body>
void for_each(const Shape& shape, const Body& body) {
  for (std::size_t c = 0; c < shape.channels; ++c)
    for (std::size_t y = 0; y < shape.height; ++y)
      for (std::size_t x = 0; x < shape.width; ++x) body(c, y, x);
}

Value moved(const Node& node, const Shape& input, const Value& from) {
  Value to;
  to.scale = from.scale;
  const std::vector<float>& border = node.border.values;
  bool has_codes = !from.codes.empty();
  std::size_t outside = 0;
  for_each(node.shape, [&](std::size_t c, std::size_t y, std::size_t x) {
    const auto at = source(node, input, c, y, x);
    float constant = 0.0f;
    if (!at && !border.empty()) constant = border[border.size() == 1 ? 0 : outside++];
    to.numbers.push_back(at ? from.numbers[*at] : constant);
    if (!has_codes) return;
    const float code = at ? static_cast<float>(from.codes[*at]) : constant / from.scale;
    has_codes = std::abs(code - std::nearbyint(code)) <= 1e-6f * std::abs(code);
    to.codes.push_back(static_cast<std::int16_t>(std::nearbyint(code)));
  });
  if (has_codes) return of_codes(std::move(to.codes), from.scale);
  to.codes.clear();
  return to;
}

Value pooled(const Node& node, const Shape& input, const Value& from) {
  Value to;
  to.scale = from.scale;
  const Window& w = node.window;
  for_each(node.shape, [&](std::size_t c, std::size_t y, std::size_t x) {
    float largest = -std::numeric_limits<float>::infinity(), sum = 0.0f;
    std::int16_t largest_code = std::numeric_limits<std::int16_t>::min();
    std::size_t inside = 0;
    under_window(w, input, y, x, [&](std::size_t, std::size_t from_y, std::size_t from_x) {
      const std::size_t at = place(input, c, from_y, from_x);
      ++inside;
      sum += from.numbers[at];
      largest = std::max(largest, from.numbers[at]);
      if (!from.codes.empty()) largest_code = std::max(largest_code, from.codes[at]);
    });
    if (node.operation == Operation::AveragePool) {
      // Zeros of the border, which ends at the pads, count or do not.
      const Window none{w.kernel_height,
                        w.kernel_width,
                        w.stride_height,
                        w.stride_width,
                        w.dilation_height,
                        w.dilation_width,
                        0,
                        0,
                        0,
                        0};
      const Shape bordered{1, input.height + w.pad_top + w.pad_bottom,
                           input.width + w.pad_left + w.pad_right};
      if (node.counts_border) {
        inside = 0;
        under_window(none, bordered, y, x,
                     [&](std::size_t, std::size_t, std::size_t) { ++inside; });
      }
      to.numbers.push_back(sum / static_cast<float>(inside));
      return;
    }
    to.numbers.push_back(largest);
    if (!from.codes.empty()) to.codes.push_back(largest_code);
  });
  return to;
}

Value concatenated(const std::vector<const Value*>& inputs) {
  Value to;
  bool same = true;
  for (const Value* input : inputs)
    same = same && !input->codes.empty() && input->scale == inputs[0]->scale;
  to.scale = inputs[0]->scale;
  for (const Value* input : inputs) {
    to.numbers.insert(to.numbers.end(), input->numbers.begin(), input->numbers.end());
    if (same) to.codes.insert(to.codes.end(), input->codes.begin(), input->codes.end());
  }
  return to;
}

/// Operations on single numbers; `i` counts those of the node's shape.
float computed(const Node& node, const std::vector<const Value*>& inputs, std::size_t i) {
  const std::size_t plane = node.shape.height * node.shape.width;
  const auto number = [&](std::size_t input) {
    const auto& numbers = inputs[input]->numbers;
    return numbers.size() == node.shape.size() ? numbers[i] : numbers[i / plane];
  };
  const float x = number(0);
  float result = 0.0f;
  switch (node.operation) {
    case Operation::Relu:
      return std::max(x, 0.0f);
    case Operation::LeakyRelu:
      return x > 0.0f ? x : node.slope * x;
    case Operation::Clip:
      return std::min(std::max(x, node.low), node.high);
    case Operation::Sigmoid:
      layer_arithmetic::sigmoid(1, &x, &result);
      return result;
    case Operation::Tanh:
      layer_arithmetic::hyperbolic_tangent(1, &x, &result);
      return result;
    case Operation::Scale: {
      const float scaled = node.factor[i / plane] * x;
      return scaled + node.offset[i / plane];
    }
    case Operation::Multiply:
      return x * number(1);
    case Operation::Add: {
      float sum = node.factor[0] * x;
      for (std::size_t input = 1; input < inputs.size(); ++input) {
        const float term = node.factor[input] * number(input);
        sum += term;
      }
      return sum;
    }
    default:
      throw std::logic_error("no operation on single numbers");
  }
}

std::vector<std::int16_t> quantized(const Node& node, const std::vector<float>& numbers) {
  const float inverse = 1.0f / node.scale;
  std::vector<std::int16_t> codes;
  for (const float number : numbers) {
    const float rounded = std::nearbyint(number * inverse);
    codes.push_back(static_cast<std::int16_t>(
        std::clamp(rounded, static_cast<float>(node.minimum), static_cast<float>(node.maximum))));
  }
  return codes;
}

Value written_by(const Node& node, const Network& network,
                 const std::vector<QuantizedWeights>& weights,
                 const std::vector<const Value*>& inputs) {
  const Value& from = *inputs[0];
  const Shape& shape = network.shape_of(node.input());
  Value to;
  switch (node.operation) {
    case Operation::Matrix: {
      const MatrixLayer& layer = network.layers[node.layer];
      const auto factor =
          static_cast<float>(weights[node.layer].step() * static_cast<double>(from.scale));
      const std::size_t plane = node.shape.height * node.shape.width;
      for (const std::int64_t product :
           multiply(layer, weights[node.layer].code.data(), shape, from.codes, node.shape)) {
        const float scaled = static_cast<float>(product) * factor;
        to.numbers.push_back(scaled + layer.bias[to.numbers.size() / plane]);
      }
      return to;
    }
    case Operation::Quantize:
      return of_codes(quantized(node, from.numbers), node.scale);
    case Operation::MaxPool:
    case Operation::AveragePool:
      return pooled(node, shape, from);
    case Operation::Flatten:
    case Operation::Reshape:
    case Operation::Transpose:
    case Operation::Slice:
    case Operation::Pad:
      return moved(node, shape, from);
    case Operation::Concat:
      return concatenated(inputs);
    default:
      for (std::size_t i = 0; i < node.shape.size(); ++i)
        to.numbers.push_back(computed(node, inputs, i));
      if (node.operation == Operation::Relu && !from.codes.empty()) {
        std::vector<std::int16_t> codes = from.codes;
        for (std::int16_t& code : codes) code = std::max<std::int16_t>(code, 0);
        return of_codes(codes, from.scale);
      }
      return to;
  }
}

}  // namespace

std::vector<float> logits(const Network& network, const std::vector<QuantizedWeights>& weights,
                          const std::vector<std::int16_t>& input) {
  std::vector<Value> values(network.nodes.size() + 1);
  bool quantised = false;  // the way from the network's input, whose codes are given
  for (std::size_t n = 0; n < network.nodes.size(); ++n) {
    const Node& node = network.nodes[n];
    if (!quantised) {
      quantised = node.operation == Operation::Quantize;
      if (quantised) values[n + 1] = of_codes(input, node.scale);
      continue;
    }
    std::vector<const Value*> inputs;
    for (const std::size_t value : node.inputs) inputs.push_back(&values[value]);
    values[n + 1] = written_by(node, network, weights, inputs);
  }
  return values.back().numbers;
}

void fill_randomly(CodeBlocks& codes, int maximum, std::mt19937& random, int minimum) {
  std::uniform_int_distribution<int> code(minimum, maximum);
  const Shape& shape = codes.shape();
  for (std::size_t block = 0; block < codes.blocks(); ++block) {
    for (std::size_t c = 0; c < shape.channels; ++c) {
      for (std::size_t y = 0; y < shape.height; ++y) {
        for (std::size_t x = 0; x < shape.width; ++x) {
          std::int16_t* at = codes.at(block, c / 2, static_cast<std::ptrdiff_t>(y),
                                      static_cast<std::ptrdiff_t>(x)) +
                             c % 2;
          for (std::size_t lane = 0; lane < kLanes; ++lane)
            at[2 * lane] = static_cast<std::int16_t>(code(random));
        }
      }
    }
  }
}

std::vector<std::int16_t> image_of(const CodeBlocks& codes, std::size_t image) {
  std::vector<std::int16_t> values;
  const Shape& shape = codes.shape();
  for (std::size_t c = 0; c < shape.channels; ++c) {
    for (std::size_t y = 0; y < shape.height; ++y) {
      for (std::size_t x = 0; x < shape.width; ++x) {
        values.push_back(
            codes.code(image, c, static_cast<std::ptrdiff_t>(y), static_cast<std::ptrdiff_t>(x)));
      }
    }
  }
  return values;
}

void Engine::multiply(std::size_t index, const CodeBlocks& codes, std::size_t images,
                      ProductBlocks& products) {
  const MatrixLayer& layer = network_.layers[index];
  products.blocks = codes.blocks();
  products.shape = shape_after(layer.window, codes.shape(), layer.outputs);
  products.unit = 1.0f;
  products.values.assign(products.blocks * products.shape.size() * kLanes, 0);
  for (std::size_t image = 0; image < images; ++image) {
    const auto of_image = plain::multiply(layer, weights_[index].code.data(), codes.shape(),
                                          image_of(codes, image), products.shape);
    for (std::size_t i = 0; i < of_image.size(); ++i) {
      products.values[(image / kLanes * of_image.size() + i) * kLanes + image % kLanes] =
          static_cast<std::int32_t>(of_image[i]);
    }
  }
}

}  // namespace uswim::workloads::plain
