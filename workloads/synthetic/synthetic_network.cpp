#include "workloads/synthetic/synthetic_network.h"

#include <fmt/format.h>

#include <cmath>
#include <stdexcept>
#include <string>
#include <vector>

#include "support/device_normals.h"
#include "support/results.h"

namespace uswim::workloads {
namespace {

class Builder {
 public:
  Builder(const Shape& input, std::uint64_t seed) : seed_(seed) {
    network_.input = input;
    add(Operation::Quantize, {0}, input);
  }

  std::size_t input() const { return 1; }
  std::size_t convolve(std::size_t x, std::size_t outputs, std::size_t kernel, std::size_t stride) {
    const Shape in = network_.shape_of(x);
    const std::size_t pad = kernel / 2;
    return matrix(x, outputs, in.channels * kernel * kernel,
                  {kernel, kernel, stride, stride, 1, 1, pad, pad, pad, pad},
                  {outputs, in.height / stride, in.width / stride});
  }
  /// Fully connected, to a vector of `x`'s numbers.
  std::size_t connect(std::size_t x, std::size_t outputs) {
    const Shape in = network_.shape_of(x);
    if (in.height * in.width > 1) x = add(Operation::Flatten, {x}, {in.size()});
    return matrix(x, outputs, in.size(), {}, {outputs});
  }
  std::size_t normalize(std::size_t x) { return add(Operation::Scale, {x}, network_.shape_of(x)); }
  std::size_t activate(std::size_t x) {
    const Shape shape = network_.shape_of(x);
    return add(Operation::Quantize, {add(Operation::Relu, {x}, shape)}, shape);
  }
  std::size_t halve(std::size_t x) {
    const Shape in = network_.shape_of(x);
    const std::size_t value =
        add(Operation::MaxPool, {x}, {in.channels, in.height / 2, in.width / 2});
    network_.nodes.back().window = {2, 2, 2, 2};
    return value;
  }
  std::size_t average(std::size_t x) {
    const Shape in = network_.shape_of(x);
    const std::size_t value = add(Operation::AveragePool, {x}, {in.channels});
    network_.nodes.back().window = {in.height, in.width};
    return value;
  }
  std::size_t quantize(std::size_t x) {
    return add(Operation::Quantize, {x}, network_.shape_of(x));
  }
  std::size_t residual_block(std::size_t x, std::size_t outputs, std::size_t stride) {
    std::size_t y = activate(normalize(convolve(x, outputs, 3, stride)));
    y = normalize(convolve(y, outputs, 3, 1));
    const std::size_t past = stride == 1 ? x : normalize(convolve(x, outputs, 1, stride));
    return activate(add(Operation::Add, {y, past}, network_.shape_of(y)));
  }
  Network finish(std::string_view name) {
    const std::string identity = fmt::format("synthetic 1 {} {}", name, seed_);
    network_.content_hash = support::content_hash(identity);
    return std::move(network_);
  }

 private:
  std::size_t add(Operation operation, std::vector<std::size_t> inputs, const Shape& shape) {
    Node node;
    node.operation = operation;
    node.name = fmt::format("node{}", network_.nodes.size());
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
  std::size_t matrix(std::size_t x, std::size_t outputs, std::size_t rows, const Window& window,
                     const Shape& shape) {
    MatrixLayer layer;
    layer.name = fmt::format("layer{}", network_.layers.size());
    layer.outputs = outputs;
    layer.rows = rows;
    layer.window = window;
    layer.weight.resize(outputs * rows);
    support::device_normals({seed_, 0, support::Stream::SyntheticWeight}, weights_,
                            layer.weight.size(), layer.weight.data());
    weights_ += layer.weight.size();
    const float deviation = std::sqrt(2.0f / static_cast<float>(rows));
    for (float& w : layer.weight) w *= deviation;
    layer.bias.assign(outputs, 0.0f);
    network_.layers.push_back(std::move(layer));
    const std::size_t value = add(Operation::Matrix, {x}, shape);
    network_.nodes.back().layer = network_.layers.size() - 1;
    return value;
  }

  std::uint64_t seed_;
  std::uint64_t weights_ = 0;  ///< drawn so far
  Network network_;
};

Network lenet(std::uint64_t seed) {
  Builder net({1, 28, 28}, seed);
  std::size_t x = net.input();
  for (const std::size_t channels : {6u, 16u})
    x = net.halve(net.activate(net.convolve(x, channels, 3, 1)));
  for (const std::size_t outputs : {120u, 84u}) x = net.activate(net.connect(x, outputs));
  net.connect(x, 10);
  return net.finish("lenet_mnist");
}

Network convnet(std::uint64_t seed) {
  Builder net({3, 32, 32}, seed);
  std::size_t x = net.input();
  for (const std::size_t channels : {64u, 128u, 256u}) {
    x = net.activate(net.convolve(x, channels, 3, 1));
    x = net.halve(net.activate(net.convolve(x, channels, 3, 1)));
  }
  for (int layer = 0; layer < 2; ++layer) x = net.activate(net.connect(x, 1024));
  net.connect(x, 10);
  return net.finish("convnet_cifar10");
}

}  // namespace

Network synthetic_resnet18(std::size_t size, std::size_t classes, std::uint64_t seed) {
  Builder net({3, size, size}, seed);
  std::size_t x = net.activate(net.normalize(net.convolve(net.input(), 64, 3, 1)));
  for (const std::size_t channels : {64u, 128u, 256u, 512u}) {
    x = net.residual_block(x, channels, channels == 64 ? 1 : 2);
    x = net.residual_block(x, channels, 1);
  }
  net.connect(net.quantize(net.average(x)), classes);
  return net.finish(fmt::format("resnet18 {} {}", size, classes));
}

Network synthetic_network(SyntheticNetwork which, std::uint64_t seed) {
  switch (which) {
    case SyntheticNetwork::None:
      break;
    case SyntheticNetwork::LenetMnist:
      return lenet(seed);
    case SyntheticNetwork::ConvnetCifar10:
      return convnet(seed);
    case SyntheticNetwork::Resnet18Cifar10:
      return synthetic_resnet18(32, 10, seed);
    case SyntheticNetwork::Resnet18TinyImagenet:
      return synthetic_resnet18(64, 200, seed);
  }
  throw std::logic_error("a synthetic network without a shape");
}

}  // namespace uswim::workloads
