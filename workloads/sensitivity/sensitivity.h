#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "workloads/data/dataset.h"
#include "workloads/network/network.h"

namespace uswim::workloads {

/// How a long computation runs. No result depends on it.
struct ComputeOptions {
  unsigned threads = 1;
  std::function<void(std::size_t)> progress = {};  ///< told the images done
  /// Called between the nodes of a pass, for who wants to end it by an exception: a batch of images
  /// can take seconds.
  std::function<void()> between_nodes = {};
};

/// Forward pass of the network as imported, in float, NCHW: the plain reference. `logits`: count x
/// classes. `quantize` false leaves the activation quantisers out.
std::vector<float> float_logits(const Network& network, const std::vector<float>& images,
                                std::size_t count, bool quantize = true,
                                const ComputeOptions& options = {});

// Four measures of how the mean cross entropy depends on each weight: one number per weight, layer
// after layer, outputs x rows each. All let everything through quantisers.

/// Diagonal second derivative by the one-pass recursion of SWIM/U-SWIM: squared inputs, squared
/// weights, p(1-p) at the softmax; of other operations the squared derivative, and sums where a
/// value has several readers. >= 0. An approximation: exact for the last layer only.
std::vector<float> second_derivative(const Network& network, const Dataset& images,
                                     const ComputeOptions& options = {});
/// Gradient of the mean cross entropy: near zero for a trained network.
std::vector<float> mean_gradient(const Network& network, const Dataset& images,
                                 const ComputeOptions& options = {});
/// Mean over images of the squared gradient of each image's cross entropy. >= 0.
std::vector<float> empirical_fisher(const Network& network, const Dataset& images,
                                    const ComputeOptions& options = {});
/// Diagonal of the Hessian by Hutchinson's estimate: mean of v * (H v) over random signs v,
/// `probes` of them for each batch of images, drawn from `seed`. Unbiased for the network as it is
/// where it has a second derivative; its standard deviation is that of sums of H's other elements
/// in the row. May be negative.
std::vector<float> hutchinson_diagonal(const Network& network, const Dataset& images,
                                       unsigned probes, std::uint64_t seed,
                                       const ComputeOptions& options = {});

}  // namespace uswim::workloads
