#pragma once
#include <cstddef>
#include <vector>

#include "workloads/network/network.h"

namespace uswim::workloads {

/// A node to be put behind a value.
struct Insertion {
  std::size_t value = 0;           ///< of the network before; at most one insertion per value
  Node node = {};                  ///< its inputs are filled in; its shape is the value's
  std::vector<bool> read_by = {};  ///< per node: reads the new value instead; empty: all do
};

/// The network with these nodes added. The content hash is the caller's to change.
Network with_insertions(Network network, const std::vector<Insertion>& insertions);

/// The network without the nodes that `removed` marks, whose readers read their input instead.
Network without_nodes(Network network, const std::vector<bool>& removed);

/// How many nodes read each value; the last one counts as read once more.
std::vector<std::size_t> reader_counts(const Network& network);

}  // namespace uswim::workloads
