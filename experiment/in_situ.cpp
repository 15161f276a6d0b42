#include "experiment/in_situ.h"

#include <algorithm>
#include <cmath>

#include "experiment/monte_carlo.h"
#include "support/results.h"
#include "workloads/sensitivity/sensitivity.h"

namespace uswim::experiment {

using programmer::DeviceMask;
using Codes = std::vector<std::vector<std::int16_t>>;

namespace {

/// Devices whose level differs between two sets of codes, or all of them.
DeviceMask devices_to_write(const tiles::Mapping& mapping, Rewriting rewriting, const Codes& before,
                            const Codes& now) {
  DeviceMask mask(mapping);
  for (std::size_t a = 0; a < mapping.blocks().size(); ++a) {
    const std::size_t layer = mapping.blocks()[a].layer;
    for (std::size_t r = 0; r < mapping.blocks()[a].rows; ++r)
      for (std::size_t c = 0; c < mapping.columns(a); ++c) {
        const std::size_t weight = mapping.weight_of(a, r, c) - mapping.first_weight(layer);
        if (rewriting == Rewriting::All || mapping.level_of_code(before[layer][weight], c) !=
                                               mapping.level_of_code(now[layer][weight], c))
          mask.set(a, r, c);
      }
  }
  return mask;
}

/// The batch of `count` images from `first` on, beginning anew behind the last one.
workloads::Dataset batch_of(const workloads::Dataset& images, std::size_t first,
                            std::size_t count) {
  workloads::Dataset batch;
  batch.shape = images.shape;
  batch.count = count;
  const std::size_t size = images.shape.size();
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t image = (first + i) % images.count;
    const auto pixels = images.pixels.begin() + static_cast<std::ptrdiff_t>(image * size);
    batch.pixels.insert(batch.pixels.end(), pixels, pixels + static_cast<std::ptrdiff_t>(size));
    batch.labels.push_back(images.labels[image]);
  }
  return batch;
}

/// One step down the gradient, layer after layer.
void descend(double learning_rate, const std::vector<float>& gradient, LayerWeights& copy) {
  const auto rate = static_cast<float>(learning_rate);
  auto g = gradient.begin();
  for (std::vector<float>& layer : copy)
    for (float& w : layer) w -= rate * *g++;
}

Codes rounded(const LayerWeights& copy, const std::vector<workloads::QuantizedWeights>& quantized) {
  Codes codes;
  for (std::size_t l = 0; l < copy.size(); ++l) {
    const auto step = static_cast<float>(quantized[l].step());
    const float largest = static_cast<float>((1u << quantized[l].bits) - 1);
    codes.emplace_back();
    for (const float w : copy[l])
      codes.back().push_back(step > 0.0f ? static_cast<std::int16_t>(std::clamp(
                                               std::nearbyint(w / step), -largest, largest))
                                         : std::int16_t{0});
  }
  return codes;
}

}  // namespace

std::vector<InSituStep> train_in_situ(TrainableChip& chip, const InSituConfig& config,
                                      const tiles::Mapping& mapping,
                                      const workloads::Network& network,
                                      const std::vector<workloads::QuantizedWeights>& weights,
                                      const workloads::Dataset& images) {
  workloads::Network on_chip = network;
  LayerWeights copy;
  Codes codes;
  for (const workloads::QuantizedWeights& layer : weights) {
    codes.push_back(layer.code);
    copy.emplace_back();
    for (const std::int16_t code : layer.code)
      copy.back().push_back(static_cast<float>(code * layer.step()));
  }
  std::vector<InSituStep> steps(1);
  steps.front().devices = mapping.devices();
  steps.front().write = chip.write_open_loop();
  steps.front().correct = chip.count_test_correct();
  for (unsigned iteration = 0; iteration < config.iterations; ++iteration) {
    const LayerWeights programmed = chip.weights();
    for (std::size_t l = 0; l < programmed.size(); ++l) on_chip.layers[l].weight = programmed[l];
    const workloads::Dataset batch =
        batch_of(images, std::size_t{iteration} * config.batch, config.batch);
    descend(config.learning_rate, workloads::mean_gradient(on_chip, batch), copy);
    const Codes now = rounded(copy, weights);
    const DeviceMask devices = devices_to_write(mapping, config.rewriting, codes, now);
    codes = now;
    InSituStep step;
    step.devices = devices.count();
    if (step.devices > 0) step.write = chip.rewrite(devices, codes);
    step.correct = chip.count_test_correct();
    steps.push_back(step);
  }
  return steps;
}

namespace {

double seconds(std::int64_t picoseconds) { return static_cast<double>(picoseconds) * 1e-12; }

double test_images(const Experiment& experiment) {
  return static_cast<double>(experiment.accuracy_images());
}

}  // namespace

std::vector<InSituSummary> summarize_in_situ(const Experiment& experiment,
                                             const MonteCarloResult& result) {
  std::vector<InSituSummary> summaries;
  const auto devices = static_cast<double>(experiment.mapping.devices());
  InSituSummary sum;  // means over chips, added up over the iterations
  for (unsigned i = 0; i <= experiment.config.in_situ.iterations; ++i) {
    support::RunningStatistics pulses, writing, training, energy, accuracy;
    for (const InSituResult& r : result.in_situ) {
      if (r.iteration != i) continue;
      pulses.add(static_cast<double>(r.step.write.write_pulses) / devices);
      writing.add(seconds(r.step.write.programming.time_ps + r.step.write.mask_time_ps));
      training.add(seconds(r.training.time_ps));
      energy.add(r.step.write.programming.energy_J + r.training.energy_J);
      accuracy.add(static_cast<double>(r.step.correct) / test_images(experiment));
    }
    if (accuracy.count() == 0) return summaries;
    sum.iteration = i;
    sum.write_pulses_per_device += pulses.mean();
    sum.writing_s += writing.mean();
    sum.training_s += training.mean();
    sum.energy_J += energy.mean();
    sum.accuracy_mean = accuracy.mean();
    sum.accuracy_sd = accuracy.standard_deviation();
    summaries.push_back(sum);
  }
  return summaries;
}

std::string in_situ_csv(const Experiment& experiment, const MonteCarloResult& result) {
  support::CsvTable csv({"chip", "iteration", "devices_written", "write_pulses", "writing_time_s",
                         "writing_energy_J", "load_time_s", "training_time_s", "training_energy_J",
                         "accuracy"});
  for (const InSituResult& r : result.in_situ) {
    csv.cell(std::uint64_t{r.chip}).cell(std::uint64_t{r.iteration}).cell(r.step.devices);
    csv.cell(r.step.write.write_pulses)
        .cell(seconds(r.step.write.programming.time_ps))
        .cell(r.step.write.programming.energy_J);
    csv.cell(seconds(r.step.write.mask_time_ps));
    csv.cell(seconds(r.training.time_ps)).cell(r.training.energy_J);
    csv.cell(static_cast<double>(r.step.correct) / test_images(experiment));
    csv.end_row();
  }
  return csv.bytes();
}

}  // namespace uswim::experiment
