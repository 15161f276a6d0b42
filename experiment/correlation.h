#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

#include "experiment/config.h"
#include "experiment/run.h"
#include "experiment/workload.h"

namespace uswim::experiment {

/// What became of the network when one weight was moved, up and down by the same amount.
struct PerturbedWeight {
  std::size_t weight = 0;  ///< index over all layers
  std::size_t layer = 0;
  double magnitude = 0.0;          ///< |w| over the layer's largest, in [0, 1]
  double second_derivative = 0.0;  ///< by the recursion
  double perturbation = 0.0;       ///< size of the move, in units of the weight
  double accuracy_drop = 0.0;      ///< fraction of the images, mean of both moves
  double loss_increase = 0.0;      ///< of the mean cross entropy, mean of both moves
  /// What the second derivative says of the loss: 1/2 H d^2.
  double predicted_increase() const {
    return 0.5 * second_derivative * perturbation * perturbation;
  }
};

/// Moves `config.weights` weights, drawn without replacement by `seed`, one at a time by
/// `config.perturbation` times their layer's largest weight, and runs the float network over the
/// first images. Odd orders of the loss cancel between the two moves. In the order of the weights.
std::vector<PerturbedWeight> perturb_weights(const workloads::Network& network,
                                             const workloads::Dataset& images,
                                             const std::vector<float>& second_derivative,
                                             const CorrelationConfig& config, std::uint64_t seed,
                                             unsigned threads, const Progress& progress);

/// Pearson's correlation. Nothing where one side is constant.
std::optional<double> linear_correlation(const std::vector<double>& x,
                                         const std::vector<double>& y);
/// Spearman's rank correlation: Pearson's of the ranks, equal values sharing the mean of theirs.
std::optional<double> rank_correlation(const std::vector<double>& x, const std::vector<double>& y);

/// Correlations of what happened with what could have told it.
struct Correlations {
  std::optional<double> loss_magnitude, loss_second_derivative, loss_predicted;
  std::optional<double> accuracy_magnitude, accuracy_second_derivative, accuracy_predicted;
};
using Correlate = std::optional<double> (*)(const std::vector<double>&, const std::vector<double>&);
Correlations correlations(const std::vector<PerturbedWeight>& weights, Correlate correlate);

struct CorrelationStudy {
  Correlations rank, linear;
};
/// The study of a configuration; writes correlation.csv, summary.json and config.yaml.
CorrelationStudy run_correlation(const LoadedConfig& loaded, const RunOptions& options);

}  // namespace uswim::experiment
