#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "experiment/checkpoint.h"
#include "experiment/comparison.h"
#include "experiment/config.h"
#include "experiment/curve_point.h"
#include "experiment/iterative_results.h"
#include "experiment/monte_carlo.h"
#include "experiment/retention.h"
#include "experiment/workload.h"

namespace uswim::experiment {

struct RunResult {
  std::optional<double> ideal_accuracy;  ///< nothing where no accuracy is measured
  std::vector<CurvePoint> curve;
  std::vector<CostToReach> cost;  ///< none without an accuracy
  std::vector<IterativeSummary> iterative;
  std::vector<InSituSummary> in_situ;
  std::vector<RetentionSummary> retention;
  /// What the ratios refer to: everything verified, or the last point where nothing is verified.
  CurvePoint verify_all;
  std::uint64_t devices = 0;  ///< of the network
  MonteCarloResult monte_carlo;
  double load_s = 0.0, sensitivity_s = 0.0, placing_s = 0.0, monte_carlo_s = 0.0;  ///< wall time
};

struct RunOptions {
  unsigned jobs = 2;             ///< processes for the chips, threads for the sensitivity
  std::filesystem::path output;  ///< result directory
  std::filesystem::path cache;   ///< of sensitivities; empty: none
  Progress progress;
  std::filesystem::path dump = {};     ///< file for every device of chip 0; empty: none
  std::size_t dump_limit = 1'000'000;  ///< devices in it
  EarlierChips earlier_chips = EarlierChips::Refuse;  ///< of a run that was interrupted
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
