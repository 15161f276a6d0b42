#include "tests/engine/plain_network.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

namespace uswim::workloads::plain {

NetworkBuilder::NetworkBuilder(Shape input, unsigned seed) : shape_(input), random_(seed) {
  network_.input = input;
}

Node& NetworkBuilder::add(Operation operation, Shape shape) {
  Node node{};
  node.operation = operation;
  node.name = "node" + std::to_string(network_.nodes.size());
  node.inputs = {network_.nodes.size()};
  node.shape = shape;
  shape_ = shape;
  network_.nodes.push_back(node);
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
NetworkBuilder& NetworkBuilder::quantize(float scale, int maximum) {
  Node& node = add(Operation::Quantize, shape_);
  node.scale = scale;
  node.maximum = maximum;
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

std::vector<float> logits(const Network& network, const std::vector<QuantizedWeights>& weights,
                          const std::vector<std::int16_t>& input) {
  struct Value {
    std::vector<float> floats;
    std::vector<std::int16_t> codes;  // if quantised; floats are scale * code then
    float scale = 0.0f;
  };
  const auto set_codes = [](Value& value, std::vector<std::int16_t> codes, float scale) {
    value.floats.clear();
    for (const std::int16_t code : codes) value.floats.push_back(scale * static_cast<float>(code));
    value.codes = std::move(codes);
    value.scale = scale;
  };
  std::vector<Value> values(network.nodes.size() + 1);
  set_codes(values[1], input, network.nodes[0].scale);
  for (std::size_t n = 1; n < network.nodes.size(); ++n) {
    const Node& node = network.nodes[n];
    const Value& from = values[node.input()];
    const Shape& shape = network.shape_of(node.input());
    Value& to = values[n + 1];
    if (node.operation == Operation::Matrix) {
      const MatrixLayer& layer = network.layers[node.layer];
      const auto factor = static_cast<float>(weights[node.layer].step() * from.scale);
      const std::size_t plane = node.shape.height * node.shape.width;
      for (const std::int64_t product :
           multiply(layer, weights[node.layer].code.data(), shape, from.codes, node.shape)) {
        const float scaled = static_cast<float>(product) * factor;
        to.floats.push_back(scaled + layer.bias[to.floats.size() / plane]);
      }
    } else if (node.operation == Operation::Quantize) {
      const float inverse = 1.0f / node.scale;
      std::vector<std::int16_t> codes;
      for (const float value : from.floats) {
        const float rounded = std::nearbyint(value * inverse);
        codes.push_back(
            static_cast<std::int16_t>(std::clamp(rounded, 0.0f, static_cast<float>(node.maximum))));
      }
      set_codes(to, codes, node.scale);
    } else if (node.operation == Operation::Relu) {
      to = from;
      for (float& value : to.floats) value = std::max(value, 0.0f);
    } else if (node.operation == Operation::Flatten) {
      to = from;
    } else {
      std::vector<std::int16_t> codes;
      for (std::size_t c = 0; c < node.shape.channels; ++c) {
        for (std::size_t y = 0; y < node.shape.height; ++y) {
          for (std::size_t x = 0; x < node.shape.width; ++x) {
            float largest = -std::numeric_limits<float>::infinity();
            std::int16_t largest_code = 0;
            under_window(
                node.window, shape, y, x, [&](std::size_t, std::size_t from_y, std::size_t from_x) {
                  const std::size_t at = (c * shape.height + from_y) * shape.width + from_x;
                  largest = std::max(largest, from.floats[at]);
                  if (!from.codes.empty()) largest_code = std::max(largest_code, from.codes[at]);
                });
            to.floats.push_back(largest);
            codes.push_back(largest_code);
          }
        }
      }
      if (!from.codes.empty()) set_codes(to, codes, from.scale);
    }
  }
  return values.back().floats;
}

void fill_randomly(CodeBlocks& codes, int maximum, std::mt19937& random) {
  std::uniform_int_distribution<int> code(0, maximum);
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
