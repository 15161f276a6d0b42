#include "workloads/sensitivity/backward_pass.h"

#include <algorithm>

#include "workloads/sensitivity/elementwise.h"
#include "workloads/sensitivity/node_rules.h"
#include "workloads/sensitivity/pooling.h"

namespace uswim::workloads::layer_arithmetic {
namespace {

std::vector<bool> values_behind_a_matrix(const Network& network) {
  std::vector<bool> wanted{false};
  for (const Node& node : network.nodes)
    wanted.push_back(node.operation == Operation::Matrix ||
                     std::any_of(node.inputs.begin(), node.inputs.end(),
                                 [&](std::size_t input) { return wanted[input]; }));
  return wanted;
}

/// The value whose sums overwrite those of the node's output; the output itself if none.
std::size_t taken_over_by(const Network& network, std::size_t index,
                          const std::vector<std::size_t>& readers,
                          const std::vector<bool>& wanted) {
  const Node& node = network.nodes[index];
  const bool in_place = works_number_by_number(node) && readers[node.input()] == 1 &&
                        wanted[node.input()] && wanted[index + 1];
  return in_place ? node.input() : index + 1;
}

std::vector<std::size_t> count_readers(const Network& network) {
  std::vector<std::size_t> readers(network.nodes.size() + 1, 0);
  for (const Node& node : network.nodes)
    for (const std::size_t input : node.inputs) ++readers[input];
  return readers;
}

ValueBuffers backward_buffers(const Network& network, const std::vector<bool>& wanted) {
  const std::size_t nodes = network.nodes.size();
  const std::vector<std::size_t> readers = count_readers(network);
  std::vector<std::size_t> same_as(nodes + 1);
  // Node i is step nodes - i; the logits are filled before the first.
  std::vector<ValueBuffers::Lifetime> life(nodes + 1);
  for (std::size_t v = 0; v <= nodes; ++v) {
    same_as[v] = v;
    life[v] = {nodes, wanted[v] ? nodes - v + 1 : 0};
  }
  life[nodes] = {0, 1};
  for (std::size_t i = 0; i < nodes; ++i) {
    for (const std::size_t input : network.nodes[i].inputs)
      life[input].first = std::min(life[input].first, nodes - i);
    const std::size_t over = taken_over_by(network, i, readers, wanted);
    if (over != i + 1) same_as[over] = i + 1;
  }
  for (std::size_t v = 0; v <= nodes; ++v)
    if (!wanted[v]) life[v] = {1, 0};
  return {network, life, same_as};
}

}  // namespace

BackwardPass::BackwardPass(const Network& network, std::size_t most_blocks, Derivative order,
                           unsigned threads)
    : network_(network),
      order_(order),
      threads_(threads),
      wanted_(values_behind_a_matrix(network)),
      sums_(backward_buffers(network, wanted_)),
      begins_with_(network.nodes.size()),
      transposed_(network.layers.size()) {
  sums_.allocate(most_blocks);
  const std::vector<std::size_t> readers = count_readers(network);
  std::vector<bool> begun(network.nodes.size() + 1, false);
  for (std::size_t i = network.nodes.size(); i-- > 0;) {
    if (!wanted_[i + 1]) continue;
    for (const std::size_t input : network.nodes[i].inputs) {
      if (begun[input] || !wanted_[input]) continue;
      begun[input] = true;
      if (taken_over_by(network, i, readers, wanted_) != input) begins_with_[i].push_back(input);
    }
  }
}

void BackwardPass::run(ForwardPass& forward, std::size_t blocks,
                       const std::function<void(std::size_t, const LaneValues&)>& of_layer,
                       const std::function<void()>& between_nodes) {
  for (std::size_t i = network_.nodes.size(); i-- > 0;) {
    if (!wanted_[i + 1]) continue;
    if (between_nodes) between_nodes();
    if (network_.nodes[i].operation == Operation::Matrix) of_layer(i, sums_[i + 1]);
    begin_step(forward, i, blocks);
    in_parallel(threads_, blocks, [&](Range part) { step(forward, i, part); });
  }
}

void BackwardPass::begin_step(const ForwardPass& forward, std::size_t index, std::size_t blocks) {
  for (const std::size_t value : begins_with_[index])
    std::fill_n(sums_[value].data(), blocks * network_.shape_of(value).size() * kLanes, 0.0f);
  const Node& node = network_.nodes[index];
  if (node.operation == Operation::Matrix && wanted_[node.input()] &&
      transposed_[node.layer].empty())
    transposed_[node.layer] =
        forward.matrix(index).transposed(order_, network_.layers[node.layer].weight.data());
}

void BackwardPass::step(ForwardPass& forward, std::size_t index, Range blocks) {
  const Node& node = network_.nodes[index];
  if (is_linear(node)) {
    if (std::any_of(node.inputs.begin(), node.inputs.end(),
                    [&](std::size_t input) { return wanted_[input]; }))
      carry_linear(network_, index, blocks, order_, wanted_, sums_);
    return;
  }
  const Shape& shape = network_.shape_of(node.input());
  const float* s_out = at(index + 1, blocks.begin);
  const std::size_t count = blocks.size() * node.shape.size() * kLanes;
  if (node.operation == Operation::Multiply) {
    for (std::size_t k = 0; k < 2; ++k)
      if (wanted_[node.inputs[k]])
        add_product(blocks.size(), node.shape, s_out, network_.shape_of(node.inputs[1 - k]), order_,
                    forward.at(node.inputs[1 - k], blocks.begin), network_.shape_of(node.inputs[k]),
                    at(node.inputs[k], blocks.begin));
    return;
  }
  if (!wanted_[node.input()]) return;
  float* s_in = at(node.input(), blocks.begin);
  switch (node.operation) {
    case Operation::Matrix:
      forward.matrix(index).add_input_sums(blocks, transposed_[node.layer], sums_[index + 1],
                                           sums_[node.input()], forward.scratch());
      break;
    case Operation::MaxPool:
      add_at_largest(blocks.size(), node, shape, forward.at(node.input(), blocks.begin), s_out,
                     s_in);
      break;
    default: {
      const std::size_t seen = node.operation == Operation::LeakyRelu ? node.input() : index + 1;
      scale_by_derivative(node, order_, count, forward.at(seen, blocks.begin), s_out, s_in,
                          s_in == s_out ? Into::Replaced : Into::Added);
    }
  }
}

}  // namespace uswim::workloads::layer_arithmetic
