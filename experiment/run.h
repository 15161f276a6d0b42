#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "experiment/config.h"
#include "experiment/iterative_results.h"
#include "experiment/monte_carlo.h"
#include "experiment/workload.h"

namespace uswim::experiment {

/// Mean and standard deviation over chips of one point of the curve.
struct CurvePoint {
  std::string policy;
  double fraction = 0.0;
  unsigned chips = 0;
  double nwc_mean = 0, nwc_sd = 0;
  double time_s_mean = 0, energy_J_mean = 0;
  double write_pulses_mean = 0, verify_reads_mean = 0, not_converged_mean = 0;
  double accuracy_mean = 0, accuracy_sd = 0;
  double peak_power_W_mean = 0, average_power_W_mean = 0;
  std::uint64_t most_pulses = 0;  ///< of one device, the largest over the chips
};

/// The cheapest evaluated point of a policy whose mean accuracy is within config.accuracy_drop of
/// the ideal.
struct CostToReach {
  std::string policy;
  bool reached = false;
  CurvePoint point;
};

struct RunResult {
  double ideal_accuracy = 0.0;
  std::vector<CurvePoint> curve;
  std::vector<CostToReach> cost;
  std::vector<IterativeSummary> iterative;
  std::vector<InSituSummary> in_situ;
  CurvePoint verify_all;  ///< the point of largest fraction: what the ratios refer to
  MonteCarloResult monte_carlo;
  double load_s = 0.0, sensitivity_s = 0.0, monte_carlo_s = 0.0;  ///< wall time
};

struct RunOptions {
  unsigned jobs = 2;             ///< processes for the chips, threads for the sensitivity
  std::filesystem::path output;  ///< result directory
  std::filesystem::path cache;   ///< of sensitivities; empty: none
  Progress progress;
  std::filesystem::path dump = {};     ///< file for every device of chip 0; empty: none
  std::size_t dump_limit = 1'000'000;  ///< devices in it
  bool resume = false;  ///< go on from the chips that an interrupted run of the same finished
};

/// The whole experiment: loads, ranks, programs, evaluates, writes the result directory (whole or
/// not at all).
RunResult run_experiment(const LoadedConfig& loaded, const RunOptions& options);

/// Scores of the configuration's first policy and masks at every fraction, without programming
/// anything. Writes `output` (.npy, one float32 per weight) and beside it one mask (.npy of bool,
/// true = verified) per fraction. Returns the files written.
std::vector<std::filesystem::path> export_sensitivity(const LoadedConfig& loaded,
                                                      const std::filesystem::path& output,
                                                      const std::filesystem::path& cache,
                                                      const Progress& progress,
                                                      unsigned threads = 1);

}  // namespace uswim::experiment
