#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "experiment/monte_carlo.h"

namespace uswim::experiment {

/// Means over chips of what the iterative algorithm took with one policy.
struct IterativeSummary {
  std::string policy;
  unsigned chips = 0;
  unsigned within_the_drop = 0;  ///< chips whose last measurement was
  double steps = 0;              ///< measurements after the open-loop one
  double fraction = 0;           ///< of the ranking verified in the end
  double nwc = 0;
  double programming_s = 0;  ///< the open-loop write and all increments
  double measuring_s = 0;
  double mask_s = 0;  ///< masks over the host link
  double energy_J = 0;
  double measuring_J = 0;                     ///< part of energy_J
  double accuracy_mean = 0, accuracy_sd = 0;  ///< over all test images of the curve
  double one_shot_s = 0, one_shot_J = 0;      ///< the same devices in one programming
  double one_shot_mask_s = 0;
  double total_s() const { return programming_s + measuring_s + mask_s; }
};
/// In the order of selection.iterative.policies.
std::vector<IterativeSummary> summarize_iterative(const Experiment& experiment,
                                                  const MonteCarloResult& result);

/// A row per policy, chip and step.
std::string iterative_csv(const Experiment& experiment, const MonteCarloResult& result);
nlohmann::ordered_json iterative_json(const std::vector<IterativeSummary>& summaries);

}  // namespace uswim::experiment
