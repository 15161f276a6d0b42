#include "connections.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace uswim::tests {

using workloads::Border;
using workloads::Dataset;
using workloads::MatrixLayer;
using workloads::Network;
using workloads::Node;
using workloads::Operation;
using workloads::Shape;
using workloads::Window;

namespace {

/// One number of a window: where it lies in the input, or in the border.
struct Tap {
  std::size_t index;    ///< ky * kernel_width + kx
  bool inside;          ///< the image
  bool in_border;       ///< the pads; neither: beyond them
  std::size_t element;  ///< of the input; only inside
};

std::vector<Tap> window_taps(const Window& w, const Shape& in, std::size_t channel, std::size_t y,
                             std::size_t x) {
  std::vector<Tap> taps;
  const auto number = [](std::size_t v) { return static_cast<long>(v); };
  for (std::size_t ky = 0; ky < w.kernel_height; ++ky)
    for (std::size_t kx = 0; kx < w.kernel_width; ++kx) {
      const long row = number(y * w.stride_height + ky * w.dilation_height) - number(w.pad_top);
      const long column = number(x * w.stride_width + kx * w.dilation_width) - number(w.pad_left);
      Tap tap{ky * w.kernel_width + kx, false, false, 0};
      tap.inside = row >= 0 && row < number(in.height) && column >= 0 && column < number(in.width);
      tap.in_border = !tap.inside && row < number(in.height + w.pad_bottom) &&
                      column < number(in.width + w.pad_right);
      if (tap.inside)
        tap.element = (channel * in.height + static_cast<std::size_t>(row)) * in.width +
                      static_cast<std::size_t>(column);
      taps.push_back(tap);
    }
  return taps;
}

struct Position {
  std::size_t c, y, x;
};
Position position_of(std::size_t element, const Shape& shape) {
  return {element / (shape.height * shape.width), element / shape.width % shape.height,
          element % shape.width};
}
std::size_t element_at(const Shape& shape, std::size_t c, std::size_t y, std::size_t x) {
  return (c * shape.height + y) * shape.width + x;
}

/// The element of its input that a Pad node repeats at `to`, or -1 where a constant stands.
long padded_from(const Node& node, const Shape& in, const Position& to) {
  const std::size_t extent[3] = {in.channels, in.height, in.width}, place[3] = {to.c, to.y, to.x};
  std::size_t from[3];
  for (std::size_t axis = 0; axis < 3; ++axis) {
    // What is left of the input along this axis, and the place of the result as its index.
    std::vector<std::size_t> left(extent[axis]);
    std::iota(left.begin(), left.end(), 0);
    const long before = node.border.before[axis], after = node.border.after[axis];
    if (after < 0) left.erase(left.end() + after, left.end());
    if (before < 0) left.erase(left.begin(), left.begin() - before);
    long i = static_cast<long>(place[axis]) - std::max(before, 0l);
    const long last = static_cast<long>(left.size()) - 1;
    if (node.border.kind == Border::Kind::Constant && (i < 0 || i > last)) return -1;
    if (node.border.kind == Border::Kind::Reflect) i = i < 0 ? -i : i > last ? 2 * last - i : i;
    from[axis] = left[static_cast<std::size_t>(std::clamp(i, 0l, last))];
  }
  return static_cast<long>(element_at(in, from[0], from[1], from[2]));
}

/// Derivative of an operation that works number by number; quantisers let everything through.
double slope_at(const Node& node, std::size_t channel, double x) {
  switch (node.operation) {
    case Operation::Relu:
      return x > 0.0 ? 1.0 : 0.0;
    case Operation::LeakyRelu:
      return x > 0.0 ? 1.0 : static_cast<double>(node.slope);
    case Operation::Clip:
      return x > static_cast<double>(node.low) && x < static_cast<double>(node.high) ? 1.0 : 0.0;
    case Operation::Sigmoid: {
      const double y = 1.0 / (1.0 + std::exp(-x));
      return y * (1.0 - y);
    }
    case Operation::Tanh:
      return 1.0 / (std::cosh(x) * std::cosh(x));
    case Operation::Scale:
      return static_cast<double>(node.factor[channel]);
    default:
      return 1.0;
  }
}

}  // namespace

SlowNetwork::SlowNetwork(const Network& network, bool quantize)
    : network_(network), quantize_(quantize) {}

std::vector<SlowNetwork::Connection> SlowNetwork::connections(std::size_t n,
                                                              const Values& values) const {
  const Node& node = network_.nodes[n];
  const std::size_t from = node.input();
  const Shape& in = network_.shape_of(from);
  const std::vector<double>& x = values[from];
  std::vector<Connection> all;
  for (std::size_t e = 0; e < node.shape.size(); ++e) {
    const Position at = position_of(e, node.shape);
    switch (node.operation) {
      case Operation::Matrix: {
        const MatrixLayer& layer = network_.layers[node.layer];
        for (std::size_t c = 0; c < in.channels; ++c) {
          const auto taps = window_taps(layer.window, in, c, at.y, at.x);
          for (const Tap& tap : taps) {
            const std::size_t weight = at.c * layer.rows + c * taps.size() + tap.index;
            if (tap.inside)
              all.push_back(
                  {e, from, tap.element, static_cast<double>(layer.weight[weight]), weight});
          }
        }
        break;
      }
      case Operation::MaxPool: {
        double largest = -std::numeric_limits<double>::infinity();
        std::size_t first = 0;
        for (const Tap& tap : window_taps(node.window, in, at.c, at.y, at.x))
          if (tap.inside && x[tap.element] > largest) {
            largest = x[tap.element];
            first = tap.element;
          }
        all.push_back({e, from, first, 1.0});
        break;
      }
      case Operation::AveragePool: {
        const auto taps = window_taps(node.window, in, at.c, at.y, at.x);
        const auto counted = std::count_if(taps.begin(), taps.end(), [&](const Tap& tap) {
          return tap.inside || (node.counts_border && tap.in_border);
        });
        for (const Tap& tap : taps)
          if (tap.inside) all.push_back({e, from, tap.element, 1.0 / static_cast<double>(counted)});
        break;
      }
      case Operation::Add:
        for (std::size_t k = 0; k < node.inputs.size(); ++k)
          all.push_back({e, node.inputs[k], e, static_cast<double>(node.factor[k])});
        break;
      case Operation::Multiply: {
        std::size_t element[2];
        for (std::size_t k = 0; k < 2; ++k) {
          const Shape& shape = network_.shape_of(node.inputs[k]);
          element[k] = shape.height * shape.width == 1 ? at.c : e;
        }
        for (std::size_t k = 0; k < 2; ++k)
          all.push_back(
              {e, node.inputs[k], element[k], values[node.inputs[1 - k]][element[1 - k]]});
        break;
      }
      case Operation::Transpose: {
        const std::size_t to[3] = {at.c, at.y, at.x};
        std::size_t source[3];
        for (std::size_t i = 0; i < 3; ++i) source[node.axes[i]] = to[i];
        all.push_back({e, from, element_at(in, source[0], source[1], source[2]), 1.0});
        break;
      }
      case Operation::Concat: {
        std::size_t channel = at.c, k = 0;
        while (channel >= network_.shape_of(node.inputs[k]).channels)
          channel -= network_.shape_of(node.inputs[k++]).channels;
        all.push_back({e, node.inputs[k],
                       element_at(network_.shape_of(node.inputs[k]), channel, at.y, at.x), 1.0});
        break;
      }
      case Operation::Slice:
        all.push_back({e, from, element_at(in, node.first_channel + at.c, at.y, at.x), 1.0});
        break;
      case Operation::Pad: {
        const long element = padded_from(node, in, at);
        if (element >= 0) all.push_back({e, from, static_cast<std::size_t>(element), 1.0});
        break;
      }
      default:
        all.push_back({e, from, e, slope_at(node, at.c, x[e])});
    }
  }
  return all;
}

std::vector<double> SlowNetwork::compute(std::size_t n, const Values& values) const {
  const Node& node = network_.nodes[n];
  const std::vector<double>& x = values[node.input()];
  std::vector<double> y(node.shape.size(), 0.0);
  const auto of_each = [&](auto&& function) {
    for (std::size_t e = 0; e < y.size(); ++e) y[e] = function(x[e], position_of(e, node.shape).c);
  };
  switch (node.operation) {
    case Operation::Relu:
      of_each([](double v, std::size_t) { return std::max(v, 0.0); });
      break;
    case Operation::LeakyRelu:
      of_each(
          [&](double v, std::size_t) { return v > 0.0 ? v : static_cast<double>(node.slope) * v; });
      break;
    case Operation::Clip:
      of_each([&](double v, std::size_t) {
        return std::clamp(v, static_cast<double>(node.low), static_cast<double>(node.high));
      });
      break;
    case Operation::Sigmoid:
      of_each([](double v, std::size_t) { return 1.0 / (1.0 + std::exp(-v)); });
      break;
    case Operation::Tanh:
      of_each([](double v, std::size_t) { return std::tanh(v); });
      break;
    case Operation::Quantize:
      of_each([&](double v, std::size_t) {
        const double scale = static_cast<double>(node.scale);
        return quantize_ ? scale * std::clamp(std::nearbyint(v / scale),
                                              static_cast<double>(node.minimum),
                                              static_cast<double>(node.maximum))
                         : v;
      });
      break;
    case Operation::Scale:
      of_each([&](double v, std::size_t c) {
        return static_cast<double>(node.factor[c]) * v + static_cast<double>(node.offset[c]);
      });
      break;
    case Operation::Multiply:
      for (const Connection& c : connections(n, values))
        if (c.value == node.inputs[0]) y[c.output] = values[c.value][c.input] * c.derivative;
      break;
    case Operation::Matrix:
      for (std::size_t e = 0; e < y.size(); ++e)
        y[e] = static_cast<double>(network_.layers[node.layer].bias[position_of(e, node.shape).c]);
      [[fallthrough]];
    default:  // linear in its inputs, but for what a Pad node puts around them
      if (node.operation == Operation::Pad && !node.border.values.empty()) {
        std::size_t outside = 0;
        for (std::size_t e = 0; e < y.size(); ++e)
          if (padded_from(node, network_.shape_of(node.input()), position_of(e, node.shape)) < 0)
            y[e] = static_cast<double>(
                node.border.values[node.border.values.size() == 1 ? 0 : outside++]);
      }
      for (const Connection& c : connections(n, values))
        y[c.output] += c.derivative * values[c.value][c.input];
  }
  return y;
}

SlowNetwork::Values SlowNetwork::forward(const std::vector<double>& image) const {
  Values values{image};
  for (std::size_t n = 0; n < network_.nodes.size(); ++n) values.push_back(compute(n, values));
  return values;
}

std::vector<double> SlowNetwork::logits(const std::vector<double>& image) const {
  return forward(image).back();
}

double SlowNetwork::loss(const std::vector<double>& image, std::size_t label) const {
  const std::vector<double> z = logits(image);
  double sum = 0.0;
  for (const double v : z) sum += std::exp(v - z[label]);
  return std::log(sum);
}

std::vector<double> SlowNetwork::carry_back(const Values& values,
                                            const std::vector<double>& at_logits, int power) const {
  Values s;
  for (const auto& value : values) s.emplace_back(value.size(), 0.0);
  s.back() = at_logits;
  Values of_weights;
  for (const MatrixLayer& layer : network_.layers)
    of_weights.emplace_back(layer.weight.size(), 0.0);
  for (std::size_t n = network_.nodes.size(); n-- > 0;) {
    const Node& node = network_.nodes[n];
    for (const Connection& c : connections(n, values)) {
      s[c.value][c.input] += std::pow(c.derivative, power) * s[n + 1][c.output];
      if (node.operation == Operation::Matrix)
        of_weights[node.layer][c.weight] +=
            std::pow(values[c.value][c.input], power) * s[n + 1][c.output];
    }
  }
  std::vector<double> all;
  for (const auto& layer : of_weights) all.insert(all.end(), layer.begin(), layer.end());
  return all;
}

std::vector<double> SlowNetwork::second_derivative(
    const std::vector<std::vector<double>>& images) const {
  std::vector<double> mean(network_.weights(), 0.0);
  for (const auto& image : images) {
    const Values values = forward(image);
    const std::vector<double>& z = values.back();
    std::vector<double> curvature(z.size());
    for (std::size_t c = 0; c < z.size(); ++c) {
      // Relative to class c: p = 1 / (1 + others), 1 - p = others / (1 + others), without a
      // difference.
      double others = 0.0;
      for (std::size_t i = 0; i < z.size(); ++i) others += i == c ? 0.0 : std::exp(z[i] - z[c]);
      curvature[c] = others / (1.0 + others) / (1.0 + others);
    }
    const std::vector<double> one = carry_back(values, curvature, 2);
    for (std::size_t i = 0; i < mean.size(); ++i)
      mean[i] += one[i] / static_cast<double>(images.size());
  }
  return mean;
}

std::vector<double> SlowNetwork::gradient(const std::vector<double>& image,
                                          std::size_t label) const {
  const Values values = forward(image);
  const std::vector<double>& z = values.back();
  std::vector<double> slope(z.size());
  for (std::size_t c = 0; c < z.size(); ++c) {
    double sum = 0.0;
    for (const double v : z) sum += std::exp(v - z[c]);
    slope[c] = 1.0 / sum - (c == label ? 1.0 : 0.0);
  }
  return carry_back(values, slope, 1);
}

std::vector<double> image_of(const Dataset& data, std::size_t index) {
  std::vector<double> image;
  for (std::size_t e = 0; e < data.shape.size(); ++e) {
    const float intensity = static_cast<float>(data.pixels[index * data.shape.size() + e]) / 255.0f;
    image.push_back(static_cast<double>(intensity));
  }
  return image;
}

double mean_loss(const workloads::Network& network, const workloads::Dataset& data) {
  const SlowNetwork slow(network);
  double sum = 0.0;
  for (std::size_t n = 0; n < data.count; ++n) sum += slow.loss(image_of(data, n), data.labels[n]);
  return sum / static_cast<double>(data.count);
}

}  // namespace uswim::tests
