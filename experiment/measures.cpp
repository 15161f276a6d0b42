#include "experiment/measures.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "programmer/array_programmer.h"
#include "support/results.h"
#include "tiles/cell_array.h"
#include "workloads/network/per_weight.h"
#include "workloads/sensitivity/sensitivity.h"

namespace uswim::experiment {
namespace {

using programmer::SelectionPolicy;
using support::FileError;

/// compute(), or its result of an earlier run with the same `key`.
template <class Compute>
std::vector<float> cached(const std::filesystem::path& cache, const std::string& key,
                          std::size_t weights, Compute&& compute) {
  const std::filesystem::path file = cache / (support::content_hash(key) + ".npy");
  if (!cache.empty()) {
    std::error_code ignored;
    if (std::filesystem::exists(file, ignored)) {
      try {
        support::NpyArray<float> array = support::read_npy<float>(file);
        if (array.values.size() == weights) return std::move(array.values);
      } catch (const FileError&) {
        // A damaged cache entry is computed again and replaced.
      }
    }
  }
  std::vector<float> values = compute();
  if (!cache.empty()) {
    try {
      std::filesystem::create_directories(cache);
      support::write_file_atomically(file, support::npy_bytes({values.size()}, values));
    } catch (const std::exception&) {
      // The cache is a convenience: a directory that cannot be written costs the next run a second.
    }
  }
  return values;
}

/// The measures of one network over its training images.
class Loader {
 public:
  Loader(const Workload& workload, const Config& config, const std::filesystem::path& cache,
         const Progress& progress, unsigned threads)
      : network_(workload.network),
        data_(load_images(workload.network, config.workload.sensitivity)),
        cache_(cache),
        progress_(progress),
        threads_(threads),
        name_(config.workload.network.string()) {}

  template <class Compute>
  std::vector<float> load(const std::string& measure, const std::string& stage,
                          Compute&& compute) const {
    const workloads::ComputeOptions options =
        compute_options(progress_, stage, data_.count, threads_);
    std::vector<float> values =
        cached(cache_, measure + network_.content_hash + data_.content_hash, network_.weights(),
               [&] { return compute(network_, data_, options); });
    workloads::check_finite(network_, values, name_ + ": " + stage);
    return values;
  }
  std::vector<float> second_derivative() const {
    return load("second_derivative 1 ", "sensitivity", workloads::second_derivative);
  }

 private:
  const workloads::Network& network_;
  const workloads::Dataset data_;
  const std::filesystem::path& cache_;
  const Progress& progress_;
  unsigned threads_;
  const std::string name_;  ///< of the network
};

}  // namespace

Measures load_measures(const Workload& workload, const Config& config,
                       const std::filesystem::path& cache, const Progress& progress,
                       unsigned threads) {
  Measures measures;
  if (!config.needs_training_images()) return measures;
  const Loader loader(workload, config, cache, progress, threads);
  if (config.needs_second_derivative()) measures.second_derivative = loader.second_derivative();
  const unsigned probes = config.selection.hutchinson_probes;
  if (config.selection.uses(SelectionPolicy::Hutchinson))
    measures.hessian_diagonal = loader.load(
        fmt::format("hutchinson 1 {} {} ", probes, config.seed), "Hutchinson probes",
        [&](const auto& network, const auto& images, const auto& options) {
          return workloads::hutchinson_diagonal(network, images, probes, config.seed, options);
        });
  if (config.selection.uses(SelectionPolicy::Fisher) ||
      config.needs_curvature(CurvatureMeasure::Fisher))
    measures.fisher = loader.load("fisher 1 ", "Fisher information", workloads::empirical_fisher);
  if (config.selection.uses(SelectionPolicy::Gradient))
    measures.gradient = loader.load("gradient 1 ", "gradient", workloads::mean_gradient);
  return measures;
}

std::vector<float> load_second_derivative(const Workload& workload, const Config& config,
                                          const std::filesystem::path& cache,
                                          const Progress& progress, unsigned threads) {
  return Loader(workload, config, cache, progress, threads).second_derivative();
}

workloads::Network programmed_network(const Workload& workload, const Config& config,
                                      const tiles::Mapping& mapping,
                                      const programmer::DeviceModel& device,
                                      const programmer::DeviceMask& mask, unsigned number) {
  constexpr std::uint32_t kLastChip = 0x7ffffffe;  // chips of a run are counted from 0
  const auto pulses = programmer::make_pulse_model(config.programming, device);
  programmer::RowScheme scheme;
  scheme.closing = config.programming.closing;
  workloads::Network network = workload.network;
  for (std::size_t a = 0; a < mapping.blocks().size(); ++a) {
    const std::size_t layer = mapping.blocks()[a].layer;
    programmer::ArrayProgrammer array(mapping, a, device, *pulses, scheme);
    array.new_chip(config.seed, kLastChip - number);
    for (std::size_t r = 0; r < mapping.blocks()[a].rows; ++r)
      array.program_rows(r, 1, mask.row(a, r));
    tiles::read_effective_weights(array.cells(), mapping, a, network.layers[layer].weight.data());
  }
  for (std::size_t l = 0; l < network.layers.size(); ++l)
    for (float& w : network.layers[l].weight) w *= static_cast<float>(workload.weights[l].step());
  return network;
}

std::vector<float> load_programmed_fisher(const Workload& workload, const Config& config,
                                          const tiles::Mapping& mapping,
                                          const programmer::DeviceModel& device,
                                          const programmer::WeightFacts& facts,
                                          const std::filesystem::path& cache,
                                          const Progress& progress, unsigned threads) {
  const CurvatureConfig& curvature = config.selection.curvature;
  const programmer::SelectionMask verified = programmer::select_fraction(
      programmer::ranking(programmer::scores(SelectionPolicy::Uswim, facts, config.seed, 0), facts),
      curvature.verified);
  const Loader loader(workload, config, cache, progress, threads);
  std::vector<double> sum(facts.weights(), 0.0);
  for (unsigned n = 0; n < curvature.networks; ++n) {
    const workloads::Network network = programmed_network(
        workload, config, mapping, device, programmer::device_mask(mapping, verified), n);
    std::string key = "programmed fisher 1 ";
    for (const workloads::MatrixLayer& layer : network.layers)
      key += support::content_hash(layer.weight.data(), layer.weight.size() * sizeof(float));
    const std::vector<float> fisher = loader.load(
        key, fmt::format("Fisher information, network {} of {}", n + 1, curvature.networks),
        [&](const auto&, const auto& images, const auto& options) {
          return workloads::empirical_fisher(network, images, options);
        });
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += static_cast<double>(fisher[i]);
  }
  std::vector<float> mean;
  for (const double s : sum) mean.push_back(static_cast<float>(s / curvature.networks));
  return mean;
}

}  // namespace uswim::experiment
