#include <string>
#include <utility>

#include "tests/engine/plain_network.h"

namespace uswim::workloads::plain {

NetworkBuilder::NetworkBuilder(Shape input, unsigned seed) : shape_(input), random_(seed) {
  network_.input = input;
}

Node& NetworkBuilder::add(Operation operation, Shape shape) {
  Node node{};
  node.operation = operation;
  node.name = "node" + std::to_string(network_.nodes.size());
  node.inputs = {from_};
  node.shape = shape;
  shape_ = shape;
  network_.nodes.push_back(node);
  from_ = network_.nodes.size();
  return network_.nodes.back();
}

NetworkBuilder& NetworkBuilder::matrix(std::size_t outputs, const Window& window, Shape result) {
  MatrixLayer layer;
  layer.name = "layer" + std::to_string(network_.layers.size());
  layer.outputs = outputs;
  layer.rows = shape_.channels * window.kernel_height * window.kernel_width;
  layer.window = window;
  std::normal_distribution<float> normal;
  layer.weight.resize(outputs * layer.rows);
  for (float& weight : layer.weight) weight = normal(random_);
  layer.bias.resize(outputs);
  for (float& bias : layer.bias) bias = 0.3f * normal(random_);
  network_.layers.push_back(layer);
  add(Operation::Matrix, result).layer = network_.layers.size() - 1;
  return *this;
}

NetworkBuilder& NetworkBuilder::convolution(std::size_t outputs, const Window& window) {
  return matrix(outputs, window, shape_after(window, shape_, outputs));
}
NetworkBuilder& NetworkBuilder::dense(std::size_t outputs) {
  return matrix(outputs, Window{}, {outputs, 1, 1});
}
NetworkBuilder& NetworkBuilder::relu() {
  add(Operation::Relu, shape_);
  return *this;
}
NetworkBuilder& NetworkBuilder::clip(float low, float high) {
  Node& node = add(Operation::Clip, shape_);
  node.low = low;
  node.high = high;
  return *this;
}
NetworkBuilder& NetworkBuilder::scale() {
  std::uniform_real_distribution<float> factor(0.5f, 1.5f), offset(-0.4f, 0.4f);
  Node& node = add(Operation::Scale, shape_);
  for (std::size_t c = 0; c < shape_.channels; ++c) {
    node.factor.push_back(factor(random_));
    node.offset.push_back(offset(random_));
  }
  return *this;
}
NetworkBuilder& NetworkBuilder::from(std::size_t value) {
  from_ = value;
  shape_ = network_.shape_of(value);
  return *this;
}
NetworkBuilder& NetworkBuilder::combine(Operation operation, std::vector<std::size_t> inputs) {
  Shape shape = network_.shape_of(inputs.front());
  for (std::size_t i = 1; i < inputs.size(); ++i) {
    const Shape& other = network_.shape_of(inputs[i]);
    if (operation == Operation::Concat)
      shape.channels += other.channels;
    else if (other.size() > shape.size())
      shape = other;
  }
  Node& node = add(operation, shape);
  std::uniform_real_distribution<float> factor(-1.5f, 1.5f);
  for (std::size_t i = 0; i < inputs.size(); ++i) node.factor.push_back(factor(random_));
  node.inputs = std::move(inputs);
  return *this;
}
NetworkBuilder& NetworkBuilder::quantize(float scale, int maximum, int minimum) {
  Node& node = add(Operation::Quantize, shape_);
  node.scale = scale;
  node.maximum = maximum;
  node.minimum = minimum;
  return *this;
}
NetworkBuilder& NetworkBuilder::max_pool(const Window& window) {
  add(Operation::MaxPool, shape_after(window, shape_, shape_.channels)).window = window;
  return *this;
}
NetworkBuilder& NetworkBuilder::flatten() {
  add(Operation::Flatten, {shape_.size(), 1, 1});
  return *this;
}

Window window(std::size_t kernel, std::size_t stride, std::size_t pad, std::size_t dilation) {
  return {kernel, kernel, stride, stride, dilation, dilation, pad, pad, pad, pad};
}

Shape shape_after(const Window& w, Shape input, std::size_t channels) {
  return {channels,
          (input.height + w.pad_top + w.pad_bottom - w.dilation_height * (w.kernel_height - 1) -
           1) / w.stride_height +
              1,
          (input.width + w.pad_left + w.pad_right - w.dilation_width * (w.kernel_width - 1) - 1) /
                  w.stride_width +
              1};
}

}  // namespace uswim::workloads::plain
