#include "workloads/sensitivity/forward_pass.h"

#include <algorithm>
#include <string>
#include <utility>

#include "workloads/sensitivity/elementwise.h"
#include "workloads/sensitivity/pooling.h"
#include "workloads/sensitivity/rearrangement.h"

namespace uswim::workloads::layer_arithmetic {
namespace {

bool only_renames(const Node& node, bool quantize) {
  return node.operation == Operation::Flatten || node.operation == Operation::Reshape ||
         (node.operation == Operation::Quantize && !quantize);
}

/// Whether the node reads each element of its (first) input no later than it writes that element.
bool may_work_in_place(const Node& node, bool quantize) {
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
      return only_renames(node, quantize);
  }
}

/// Which values the backward pass reads.
std::vector<bool> values_for_backward(const Network& network, bool quantize) {
  std::vector<bool> needed(network.nodes.size() + 1, false);
  for (std::size_t i = 0; i < network.nodes.size(); ++i) {
    const Node& node = network.nodes[i];
    switch (node.operation) {
      case Operation::Relu:
      case Operation::Clip:
      case Operation::Sigmoid:
      case Operation::Tanh:
        needed[i + 1] = true;  // their derivative follows from what they wrote
        break;
      case Operation::Matrix:
      case Operation::LeakyRelu:
      case Operation::MaxPool:
      case Operation::Multiply:
        for (const std::size_t input : node.inputs) needed[input] = true;
        break;
      default:
        break;
    }
  }
  // What shares a needed value's numbers must not be overwritten either, and the other way round.
  for (std::size_t i = 0; i < network.nodes.size(); ++i)
    if (only_renames(network.nodes[i], quantize) && needed[network.nodes[i].input()])
      needed[i + 1] = true;
  for (std::size_t i = network.nodes.size(); i-- > 0;)
    if (only_renames(network.nodes[i], quantize) && needed[i + 1])
      needed[network.nodes[i].input()] = true;
  return needed;
}

ValueBuffers forward_buffers(const Network& network, bool quantize, bool for_backward) {
  const std::size_t nodes = network.nodes.size();
  std::vector<bool> kept(nodes + 1, false);
  if (for_backward) kept = values_for_backward(network, quantize);
  std::vector<std::size_t> readers(nodes + 1, 0), same_as(nodes + 1, 0);
  // Node i is step i + 1; the input is written before the first.
  std::vector<ValueBuffers::Lifetime> life(nodes + 1);
  for (std::size_t i = 0; i < nodes; ++i) {
    life[i + 1] = {i + 1, i + 1};
    for (const std::size_t input : network.nodes[i].inputs) {
      ++readers[input];
      life[input].last = i + 1;
    }
  }
  for (std::size_t v = 0; v <= nodes; ++v)
    if (kept[v] || v == nodes) life[v].last = nodes + 1;
  for (std::size_t i = 0; i < nodes; ++i) {
    const Node& node = network.nodes[i];
    const std::size_t input = node.input();
    const bool in_place = may_work_in_place(node, quantize) && readers[input] == 1 &&
                          (!kept[input] || only_renames(node, quantize));
    same_as[i + 1] = in_place ? input : i + 1;
  }
  return {network, life, same_as};
}

}  // namespace

ForwardPass::ForwardPass(const Network& network, std::size_t most_blocks, Activations activations,
                         Keep keep, const Kernels& kernels)
    : network_(network),
      quantize_(activations == Activations::Quantized),
      values_(forward_buffers(network, quantize_, keep == Keep::ForBackward)),
      matrix_of_node_(network.nodes.size(), 0) {
  values_.allocate(most_blocks);
  for (std::size_t i = 0; i < network.nodes.size(); ++i) {
    const Node& node = network.nodes[i];
    if (node.operation != Operation::Matrix) continue;
    matrix_of_node_[i] = matrices_.size();
    matrices_.emplace_back(network.layers[node.layer], network.shape_of(node.input()), node.shape,
                           most_blocks, kernels);
  }
}

void ForwardPass::run(std::size_t blocks) {
  for (std::size_t i = 0; i < network_.nodes.size(); ++i) step(i, blocks);
}

void ForwardPass::step(std::size_t index, std::size_t blocks) {
  const Node& node = network_.nodes[index];
  const Shape& shape = network_.shape_of(node.input());
  const LaneValues& in = values_[node.input()];
  LaneValues& out = values_[index + 1];
  const float* x = in.data();
  float* y = out.data();
  const std::size_t count = blocks * node.shape.size() * kLanes;
  switch (node.operation) {
    case Operation::Matrix:
      matrix(index).forward(blocks, in, out);
      break;
    case Operation::Relu:
      relu(count, x, y);
      break;
    case Operation::LeakyRelu:
      leaky_relu(count, node.slope, x, y);
      break;
    case Operation::Clip:
      clip(count, node.low, node.high, x, y);
      break;
    case Operation::Sigmoid:
      sigmoid(count, x, y);
      break;
    case Operation::Tanh:
      hyperbolic_tangent(count, x, y);
      break;
    case Operation::Quantize:
      if (quantize_) {
        layer_arithmetic::quantize(count, node.scale, node.minimum, node.maximum, x, y);
        break;
      }
      [[fallthrough]];
    case Operation::Flatten:
    case Operation::Reshape:
      // The elements' order is the same; only where another node reads the input too it is copied.
      if (x != y) std::copy_n(x, count, y);
      break;
    case Operation::Scale:
      scale_channels(blocks, node, x, y);
      break;
    case Operation::Add:
      // The first input may lie in the same place; the others are read after it was written.
      set_scaled(count, node.factor[0], x, y);
      for (std::size_t k = 1; k < node.inputs.size(); ++k)
        add_scaled(count, node.factor[k], values_[node.inputs[k]].data(), y);
      break;
    case Operation::Multiply:
      multiply(blocks, node.shape, shape, x, network_.shape_of(node.inputs[1]),
               values_[node.inputs[1]].data(), y);
      break;
    case Operation::MaxPool:
      max_pool(blocks, node, shape, in, out);
      break;
    case Operation::AveragePool:
      average_pool(blocks, node, shape, in, out);
      break;
    case Operation::Transpose:
      transpose(blocks, shape, node.axes, x, y);
      break;
    case Operation::Concat: {
      std::size_t first = 0;
      for (const std::size_t input : node.inputs) {
        const std::size_t part = network_.shape_of(input).size();
        copy_elements(blocks, part, values_[input].data(), {0, part}, y,
                      {first, node.shape.size()});
        first += part;
      }
      break;
    }
    case Operation::Slice:
      copy_elements(blocks, node.shape.size(), x,
                    {node.first_channel * shape.height * shape.width, shape.size()}, y,
                    {0, node.shape.size()});
      break;
    case Operation::Pad:
      pad(blocks, shape, node.window, x, y);
      break;
  }
}

std::size_t blocks_per_batch(const Network& network, std::size_t images) {
  constexpr std::size_t kBytes = std::size_t{16} << 20;
  std::size_t elements = network.input.size();
  for (const Node& node : network.nodes) elements += node.shape.size();
  const std::size_t fitting = kBytes / (elements * kLanes * sizeof(float));
  return std::max<std::size_t>(1, std::min(fitting, ForwardPass::blocks_of(images)));
}

}  // namespace uswim::workloads::layer_arithmetic
