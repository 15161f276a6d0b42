#pragma once
#include <cstddef>
#include <vector>

#include "workloads/network/network.h"

namespace uswim::workloads {

/// The nodes, rewritten so that they compute the same with less: quantisers come before what only
/// reorders numbers, and no value is quantised twice in the same way. Nodes that nothing reads stay
/// behind; see readers_of().
std::vector<Node> simplified_nodes(const Network& network);

/// The nodes that read each value, one entry per input that reads it, on a way to the last node.
std::vector<std::vector<std::size_t>> readers_of(const std::vector<Node>& nodes);

/// The Scale nodes and the Quantize node behind the network's input, which make its codes out of
/// pixels. Empty where something else reads the input, or reads it beside them: no engine begins
/// so.
std::vector<std::size_t> input_group(const std::vector<Node>& nodes);

/// Nodes that one step computes.
struct NodeGroup {
  enum class Kind {
    Input,          ///< input_group()
    MatrixToCodes,  ///< a matrix layer with Relu, Clip, Quantize and MaxPool in any order
    Rows,           ///< a matrix layer or not, and operations on single numbers
    Single          ///< any other node
  };
  Kind kind;
  std::vector<std::size_t> nodes;
};

/// All nodes that matter, in groups, in an order in which each group's inputs come before it.
/// `side_by_side`: a matrix layer's group does not read what other layers compute. Throws
/// NetworkError if the network does not begin with Quantize, or Scale and Quantize.
std::vector<NodeGroup> group_nodes(const std::vector<Node>& nodes, bool side_by_side);

}  // namespace uswim::workloads
