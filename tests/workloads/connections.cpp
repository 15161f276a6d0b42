#include "connections.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <stdexcept>
#include <utility>

namespace uswim::tests {

using workloads::Dataset;
using workloads::MatrixLayer;
using workloads::Network;
using workloads::Node;
using workloads::Operation;
using workloads::Shape;
using workloads::Window;

std::vector<std::size_t> SlowNetwork::window_elements(const Window& window, const Shape& input,
                                                      std::size_t channel, std::size_t y,
                                                      std::size_t x,
                                                      std::vector<std::size_t>* taps) {
  std::vector<std::size_t> elements;
  const auto signed_of = [](std::size_t v) { return static_cast<long>(v); };
  for (std::size_t ky = 0; ky < window.kernel_height; ++ky)
    for (std::size_t kx = 0; kx < window.kernel_width; ++kx) {
      const long row = signed_of(y * window.stride_height + ky * window.dilation_height) -
                       signed_of(window.pad_top);
      const long column = signed_of(x * window.stride_width + kx * window.dilation_width) -
                          signed_of(window.pad_left);
      if (row < 0 || row >= signed_of(input.height) || column < 0 ||
          column >= signed_of(input.width))
        continue;
      elements.push_back((channel * input.height + static_cast<std::size_t>(row)) * input.width +
                         static_cast<std::size_t>(column));
      if (taps != nullptr) taps->push_back(ky * window.kernel_width + kx);
    }
  return elements;
}

SlowNetwork::SlowNetwork(const Network& network, bool quantize)
    : network_(network), quantize_(quantize), connections_(network.nodes.size()) {
  for (std::size_t n = 0; n < network.nodes.size(); ++n) {
    const Node& node = network.nodes[n];
    if (node.operation != Operation::Matrix) continue;
    const MatrixLayer& layer = network.layers[node.layer];
    const Shape& input = network.shape_of(node.input());
    const std::size_t taps = layer.window.kernel_height * layer.window.kernel_width;
    for (std::size_t o = 0; o < node.shape.channels; ++o)
      for (std::size_t y = 0; y < node.shape.height; ++y)
        for (std::size_t x = 0; x < node.shape.width; ++x)
          for (std::size_t c = 0; c < input.channels; ++c) {
            std::vector<std::size_t> tap;
            const auto elements = window_elements(layer.window, input, c, y, x, &tap);
            for (std::size_t i = 0; i < elements.size(); ++i)
              connections_[n].push_back({(o * node.shape.height + y) * node.shape.width + x,
                                         elements[i],
                                         o * input.channels * taps + c * taps + tap[i]});
          }
  }
}

std::vector<std::vector<double>> SlowNetwork::forward(const std::vector<double>& image) const {
  std::vector<std::vector<double>> values{image};
  for (std::size_t n = 0; n < network_.nodes.size(); ++n) {
    const Node& node = network_.nodes[n];
    const std::vector<double>& in = values[node.input()];
    std::vector<double> out(node.shape.size(), 0.0);
    switch (node.operation) {
      case Operation::Matrix: {
        const MatrixLayer& layer = network_.layers[node.layer];
        const std::size_t positions = node.shape.height * node.shape.width;
        for (std::size_t e = 0; e < out.size(); ++e)
          out[e] = static_cast<double>(layer.bias[e / positions]);
        for (const Connection& c : connections_[n])
          out[c.output] += static_cast<double>(layer.weight[c.weight]) * in[c.input];
        break;
      }
      case Operation::Relu:
        for (std::size_t e = 0; e < out.size(); ++e) out[e] = std::max(in[e], 0.0);
        break;
      case Operation::Quantize: {
        const double scale = static_cast<double>(node.scale);
        for (std::size_t e = 0; e < out.size(); ++e)
          out[e] = quantize_ ? scale * std::clamp(std::nearbyint(in[e] / scale), 0.0,
                                                  static_cast<double>(node.maximum))
                             : in[e];
        break;
      }
      case Operation::MaxPool: {
        const Shape& input = network_.shape_of(node.input());
        std::size_t e = 0;
        for (std::size_t c = 0; c < node.shape.channels; ++c)
          for (std::size_t y = 0; y < node.shape.height; ++y)
            for (std::size_t x = 0; x < node.shape.width; ++x, ++e) {
              const auto elements = window_elements(node.window, input, c, y, x, nullptr);
              out[e] = in[elements.front()];
              for (const std::size_t i : elements) out[e] = std::max(out[e], in[i]);
            }
        break;
      }
      case Operation::Flatten:
        out = in;
        break;
      default:
        throw std::logic_error(node.name + ": no reference for this operation");
    }
    values.push_back(std::move(out));
  }
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

std::vector<double> SlowNetwork::second_derivative(
    const std::vector<std::vector<double>>& images) const {
  std::vector<std::vector<double>> sums;
  for (const MatrixLayer& layer : network_.layers) sums.emplace_back(layer.weight.size(), 0.0);
  for (const auto& image : images) {
    const auto values = forward(image);
    std::vector<std::vector<double>> s;
    for (const auto& value : values) s.emplace_back(value.size(), 0.0);
    const std::vector<double>& z = values.back();
    for (std::size_t c = 0; c < z.size(); ++c) {
      // Relative to class c: p = 1 / (1 + others), 1 - p = others / (1 + others), without a
      // difference.
      double others = 0.0;
      for (std::size_t i = 0; i < z.size(); ++i) others += i == c ? 0.0 : std::exp(z[i] - z[c]);
      s.back()[c] = others / (1.0 + others) / (1.0 + others);
    }
    for (std::size_t n = network_.nodes.size(); n-- > 0;) {
      const Node& node = network_.nodes[n];
      const auto& x = values[node.input()];
      auto& s_in = s[node.input()];
      const auto& s_out = s[n + 1];
      switch (node.operation) {
        case Operation::Matrix: {
          const auto& weight = network_.layers[node.layer].weight;
          for (const Connection& c : connections_[n]) {
            const double w = static_cast<double>(weight[c.weight]);
            sums[node.layer][c.weight] += s_out[c.output] * x[c.input] * x[c.input];
            s_in[c.input] += w * w * s_out[c.output];
          }
          break;
        }
        case Operation::Relu:
          for (std::size_t e = 0; e < x.size(); ++e) s_in[e] += x[e] > 0.0 ? s_out[e] : 0.0;
          break;
        case Operation::Quantize:
        case Operation::Flatten:
          for (std::size_t e = 0; e < x.size(); ++e) s_in[e] += s_out[e];
          break;
        case Operation::MaxPool: {
          const Shape& input = network_.shape_of(node.input());
          std::size_t e = 0;
          for (std::size_t c = 0; c < node.shape.channels; ++c)
            for (std::size_t oy = 0; oy < node.shape.height; ++oy)
              for (std::size_t ox = 0; ox < node.shape.width; ++ox, ++e) {
                const auto elements = window_elements(node.window, input, c, oy, ox, nullptr);
                const auto first =
                    std::max_element(elements.begin(), elements.end(),
                                     [&](std::size_t a, std::size_t b) { return x[a] < x[b]; });
                s_in[*first] += s_out[e];
              }
          break;
        }
        default:
          throw std::logic_error(node.name + ": no reference for this operation");
      }
    }
  }
  std::vector<double> mean;
  for (const auto& layer : sums)
    for (const double sum : layer) mean.push_back(sum / static_cast<double>(images.size()));
  return mean;
}

std::vector<double> image_of(const Dataset& data, std::size_t index) {
  std::vector<double> image;
  for (std::size_t e = 0; e < data.shape.size(); ++e) {
    const float intensity = static_cast<float>(data.pixels[index * data.shape.size() + e]) / 255.0f;
    image.push_back(static_cast<double>(intensity));
  }
  return image;
}

std::size_t windows_along(std::size_t size, std::size_t pads, std::size_t kernel,
                          std::size_t stride, std::size_t dilation) {
  return (size + pads - ((kernel - 1) * dilation + 1)) / stride + 1;
}

namespace {

Shape windowed(const Shape& in, const Window& w, std::size_t channels) {
  return {channels,
          windows_along(in.height, w.pad_top + w.pad_bottom, w.kernel_height, w.stride_height,
                        w.dilation_height),
          windows_along(in.width, w.pad_left + w.pad_right, w.kernel_width, w.stride_width,
                        w.dilation_width)};
}

Node& append_node(Network& network, Operation operation, const Shape& shape) {
  Node node;
  node.operation = operation;
  node.name = "node" + std::to_string(network.nodes.size());
  node.inputs = {network.nodes.size()};
  node.shape = shape;
  network.nodes.push_back(std::move(node));
  return network.nodes.back();
}

}  // namespace

void append_matrix(Network& network, std::size_t outputs, const Window& window,
                   std::vector<float> weight, std::vector<float> bias) {
  const Shape in = network.shape_of(network.nodes.size());
  append_node(network, Operation::Matrix, windowed(in, window, outputs)).layer =
      network.layers.size();
  MatrixLayer layer;
  layer.name = network.nodes.back().name;
  layer.outputs = outputs;
  layer.rows = in.channels * window.kernel_height * window.kernel_width;
  layer.window = window;
  layer.weight = std::move(weight);
  layer.bias = std::move(bias);
  network.layers.push_back(std::move(layer));
}

void append(Network& network, Operation operation) {
  const Shape in = network.shape_of(network.nodes.size());
  append_node(network, operation, operation == Operation::Flatten ? Shape{in.size(), 1, 1} : in);
}

void append_quantize(Network& network, float scale, int maximum) {
  Node& node = append_node(network, Operation::Quantize, network.shape_of(network.nodes.size()));
  node.scale = scale;
  node.maximum = maximum;
}

void append_max_pool(Network& network, const Window& window) {
  const Shape in = network.shape_of(network.nodes.size());
  append_node(network, Operation::MaxPool, windowed(in, window, in.channels)).window = window;
}

Network random_network(std::uint32_t seed) {
  Network network;
  std::mt19937 random(seed);
  const auto pick = [&](std::size_t least, std::size_t most) {
    return least + random() % (most - least + 1);
  };
  const auto numbers = [&](std::size_t count, float step) {
    std::vector<float> values;
    for (std::size_t i = 0; i < count; ++i)
      values.push_back(step * (static_cast<float>(pick(0, 16)) - 8.0f));
    return values;
  };
  /// A window that fits the newest value; `border` whether it may have one.
  const auto window = [&](bool border) {
    const Shape& in = network.shape_of(network.nodes.size());
    for (;;) {
      Window w;
      w.kernel_height = pick(1, 3);
      w.kernel_width = pick(1, 3);
      w.stride_height = pick(1, 2);
      w.stride_width = pick(1, 2);
      w.dilation_height = pick(1, 2);
      w.dilation_width = pick(1, 2);
      if (border) {
        w.pad_top = pick(0, 2);
        w.pad_left = pick(0, 2);
        w.pad_bottom = pick(0, 2);
        w.pad_right = pick(0, 2);
      }
      if (in.height + w.pad_top + w.pad_bottom > (w.kernel_height - 1) * w.dilation_height &&
          in.width + w.pad_left + w.pad_right > (w.kernel_width - 1) * w.dilation_width)
        return w;
    }
  };
  network.input = {pick(1, 3), pick(5, 9), pick(5, 9)};
  append_quantize(network, 0.0625f, 15);
  const auto convolve = [&] {
    const Window w = window(true);
    const std::size_t outputs = pick(1, 7);
    const std::size_t rows =
        network.shape_of(network.nodes.size()).channels * w.kernel_height * w.kernel_width;
    append_matrix(network, outputs, w, numbers(outputs * rows, 0.125f), numbers(outputs, 0.0625f));
  };
  const auto connect = [&](std::size_t outputs) {
    const std::size_t rows = network.shape_of(network.nodes.size()).size();
    append_matrix(network, outputs, {}, numbers(outputs * rows, 0.125f), numbers(outputs, 0.0625f));
  };
  convolve();
  append(network, Operation::Relu);
  append_quantize(network, 0.25f, 15);
  if (pick(0, 1) == 1) append_max_pool(network, window(false));
  convolve();
  if (pick(0, 1) == 1) {
    append_max_pool(network, window(false));
    append(network, Operation::Relu);
  } else {
    append(network, Operation::Relu);
    append_quantize(network, 0.5f, 7);
  }
  append(network, Operation::Flatten);
  connect(pick(1, 9));
  append(network, Operation::Relu);
  connect(pick(2, 11));
  return network;
}

Dataset random_images(const Shape& shape, std::size_t count, std::uint32_t seed) {
  std::mt19937 random(seed);
  Dataset data;
  data.shape = shape;
  data.count = count;
  for (std::size_t i = 0; i < count * shape.size(); ++i)
    data.pixels.push_back(static_cast<std::uint8_t>(random() >> 24));
  data.labels.assign(count, 0);
  return data;
}

}  // namespace uswim::tests
