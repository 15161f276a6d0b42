#include "workloads/sensitivity/node_rules.h"

#include <algorithm>

#include "workloads/sensitivity/elementwise.h"
#include "workloads/sensitivity/pooling.h"
#include "workloads/sensitivity/rearrangement.h"

namespace uswim::workloads::layer_arithmetic {
namespace {

/// Where the first of `blocks` begins in a buffer of value `value`.
struct Places {
  const Network& network;
  Range blocks;
  ValueBuffers& values;
  float* operator[](std::size_t value) const {
    return values[value].data() + blocks.begin * network.shape_of(value).size() * kLanes;
  }
};

/// Calls derivative(v) for each number; see scale_by_derivative.
template <class Function>
void scale_each(Derivative order, std::size_t count, const float* seen, const float* s, float* out,
                Into into, Function&& derivative) {
  if (into == Into::Replaced)
    for (std::size_t i = 0; i < count; ++i) out[i] = power(order, derivative(seen[i])) * s[i];
  else
    for (std::size_t i = 0; i < count; ++i) out[i] += power(order, derivative(seen[i])) * s[i];
}

/// The same where the derivative is 1 or 0.
template <class Function>
void pass_where(std::size_t count, const float* seen, const float* s, float* out, Into into,
                Function&& passes) {
  if (into == Into::Replaced)
    for (std::size_t i = 0; i < count; ++i) out[i] = passes(seen[i]) ? s[i] : 0.0f;
  else
    for (std::size_t i = 0; i < count; ++i) out[i] += passes(seen[i]) ? s[i] : 0.0f;
}

}  // namespace

bool only_renames(const Node& node) {
  return node.operation == Operation::Flatten || node.operation == Operation::Reshape;
}

bool is_linear(const Node& node) {
  switch (node.operation) {
    case Operation::Scale:
    case Operation::Add:
    case Operation::AveragePool:
    case Operation::Flatten:
    case Operation::Reshape:
    case Operation::Transpose:
    case Operation::Concat:
    case Operation::Slice:
    case Operation::Pad:
      return true;
    default:
      return false;
  }
}

bool works_number_by_number(const Node& node) {
  switch (node.operation) {
    case Operation::Relu:
    case Operation::LeakyRelu:
    case Operation::Clip:
    case Operation::Sigmoid:
    case Operation::Tanh:
    case Operation::Quantize:
    case Operation::Scale:
    case Operation::Add:
      return true;
    default:
      return only_renames(node);
  }
}

void run_linear(const Network& network, std::size_t index, Range blocks, Offset offset,
                ValueBuffers& values) {
  const Node& node = network.nodes[index];
  const Shape& shape = network.shape_of(node.input());
  const Places place{network, blocks, values};
  const float* x = place[node.input()];
  float* y = place[index + 1];
  const std::size_t here = blocks.size(), count = here * node.shape.size() * kLanes;
  switch (node.operation) {
    case Operation::Scale:
      scale_channels(here, node.shape, node.factor.data(),
                     offset == Offset::Added ? node.offset.data() : nullptr, x, y);
      break;
    case Operation::Add:
      // The first input may lie in the same place; the others are read after it was written.
      set_scaled(count, node.factor[0], x, y);
      for (std::size_t k = 1; k < node.inputs.size(); ++k)
        add_scaled(count, node.factor[k], place[node.inputs[k]], y);
      break;
    case Operation::AveragePool:
      average_pool(here, node, shape, x, y);
      break;
    case Operation::Flatten:
    case Operation::Reshape:
      // The elements' order is the same; only where another node reads the input too it is copied.
      if (x != y) std::copy_n(x, count, y);
      break;
    case Operation::Transpose:
      transpose(here, shape, node.axes, x, y);
      break;
    case Operation::Concat: {
      std::size_t first = 0;
      for (const std::size_t input : node.inputs) {
        const std::size_t part = network.shape_of(input).size();
        copy_elements(here, part, place[input], {0, part}, y, {first, node.shape.size()});
        first += part;
      }
      break;
    }
    case Operation::Slice:
      copy_elements(here, node.shape.size(), x,
                    {node.first_channel * shape.height * shape.width, shape.size()}, y,
                    {0, node.shape.size()});
      break;
    default:
      pad(here, shape, padded_axes(node, shape),
          offset == Offset::Added ? node.border.values : std::vector<float>{}, x, y);
  }
}

void carry_linear(const Network& network, std::size_t index, Range blocks, Derivative order,
                  const std::vector<bool>& wanted, ValueBuffers& sums) {
  const Node& node = network.nodes[index];
  const Shape& shape = network.shape_of(node.input());
  const Places place{network, blocks, sums};
  const float* s_out = place[index + 1];
  float* s_in = place[node.input()];
  const std::size_t here = blocks.size(), count = here * node.shape.size() * kLanes;
  switch (node.operation) {
    case Operation::Scale: {
      std::vector<float> factor;
      for (const float f : node.factor) factor.push_back(power(order, f));
      if (s_in == s_out)
        scale_channels(here, node.shape, factor.data(), nullptr, s_out, s_in);
      else
        add_scaled_channels(here, node.shape, factor.data(), s_out, s_in);
      break;
    }
    case Operation::Add:
      // The first input last, since it may lie where the output does.
      for (std::size_t k = node.inputs.size(); k-- > 0;) {
        if (!wanted[node.inputs[k]]) continue;
        float* to = place[node.inputs[k]];
        const float factor = power(order, node.factor[k]);
        if (to == s_out)
          set_scaled(count, factor, s_out, to);
        else
          add_scaled(count, factor, s_out, to);
      }
      break;
    case Operation::AveragePool:
      add_average_pool(here, node, shape, order, s_out, s_in);
      break;
    case Operation::Flatten:
    case Operation::Reshape:
      if (s_in != s_out) add_scaled(count, 1.0f, s_out, s_in);
      break;
    case Operation::Transpose:
      add_transposed(here, shape, node.axes, s_out, s_in);
      break;
    case Operation::Concat: {
      std::size_t first = 0;
      for (const std::size_t input : node.inputs) {
        const std::size_t part = network.shape_of(input).size();
        if (wanted[input])
          add_elements(here, part, s_out, {first, node.shape.size()}, place[input], {0, part});
        first += part;
      }
      break;
    }
    case Operation::Slice:
      add_elements(here, node.shape.size(), s_out, {0, node.shape.size()}, s_in,
                   {node.first_channel * shape.height * shape.width, shape.size()});
      break;
    default:
      add_padded(here, shape, padded_axes(node, shape), s_out, s_in);
  }
}

void run_pointwise(const Node& node, std::size_t count, const float* in, float* out) {
  switch (node.operation) {
    case Operation::Relu:
      return relu(count, in, out);
    case Operation::LeakyRelu:
      return leaky_relu(count, node.slope, in, out);
    case Operation::Clip:
      return clip(count, node.low, node.high, in, out);
    case Operation::Sigmoid:
      return sigmoid(count, in, out);
    case Operation::Tanh:
      return hyperbolic_tangent(count, in, out);
    default:
      return quantize(count, node.scale, node.minimum, node.maximum, in, out);
  }
}

void scale_by_derivative(const Node& node, Derivative order, std::size_t count, const float* seen,
                         const float* s, float* out, Into into) {
  switch (node.operation) {
    case Operation::Relu:
      // The output is positive exactly where the input is.
      return pass_where(count, seen, s, out, into, [](float y) { return y > 0.0f; });
    case Operation::Clip: {
      const float low = node.low, high = node.high;
      return pass_where(count, seen, s, out, into, [=](float y) { return y > low && y < high; });
    }
    case Operation::LeakyRelu: {
      const float slope = node.slope;
      return scale_each(order, count, seen, s, out, into,
                        [=](float x) { return x > 0.0f ? 1.0f : slope; });
    }
    case Operation::Sigmoid:
      return scale_each(order, count, seen, s, out, into, [](float y) { return y * (1.0f - y); });
    case Operation::Tanh:
      return scale_each(order, count, seen, s, out, into,
                        [](float y) { return (1.0f - y) * (1.0f + y); });
    default:  // Quantize
      if (into == Into::Added)
        add_scaled(count, 1.0f, s, out);
      else if (out != s)
        std::copy_n(s, count, out);
  }
}

float curvature_over_slope(const Node& node, float y) {
  return node.operation == Operation::Sigmoid ? 1.0f - 2.0f * y : -2.0f * y;
}

}  // namespace uswim::workloads::layer_arithmetic
