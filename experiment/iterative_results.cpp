#include "experiment/iterative_results.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "support/results.h"

namespace uswim::experiment {
namespace {

double seconds(std::int64_t picoseconds) { return static_cast<double>(picoseconds) * 1e-12; }

std::string policy_of(const Experiment& experiment, std::uint32_t index) {
  return std::string(programmer::name_of(experiment.config.selection.iterative.policies[index]));
}

/// Where the run of a policy on a chip ended.
const IterativeResult& end_of(const MonteCarloResult& result, const IterativeStepResult& step) {
  return *std::find_if(
      result.iterative.begin(), result.iterative.end(),
      [&](const IterativeResult& r) { return r.policy == step.policy && r.chip == step.chip; });
}

}  // namespace

std::vector<IterativeSummary> summarize_iterative(const Experiment& experiment,
                                                  const MonteCarloResult& result) {
  std::vector<IterativeSummary> summaries;
  const auto images = static_cast<double>(experiment.accuracy_images());
  for (std::uint32_t p = 0; p < experiment.config.selection.iterative.policies.size(); ++p) {
    IterativeSummary s;
    s.policy = policy_of(experiment, p);
    support::RunningStatistics steps, fraction, nwc, programming, measuring, mask, energy,
        measuring_energy, accuracy, one_shot, one_shot_energy, one_shot_mask;
    for (const IterativeResult& r : result.iterative) {
      if (r.policy != p) continue;
      WriteCost sum;
      Cost measured;
      const IterativeStepResult* last = nullptr;
      for (const IterativeStepResult& step : result.iterative_steps) {
        if (step.policy != p || step.chip != r.chip) continue;
        sum.programming += step.turn.write.programming;
        sum.mask_time_ps += step.turn.write.mask_time_ps;
        sum.write_cycles += step.turn.write.write_cycles;
        if (step.turn.is_measured) measured += r.measurement;
        last = &step;
      }
      s.within_the_drop += last->turn.is_within_the_drop;
      steps.add(last->step);
      fraction.add(last->turn.fraction);
      nwc.add(r.all_write_cycles == 0 ? 0.0
                                      : static_cast<double>(sum.write_cycles) /
                                            static_cast<double>(r.all_write_cycles));
      programming.add(seconds(sum.programming.time_ps));
      measuring.add(seconds(measured.time_ps));
      mask.add(seconds(sum.mask_time_ps));
      energy.add(sum.programming.energy_J + measured.energy_J);
      measuring_energy.add(measured.energy_J);
      accuracy.add(static_cast<double>(r.correct) / images);
      one_shot.add(seconds(r.one_shot.programming.time_ps));
      one_shot_energy.add(r.one_shot.programming.energy_J);
      one_shot_mask.add(seconds(r.one_shot.mask_time_ps));
    }
    s.chips = static_cast<unsigned>(steps.count());
    s.steps = steps.mean();
    s.fraction = fraction.mean();
    s.nwc = nwc.mean();
    s.programming_s = programming.mean();
    s.measuring_s = measuring.mean();
    s.mask_s = mask.mean();
    s.energy_J = energy.mean();
    s.measuring_J = measuring_energy.mean();
    s.accuracy_mean = accuracy.mean();
    s.accuracy_sd = accuracy.standard_deviation();
    s.one_shot_s = one_shot.mean();
    s.one_shot_J = one_shot_energy.mean();
    s.one_shot_mask_s = one_shot_mask.mean();
    summaries.push_back(s);
  }
  return summaries;
}

std::string iterative_csv(const Experiment& experiment, const MonteCarloResult& result) {
  support::CsvTable csv({"policy", "chip", "step", "fraction", "devices", "write_cycles",
                         "programming_time_s", "programming_energy_J", "mask_load_time_s",
                         "measuring_time_s", "measuring_energy_J", "measured_accuracy",
                         "within_the_drop"});
  const auto images = static_cast<double>(
      std::min(experiment.config.selection.iterative.images, experiment.workload.test.count));
  for (const IterativeStepResult& r : result.iterative_steps) {
    const IterativeStep& t = r.turn;
    const Cost measured = t.is_measured ? end_of(result, r).measurement : Cost{};
    csv.cell(policy_of(experiment, r.policy)).cell(std::uint64_t{r.chip});
    csv.cell(std::uint64_t{r.step}).cell(t.fraction).cell(t.devices).cell(t.write.write_cycles);
    csv.cell(seconds(t.write.programming.time_ps)).cell(t.write.programming.energy_J);
    csv.cell(seconds(t.write.mask_time_ps)).cell(seconds(measured.time_ps)).cell(measured.energy_J);
    csv.cell(static_cast<double>(t.correct) / images);
    csv.cell(std::uint64_t{t.is_within_the_drop});
    csv.end_row();
  }
  return csv.bytes();
}

nlohmann::ordered_json iterative_json(const std::vector<IterativeSummary>& summaries) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const IterativeSummary& s : summaries)
    list.push_back({{"policy", s.policy},
                    {"chips", s.chips},
                    {"chips_within_the_drop", s.within_the_drop},
                    {"steps", s.steps},
                    {"fraction", s.fraction},
                    {"nwc", s.nwc},
                    {"total_time_s", s.total_s()},
                    {"programming_time_s", s.programming_s},
                    {"measuring_time_s", s.measuring_s},
                    {"mask_load_time_s", s.mask_s},
                    {"energy_J", s.energy_J},
                    {"measuring_energy_J", s.measuring_J},
                    {"accuracy", s.accuracy_mean},
                    {"accuracy_sd", s.accuracy_sd},
                    {"one_shot_time_s", s.one_shot_s},
                    {"one_shot_mask_load_time_s", s.one_shot_mask_s},
                    {"one_shot_energy_J", s.one_shot_J}});
  return list;
}

}  // namespace uswim::experiment
