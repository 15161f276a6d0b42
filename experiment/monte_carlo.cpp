#include "experiment/monte_carlo.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <stdexcept>
#include <utility>

#include "experiment/chip_messages.h"
#include "experiment/chip_picture.h"
#include "experiment/hardware_engine.h"
#include "experiment/programmed_chip.h"
#include "experiment/worker_processes.h"

namespace uswim::experiment {

using programmer::DeviceMask;
using programmer::SelectionMask;
using programmer::SelectionPolicy;

std::vector<Evaluation> evaluations(const SelectionConfig& selection, double imported_fraction) {
  std::vector<Evaluation> list;
  const bool whole = selection.verified_slices == 0;
  const auto add = [&](SelectionPolicy policy, double fraction) {
    list.push_back({std::string(programmer::name_of(policy)), policy, fraction, false,
                    policy == SelectionPolicy::All || (fraction == 1.0 && whole)});
  };
  for (const SelectionPolicy policy : selection.policies) {
    if (policy == SelectionPolicy::All || policy == SelectionPolicy::None)
      add(policy, policy == SelectionPolicy::All ? 1.0 : 0.0);
    else
      for (const double fraction : selection.fractions) add(policy, fraction);
  }
  if (!selection.mask.empty())
    list.push_back({"imported_mask", SelectionPolicy::None, imported_fraction, true,
                    imported_fraction == 1.0 && whole});
  const auto any = [&](auto is) { return std::any_of(list.begin(), list.end(), is); };
  if (any([](const Evaluation& e) { return e.fraction > 0.0; }) &&
      !any([](const Evaluation& e) { return e.verifies_everything; }))
    add(SelectionPolicy::All, 1.0);
  return list;
}

namespace {

/// One process's share of the chips.
class Worker : private ProgrammedChip {
 public:
  Worker(const Experiment& experiment, const Send& send, unsigned threads)
      : ProgrammedChip(experiment), send_(send) {
    system_.set_threads(threads);
  }

  void run_chip(std::uint32_t chip) {
    chip_ = chip;
    if (masks_.empty()) choose_masks(chip);
    const programmer::ChipUse use = use_of_chip(chip);
    const double drawn_before = system_.drawing_seconds();
    system_.new_chip(experiment_.config.seed, chip, use);
    rankings_.erase(SelectionPolicy::Random);

    // Every policy verifies the same weights at fractions 0 and 1, so those are simulated once.
    std::optional<Evaluated> none, all;
    for (std::uint32_t e = 0; e < experiment_.evaluations.size(); ++e) {
      const DeviceMask& mask = mask_of(e, chip);
      const std::size_t verified = mask.count();
      std::optional<Evaluated>* known = verified == 0                               ? &none
                                        : verified == experiment_.mapping.devices() ? &all
                                                                                    : nullptr;
      Evaluated result;
      if (known != nullptr && *known) {
        result = **known;
      } else {
        result = program_and_evaluate(mask, chip);
        if (known != nullptr) *known = result;
      }
      result.chip.evaluation = e;
      send_(pack(kChip, result.chip));
      for (std::uint32_t t = 0; t < result.correct_later.size(); ++t)
        send_(pack(kRetention, RetentionResult{chip, e, t, result.correct_later[t]}));
      if (chip == 0)
        for (std::uint32_t t = 0; t < result.tiles.size(); ++t)
          send_(pack(kTile, TileResult{e, t, result.tiles[t]}));
    }
    if (chip < experiment_.config.hardware.chips && accuracy_) run_hardware(chip);
    run_iterative(chip);
    run_in_situ(chip);
    if (chip == 0) send_picture();
    // The last of the chip, as it takes memory of its own.
    if (chip == 0 && experiment_.config.inference_images > 0) run_inference();
    const double drawn = system_.drawing_seconds() - drawn_before;
    seconds_.outcomes += drawn;
    if (!use.is_programmed_again) seconds_.simulation -= drawn;  // it was part of that
    seconds_.write_cycles += system_.all_write_cycles();
    send_(pack(kDone, chip));
  }

  void finish() { send_(pack(kSeconds, seconds_)); }

 private:
  struct Evaluated {
    ChipResult chip;
    std::vector<sc_models::TileReport> tiles;
    std::vector<std::uint64_t> correct_later;  ///< by Config::accuracy_times_s
  };

  programmer::ChipUse use_of_chip(std::uint32_t chip) const {
    const Config& config = experiment_.config;
    programmer::ChipUse use;
    use.cells_are_read = config.measures_accuracy() || config.inference_images > 0 ||
                         config.programming.closing.is_used();
    use.is_programmed_again =
        experiment_.evaluations.size() > 1 || (accuracy_ && chip < config.hardware.chips) ||
        (chip == 0 && (config.timeline || config.inference_images > 0)) ||
        !config.selection.iterative.policies.empty() || config.in_situ.iterations > 0;
    return use;
  }

  /// The masks that all chips share, before a chip's devices are in memory: ranking takes much of
  /// it for a while.
  void choose_masks(std::uint32_t chip) {
    const Config& config = experiment_.config;
    for (std::uint32_t e = 0; e < experiment_.evaluations.size(); ++e)
      if (experiment_.evaluations[e].ranking != SelectionPolicy::Random) mask_of(e, chip);
    const bool others_follow =
        config.hardware.chips > 0 || !config.selection.iterative.policies.empty();
    if (!others_follow) rankings_.clear();
  }

  const std::vector<std::uint32_t>& ranking_of(SelectionPolicy policy, std::uint32_t chip) {
    auto found = rankings_.find(policy);
    if (found == rankings_.end())
      found = rankings_
                  .emplace(policy,
                           programmer::ranking(programmer::scores(policy, experiment_.facts,
                                                                  experiment_.config.seed, chip),
                                               experiment_.facts))
                  .first;
    return found->second;
  }

  DeviceMask mask_of(SelectionPolicy policy, double fraction, std::uint32_t chip) {
    const Stage stage(seconds_.selection);
    DeviceMask chosen = chosen_by(policy, fraction, chip);
    if (policy == SelectionPolicy::All) return chosen;
    return verified_slices(std::move(chosen));
  }

  DeviceMask verified_slices(DeviceMask mask) {
    if (const unsigned slices = experiment_.config.selection.verified_slices; slices > 0)
      programmer::keep_slices(mask, experiment_.mapping, slices);
    return mask;
  }

  DeviceMask chosen_by(SelectionPolicy policy, double fraction, std::uint32_t chip) {
    const Experiment& e = experiment_;
    switch (policy) {
      case SelectionPolicy::WorthPerCycle:
        return programmer::select_worth_per_cycle(e.mapping, e.facts, e.statistics, fraction);
      case SelectionPolicy::All:
        return programmer::every_device(e.mapping);
      case SelectionPolicy::RowTime:
        return programmer::select_row_time(e.mapping, e.facts, e.statistics, e.timing, fraction);
      default:
        // Every weight or none: no order is needed.
        if (fraction == 0.0) return DeviceMask(e.mapping);
        if (fraction == 1.0) return programmer::every_device(e.mapping);
        return programmer::device_mask(
            e.mapping, programmer::select_fraction(ranking_of(policy, chip), fraction));
    }
  }

  /// The first evaluation with this one's mask: every order of the weights has the same none and
  /// all of them.
  std::uint32_t first_alike(std::uint32_t evaluation) const {
    const auto orders_weights = [](const Evaluation& e) {
      return !e.imported_mask && !programmer::selects_devices(e.ranking) &&
             e.ranking != SelectionPolicy::All && e.ranking != SelectionPolicy::Random;
    };
    const Evaluation& e = experiment_.evaluations[evaluation];
    if (!orders_weights(e) || (e.fraction != 0.0 && e.fraction != 1.0)) return evaluation;
    for (std::uint32_t other = 0; other < evaluation; ++other)
      if (orders_weights(experiment_.evaluations[other]) &&
          experiment_.evaluations[other].fraction == e.fraction)
        return other;
    return evaluation;
  }

  /// Only the masks of `random` differ between chips.
  const DeviceMask& mask_of(std::uint32_t evaluation, std::uint32_t chip) {
    evaluation = first_alike(evaluation);
    const Evaluation& e = experiment_.evaluations[evaluation];
    if (e.ranking == SelectionPolicy::Random) masks_.erase(evaluation);
    const auto found = masks_.find(evaluation);
    if (found != masks_.end()) return found->second;
    return masks_
        .emplace(evaluation, e.imported_mask ? verified_slices(*experiment_.imported_mask)
                                             : mask_of(e.ranking, e.fraction, chip))
        .first->second;
  }

  Evaluated program_and_evaluate(const DeviceMask& mask, std::uint32_t chip) {
    Evaluated evaluated;
    ChipResult& result = evaluated.chip;
    {
      const Stage stage(seconds_.simulation);
      sc_models::ProgrammingReport report = system_.program(mask);
      result.chip = chip;
      result.write_pulses = report.write_pulses;
      result.verify_reads = report.verify_reads;
      result.write_cycles = report.write_cycles;
      result.all_write_cycles = system_.all_write_cycles();
      result.not_converged = report.not_converged;
      for (const sc_models::TileReport& t : report.tiles)
        result.most_pulses = std::max<std::uint64_t>(result.most_pulses, t.work.most_pulses);
      result.time_ps = report.time.in_picoseconds();
      result.load_time_ps = report.load_time.in_picoseconds();
      result.energy_J = in_joules(report.energy);
      result.mask_link_bytes = report.mask_link_bytes;
      result.mask_bus_bytes = report.mask_bus_bytes;
      result.busiest_link_ps = report.busiest_link.in_picoseconds();
      result.mean_hops = report.mean_hops;
      result.mask_record_bytes = programmer::mask_bytes(mask, experiment_.mapping);
      result.peak_power_W = report.peak_power.in_si();
      result.average_power_W = report.average_power.in_si();
      evaluated.tiles = std::move(report.tiles);
    }
    result.correct = count_test_correct();
    for (const double seconds : experiment_.config.accuracy_times_s)
      evaluated.correct_later.push_back(count_test_correct_later(seconds));
    return evaluated;
  }

  void send_file(const std::string& name, const std::string& contents) {
    const std::string both = name + '\0' + contents;
    send_({kFile, {both.begin(), both.end()}});
  }

  /// Chip 0 once more, watched.
  void send_picture() {
    const tiles::Mapping& mapping = experiment_.mapping;
    if (experiment_.dumped_devices > 0)
      send_file("devices.csv",
                devices_csv(system_, mapping, experiment_.device, experiment_.dumped_devices));
    if (!experiment_.config.timeline) return;
    std::uint32_t chosen = 0;
    for (std::uint32_t e = 0; e < experiment_.evaluations.size(); ++e) {
      const Evaluation& candidate = experiment_.evaluations[e];
      const Evaluation& best = experiment_.evaluations[chosen];
      if (candidate.policy == best.policy && candidate.fraction < 1.0 &&
          (candidate.fraction > best.fraction || best.fraction >= 1.0))
        chosen = e;
    }
    const DeviceMask& mask = mask_of(chosen, 0);
    system_.add_observer(recorder_);
    system_.program(mask);
    constexpr std::size_t kMostEvents = 200000;
    send_file("timeline.json", timeline_json(recorder_.rows(), kMostEvents));
    send_file("power.csv", power_csv(recorder_.rows(), kMostEvents));
    send_file("cycles_histogram.csv", cycles_histogram_csv(system_, mapping));
    send_file("selected_devices.csv", selected_devices_csv(mapping, mask));
    constexpr std::size_t kMostCells = std::size_t{1} << 25;
    send_file("selected_devices.npy", selected_devices_npy(mapping, mask, kMostCells));
  }

  void run_inference() {
    system_.program(SelectionMask(experiment_.mapping.weights(), 1));
    system_.keep_cells_only();
    if (accuracy_) accuracy_->executor().release();
    send_(pack(kInference, infer()));
  }

  void run_in_situ(std::uint32_t chip) {
    const InSituConfig& config = experiment_.config.in_situ;
    if (config.iterations == 0) return;
    write_open_loop();
    const Cost forward = inference_cost(config.batch);
    const double passes = 1.0 + config.backward_cost;
    const Cost training{std::llround(static_cast<double>(forward.time_ps) * passes),
                        forward.energy_J * passes};
    const std::vector<InSituStep> steps =
        train_in_situ(*this, config, experiment_.mapping, experiment_.workload.network,
                      experiment_.workload.weights, *experiment_.training_images);
    for (std::uint32_t i = 0; i < steps.size(); ++i)
      send_(pack(kInSitu, InSituResult{chip, i, steps[i], i == 0 ? Cost{} : training}));
  }

  void run_iterative(std::uint32_t chip) {
    const IterativeConfig& config = experiment_.config.selection.iterative;
    if (config.policies.empty()) return;
    IterativeResult result;
    result.chip = chip;
    result.all_write_cycles = system_.all_write_cycles();
    write_open_loop();
    result.measurement = inference_cost(std::min(config.images, experiment_.workload.test.count));
    for (std::uint32_t p = 0; p < config.policies.size(); ++p) {
      DeviceMask verified(experiment_.mapping);
      const auto mask_at = [&](double fraction) {
        const DeviceMask mask = mask_of(config.policies[p], fraction, chip);
        verified.add(mask);
        return mask;
      };
      const std::vector<IterativeStep> steps =
          select_iteratively(*this, mask_at, config.step, experiment_.enough_correct);
      for (std::uint32_t s = 0; s < steps.size(); ++s)
        send_(pack(kIterativeStep, IterativeStepResult{p, chip, s, steps[s]}));
      result.policy = p;
      result.correct = count_test_correct();
      {
        const Stage stage(seconds_.simulation);
        result.one_shot = write_cost(system_.program(verified));
      }
      send_(pack(kIterative, result));
    }
  }

  void run_hardware(std::uint32_t chip) {
    const Stage stage(seconds_.hardware);
    const std::size_t count =
        std::min(experiment_.config.hardware.images, experiment_.workload.test.count);
    const workloads::PreparedImages images =
        accuracy_->executor().prepare(experiment_.workload.test, 0, count);
    for (const double fraction : experiment_.config.hardware.fractions) {
      const SelectionPolicy policy = experiment_.config.selection.policies.front();
      // Neither of these two ranks weights: they have one point each.
      if (policy == SelectionPolicy::None ? fraction > 0.0
                                          : policy == SelectionPolicy::All && fraction < 1.0)
        continue;
      system_.program(mask_of(policy, fraction, chip));
      std::vector<const tiles::CellArray*> cells;
      for (std::size_t a = 0; a < experiment_.mapping.blocks().size(); ++a)
        cells.push_back(&system_.cells(a));
      HardwareEngine hardware(program_, experiment_.mapping, cells,
                              experiment_.config.tile.adc.bits);
      load_effective_weights();
      hardware.start_noise(experiment_.config.device.inference_read_noise, experiment_.config.seed,
                           chip);
      send_(pack(kHardware, HardwareResult{chip, fraction, count,
                                           accuracy_->executor().count_correct(hardware, images),
                                           accuracy_->count_correct(images, chip)}));
    }
  }

  const Send& send_;
  RowRecorder recorder_;
  std::map<SelectionPolicy, std::vector<std::uint32_t>> rankings_;
  std::map<std::uint32_t, DeviceMask> masks_;
};

}  // namespace

MonteCarloResult run_monte_carlo(const Experiment& experiment, unsigned jobs,
                                 const Progress& progress, Checkpoint& checkpoint) {
  const unsigned chips = experiment.config.chips;
  std::vector<std::uint32_t> open;
  for (std::uint32_t chip = 0; chip < chips; ++chip)
    if (checkpoint.finished().count(chip) == 0) open.push_back(chip);
  const std::size_t total = static_cast<std::size_t>(chips) * experiment.evaluations.size();
  MonteCarloResult result;
  for (const auto& [chip, messages] : checkpoint.finished())
    for (const Message& message : messages) take_in(result, message);
  const auto report = [&] { progress("masks programmed", result.chips.size(), total); };
  report();
  const unsigned processors = std::max(jobs, 1u);
  jobs = std::clamp(jobs, 1u, static_cast<unsigned>(std::max<std::size_t>(1, open.size())));
  std::vector<std::vector<Message>> of_chip(jobs);  // what each worker's present chip has sent
  run_in_processes(
      open.empty() ? 0 : jobs,
      [&](unsigned index, const Send& send) {
        // Never destroyed: the process ends with it, and SystemC would look for each of its modules
        // among all others.
        Worker& worker = *new Worker(experiment, send, processors / jobs);
        for (std::size_t i = index; i < open.size(); i += jobs) worker.run_chip(open[i]);
        worker.finish();
      },
      [&](unsigned index, const Message& message) {
        if (message.kind == kDone) {
          checkpoint.append(unpack<std::uint32_t>(message), of_chip[index]);
          of_chip[index].clear();
          return;
        }
        take_in(result, message);
        if (message.kind == kChip) report();
        if (message.kind != kSeconds) of_chip[index].push_back(message);
      });
  put_in_order(result);
  return result;
}

}  // namespace uswim::experiment
