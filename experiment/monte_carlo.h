#pragma once
#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <type_traits>
#include <vector>

#include "experiment/checkpoint.h"
#include "experiment/config.h"
#include "experiment/iterative.h"
#include "experiment/workload.h"
#include "programmer/selection/hardware_aware.h"
#include "sc_models/accelerator_system.h"

namespace uswim::experiment {

/// One point of the curve: a policy at a fraction.
struct Evaluation {
  std::string policy;
  programmer::SelectionPolicy ranking = programmer::SelectionPolicy::None;
  double fraction = 0.0;
  bool imported_mask = false;
  bool verifies_everything = false;
};
/// Policies x fractions, then the imported mask. `all` and `none` are single points; `all` comes
/// last where devices are verified, but all of them by no other: costs are compared with it.
std::vector<Evaluation> evaluations(const SelectionConfig& selection, double imported_fraction);

/// One chip programmed under one mask. Plain data: it travels between processes.
struct ChipResult {
  std::uint32_t chip = 0;
  std::uint32_t evaluation = 0;
  std::uint64_t write_pulses = 0;
  std::uint64_t verify_reads = 0;
  std::uint64_t write_cycles = 0;      ///< of write-verify
  std::uint64_t all_write_cycles = 0;  ///< what write-verify of every weight of this chip takes
  std::uint64_t not_converged = 0;
  std::uint64_t most_pulses = 0;  ///< of the device with most of them
  std::int64_t time_ps = 0;
  std::int64_t load_time_ps = 0;
  std::array<double, sc_models::kComponents> energy_J{};
  std::uint64_t mask_link_bytes = 0, mask_bus_bytes = 0;
  std::int64_t busiest_link_ps = 0;  ///< for how long the busiest link of bus or mesh was held
  double mean_hops = 0.0;            ///< routers that a word passed; 1 on a bus
  programmer::MaskBytes mask_record_bytes{};  ///< what each encoding would put on the bus
  std::uint64_t correct = 0;                  ///< test images, ideal ADC; 0 where none is measured
  double peak_power_W = 0.0, average_power_W = 0.0;  ///< of the write pulses
  double nwc() const {
    return all_write_cycles == 0
               ? 0.0
               : static_cast<double>(write_cycles) / static_cast<double>(all_write_cycles);
  }
};

/// The same chip some time after it was programmed.
struct RetentionResult {
  std::uint32_t chip = 0;
  std::uint32_t evaluation = 0;
  std::uint32_t time = 0;     ///< index into Config::accuracy_times_s
  std::uint64_t correct = 0;  ///< test images, ideal ADC
};

/// Accuracy with bit-serial inputs and ADCs beside the ideal ADC on the same chip and images.
struct HardwareResult {
  std::uint32_t chip = 0;
  double fraction = 0.0;
  std::uint64_t images = 0;
  std::uint64_t correct_hardware = 0;
  std::uint64_t correct_ideal_adc = 0;
};

/// One tile of chip 0 under one mask.
struct TileResult {
  std::uint32_t evaluation = 0;
  std::uint32_t tile = 0;
  sc_models::TileReport report;
};

/// One turn of the iterative algorithm on one chip.
struct IterativeStepResult {
  std::uint32_t policy = 0;  ///< of selection.iterative.policies
  std::uint32_t chip = 0;
  std::uint32_t step = 0;
  IterativeStep turn;
};

/// What is the same for all its turns, and where it ended.
struct IterativeResult {
  std::uint32_t policy = 0;
  std::uint32_t chip = 0;
  Cost measurement;                    ///< one measurement on the chip
  std::uint64_t correct = 0;           ///< test images at the end, ideal ADC
  std::uint64_t all_write_cycles = 0;  ///< as in ChipResult
  WriteCost one_shot;                  ///< the same devices verified in one programming
};

/// One iteration of in-situ training on one chip.
struct InSituResult {
  std::uint32_t chip = 0;
  std::uint32_t iteration = 0;
  InSituStep step;
  Cost training;  ///< inference and back-propagation of the batch; none in iteration 0
};

struct InferenceResult {
  std::uint64_t images = 0;
  std::int64_t latency_ps = 0;
  double images_per_second = 0.0;
  std::array<double, sc_models::kComponents> energy_J{};  ///< of the stream
  double busiest_link_share = 0.0;  ///< of the stream's time, for which that link was held
  double mean_hops = 0.0;           ///< routers that a word passed; 1 on a bus
};

/// Processor seconds of the workers, by stage.
struct StageSeconds {
  double selection = 0.0;   ///< masks
  double outcomes = 0.0;    ///< drawing what write-verify does to every device
  double simulation = 0.0;  ///< SystemC: programming
  double read_back = 0.0;   ///< effective weights
  double accuracy = 0.0;
  double inference = 0.0;          ///< SystemC: inference
  double hardware = 0.0;           ///< accuracy with ADCs
  std::uint64_t write_cycles = 0;  ///< drawn in `outcomes`
};

struct MonteCarloResult {
  std::vector<ChipResult> chips;                     ///< ordered by evaluation, then chip
  std::vector<RetentionResult> retention;            ///< ordered by evaluation, time, then chip
  std::vector<HardwareResult> hardware;              ///< ordered by chip, then fraction
  std::vector<TileResult> tiles;                     ///< ordered by evaluation, then tile
  std::vector<IterativeStepResult> iterative_steps;  ///< ordered by policy, chip, step
  std::vector<IterativeResult> iterative;            ///< ordered by policy, chip
  std::vector<InSituResult> in_situ;                 ///< ordered by chip, iteration
  InferenceResult inference;  ///< chip 0, every weight verified; no images: left out
  StageSeconds seconds;
  std::map<std::string, std::string> files;  ///< of chip 0, by name: contents
};

/// Everything that the workers share. Kept alive by the caller.
struct Experiment {
  const Config& config;
  const Workload& workload;
  const tiles::Mapping& mapping;
  const programmer::DeviceModel& device;
  const programmer::WeightFacts& facts;
  const programmer::DeviceStatistics& statistics;
  programmer::RowTiming timing;
  const programmer::DeviceMask* imported_mask;  ///< may be null
  std::vector<Evaluation> evaluations;
  const tiles::Mapping* previous_mapping = nullptr;     ///< with programming.start: programmed
  const workloads::Dataset* training_images = nullptr;  ///< of in-situ training
  std::uint64_t enough_correct = 0;  ///< right images that end the iterative algorithm
  std::size_t dumped_devices = 0;    ///< devices.csv among the files, with at most as many
  /// Test images that an accuracy is measured with.
  std::size_t accuracy_images() const {
    return std::min(config.accuracy_images, workload.test.count);
  }
};

/// Programs and evaluates config.chips chips under every mask, in `jobs` processes; those that the
/// checkpoint holds are taken from there, the others are appended to it. The result does not depend
/// on `jobs` or on the checkpoint.
MonteCarloResult run_monte_carlo(const Experiment& experiment, unsigned jobs,
                                 const Progress& progress, Checkpoint& checkpoint);

}  // namespace uswim::experiment
