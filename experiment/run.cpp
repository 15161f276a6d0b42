#include "experiment/run.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <map>
#include <optional>

#include "experiment/chip_picture.h"
#include "experiment/imported_mask.h"
#include "experiment/measures.h"
#include "experiment/network_accuracy.h"
#include "experiment/result_files.h"
#include "programmer/selection/placement.h"
#include "support/results.h"
#include "uswim_version.h"

namespace uswim::experiment {
namespace {

double seconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

/// Test images that no measurement looks at take memory in every process.
Workload with_needed_images(Workload workload, const Config& config) {
  workloads::Dataset& test = workload.test;
  const std::size_t most =
      std::max({config.accuracy_images, std::size_t{config.inference_images},
                config.hardware.images, config.selection.iterative.images, std::size_t{1}});
  if (most >= test.count) return workload;
  test.count = most;
  test.pixels.resize(most * test.shape.size());
  test.pixels.shrink_to_fit();
  test.labels.resize(most);
  return workload;
}

std::vector<CurvePoint> curve(const Experiment& experiment, const std::vector<ChipResult>& chips) {
  std::vector<CurvePoint> points;
  const auto images = static_cast<double>(experiment.accuracy_images());
  for (std::uint32_t e = 0; e < experiment.evaluations.size(); ++e) {
    support::RunningStatistics nwc, time, energy, pulses, reads, not_converged, accuracy, peak,
        average;
    std::uint64_t most_pulses = 0;
    for (const ChipResult& r : chips) {
      if (r.evaluation != e) continue;
      double total = 0.0;
      for (const double part : r.energy_J) total += part;
      nwc.add(r.nwc());
      time.add(static_cast<double>(r.time_ps) * 1e-12);
      energy.add(total);
      pulses.add(static_cast<double>(r.write_pulses));
      most_pulses = std::max(most_pulses, r.most_pulses);
      reads.add(static_cast<double>(r.verify_reads));
      not_converged.add(static_cast<double>(r.not_converged));
      peak.add(r.peak_power_W);
      average.add(r.average_power_W);
      if (experiment.config.measures_accuracy())
        accuracy.add(static_cast<double>(r.correct) / images);
    }
    constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
    const bool measured = accuracy.count() > 0;
    points.push_back({experiment.evaluations[e].policy, experiment.evaluations[e].fraction,
                      static_cast<unsigned>(nwc.count()), nwc.mean(), nwc.standard_deviation(),
                      time.mean(), energy.mean(), pulses.mean(), reads.mean(), not_converged.mean(),
                      measured ? accuracy.mean() : kNone,
                      measured ? accuracy.standard_deviation() : kNone, peak.mean(), average.mean(),
                      most_pulses, experiment.evaluations[e].verifies_everything});
  }
  return points;
}

/// Mean over the rows of the chip of the power that their open-loop pulses draw: what holds a row
/// back where power is short, since a row takes its fullest slot's power from begin to end.
support::Power mean_row_power(const Config& config, const tiles::Mapping& mapping) {
  double devices = 0.0;
  std::size_t rows = 0;
  for (std::size_t a = 0; a < mapping.blocks().size(); ++a)
    for (std::size_t r = 0; r < mapping.blocks()[a].rows; ++r, ++rows) {
      double pulsed = 0.0;
      for (std::size_t c = 0; c < mapping.columns(a); ++c) pulsed += mapping.level(a, r, c) > 0;
      const unsigned drivers = config.tile.write.drivers;
      devices += drivers == 0 ? pulsed : std::min<double>(pulsed, drivers);
    }
  const double mean = devices / static_cast<double>(rows);
  const tiles::TileConfig& tile = config.tile;
  if (tile.write.half_select == tiles::HalfSelect::None) return tile.set.power() * mean;
  return tiles::slot_power(tile, tile.set, static_cast<unsigned>(std::lround(mean)));
}

/// What a row's time is made of on this hardware, for the policies that spend time.
programmer::RowTiming row_timing(const Config& config, const tiles::Mapping& mapping) {
  const support::Duration period = config.chip.period();
  const auto seconds = [&](support::Duration d) { return d.rounded_up_to(period).in_seconds(); };
  const tiles::VerifyConfig& verify = config.tile.verify;
  const bool compares = verify.mode == tiles::VerifyMode::Compare;
  programmer::RowTiming t;
  t.setup = seconds(config.tile.write.row_setup);
  t.set = seconds(config.tile.set.width);
  t.reset = seconds(config.tile.reset.width);
  t.read = verify.reads * (seconds(verify.settle) + seconds(config.tile.verify_read_time) +
                           (compares ? seconds(verify.compare_time) : 0.0));
  t.conversion =
      compares ? 0.0 : verify.reads * seconds(support::period_of(config.tile.adc.sample_rate));
  t.columns_per_adc = config.tile.adc.columns_per_adc;
  t.drivers = config.tile.write.drivers;
  if (config.tile.write.erase == tiles::EraseRows::Counted) {
    const unsigned group = t.drivers == 0 ? config.tile.columns : t.drivers;
    t.setup += t.reset * ((config.tile.columns + group - 1) / group);
  }
  t.mixed_phases = config.tile.write.phases == tiles::WritePhases::Mixed;
  t.rows = config.tile.write.rows;
  t.closing = config.programming.closing;
  if (config.chip.power_budget > support::Power())
    t.rows_at_once = config.chip.power_budget / (mean_row_power(config, mapping) * t.rows);
  return t;
}

/// The codes of all weights.
std::vector<std::int16_t> codes_of(const Workload& workload) {
  std::vector<std::int16_t> codes;
  for (const workloads::QuantizedWeights& layer : workload.weights)
    codes.insert(codes.end(), layer.code.begin(), layer.code.end());
  return codes;
}

/// Of devices that start as the configuration says.
programmer::DeviceStatistics device_statistics(const Config& config,
                                               const programmer::DeviceModel& device,
                                               const tiles::Mapping& mapping,
                                               const programmer::WeightFacts& facts,
                                               const programmer::DriftModel& drift) {
  const auto pulses = programmer::make_pulse_model(config.programming, device);
  if (config.start.start == ChipStart::Erased || !config.sees_devices())
    return {device, *pulses, config.seed};
  return {device, *pulses, config.seed, mapping, facts, config.start.earlier(drift)};
}

/// The mapping with rows and outputs where the configuration wants them; none: in their natural
/// order.
std::optional<tiles::Mapping> place(const Config& config, const Workload& workload,
                                    const tiles::Mapping& natural,
                                    const programmer::WeightFacts& facts,
                                    const programmer::DeviceStatistics& statistics,
                                    const programmer::RowTiming& timing,
                                    const RunOptions& options) {
  const MappingOptions& m = config.mapping;
  const bool places_columns = m.column_order == ColumnOrder::Balanced;
  const bool places_rows = m.row_order != RowOrder::Natural;
  const std::size_t all = natural.blocks().size() * ((places_columns ? 3 : 0) + places_rows);
  std::size_t done = 0;
  const programmer::PlacementRun run{options.jobs, [&](std::size_t arrays) {
                                       options.progress("placing rows and outputs, arrays",
                                                        done += arrays, all);
                                     }};
  std::optional<tiles::Mapping> placed;
  if (places_columns)
    placed = map_workload(
        workload, config,
        programmer::balanced_columns(natural, facts, statistics, timing, m.budget, run));
  if (!places_rows) return placed;
  const auto place_rows = m.row_order == RowOrder::Shared ? programmer::shared_placement
                                                          : programmer::balanced_placement;
  placed = map_workload(workload, config,
                        place_rows(placed ? *placed : natural, facts, statistics, timing,
                                   m.extra_arrays, m.budget, run));
  return placed;
}

/// Of everything that a chip's results depend on.
std::string checkpoint_key(const LoadedConfig& loaded, const Experiment& e) {
  const auto of = [](const auto& values) {
    return support::content_hash(values.data(), values.size() * sizeof values[0]);
  };
  std::string key =
      fmt::format("{} {} {} {} {} {} {}", loaded.hash, e.workload.network.content_hash,
                  e.workload.test.content_hash, of(e.facts.second_derivative), of(e.facts.imported),
                  e.dumped_devices, sizeof(ChipResult));
  if (!e.facts.other_curvature.empty()) key += of(e.facts.other_curvature);
  if (e.imported_mask != nullptr) key += of(e.imported_mask->words());
  if (e.training_images != nullptr) key += e.training_images->content_hash;
  if (e.previous_mapping != nullptr)
    for (const tiles::MappedLayer& layer : e.previous_mapping->layers())
      key += of(layer.weight_code);
  for (const auto& [name, version] : versions()) key += fmt::format(" {} {}", name, version);
  return support::content_hash(key);
}

}  // namespace

/// A dump has a place of its own, and replaces nothing but an earlier one.
static void check_dump(const std::filesystem::path& dump, const std::filesystem::path& output) {
  const auto place = [](const std::filesystem::path& path) {
    return std::filesystem::weakly_canonical(std::filesystem::absolute(path));
  };
  const std::string within = place(dump).lexically_relative(place(output) / "").native();
  if (within.rfind("..", 0) != 0)
    throw support::FileError(
        fmt::format("{}: lies in the directory of the results, which is replaced as a whole: give "
                    "the dump another place",
                    dump.string()));
  if (place(dump) == place(Checkpoint::file_of(output)))
    throw support::FileError(
        fmt::format("{}: is the place of the run's checkpoint", dump.string()));
  support::require_writable(dump, devices_table().bytes());
}

RunResult run_experiment(const LoadedConfig& loaded, const RunOptions& options) {
  const Config& config = loaded.config;
  const auto begin = std::chrono::steady_clock::now();
  check_files(loaded);
  check_with_network(loaded);
  // So that an unwritable place is found before the work is done.
  if (!options.dump.empty()) check_dump(options.dump, options.output);
  support::ResultDirectory directory(options.output, result_file_names());
  Checkpoint checkpoint(Checkpoint::file_of(options.output), options.earlier_chips);

  const Workload workload =
      with_needed_images(load_workload(config.workload, options.progress, options.jobs,
                                       config.needs_training_images()),
                         config);
  const tiles::Mapping natural = map_workload(workload, config);
  const programmer::DeviceModel device(config.device);
  std::optional<ImportedMask> imported;
  if (!config.selection.mask.empty())
    imported.emplace(config.selection.mask, *config.selection.mask_polarity, natural.weights());
  RunResult result;
  if (config.measures_accuracy()) {
    const std::size_t images = std::min(config.accuracy_images, workload.test.count);
    const std::uint64_t correct =
        ideal_correct(workload, config.arithmetic, images, options.progress);
    result.ideal_accuracy = static_cast<double>(correct) / static_cast<double>(images);
  }
  std::uint64_t enough = 0;
  if (!config.selection.iterative.policies.empty()) {
    const std::size_t images = std::min(config.selection.iterative.images, workload.test.count);
    enough = enough_correct(ideal_correct(workload, config.arithmetic, images, options.progress),
                            images, config.accuracy_drop);
  }
  result.load_s = seconds_since(begin);

  const auto ranking_begin = std::chrono::steady_clock::now();
  programmer::WeightFacts facts;
  if (config.ranks_weights())
    facts =
        weight_facts(workload, natural, device,
                     load_measures(workload, config, options.cache, options.progress, options.jobs),
                     config.selection);
  if (config.needs_curvature(CurvatureMeasure::ProgrammedFisher))
    facts.other_curvature = load_programmed_fisher(workload, config, natural, device, facts,
                                                   options.cache, options.progress, options.jobs);
  result.sensitivity_s = seconds_since(ranking_begin);

  const auto placing_begin = std::chrono::steady_clock::now();
  const bool is_programmed = config.start.start == ChipStart::Programmed;
  std::optional<Workload> previous_workload;
  if (is_programmed && !config.start.previous_network.empty())
    previous_workload = load_previous(config, workload);
  if (is_programmed && config.sees_devices())
    facts.earlier_code = codes_of(previous_workload ? *previous_workload : workload);
  const programmer::DriftModel drift(config.device);
  const programmer::DeviceStatistics statistics =
      device_statistics(config, device, natural, facts, drift);
  const programmer::RowTiming timing = row_timing(config, natural);
  const std::optional<tiles::Mapping> placed =
      place(config, workload, natural, facts, statistics, timing, options);
  const tiles::Mapping& mapping = placed ? *placed : natural;
  check_arrays(loaded, mapping.array_count());
  std::optional<programmer::DeviceMask> imported_mask;
  if (imported) imported_mask = imported->devices(mapping);
  const double imported_fraction = imported_mask ? static_cast<double>(imported_mask->count()) /
                                                       static_cast<double>(mapping.devices())
                                                 : 0.0;
  std::optional<tiles::Mapping> previous;
  if (is_programmed)
    previous = previous_workload ? map_workload(*previous_workload, config, mapping.placements())
                                 : mapping;
  workloads::Dataset training_images;
  if (config.in_situ.iterations > 0)
    training_images = load_images(workload.network, config.workload.sensitivity);
  if (config.in_situ.iterations > 0 && config.in_situ.batch > training_images.count)
    throw loaded.document.fault("in_situ.batch",
                                fmt::format("{} images, but there are {} to train with",
                                            config.in_situ.batch, training_images.count));
  const Experiment experiment{config,
                              workload,
                              mapping,
                              device,
                              facts,
                              statistics,
                              timing,
                              imported_mask ? &*imported_mask : nullptr,
                              evaluations(config.selection, imported_fraction),
                              previous ? &*previous : nullptr,
                              config.in_situ.iterations > 0 ? &training_images : nullptr,
                              enough,
                              options.dump.empty() ? 0 : options.dump_limit};
  checkpoint.begin(checkpoint_key(loaded, experiment));
  result.devices = mapping.devices();
  result.placing_s = seconds_since(placing_begin);
  const auto chips_begin = std::chrono::steady_clock::now();
  result.monte_carlo = run_monte_carlo(experiment, options.jobs, options.progress, checkpoint);
  result.monte_carlo_s = seconds_since(chips_begin);

  result.curve = curve(experiment, result.monte_carlo.chips);
  const auto everything = std::find_if(result.curve.begin(), result.curve.end(),
                                       [](const CurvePoint& p) { return p.verifies_everything; });
  result.verify_all = everything == result.curve.end() ? result.curve.back() : *everything;
  if (result.ideal_accuracy)
    result.cost = costs_to_reach(result.curve, result.verify_all,
                                 *result.ideal_accuracy - config.accuracy_drop);
  result.in_situ = summarize_in_situ(experiment, result.monte_carlo);
  result.iterative = summarize_iterative(experiment, result.monte_carlo);
  result.retention = summarize_retention(experiment, result.monte_carlo);
  write_results(directory, loaded, workload, mapping, experiment, result, options.output);
  std::optional<support::PendingFile> dump;
  if (!options.dump.empty()) dump.emplace(options.dump, result.monte_carlo.files.at("devices.csv"));
  directory.commit();
  if (dump) dump->commit();
  checkpoint.remove();
  return result;
}

std::vector<std::filesystem::path> export_sensitivity(const LoadedConfig& loaded,
                                                      const std::filesystem::path& output,
                                                      const std::filesystem::path& cache,
                                                      const Progress& progress, unsigned threads) {
  const Config& config = loaded.config;
  check_files(loaded);
  support::require_writable(output, "\x93NUMPY");
  const Workload workload = load_workload(config.workload, progress, threads);
  const tiles::Mapping mapping = map_workload(workload, config);
  const programmer::DeviceModel device(config.device);
  const programmer::WeightFacts facts =
      weight_facts(workload, mapping, device,
                   load_measures(workload, config, cache, progress, threads), config.selection);
  const std::vector<double> scores =
      programmer::scores(config.selection.policies.front(), facts, config.seed, 0);
  const std::vector<std::uint32_t> ranking = programmer::ranking(scores, facts);

  std::vector<std::filesystem::path> written{output};
  support::write_file_atomically(
      output,
      support::npy_bytes({scores.size()}, std::vector<float>(scores.begin(), scores.end())));
  for (const double fraction : config.selection.fractions) {
    std::filesystem::path file = output;
    file.replace_filename(fmt::format("{}.mask_{}.npy", output.stem().string(), fraction));
    support::write_file_atomically(
        file,
        support::npy_bytes({scores.size()}, programmer::select_fraction(ranking, fraction), true));
    written.push_back(file);
  }
  return written;
}

}  // namespace uswim::experiment
