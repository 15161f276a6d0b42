#include "experiment/summary.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "experiment/comparison.h"
#include "uswim_version.h"

namespace uswim::experiment {

using Json = nlohmann::ordered_json;

Endurance endurance(double rated_cycles, std::uint64_t most_pulses) {
  Endurance e;
  if (rated_cycles <= 0.0) return e;
  e.life_used = static_cast<double>(most_pulses) / rated_cycles;
  if (most_pulses > 0)
    e.programmings =
        static_cast<std::uint64_t>(std::floor(rated_cycles / static_cast<double>(most_pulses)));
  return e;
}

std::string rated_life_text(double rated_cycles, const std::vector<CurvePoint>& curve) {
  std::uint64_t most = 0;
  for (const CurvePoint& p : curve) most = std::max(most, p.most_pulses);
  const Endurance e = endurance(rated_cycles, most);
  if (!e.programmings) return "";
  if (*e.programmings == 0)
    return fmt::format("A device gets {} write pulses, more than its rated {:g}.", most,
                       rated_cycles);
  return fmt::format("A device gets up to {} write pulses; its rated {:g} last {} programmings.",
                     most, rated_cycles, *e.programmings);
}

Reference reference(const Experiment& experiment, const RunResult& result) {
  Reference mean;
  std::size_t n = 0;
  for (const ChipResult& r : result.monte_carlo.chips) {
    const Evaluation& e = experiment.evaluations[r.evaluation];
    if (e.policy != result.verify_all.policy || e.fraction != result.verify_all.fraction) continue;
    for (std::size_t i = 0; i < r.energy_J.size(); ++i) mean.energy_J[i] += r.energy_J[i];
    mean.load_s += static_cast<double>(r.load_time_ps) * 1e-12;
    ++n;
  }
  for (double& e : mean.energy_J) e /= static_cast<double>(n);
  mean.load_s /= static_cast<double>(n);
  return mean;
}

namespace {

Json breakdown(const std::array<double, sc_models::kComponents>& energy, double divisor) {
  Json parts = Json::object();
  for (std::size_t i = 0; i < energy.size(); ++i)
    parts[std::string(sc_models::kComponentNames[i])] = energy[i] / divisor;
  return parts;
}

double sum_of(const Json& parts) {
  double sum = 0.0;
  for (const auto& part : parts) sum += part.get<double>();
  return sum;
}

Json inference_json(const InferenceResult& i) {
  const Json per_image = breakdown(i.energy_J, static_cast<double>(i.images));
  return {{"images", i.images},
          {"latency_s", static_cast<double>(i.latency_ps) * 1e-12},
          {"throughput_images_per_s", i.images_per_second},
          {"energy_J", sum_of(per_image)},
          {"energy_breakdown_J", per_image}};
}

/// `goal`: within accuracy.drop of the ideal.
Json cost_to_reach_json(const RunResult& result, double goal) {
  Json j = {{"accuracy", goal}, {"policies", Json::array()}};
  for (const CostToReach& c : result.cost) {
    Json row = {{"policy", c.policy}, {"reached", c.is_reached()}};
    for (std::size_t k = 0; c.is_reached() && k < c.cheapest.size(); ++k)
      row[std::string(kCurrencyNames[k])] = {{"fraction", c.cheapest[k]->fraction},
                                             {"nwc", c.cheapest[k]->nwc_mean},
                                             {"programming_time_s", c.cheapest[k]->time_s_mean},
                                             {"programming_energy_J", c.cheapest[k]->energy_J_mean},
                                             {"accuracy", c.cheapest[k]->accuracy_mean}};
    j["policies"].push_back(row);
  }
  return j;
}

Json speed_up_json(const RunResult& result, double goal) {
  Json j = Json::array();
  for (const SpeedUp& s : speed_ups(result.curve, result.verify_all, goal)) {
    Json row = {{"policy", s.policy}};
    for (std::size_t c = 0; c < s.factor.size(); ++c)
      row[std::string(kCurrencyNames[c])] = s.factor[c] ? Json(*s.factor[c]) : Json(nullptr);
    j.push_back(row);
  }
  return j;
}

}  // namespace

std::string summary_json(const LoadedConfig& loaded, const Workload& workload,
                         const tiles::Mapping& mapping, const Experiment& experiment,
                         const RunResult& result) {
  Json j;
  j["ideal_accuracy"] = result.ideal_accuracy ? Json(*result.ideal_accuracy) : Json(nullptr);
  j["weights"] = mapping.weights();
  j["devices"] = mapping.devices();
  j["arrays"] = mapping.array_count();
  j["chips"] = loaded.config.chips;
  j["seed"] = loaded.config.seed;
  j["config_hash"] = loaded.hash;
  j["network_hash"] = workload.network.content_hash;
  j["test_data_hash"] = workload.test.count > 0 ? Json(workload.test.content_hash) : Json(nullptr);
  j["version"] = kVersion;
  j["versions"] = versions();

  const Reference all = reference(experiment, result);
  const Json parts = breakdown(all.energy_J, 1.0);
  j["programming"] = {{"policy", result.verify_all.policy},
                      {"fraction", result.verify_all.fraction},
                      {"time_s", result.verify_all.time_s_mean},
                      {"mask_load_time_s", all.load_s},
                      {"energy_J", sum_of(parts)},
                      {"energy_breakdown_J", parts},
                      {"peak_power_W", result.verify_all.peak_power_W_mean},
                      {"average_power_W", result.verify_all.average_power_W_mean}};
  const double rated = loaded.config.device.rated_cycles;
  const Endurance life = endurance(rated, result.verify_all.most_pulses);
  j["endurance"] = {
      {"rated_cycles", rated > 0.0 ? Json(rated) : Json(nullptr)},
      {"pulses_per_device_mean",
       result.verify_all.write_pulses_mean / static_cast<double>(mapping.devices())},
      {"pulses_per_device_max", result.verify_all.most_pulses},
      {"rated_life_used", life.life_used ? Json(*life.life_used) : Json(nullptr)},
      {"programmings_to_rated_life", life.programmings ? Json(*life.programmings) : Json(nullptr)}};

  const InferenceResult& inference = result.monte_carlo.inference;
  j["inference"] = inference.images > 0 ? inference_json(inference) : Json(nullptr);

  if (result.ideal_accuracy) {
    const double goal = *result.ideal_accuracy - loaded.config.accuracy_drop;
    j["cost_to_reach"] = cost_to_reach_json(result, goal);
    j["speed_up"] = speed_up_json(result, goal);
  } else {
    j["cost_to_reach"] = nullptr;
    j["speed_up"] = nullptr;
  }
  if (!result.iterative.empty()) j["iterative"] = iterative_json(result.iterative);
  for (const InSituSummary& s : result.in_situ)
    j["in_situ"].push_back({{"iteration", s.iteration},
                            {"write_pulses_per_device", s.write_pulses_per_device},
                            {"total_time_s", s.writing_s + s.training_s},
                            {"writing_time_s", s.writing_s},
                            {"energy_J", s.energy_J},
                            {"accuracy", s.accuracy_mean},
                            {"accuracy_sd", s.accuracy_sd}});
  j["hardware_accuracy"] = Json::array();
  for (const HardwareResult& h : result.monte_carlo.hardware) {
    const auto images = static_cast<double>(h.images);
    j["hardware_accuracy"].push_back(
        {{"chip", h.chip},
         {"policy", experiment.evaluations.front().policy},
         {"fraction", h.fraction},
         {"images", h.images},
         {"adc_bits", loaded.config.tile.adc.bits},
         {"accuracy", static_cast<double>(h.correct_hardware) / images},
         {"accuracy_ideal_adc", static_cast<double>(h.correct_ideal_adc) / images}});
  }
  return j.dump(2) + "\n";
}

}  // namespace uswim::experiment
