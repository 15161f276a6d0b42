#include "workloads/sensitivity/forward_pass.h"

#include <algorithm>

#include "workloads/sensitivity/elementwise.h"
#include "workloads/sensitivity/node_rules.h"
#include "workloads/sensitivity/pooling.h"

namespace uswim::workloads::layer_arithmetic {
namespace {

bool lets_everything_through(const Node& node, bool quantize) {
  return only_renames(node) || (node.operation == Operation::Quantize && !quantize);
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
    if (lets_everything_through(network.nodes[i], quantize) && needed[network.nodes[i].input()])
      needed[i + 1] = true;
  for (std::size_t i = network.nodes.size(); i-- > 0;)
    if (lets_everything_through(network.nodes[i], quantize) && needed[i + 1])
      needed[network.nodes[i].input()] = true;
  return needed;
}

}  // namespace

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
    const bool in_place = works_number_by_number(node) && readers[input] == 1 &&
                          (!kept[input] || lets_everything_through(node, quantize));
    same_as[i + 1] = in_place ? input : i + 1;
  }
  return {network, life, same_as};
}

ForwardPass::ForwardPass(const Network& network, std::size_t most_blocks, Activations activations,
                         Keep keep, unsigned threads, const Kernels& kernels)
    : network_(network),
      quantize_(activations == Activations::Quantized),
      threads_(threads),
      values_(forward_buffers(network, quantize_, keep == Keep::ForBackward)),
      matrix_of_node_(network.nodes.size(), 0) {
  values_.allocate(most_blocks);
  std::size_t scratch = 0;
  for (std::size_t i = 0; i < network.nodes.size(); ++i) {
    const Node& node = network.nodes[i];
    if (node.operation != Operation::Matrix) continue;
    matrix_of_node_[i] = matrices_.size();
    matrices_.emplace_back(network.layers[node.layer], network.shape_of(node.input()), node.shape,
                           most_blocks, kernels);
    scratch = std::max(scratch, matrices_.back().scratch_size());
  }
  scratch_.assign(scratch, 0.0f);
}

void ForwardPass::run(std::size_t blocks, const std::function<void()>& between_nodes) {
  for (std::size_t i = 0; i < network_.nodes.size(); ++i) {
    if (between_nodes) between_nodes();
    in_parallel(threads_, blocks, [&](Range part) { step(i, part); });
  }
}

void ForwardPass::step(std::size_t index, Range blocks) {
  const Node& node = network_.nodes[index];
  if (is_linear(node)) return run_linear(network_, index, blocks, Offset::Added, values_);
  const Shape& shape = network_.shape_of(node.input());
  const float* x = at(node.input(), blocks.begin);
  float* y = values_[index + 1].data() + blocks.begin * node.shape.size() * kLanes;
  const std::size_t count = blocks.size() * node.shape.size() * kLanes;
  switch (node.operation) {
    case Operation::Matrix:
      matrix(index).forward(blocks, values_[node.input()], values_[index + 1], scratch_);
      break;
    case Operation::MaxPool:
      max_pool(blocks.size(), node, shape, x, y);
      break;
    case Operation::Multiply:
      std::fill_n(y, count, 0.0f);
      add_multiplied(blocks.size(), node.shape, shape, x, network_.shape_of(node.inputs[1]),
                     at(node.inputs[1], blocks.begin), y);
      break;
    case Operation::Quantize:
      if (!quantize_) {
        if (x != y) std::copy_n(x, count, y);
        break;
      }
      [[fallthrough]];
    default:
      run_pointwise(node, count, x, y);
  }
}

std::size_t blocks_per_batch(const Network& network, std::size_t images) {
  constexpr std::size_t kInCache = std::size_t{16} << 20, kInMemory = std::size_t{256} << 20;
  constexpr std::size_t kEnough = 4;  // so that threads can share them
  constexpr std::size_t kNumber = kLanes * sizeof(float);
  std::size_t elements = network.input.size();
  for (const Node& node : network.nodes) elements += node.shape.size();
  const std::size_t kept = forward_buffers(network, true, true).elements();
  const std::size_t blocks =
      std::max(kInCache / (elements * kNumber), std::min(kEnough, kInMemory / (kept * kNumber)));
  return std::max<std::size_t>(1, std::min(blocks, ForwardPass::blocks_of(images)));
}

}  // namespace uswim::workloads::layer_arithmetic
