#include "experiment/transfer_tables.h"

#include <fmt/format.h>

#include <functional>
#include <utility>

#include "programmer/selection/mask_encoding.h"
#include "support/results.h"

namespace uswim::experiment {
namespace {

/// A column and what a chip has there.
using Column = std::pair<std::string, std::function<double(const ChipResult&)>>;

std::string means_csv(const Experiment& experiment, const std::vector<ChipResult>& chips,
                      const std::vector<Column>& columns) {
  std::vector<std::string> names{"policy", "fraction"};
  for (const Column& column : columns) names.push_back(column.first);
  support::CsvTable csv(names);
  for (std::uint32_t e = 0; e < experiment.evaluations.size(); ++e) {
    csv.cell(experiment.evaluations[e].policy).cell(experiment.evaluations[e].fraction);
    for (const Column& column : columns) {
      support::RunningStatistics mean;
      for (const ChipResult& chip : chips)
        if (chip.evaluation == e) mean.add(column.second(chip));
      csv.cell(mean.mean());
    }
    csv.end_row();
  }
  return csv.bytes();
}

}  // namespace

std::string transfer_csv(const Experiment& experiment, const std::vector<ChipResult>& chips) {
  std::vector<Column> columns{
      {"link_bytes_mean", [](auto& r) { return static_cast<double>(r.mask_link_bytes); }},
      {"load_time_s_mean", [](auto& r) { return static_cast<double>(r.load_time_ps) * 1e-12; }},
      {"bus_bytes_mean", [](auto& r) { return static_cast<double>(r.mask_bus_bytes); }}};
  for (std::size_t i = 0; i < programmer::kMaskEncodings.size(); ++i)
    columns.emplace_back(
        fmt::format("records_{}_bytes_mean", programmer::kMaskEncodings[i].first),
        [i](const ChipResult& r) { return static_cast<double>(r.mask_record_bytes[i]); });
  return means_csv(experiment, chips, columns);
}

std::string interconnect_csv(const Experiment& experiment, const std::vector<ChipResult>& chips) {
  constexpr auto kEnergy = static_cast<std::size_t>(sc_models::Component::Bus);
  return means_csv(experiment, chips,
                   {{"busiest_link_share_mean",
                     [](auto& r) {
                       return static_cast<double>(r.busiest_link_ps) /
                              static_cast<double>(r.time_ps);
                     }},
                    {"hops_mean", [](auto& r) { return r.mean_hops; }},
                    {"energy_J_mean", [](auto& r) { return r.energy_J[kEnergy]; }}});
}

}  // namespace uswim::experiment
