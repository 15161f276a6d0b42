#pragma once
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <random>
#include <stdexcept>
#include <string>

#include "onnx_builder.h"
#include "workloads/network/padding.h"

namespace uswim::tests {

/// The fault of the small model after `damage`.
inline std::string fault_after(const std::function<void(ModelBuilder&)>& damage) {
  ModelBuilder model = small_model();
  damage(model);
  return model.fault();
}

inline ::onnx::NodeProto& node(ModelBuilder& model, const std::string& name) {
  for (auto& n : *model.graph().mutable_node())
    if (n.name() == name) return n;
  throw std::logic_error("no node " + name);
}

inline ::onnx::TensorProto& tensor(ModelBuilder& model, const std::string& name) {
  for (auto& t : *model.graph().mutable_initializer())
    if (t.name() == name) return t;
  throw std::logic_error("no tensor " + name);
}

/// The bytes with one to four places changed, left out or added.
inline std::string damaged_bytes(std::string bytes, std::mt19937& random) {
  const std::size_t changes = 1 + random() % 4;
  for (std::size_t c = 0; c < changes; ++c) {
    const std::size_t at = random() % bytes.size();
    switch (random() % 4) {
      case 0:
        bytes[at] = static_cast<char>(bytes[at] ^ 1 << random() % 8);
        break;
      case 1:
        bytes[at] = static_cast<char>(random());
        break;
      case 2:
        bytes.erase(at, 1 + random() % 3);
        break;
      default:
        bytes.insert(at, 1, static_cast<char>(random()));
    }
  }
  return bytes;
}

/// What every importer's result must fulfil, or later code reads outside of its arrays.
inline void expect_consistent(const workloads::Network& network) {
  using workloads::Operation;
  using workloads::Shape;
  ASSERT_FALSE(network.nodes.empty());
  for (std::size_t i = 0; i < network.nodes.size(); ++i) {
    const workloads::Node& n = network.nodes[i];
    ASSERT_FALSE(n.inputs.empty());
    std::size_t channels = 0;
    for (const std::size_t input : n.inputs) {
      ASSERT_LE(input, i);
      channels += network.shape_of(input).channels;
    }
    const Shape& in = network.shape_of(n.input());
    ASSERT_GT(n.shape.size(), 0u);
    ASSERT_LE(n.shape.size(), std::size_t{1} << 24);
    const auto covers = [&](const workloads::Window& w) {
      ASSERT_LE(
          (n.shape.height - 1) * w.stride_height + (w.kernel_height - 1) * w.dilation_height + 1,
          in.height + w.pad_top + w.pad_bottom);
      ASSERT_LE((n.shape.width - 1) * w.stride_width + (w.kernel_width - 1) * w.dilation_width + 1,
                in.width + w.pad_left + w.pad_right);
    };
    switch (n.operation) {
      case Operation::Matrix: {
        ASSERT_LT(n.layer, network.layers.size());
        const workloads::MatrixLayer& layer = network.layers[n.layer];
        ASSERT_EQ(layer.weight.size(), layer.outputs * layer.rows);
        ASSERT_EQ(layer.bias.size(), layer.outputs);
        ASSERT_EQ(n.shape.channels, layer.outputs);
        ASSERT_EQ(layer.rows, in.channels * layer.window.kernel_height * layer.window.kernel_width);
        for (const float w : layer.weight) ASSERT_TRUE(std::isfinite(w));
        covers(layer.window);
        break;
      }
      case Operation::MaxPool:
      case Operation::AveragePool:
        ASSERT_EQ(n.shape.channels, in.channels);
        covers(n.window);
        break;
      case Operation::Quantize:
        ASSERT_GT(n.scale, 0.0f);
        ASSERT_TRUE(n.maximum >= 1 && n.maximum <= 255 && n.minimum <= 0 && n.minimum >= -128);
        ASSERT_TRUE(n.shape == in);
        break;
      case Operation::Scale:
        ASSERT_EQ(n.factor.size(), in.channels);
        ASSERT_EQ(n.offset.size(), in.channels);
        ASSERT_TRUE(n.shape == in);
        break;
      case Operation::Add:
        for (const std::size_t input : n.inputs) ASSERT_TRUE(network.shape_of(input) == n.shape);
        ASSERT_EQ(n.factor.size(), n.inputs.size());
        break;
      case Operation::Concat:
        ASSERT_EQ(n.shape.channels, channels);
        break;
      case Operation::Slice:
        ASSERT_LE(n.first_channel + n.shape.channels, in.channels);
        break;
      case Operation::Flatten:
      case Operation::Reshape:
      case Operation::Transpose:
        ASSERT_EQ(n.shape.size(), in.size());
        break;
      case Operation::Pad:
        ASSERT_NO_THROW(workloads::padded_axes(n, in));
        break;
      default:
        ASSERT_TRUE(n.shape == in);
    }
  }
}

}  // namespace uswim::tests
