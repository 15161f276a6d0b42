#pragma once
#include <cstddef>
#include <cstdint>

#include "experiment/config.h"
#include "experiment/workload.h"

namespace uswim::experiment {

/// How many of the first `images` test images are right without device errors.
std::uint64_t ideal_correct(const Workload& workload, workloads::Arithmetic arithmetic,
                            std::size_t images, const Progress& progress);

/// How many of the first `images` are right in float arithmetic, weights as the file holds them and
/// activations without quantisers, those of the network itself left out too.
std::uint64_t float_correct(const workloads::Network& network, const workloads::Dataset& test,
                            std::size_t images, const Progress& progress, unsigned threads);

/// Parts of the configuration's test images that are right, before any device error.
struct NetworkAccuracy {
  std::size_t images = 0;
  double in_float = 0.0;   ///< float_correct()
  double quantised = 0.0;  ///< ideal_correct(): what a run calls the ideal accuracy
};
/// Throws workloads::NetworkError where the configuration has no test images.
NetworkAccuracy network_accuracy(const Config& config, const Progress& progress, unsigned threads);

}  // namespace uswim::experiment
