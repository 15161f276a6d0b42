#include "workloads/network/per_weight.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace uswim::workloads {

void check_finite(const Network& network, const std::vector<float>& per_weight,
                  const std::string& measure) {
  const auto bad = std::find_if_not(per_weight.begin(), per_weight.end(),
                                    [](float v) { return std::isfinite(v); });
  if (bad == per_weight.end()) return;
  auto weight = static_cast<std::size_t>(bad - per_weight.begin());
  auto layer = network.layers.begin();
  for (; weight >= layer->weight.size(); ++layer) weight -= layer->weight.size();
  throw NetworkError(
      fmt::format("{} of weight {} of layer '{}' is {}, expected a finite number: the network's "
                  "values or their derivatives leave the range of float32",
                  measure, weight, layer->name, *bad));
}

}  // namespace uswim::workloads
