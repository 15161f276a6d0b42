#include "workloads/engine/node_groups.h"

#include <algorithm>
#include <utility>

#include "workloads/engine/integer_values.h"
#include "workloads/engine/node_arithmetic.h"

namespace uswim::workloads {
namespace {

bool only_moves(const Node& node) {
  return node.operation == Operation::Flatten || node.operation == Operation::Reshape ||
         node.operation == Operation::Transpose || node.operation == Operation::Pad;
}

/// Q(moved(x)) = moved(Q(x)), borders included, and a quantiser behind a matrix layer shares its
/// step.
bool move_a_quantizer_forward(std::vector<Node>& nodes, const Shape& input) {
  const auto readers = readers_of(nodes);
  for (std::size_t q = 0; q < nodes.size(); ++q) {
    if (nodes[q].operation != Operation::Quantize || nodes[q].input() == 0) continue;
    const std::size_t before = nodes[q].input() - 1;
    if (!only_moves(nodes[before]) || readers[before + 1].size() != 1) continue;
    const Quantizer quantize = quantizer_of(nodes[q]);
    for (float& value : nodes[before].border.values)
      value = nodes[q].scale * static_cast<float>(quantize(value));
    std::swap(nodes[before], nodes[q]);
    nodes[before].inputs = nodes[q].inputs;
    nodes[q].inputs = {before + 1};
    const std::size_t from = nodes[before].input();
    nodes[before].shape = from == 0 ? input : nodes[from - 1].shape;
    return true;
  }
  return false;
}

void merge_quantizers(std::vector<Node>& nodes) {
  for (std::size_t later = 0; later + 1 < nodes.size(); ++later) {
    const Node& b = nodes[later];
    if (b.operation != Operation::Quantize) continue;
    const auto same = std::find_if(
        nodes.begin(), nodes.begin() + static_cast<std::ptrdiff_t>(later), [&](const Node& a) {
          return a.operation == Operation::Quantize && a.inputs == b.inputs && a.scale == b.scale &&
                 a.minimum == b.minimum && a.maximum == b.maximum;
        });
    const auto earlier = static_cast<std::size_t>(same - nodes.begin());
    if (earlier == later) continue;
    for (Node& node : nodes)
      std::replace(node.inputs.begin(), node.inputs.end(), later + 1, earlier + 1);
  }
}

/// Numbers are computed one by one, each from those at its own place.
bool is_elementwise(Operation operation) {
  switch (operation) {
    case Operation::Relu:
    case Operation::LeakyRelu:
    case Operation::Clip:
    case Operation::Sigmoid:
    case Operation::Tanh:
    case Operation::Quantize:
    case Operation::Scale:
    case Operation::Add:
    case Operation::Multiply:
      return true;
    default:
      return false;
  }
}

class Grouping {
 public:
  Grouping(const std::vector<Node>& nodes, bool side_by_side)
      : nodes_(nodes),
        side_by_side_(side_by_side),
        readers_(readers_of(nodes)),
        integers_(integer_values(nodes)),
        included_(nodes.size(), false) {}

  std::vector<NodeGroup> build() {
    input();
    for (std::size_t n = 0; n < nodes_.size(); ++n) {
      if (included_[n] || (readers_[n + 1].empty() && n + 1 != nodes_.size())) continue;
      const Operation operation = nodes_[n].operation;
      const bool on_codes = operation == Operation::Relu && integers_[nodes_[n].input()].integer;
      if (operation == Operation::Matrix) {
        std::vector<std::size_t> tail = tail_of(n);
        if (tail.size() > 1)
          add(NodeGroup::Kind::MatrixToCodes, std::move(tail), n);
        else
          rows(n);
      } else if (is_elementwise(operation) && !on_codes) {
        rows(n);
      } else {
        add(NodeGroup::Kind::Single, {n}, n);
      }
    }
    std::stable_sort(groups_.begin(), groups_.end(),
                     [](const Placed& a, const Placed& b) { return a.position < b.position; });
    std::vector<NodeGroup> groups;
    for (Placed& placed : groups_) groups.push_back(std::move(placed.group));
    return groups;
  }

 private:
  /// `position`: of the last node whose inputs come from elsewhere.
  struct Placed {
    NodeGroup group;
    std::size_t position;
  };

  void add(NodeGroup::Kind kind, std::vector<std::size_t> nodes, std::size_t position) {
    for (const std::size_t n : nodes) included_[n] = true;
    groups_.push_back({{kind, std::move(nodes)}, position});
  }

  void input() {
    const std::vector<std::size_t> nodes = input_group(nodes_);
    if (nodes.empty())
      throw NetworkError(
          "the network must begin with Quantize, or with Scale and Quantize, and nothing else may "
          "read its input: there are no codes to work on");
    add(NodeGroup::Kind::Input, nodes, nodes.front());
  }

  /// The only node that reads what node n writes; the number of nodes if there are others or none.
  std::size_t only_reader(std::size_t n) const {
    return readers_[n + 1].size() == 1 ? readers_[n + 1][0] : nodes_.size();
  }

  /// Matrix node n and what can share its step; n alone if nothing quantises it.
  std::vector<std::size_t> tail_of(std::size_t n) const {
    std::vector<std::size_t> tail{n};
    bool quantized = false, pooled = false;
    for (std::size_t next = only_reader(n); next < nodes_.size(); next = only_reader(next)) {
      const Operation operation = nodes_[next].operation;
      if (operation == Operation::Quantize && !quantized) {
        quantized = true;
      } else if (operation == Operation::MaxPool && !pooled) {
        pooled = true;
      } else if (operation != Operation::Relu && (operation != Operation::Clip || quantized)) {
        break;
      }
      tail.push_back(next);
    }
    return quantized ? tail : std::vector<std::size_t>{n};
  }

  bool can_follow(std::size_t next, std::size_t n, bool is_layer) const {
    const Node& node = nodes_[next];
    if (!is_elementwise(node.operation)) return false;
    if (node.inputs.size() == 1) return true;
    if (side_by_side_ && is_layer) return false;
    // Sums are added up in the order of the inputs; the first two may change places.
    const std::size_t first_two = std::min<std::size_t>(2, node.inputs.size());
    const auto end = node.inputs.begin() + static_cast<std::ptrdiff_t>(first_two);
    return std::find(node.inputs.begin(), end, n + 1) != end && nodes_[n].shape == node.shape;
  }

  /// Node n and the operations that follow it number by number.
  void rows(std::size_t n) {
    std::vector<std::size_t> nodes{n};
    std::size_t position = n;
    const bool is_layer = nodes_[n].operation == Operation::Matrix;
    while (nodes_[nodes.back()].operation != Operation::Quantize) {
      const std::vector<std::size_t>& readers = readers_[nodes.back() + 1];
      std::size_t next = nodes_.size();
      if (readers.size() == 1 && !included_[readers[0]] &&
          can_follow(readers[0], nodes.back(), is_layer)) {
        next = readers[0];
        if (nodes_[next].inputs.size() > 1) position = next;
      } else if (readers.size() > 1) {
        // The numbers are kept for the others, and quantised on the way.
        const auto quantizer = std::find_if(readers.begin(), readers.end(), [&](std::size_t r) {
          return nodes_[r].operation == Operation::Quantize;
        });
        if (quantizer != readers.end()) next = *quantizer;
      }
      if (next == nodes_.size()) break;
      nodes.push_back(next);
    }
    add(NodeGroup::Kind::Rows, std::move(nodes), position);
  }

  const std::vector<Node>& nodes_;
  bool side_by_side_;
  std::vector<std::vector<std::size_t>> readers_;
  std::vector<IntegerValue> integers_;
  std::vector<bool> included_;
  std::vector<Placed> groups_;
};

}  // namespace

std::vector<Node> simplified_nodes(const Network& network) {
  std::vector<Node> nodes = network.nodes;
  while (move_a_quantizer_forward(nodes, network.input)) {
  }
  merge_quantizers(nodes);
  return nodes;
}

std::vector<std::vector<std::size_t>> readers_of(const std::vector<Node>& nodes) {
  std::vector<std::vector<std::size_t>> readers(nodes.size() + 1);
  std::vector<bool> matters(nodes.size() + 1, false);
  matters.back() = true;
  for (std::size_t n = nodes.size(); n-- > 0;) {
    if (!matters[n + 1]) continue;
    for (const std::size_t input : nodes[n].inputs) {
      matters[input] = true;
      readers[input].push_back(n);
    }
  }
  for (auto& of_value : readers) std::reverse(of_value.begin(), of_value.end());
  return readers;
}

std::vector<std::size_t> input_group(const std::vector<Node>& nodes) {
  const auto readers = readers_of(nodes);
  std::vector<std::size_t> group;
  for (std::size_t value = 0; readers[value].size() == 1; value = group.back() + 1) {
    group.push_back(readers[value].front());
    const Operation operation = nodes[group.back()].operation;
    if (operation == Operation::Quantize) return group;
    if (operation != Operation::Scale) break;
  }
  return {};
}

std::vector<NodeGroup> group_nodes(const std::vector<Node>& nodes, bool side_by_side) {
  if (nodes.empty()) throw NetworkError("the network must begin with Quantize, but is empty");
  return Grouping(nodes, side_by_side).build();
}

}  // namespace uswim::workloads
