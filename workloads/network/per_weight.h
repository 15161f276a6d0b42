#pragma once
#include <string>
#include <vector>

#include "workloads/network/network.h"

namespace uswim::workloads {

/// Numbers that were computed for each weight of a network, layer after layer, have to be finite to
/// be put in an order. Throws NetworkError naming `measure`, the layer and the weight: float32
/// overflows where weights are large, however finite they are.
void check_finite(const Network& network, const std::vector<float>& per_weight,
                  const std::string& measure);

}  // namespace uswim::workloads
