#pragma once
#include <string>
#include <vector>

#include "experiment/monte_carlo.h"

namespace uswim::experiment {

/// Accuracies of a point of the curve at times after programming, over all chips.
struct RetentionSummary {
  struct Accuracy {
    double mean = 0, sd = 0;
    std::size_t chips = 0;
  };
  std::string policy;
  double fraction = 0;
  std::vector<Accuracy> later;  ///< by Config::accuracy_times_s
};
/// Point by point; none where no times are asked for.
std::vector<RetentionSummary> summarize_retention(const Experiment& experiment,
                                                  const MonteCarloResult& result);

}  // namespace uswim::experiment
