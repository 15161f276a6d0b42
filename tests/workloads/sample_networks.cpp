#include "sample_networks.h"

#include <random>
#include <utility>

namespace uswim::tests {

using workloads::Dataset;
using workloads::MatrixLayer;
using workloads::Network;
using workloads::Node;
using workloads::Operation;
using workloads::Shape;
using workloads::Window;

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
