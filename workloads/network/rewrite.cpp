#include "workloads/network/rewrite.h"

#include <utility>

namespace uswim::workloads {

Network with_insertions(Network network, const std::vector<Insertion>& insertions) {
  const std::size_t values = network.nodes.size() + 1;
  std::vector<const Insertion*> behind(values, nullptr);
  for (const Insertion& insertion : insertions) behind[insertion.value] = &insertion;
  std::vector<std::size_t> renamed(values, 0), inserted(values, 0);
  std::vector<Node> nodes;
  for (std::size_t v = 0; v < values; ++v) {
    if (v > 0) {
      Node node = std::move(network.nodes[v - 1]);
      for (std::size_t& input : node.inputs) {
        const Insertion* between = behind[input];
        const bool reads_it =
            between != nullptr && (between->read_by.empty() || between->read_by[v - 1]);
        input = reads_it ? inserted[input] : renamed[input];
      }
      nodes.push_back(std::move(node));
      renamed[v] = nodes.size();
    }
    if (behind[v] == nullptr) continue;
    Node node = behind[v]->node;
    node.inputs = {renamed[v]};
    node.shape = v == 0 ? network.input : nodes.back().shape;
    nodes.push_back(std::move(node));
    inserted[v] = nodes.size();
  }
  network.nodes = std::move(nodes);
  return network;
}

Network without_nodes(Network network, const std::vector<bool>& removed) {
  std::vector<std::size_t> renamed{0};
  std::vector<Node> nodes;
  for (std::size_t n = 0; n < network.nodes.size(); ++n) {
    Node& node = network.nodes[n];
    for (std::size_t& input : node.inputs) input = renamed[input];
    if (removed[n]) {
      renamed.push_back(node.input());
    } else {
      nodes.push_back(std::move(node));
      renamed.push_back(nodes.size());
    }
  }
  network.nodes = std::move(nodes);
  return network;
}

std::vector<std::size_t> reader_counts(const Network& network) {
  std::vector<std::size_t> readers(network.nodes.size() + 1, 0);
  for (const Node& node : network.nodes)
    for (const std::size_t input : node.inputs) ++readers[input];
  ++readers.back();
  return readers;
}

}  // namespace uswim::workloads
