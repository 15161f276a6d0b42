#include "bench/sensitivity/resnet18.h"

#include <cmath>
#include <random>
#include <string>
#include <utility>

namespace uswim::bench {

using workloads::MatrixLayer;
using workloads::Network;
using workloads::Node;
using workloads::Operation;
using workloads::Shape;
using workloads::Window;

namespace {

class Builder {
 public:
  explicit Builder(const Shape& input) { network_.input = input; }
  std::size_t add(Operation operation, std::vector<std::size_t> inputs, const Shape& shape) {
    Node node;
    node.operation = operation;
    node.name = "node" + std::to_string(network_.nodes.size());
    node.inputs = std::move(inputs);
    node.shape = shape;
    if (operation == Operation::Scale) {
      node.factor.assign(shape.channels, 1.1f);
      node.offset.assign(shape.channels, 0.01f);
    }
    if (operation == Operation::Add) node.factor.assign(node.inputs.size(), 1.0f);
    if (operation == Operation::Quantize) {
      node.scale = 0.02f;
      node.maximum = 255;
    }
    network_.nodes.push_back(std::move(node));
    return network_.nodes.size();
  }
  std::size_t matrix(std::size_t x, std::size_t outputs, std::size_t kernel, std::size_t stride) {
    const Shape in = network_.shape_of(x);
    MatrixLayer layer;
    layer.name = "layer" + std::to_string(network_.layers.size());
    layer.outputs = outputs;
    layer.rows = in.channels * kernel * kernel;
    const std::size_t pad = kernel / 2;
    layer.window = {kernel, kernel, stride, stride, 1, 1, pad, pad, pad, pad};
    std::normal_distribution<float> normal(0.0f, std::sqrt(2.0f / static_cast<float>(layer.rows)));
    for (std::size_t i = 0; i < outputs * layer.rows; ++i) layer.weight.push_back(normal(random_));
    layer.bias.assign(outputs, 0.0f);
    network_.layers.push_back(std::move(layer));
    const std::size_t value =
        add(Operation::Matrix, {x}, {outputs, in.height / stride, in.width / stride});
    network_.nodes.back().layer = network_.layers.size() - 1;
    return value;
  }
  std::size_t convolve(std::size_t x, std::size_t outputs, std::size_t kernel, std::size_t stride) {
    const std::size_t value = matrix(x, outputs, kernel, stride);
    return add(Operation::Scale, {value}, network_.shape_of(value));
  }
  std::size_t activate(std::size_t x) {
    const Shape shape = network_.shape_of(x);
    return add(Operation::Quantize, {add(Operation::Relu, {x}, shape)}, shape);
  }
  std::size_t block(std::size_t x, std::size_t outputs, std::size_t stride) {
    std::size_t y = activate(convolve(x, outputs, 3, stride));
    y = convolve(y, outputs, 3, 1);
    const std::size_t other = stride == 1 ? x : convolve(x, outputs, 1, stride);
    return activate(add(Operation::Add, {y, other}, network_.shape_of(y)));
  }
  std::size_t average(std::size_t x) {
    const Shape in = network_.shape_of(x);
    const std::size_t value = add(Operation::AveragePool, {x}, {in.channels});
    network_.nodes.back().window = {in.height, in.width};
    return value;
  }
  Network finish() { return std::move(network_); }

 private:
  std::mt19937 random_{1};
  Network network_;
};

}  // namespace

Network resnet18(std::size_t size, std::size_t classes) {
  Builder net({3, size, size});
  std::size_t x = net.add(Operation::Quantize, {0}, {3, size, size});
  x = net.activate(net.convolve(x, 64, 3, 1));
  for (const std::size_t channels : {64u, 128u, 256u, 512u}) {
    x = net.block(x, channels, channels == 64 ? 1 : 2);
    x = net.block(x, channels, 1);
  }
  net.matrix(net.average(x), classes, 1, 1);
  return net.finish();
}

workloads::Dataset random_images(const Shape& shape, std::size_t count) {
  std::mt19937 random(1);
  workloads::Dataset data;
  data.shape = shape;
  data.count = count;
  for (std::size_t i = 0; i < count * shape.size(); ++i)
    data.pixels.push_back(static_cast<std::uint8_t>(random() >> 24));
  data.labels.assign(count, 0);
  return data;
}

}  // namespace uswim::bench
