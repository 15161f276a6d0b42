#include "experiment/retention.h"

#include "support/results.h"

namespace uswim::experiment {

std::vector<RetentionSummary> summarize_retention(const Experiment& experiment,
                                                  const MonteCarloResult& result) {
  const auto images = static_cast<double>(experiment.accuracy_images());
  std::vector<RetentionSummary> summaries;
  const std::vector<RetentionResult>& all = result.retention;
  for (std::size_t begin = 0, end = 0; begin < all.size(); begin = end) {
    support::RunningStatistics accuracy;
    for (; end < all.size() && all[end].evaluation == all[begin].evaluation &&
           all[end].time == all[begin].time;
         ++end)
      accuracy.add(static_cast<double>(all[end].correct) / images);
    if (all[begin].time == 0) {
      const Evaluation& e = experiment.evaluations[all[begin].evaluation];
      summaries.push_back({e.policy, e.fraction, {}});
    }
    summaries.back().later.push_back(
        {accuracy.mean(), accuracy.standard_deviation(), accuracy.count()});
  }
  return summaries;
}

}  // namespace uswim::experiment
