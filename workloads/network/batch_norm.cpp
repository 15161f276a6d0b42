#include "workloads/network/batch_norm.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "support/results.h"
#include "workloads/network/rewrite.h"

namespace uswim::workloads {

Network fold_batch_norm(Network network, unsigned weight_bits) {
  const auto scales = [](const Node& node) { return node.operation == Operation::Scale; };
  if (std::none_of(network.nodes.begin(), network.nodes.end(), scales)) return network;
  const std::vector<std::size_t> readers = reader_counts(network);
  std::vector<bool> folded(network.nodes.size(), false);
  std::vector<std::size_t> matrix_of(network.nodes.size() + 1, network.nodes.size());
  bool any = false, all = true;
  for (std::size_t n = 0; n < network.nodes.size(); ++n) {
    const Node& node = network.nodes[n];
    if (node.operation == Operation::Matrix) {
      const MatrixLayer& layer = network.layers[node.layer];
      const bool holds_codes = layer.stored_as_codes || lies_on_grid(layer, weight_bits);
      if (!holds_codes) matrix_of[n + 1] = n;
      all = all && !holds_codes;
    }
    if (node.operation != Operation::Scale || readers[node.input()] != 1 ||
        matrix_of[node.input()] == network.nodes.size())
      continue;
    matrix_of[n + 1] = matrix_of[node.input()];  // a further Scale folds as well
    MatrixLayer& layer = network.layers[network.nodes[matrix_of[n + 1]].layer];
    for (std::size_t o = 0; o < layer.outputs; ++o) {
      for (std::size_t r = 0; r < layer.rows; ++r)
        layer.weight[o * layer.rows + r] *= node.factor[o];
      layer.bias[o] = layer.bias[o] * node.factor[o] + node.offset[o];
    }
    folded[n] = any = true;
  }
  if (!any) return network;
  network.content_hash = support::content_hash(
      (all ? "batch norm folded "
           : fmt::format("batch norm folded but into {}-bit codes ", weight_bits)) +
      network.content_hash);
  return without_nodes(std::move(network), folded);
}

}  // namespace uswim::workloads
