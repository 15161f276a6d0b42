#include "workloads/network/normalization.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "support/results.h"

namespace uswim::workloads {

void normalize_input(Network& network, const Normalization& normalization) {
  const auto& [mean, deviation] = normalization;
  if (mean.empty() && deviation.empty()) return;
  const std::size_t channels = network.input.channels;
  for (const std::vector<double>* values : {&mean, &deviation})
    if (values->size() != 1 && values->size() != channels)
      throw NetworkError(fmt::format(
          "normalization: {} numbers for mean and {} for std, the network takes {} channels",
          mean.size(), deviation.size(), channels));
  Node scale;
  scale.operation = Operation::Scale;
  scale.name = "normalization";
  scale.inputs = {0};
  scale.shape = network.input;
  for (std::size_t c = 0; c < channels; ++c) {
    const double m = mean[mean.size() == 1 ? 0 : c];
    const double d = deviation[deviation.size() == 1 ? 0 : c];
    scale.factor.push_back(static_cast<float>(1.0 / d));
    scale.offset.push_back(static_cast<float>(-m / d));
  }
  network.content_hash = support::content_hash(
      fmt::format("{} mean {} std {}", network.content_hash, mean, deviation));
  // Every value moves up by one; what read the input now reads the new node.
  for (Node& node : network.nodes)
    for (std::size_t& input : node.inputs) ++input;
  network.nodes.insert(network.nodes.begin(), std::move(scale));
}

}  // namespace uswim::workloads
