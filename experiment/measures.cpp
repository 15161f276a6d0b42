#include "experiment/measures.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "support/results.h"
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
    const workloads::ComputeOptions options{
        threads_, [&](std::size_t done) { progress_(stage, done, data_.count); }};
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
  if (config.selection.uses(SelectionPolicy::Fisher))
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

}  // namespace uswim::experiment
