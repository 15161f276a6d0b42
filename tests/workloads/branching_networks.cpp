#include <algorithm>
#include <array>
#include <cmath>
#include <random>

#include "sample_networks.h"
#include "tests/engine/random_border.h"

namespace uswim::tests {

using workloads::MatrixLayer;
using workloads::Network;
using workloads::Node;
using workloads::Operation;
using workloads::Shape;
using workloads::Window;

namespace {

class Builder {
 public:
  explicit Builder(std::uint32_t seed) : random_(seed) {
    network_.input = {pick(1, 4), pick(4, 7), pick(4, 7)};
    Node& q = add(Operation::Quantize, {0}, network_.input);
    q.scale = 0.0625f;
    q.minimum = -8;
    q.maximum = 7;
  }
  void step() {
    // Mostly the newest value, so that networks become deep as well as wide.
    const std::size_t values = network_.nodes.size() + 1;
    const std::size_t x = pick(0, 2) == 0 ? pick(1, values - 1) : values - 1;
    switch (pick(0, 14)) {
      case 0:
      case 1:
        return convolve(x);
      case 2:
        add(Operation::Relu, {x});
        return;
      case 3:
        add(Operation::LeakyRelu, {x}).slope = pick(0, 1) == 0 ? 0.1f : -0.5f;
        return;
      case 4: {
        Node& clip = add(Operation::Clip, {x});
        clip.low = -0.3f;
        clip.high = pick(0, 1) == 0 ? 0.6f : INFINITY;
        return;
      }
      case 5:
        add(pick(0, 1) == 0 ? Operation::Sigmoid : Operation::Tanh, {x});
        return;
      case 6: {
        const std::size_t channels = network_.shape_of(x).channels;
        Node& scale = add(Operation::Scale, {x});
        scale.factor = numbers(channels, 1.0f);
        scale.offset = numbers(channels, 0.3f);
        return;
      }
      case 7:
        return sum(x);
      case 8:
        return product(x);
      case 9:
        return pool(x, pick(0, 1) == 0 ? Operation::MaxPool : Operation::AveragePool);
      case 10:
        return transpose(x);
      case 11:
        return concat(x);
      case 12: {
        const Shape in = network_.shape_of(x);
        const std::size_t first = pick(0, in.channels - 1);
        add(Operation::Slice, {x}, {pick(1, in.channels - first), in.height, in.width})
            .first_channel = first;
        return;
      }
      case 13: {
        const auto [shape, border] = random_border(network_.shape_of(x), random_);
        add(Operation::Pad, {x}, shape).border = border;
        return;
      }
      default: {
        const Shape in = network_.shape_of(x);
        add(Operation::Reshape, {x}, {in.width, in.channels, in.height});
      }
    }
  }
  /// Every value that nobody reads goes into the logits.
  Network finish(std::size_t classes) {
    std::vector<bool> read(network_.nodes.size() + 1, false);
    for (const Node& node : network_.nodes)
      for (const std::size_t input : node.inputs) read[input] = true;
    std::vector<std::size_t> parts;
    for (std::size_t v = 1; v < read.size(); ++v) {
      if (read[v]) continue;
      add(Operation::Flatten, {v}, {network_.shape_of(v).size()});
      connect(network_.nodes.size(), {}, {classes});
      parts.push_back(network_.nodes.size());
    }
    const std::size_t count = parts.size();
    add(Operation::Add, std::move(parts), {classes}).factor = numbers(count, 2.0f);
    return std::move(network_);
  }

 private:
  std::size_t pick(std::size_t least, std::size_t most) {
    return least + random_() % (most - least + 1);
  }
  std::vector<float> numbers(std::size_t count, float spread) {
    std::normal_distribution<float> normal(0.0f, spread);
    std::vector<float> values(count);
    for (float& v : values) v = normal(random_);
    return values;
  }
  Node& add(Operation operation, std::vector<std::size_t> inputs) {
    const Shape shape = network_.shape_of(inputs.front());
    return add(operation, std::move(inputs), shape);
  }
  Node& add(Operation operation, std::vector<std::size_t> inputs, const Shape& shape) {
    Node node;
    node.operation = operation;
    node.name = "node" + std::to_string(network_.nodes.size());
    node.inputs = std::move(inputs);
    node.shape = shape;
    network_.nodes.push_back(std::move(node));
    return network_.nodes.back();
  }
  void connect(std::size_t x, const Window& window, const Shape& out) {
    MatrixLayer layer;
    layer.name = "layer" + std::to_string(network_.layers.size());
    layer.outputs = out.channels;
    layer.rows = network_.shape_of(x).channels * window.kernel_height * window.kernel_width;
    layer.window = window;
    layer.weight =
        numbers(layer.outputs * layer.rows, 1.0f / std::sqrt(static_cast<float>(layer.rows)));
    layer.bias = numbers(layer.outputs, 0.2f);
    add(Operation::Matrix, {x}, out).layer = network_.layers.size();
    network_.layers.push_back(std::move(layer));
  }
  /// A window that covers at least one element wherever it lies; `out` is what it makes of `in`.
  bool window(const Shape& in, bool ceil_mode, Window& w, Shape& out) {
    w.kernel_height = pick(1, 3);
    w.kernel_width = pick(1, 3);
    w.stride_height = pick(1, 2);
    w.stride_width = pick(1, 2);
    w.pad_top = pick(0, w.kernel_height - 1);
    w.pad_left = pick(0, w.kernel_width - 1);
    w.pad_bottom = pick(0, w.kernel_height - 1);
    w.pad_right = pick(0, w.kernel_width - 1);
    const std::size_t height = in.height + w.pad_top + w.pad_bottom;
    const std::size_t width = in.width + w.pad_left + w.pad_right;
    if (height < w.kernel_height || width < w.kernel_width) return false;
    const std::size_t more_rows = ceil_mode ? w.stride_height - 1 : 0;
    const std::size_t more_columns = ceil_mode ? w.stride_width - 1 : 0;
    out.height = (height - w.kernel_height + more_rows) / w.stride_height + 1;
    out.width = (width - w.kernel_width + more_columns) / w.stride_width + 1;
    // The last window has to begin in the image.
    return (out.height - 1) * w.stride_height < in.height + w.pad_top &&
           (out.width - 1) * w.stride_width < in.width + w.pad_left;
  }
  void convolve(std::size_t x) {
    Window w;
    Shape out{pick(1, 5)};
    if (window(network_.shape_of(x), false, w, out)) connect(x, w, out);
  }
  void pool(std::size_t x, Operation operation) {
    Window w;
    Shape out{network_.shape_of(x).channels};
    if (!window(network_.shape_of(x), pick(0, 1) == 1, w, out)) return;
    Node& node = add(operation, {x}, out);
    node.window = w;
    node.counts_border = pick(0, 1) == 1;
  }
  /// A value for which `fits` holds of its shape, x itself included.
  template <class Fits>
  std::size_t partner(std::size_t x, Fits&& fits) {
    for (int tries = 0; tries < 20; ++tries) {
      const std::size_t v = pick(1, network_.nodes.size());
      if (fits(network_.shape_of(v))) return v;
    }
    return x;
  }
  void sum(std::size_t x) {
    const Shape shape = network_.shape_of(x);
    const auto fits = [&](const Shape& s) { return s == shape; };
    std::vector<std::size_t> inputs{x};
    for (std::size_t more = pick(1, 2); more > 0; --more) inputs.push_back(partner(x, fits));
    const std::size_t count = inputs.size();
    add(Operation::Add, std::move(inputs)).factor = numbers(count, 1.0f);
  }
  void product(std::size_t x) {
    const Shape shape = network_.shape_of(x);
    std::size_t other = partner(x, [&](const Shape& s) { return s == shape; });
    if (pick(0, 1) == 1) {
      // Squeeze and excitation: the mean of each channel times the channel.
      add(Operation::AveragePool, {other}, {shape.channels}).window = {shape.height, shape.width};
      other = network_.nodes.size();
    }
    if (pick(0, 1) == 1 || network_.shape_of(other) == shape)
      add(Operation::Multiply, {x, other}, shape);
    else
      add(Operation::Multiply, {other, x}, shape);
  }
  void transpose(std::size_t x) {
    const Shape in = network_.shape_of(x);
    const std::size_t sizes[3] = {in.channels, in.height, in.width};
    std::array<std::size_t, 3> axes{0, 1, 2};
    std::shuffle(axes.begin(), axes.end(), random_);
    add(Operation::Transpose, {x}, {sizes[axes[0]], sizes[axes[1]], sizes[axes[2]]}).axes = axes;
  }
  void concat(std::size_t x) {
    const Shape shape = network_.shape_of(x);
    const std::size_t other = partner(
        x, [&](const Shape& s) { return s.height == shape.height && s.width == shape.width; });
    add(Operation::Concat, {x, other},
        {shape.channels + network_.shape_of(other).channels, shape.height, shape.width});
  }

  std::mt19937 random_;
  Network network_;
};

}  // namespace

Network branching_network(std::uint32_t seed) {
  Builder builder(seed);
  for (int i = 0; i < 16; ++i) builder.step();
  return builder.finish(2 + seed % 5);
}

}  // namespace uswim::tests
