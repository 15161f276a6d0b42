#pragma once
#include <cstdint>
#include <filesystem>
#include <vector>

#include "experiment/config.h"
#include "experiment/workload.h"

namespace uswim::experiment {

/// How the loss depends on each weight, over the sensitivity images. Empty where no policy asks.
struct Measures {
  std::vector<float> second_derivative;  ///< by the recursion
  std::vector<float> hessian_diagonal;   ///< by Hutchinson probes
  std::vector<float> fisher;
  std::vector<float> gradient;
};

/// Computes what the policies need, or takes it from the cache where the same network and images
/// were seen before. `cache` is a directory; empty: no cache. Results do not depend on `threads`.
Measures load_measures(const Workload& workload, const Config& config,
                       const std::filesystem::path& cache, const Progress& progress,
                       unsigned threads);
/// The network as it is after programming, from the erased state, on the `number`th chip of those
/// that belong to no run; the mask's devices are write-verified.
workloads::Network programmed_network(const Workload& workload, const Config& config,
                                      const tiles::Mapping& mapping,
                                      const programmer::DeviceModel& device,
                                      const programmer::DeviceMask& mask, unsigned number);
/// WeightFacts::other_curvature for CurvatureMeasure::ProgrammedFisher: the mean over programmed
/// networks of the empirical Fisher information.
std::vector<float> load_programmed_fisher(const Workload& workload, const Config& config,
                                          const tiles::Mapping& mapping,
                                          const programmer::DeviceModel& device,
                                          const programmer::WeightFacts& facts,
                                          const std::filesystem::path& cache,
                                          const Progress& progress, unsigned threads);
/// Its second derivative alone, whether a policy needs it or not.
std::vector<float> load_second_derivative(const Workload& workload, const Config& config,
                                          const std::filesystem::path& cache,
                                          const Progress& progress, unsigned threads);

}  // namespace uswim::experiment
