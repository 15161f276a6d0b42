#pragma once
#include <functional>
#include <vector>

#include "workloads/data/dataset.h"
#include "workloads/network/network.h"

namespace uswim::workloads {

/// Forward pass of the network as imported, in float, NCHW: the plain reference. `logits`: count x
/// classes. `quantize` false leaves the activation quantisers out.
std::vector<float> float_logits(const Network& network, const std::vector<float>& images,
                                std::size_t count, bool quantize = true);

/// Diagonal second derivative of the mean cross entropy with respect to every weight, by the
/// one-pass recursion of SWIM/U-SWIM: squared inputs, squared weights, p(1-p) at the softmax,
/// straight through quantisers. One value per weight, layer after layer, outputs x rows each; >= 0.
/// `progress` is told the images done. An approximation: exact for the last layer only.
std::vector<float> second_derivative(const Network& network, const Dataset& images,
                                     const std::function<void(std::size_t)>& progress = {});

}  // namespace uswim::workloads
