#include "experiment/measures.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <thread>

#include "support/results.h"
#include "workloads/network/per_weight.h"
#include "workloads/sensitivity/sensitivity.h"

namespace uswim::experiment {
namespace {

using programmer::SelectionPolicy;
using support::FileError;

bool asked_for(SelectionPolicy policy, const SelectionConfig& selection) {
  const auto among = [&](const std::vector<SelectionPolicy>& policies) {
    return std::find(policies.begin(), policies.end(), policy) != policies.end();
  };
  return among(selection.policies) || among(selection.iterative.policies);
}

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

}  // namespace

Measures load_measures(const Workload& workload, const Config& config,
                       const std::filesystem::path& cache, const Progress& progress) {
  const workloads::Dataset data = load_images(workload.network, config.workload.sensitivity);
  const auto load = [&](const std::string& measure, const std::string& stage, auto&& compute) {
    const workloads::ComputeOptions options{
        std::max(1u, std::thread::hardware_concurrency()),
        [&](std::size_t done) { progress(stage, done, data.count); }};
    std::vector<float> values = cached(
        cache, measure + workload.network.content_hash + data.content_hash,
        workload.network.weights(), [&] { return compute(workload.network, data, options); });
    workloads::check_finite(workload.network, values,
                            config.workload.network.string() + ": " + stage);
    return values;
  };
  Measures measures;
  measures.second_derivative =
      load("second_derivative 1 ", "sensitivity", workloads::second_derivative);
  const unsigned probes = config.selection.hutchinson_probes;
  if (asked_for(SelectionPolicy::Hutchinson, config.selection))
    measures.hessian_diagonal =
        load(fmt::format("hutchinson 1 {} {} ", probes, config.seed), "Hutchinson probes",
             [&](const auto& network, const auto& images, const auto& options) {
               return workloads::hutchinson_diagonal(network, images, probes, config.seed, options);
             });
  if (asked_for(SelectionPolicy::Fisher, config.selection))
    measures.fisher = load("fisher 1 ", "Fisher information", workloads::empirical_fisher);
  if (asked_for(SelectionPolicy::Gradient, config.selection))
    measures.gradient = load("gradient 1 ", "gradient", workloads::mean_gradient);
  return measures;
}

}  // namespace uswim::experiment
