#include "experiment/programmed_chip.h"

#include <algorithm>
#include <ctime>

namespace uswim::experiment {
namespace {

double processor_seconds() {
  timespec t;
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

}  // namespace

Stage::Stage(double& sum) : sum_(sum), begin_(processor_seconds()) {}
Stage::~Stage() { sum_ += processor_seconds() - begin_; }

std::array<double, sc_models::kComponents> in_joules(const sc_models::EnergyBreakdown& energy) {
  std::array<double, sc_models::kComponents> parts{};
  for (std::size_t i = 0; i < parts.size(); ++i) parts[i] = support::in_joules(energy.parts()[i]);
  return parts;
}

WriteCost write_cost(const sc_models::ProgrammingReport& report) {
  return {{report.time.in_picoseconds(), support::in_joules(report.energy.total())},
          report.load_time.in_picoseconds(),
          report.write_cycles,
          report.write_pulses};
}

ProgrammedChip::ProgrammedChip(const Experiment& experiment)
    : experiment_(experiment),
      program_{experiment.workload.network, experiment.workload.weights,
               experiment.workload.activations},
      pulses_(programmer::make_pulse_model(experiment.config.programming, experiment.device)),
      system_(experiment.config.chip, experiment.config.tile, experiment.mapping, experiment.device,
              *pulses_, program_),
      drift_(experiment.config.device) {
  system_.set_inference_read_noise(experiment.config.device.inference_read_noise);
  if (experiment.config.measures_accuracy()) {
    accuracy_.emplace(experiment.config, experiment.workload, experiment.mapping, system_);
    const workloads::Dataset& test = experiment.workload.test;
    test_images_ = accuracy_->executor().prepare(test, 0, experiment.accuracy_images());
    const IterativeConfig& iterative = experiment.config.selection.iterative;
    if (!iterative.policies.empty())
      measured_images_ =
          accuracy_->executor().prepare(test, 0, std::min(iterative.images, test.count));
  }
  const StartConfig& start = experiment.config.start;
  if (experiment.previous_mapping != nullptr) {
    programmer::EarlierProgramming earlier = start.earlier(drift_);
    earlier.mapping = experiment.previous_mapping;
    system_.start_from(earlier, experiment.device);
  }
}

WriteCost ProgrammedChip::write_open_loop() {
  const Stage stage(seconds_.simulation);
  return write_cost(system_.program(programmer::DeviceMask(experiment_.mapping)));
}

WriteCost ProgrammedChip::verify(const programmer::DeviceMask& devices) {
  const Stage stage(seconds_.simulation);
  return write_cost(system_.verify(devices));
}

WriteCost ProgrammedChip::rewrite(const programmer::DeviceMask& devices,
                                  const std::vector<std::vector<std::int16_t>>& codes) {
  const Stage stage(seconds_.simulation);
  return write_cost(system_.rewrite(devices, codes));
}

std::uint64_t ProgrammedChip::count_correct() {
  load_effective_weights();
  return correct_of(measured_images_);
}

std::uint64_t ProgrammedChip::count_test_correct() {
  if (!accuracy_) return 0;
  load_effective_weights();
  return correct_of(test_images_);
}

std::uint64_t ProgrammedChip::count_test_correct_later(double seconds) {
  {
    const Stage stage(seconds_.read_back);
    accuracy_->load_later(chip_, seconds);
  }
  return correct_of(test_images_);
}

std::uint64_t ProgrammedChip::correct_of(const workloads::PreparedImages& images) {
  const Stage stage(seconds_.accuracy);
  return accuracy_->count_correct(images, chip_);
}

void ProgrammedChip::load_effective_weights() {
  const Stage stage(seconds_.read_back);
  accuracy_->load();
}

LayerWeights ProgrammedChip::weights() {
  const tiles::Mapping& mapping = experiment_.mapping;
  LayerWeights all;
  for (std::size_t l = 0; l < mapping.layers().size(); ++l) {
    std::vector<float>& layer =
        all.emplace_back(mapping.layers()[l].outputs * mapping.layers()[l].rows);
    const std::size_t first = mapping.first_block(l);
    for (std::size_t a = first; a < first + mapping.block_count(l); ++a)
      tiles::read_effective_weights(system_.copied_cells(a), mapping, a, layer.data());
    const auto step = static_cast<float>(experiment_.workload.weights[l].step());
    for (float& w : layer) w *= step;
  }
  return all;
}

InferenceResult ProgrammedChip::infer() {
  const Stage stage(seconds_.inference);
  const workloads::Dataset& test = experiment_.workload.test;
  const std::size_t count = std::min<std::size_t>(experiment_.config.inference_images, test.count);
  const std::vector<std::uint8_t> pixels(
      test.pixels.begin(),
      test.pixels.begin() + static_cast<std::ptrdiff_t>(count * test.shape.size()));
  const sc_models::InferenceReport report = system_.infer(pixels, count);
  return {count,
          report.latency.in_picoseconds(),
          report.images_per_second,
          in_joules(report.energy),
          report.busiest_link.in_seconds() / report.time.in_seconds(),
          report.mean_hops};
}

Cost ProgrammedChip::inference_cost(std::size_t images) {
  const InferenceResult inference = infer();
  double energy = 0.0;
  for (const double part : inference.energy_J) energy += part;
  return {stream_time_ps(inference.latency_ps, inference.images_per_second, images),
          energy / static_cast<double>(inference.images) * static_cast<double>(images)};
}

}  // namespace uswim::experiment
