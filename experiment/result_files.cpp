#include "experiment/result_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "experiment/comparison.h"
#include "experiment/curve_plot.h"
#include "experiment/iterative_results.h"
#include "experiment/network_table.h"
#include "experiment/report.h"
#include "experiment/summary.h"
#include "experiment/transfer_tables.h"

namespace uswim::experiment {

using support::CsvTable;

namespace {

/// What stands in the column `device`: the preset, or the name of the device file.
std::string device_name(const Config& config) {
  if (!config.device.file.empty()) return config.device.file.stem().string();
  for (const auto& [name, preset] : programmer::kDevicePresets)
    if (preset == config.device.preset) return std::string(name);
  return {};
}

template <class T>
void cell_or_empty(CsvTable& csv, const std::optional<T>& value) {
  if (value)
    csv.cell(*value);
  else
    csv.cell("");
}

/// What was measured on a chip as a fraction of the test images; nothing without any.
std::optional<double> accuracy_of(const Experiment& experiment, std::uint64_t correct) {
  if (!experiment.config.measures_accuracy()) return std::nullopt;
  return static_cast<double>(correct) / static_cast<double>(experiment.accuracy_images());
}

std::string curve_csv(const Config& config, double devices, const RunResult& result) {
  CsvTable csv({"policy", "device", "fraction", "chips", "nwc_mean", "nwc_sd",
                "programming_time_s_mean", "programming_energy_J_mean", "write_pulses_mean",
                "verify_reads_mean", "not_converged_mean", "accuracy_mean", "accuracy_sd",
                "peak_power_W_mean", "average_power_W_mean", "pulses_per_device_mean",
                "pulses_per_device_max", "rated_life_used", "programmings_to_rated_life"});
  const std::string device = device_name(config);
  for (const CurvePoint& p : result.curve) {
    csv.cell(p.policy).cell(device).cell(p.fraction).cell(std::uint64_t{p.chips});
    for (const double v : {p.nwc_mean, p.nwc_sd, p.time_s_mean, p.energy_J_mean,
                           p.write_pulses_mean, p.verify_reads_mean, p.not_converged_mean})
      csv.cell(v);
    for (const double v : {p.accuracy_mean, p.accuracy_sd})
      cell_or_empty(csv, result.ideal_accuracy ? std::optional<double>(v) : std::nullopt);
    csv.cell(p.peak_power_W_mean).cell(p.average_power_W_mean);
    csv.cell(p.write_pulses_mean / devices).cell(p.most_pulses);
    const Endurance e = endurance(config.device.rated_cycles, p.most_pulses);
    cell_or_empty(csv, e.life_used);
    cell_or_empty(csv, e.programmings);
    csv.end_row();
  }
  return csv.bytes();
}

std::string programming_csv(const tiles::Mapping& mapping, const Experiment& experiment,
                            const RunResult& result) {
  std::vector<std::string> columns{"policy",        "fraction",      "chip",
                                   "tile",          "layer",         "rows",
                                   "columns",       "write_pulses",  "set_pulses",
                                   "reset_pulses",  "set_phases",    "reset_phases",
                                   "verify_reads",  "verify_rounds", "write_cycles",
                                   "not_converged", "busy_time_s",   "finished_after_s",
                                   "energy_J"};
  for (const auto name : sc_models::kComponentNames)
    columns.push_back(fmt::format("energy_{}_J", name));
  CsvTable csv(columns);
  for (const TileResult& t : result.monte_carlo.tiles) {
    const Evaluation& e = experiment.evaluations[t.evaluation];
    const tiles::ArrayBlock& block = mapping.blocks()[t.tile];
    const programmer::RowWork& w = t.report.work;
    csv.cell(e.policy).cell(e.fraction).cell(0).cell(std::uint64_t{t.tile});
    csv.cell(mapping.layers()[block.layer].name).cell(t.report.rows);
    csv.cell(std::uint64_t{mapping.columns(t.tile)})
        .cell(std::uint64_t{w.set_pulses} + w.reset_pulses);
    for (const std::uint32_t v : {w.set_pulses, w.reset_pulses, w.set_phases, w.reset_phases,
                                  w.verify_reads, w.verify_rounds, w.write_cycles, w.not_converged})
      csv.cell(std::uint64_t{v});
    csv.cell(t.report.busy.in_seconds()).cell(t.report.finished_after.in_seconds());
    csv.cell(support::in_joules(t.report.energy.total()));
    for (const support::Energy part : t.report.energy.parts()) csv.cell(support::in_joules(part));
    csv.end_row();
  }
  return csv.bytes();
}

/// One row per chip, so that policies can be compared chip by chip.
std::string chips_csv(const Experiment& experiment, const RunResult& result) {
  CsvTable csv({"policy", "fraction", "chip", "nwc", "programming_time_s", "programming_energy_J",
                "not_converged", "accuracy"});
  for (const ChipResult& r : result.monte_carlo.chips) {
    const Evaluation& e = experiment.evaluations[r.evaluation];
    double energy = 0.0;
    for (const double part : r.energy_J) energy += part;
    csv.cell(e.policy).cell(e.fraction).cell(std::uint64_t{r.chip}).cell(r.nwc());
    csv.cell(static_cast<double>(r.time_ps) * 1e-12).cell(energy).cell(r.not_converged);
    cell_or_empty(csv, accuracy_of(experiment, r.correct));
    csv.end_row();
  }
  return csv.bytes();
}

/// Accuracy of every point of the curve at later times, over all chips.
std::string retention_csv(const Experiment& experiment, const RunResult& result) {
  CsvTable csv({"policy", "device", "fraction", "time_s", "chips", "accuracy_mean", "accuracy_sd"});
  const Config& config = experiment.config;
  for (const RetentionSummary& s : result.retention)
    for (std::size_t t = 0; t < s.later.size(); ++t) {
      csv.cell(s.policy).cell(device_name(config)).cell(s.fraction);
      csv.cell(config.accuracy_times_s[t]).cell(std::uint64_t{s.later[t].chips});
      csv.cell(s.later[t].mean).cell(s.later[t].sd);
      csv.end_row();
    }
  return csv.bytes();
}

std::string equal_cost_csv(const RunResult& result) {
  CsvTable csv({"policy", "currency", "relative_cost", "accuracy_mean"});
  for (const EqualCost& e : compare_at_equal_cost(
           result.curve, result.verify_all, {0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.7, 1.0})) {
    csv.cell(e.policy).cell(kCurrencyNames[static_cast<std::size_t>(e.currency)]).cell(e.cost);
    cell_or_empty(csv, e.accuracy);
    csv.end_row();
  }
  return csv.bytes();
}

std::string inference_csv(const RunResult& result) {
  const InferenceResult& i = result.monte_carlo.inference;
  const auto images = static_cast<double>(i.images);
  std::vector<std::string> columns{"images", "latency_s", "throughput_images_per_s",
                                   "energy_per_image_J"};
  for (const auto name : sc_models::kComponentNames)
    columns.push_back(fmt::format("energy_{}_per_image_J", name));
  columns.insert(columns.end(), {"busiest_link_share", "hops"});
  CsvTable csv(columns);
  double total = 0.0;
  for (const double e : i.energy_J) total += e / images;
  csv.cell(i.images)
      .cell(static_cast<double>(i.latency_ps) * 1e-12)
      .cell(i.images_per_second)
      .cell(total);
  for (const double e : i.energy_J) csv.cell(e / images);
  csv.cell(i.busiest_link_share).cell(i.mean_hops);
  csv.end_row();
  return csv.bytes();
}

std::string mapping_csv(const tiles::Mapping& mapping) {
  CsvTable csv({"tile", "layer", "first_row", "rows", "first_output", "outputs", "columns",
                "utilisation", "array", "array_row"});
  for (std::size_t a = 0; a < mapping.blocks().size(); ++a) {
    const tiles::ArrayBlock& b = mapping.blocks()[a];
    csv.cell(std::uint64_t{a}).cell(mapping.layers()[b.layer].name);
    for (const std::size_t v : {b.first_row, b.rows, b.first_output, b.outputs, mapping.columns(a)})
      csv.cell(std::uint64_t{v});
    csv.cell(mapping.utilisation(a)).cell(std::uint64_t{b.array}).cell(std::uint64_t{b.array_row});
    csv.end_row();
  }
  return csv.bytes();
}

/// What was programmed into what.
std::string title(const Config& config) {
  std::string network = config.workload.network.stem().string();
  for (const auto& [name, which] : workloads::kSyntheticNetworks)
    if (config.workload.is_synthetic() && which == config.workload.synthetic)
      network = fmt::format("synthetic {}", name);
  return fmt::format("{}, device {}", network, device_name(config));
}

}  // namespace

std::vector<std::string> result_file_names() {
  return {"chips.csv",
          "config.yaml",
          "correlation.csv",
          "curve.csv",
          "curve.svg",
          "equal_cost.csv",
          "in_situ.csv",
          "inference.csv",
          "interconnect.csv",
          "iterative.csv",
          "mapping.csv",
          "network.csv",
          "power.csv",
          "programming.csv",
          "report.html",
          "retention.csv",
          "selected_devices.csv",
          "selected_devices.npy",
          "cycles_histogram.csv",
          "summary.json",
          "timeline.json",
          "transfer.csv"};
}

void write_results(support::ResultDirectory& directory, const LoadedConfig& loaded,
                   const Workload& workload, const tiles::Mapping& mapping,
                   const Experiment& experiment, const RunResult& result,
                   const std::filesystem::path& output) {
  std::vector<std::string> names;
  const auto write = [&](const std::string& name, const std::string& bytes) {
    directory.write(name, bytes);
    names.push_back(name);
  };
  write("config.yaml", loaded.document.resolved_yaml(std::filesystem::absolute(output)));
  write("curve.csv", curve_csv(loaded.config, static_cast<double>(mapping.devices()), result));
  if (result.ideal_accuracy) {
    write("curve.svg", curve_svg(result.curve, result.verify_all, *result.ideal_accuracy));
    write("equal_cost.csv", equal_cost_csv(result));
  }
  write("programming.csv", programming_csv(mapping, experiment, result));
  write("chips.csv", chips_csv(experiment, result));
  if (!loaded.config.accuracy_times_s.empty())
    write("retention.csv", retention_csv(experiment, result));
  write("transfer.csv", transfer_csv(experiment, result.monte_carlo.chips));
  write("interconnect.csv", interconnect_csv(experiment, result.monte_carlo.chips));
  if (result.monte_carlo.inference.images > 0) write("inference.csv", inference_csv(result));
  write("mapping.csv", mapping_csv(mapping));
  write("network.csv", network_csv(network_table(workload.network, mapping)));
  if (!result.iterative.empty())
    write("iterative.csv", iterative_csv(experiment, result.monte_carlo));
  if (!result.in_situ.empty()) write("in_situ.csv", in_situ_csv(experiment, result.monte_carlo));
  for (const auto& [name, contents] : result.monte_carlo.files)
    if (name != "devices.csv") write(name, contents);
  write("summary.json", summary_json(loaded, workload, mapping, experiment, result));
  write("report.html", report_html(title(loaded.config), mapping, experiment, result,
                                   reference(experiment, result).energy_J, names));
}

}  // namespace uswim::experiment
