#include "experiment/chip_picture.h"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "sc_models/power_arbiter.h"
#include "support/results.h"

namespace uswim::experiment {

using Json = nlohmann::ordered_json;
using support::CsvTable;

std::string timeline_json(const std::vector<sc_models::RowEvent>& rows, std::size_t limit) {
  const auto microseconds = [](support::Duration d) {
    return static_cast<double>(d.in_picoseconds()) * 1e-6;
  };
  Json events = Json::array();
  std::map<std::size_t, std::size_t> tiles;
  std::size_t shown = 0;
  for (const sc_models::RowEvent& r : rows) {
    if (shown == limit) break;
    ++shown;
    ++tiles[r.tile];
    events.push_back(
        {{"name", r.rows == 1 ? fmt::format("row {}", r.row)
                              : fmt::format("rows {} to {}", r.row, r.row + r.rows - 1)},
         {"ph", "X"},
         {"ts", microseconds(r.begin)},
         {"dur", microseconds(r.end - r.begin)},
         {"pid", 0},
         {"tid", r.tile},
         {"args",
          {{"pulses", r.work.set_pulses + r.work.reset_pulses},
           {"rounds", r.work.verify_rounds}}}});
    if (r.work.erase_pulses > 0) events.back()["args"]["erase_pulses"] = r.work.erase_pulses;
  }
  for (const auto& [tile, count] : tiles)
    events.push_back({{"name", "thread_name"},
                      {"ph", "M"},
                      {"pid", 0},
                      {"tid", tile},
                      {"args", {{"name", fmt::format("tile {}", tile)}}}});
  Json j;
  j["displayTimeUnit"] = "ns";
  if (shown < rows.size())
    j["otherData"]["note"] = fmt::format("the first {} of {} rows", shown, rows.size());
  j["traceEvents"] = std::move(events);
  return j.dump() + "\n";
}

std::string power_csv(const std::vector<sc_models::RowEvent>& rows, std::size_t limit) {
  struct Powers {
    std::int64_t mean = 0, reserved = 0;
  };
  std::map<std::int64_t, Powers> change;
  for (const sc_models::RowEvent& r : rows) {
    const std::int64_t reserved = sc_models::in_picowatts(r.power);
    if (r.begin == r.end) continue;
    const std::int64_t mean = sc_models::in_picowatts(
        support::Power::from_si(support::in_joules(r.energy) / (r.end - r.begin).in_seconds()));
    for (const auto& [time, sign] :
         {std::pair{r.begin.in_picoseconds(), 1}, {r.end.in_picoseconds(), -1}}) {
      change[time].mean += sign * mean;
      change[time].reserved += sign * reserved;
    }
  }
  struct Step {
    std::int64_t at;
    Powers powers;
  };
  std::vector<Step> steps;
  Powers drawn;
  for (const auto& [time, by] : change) {
    if (by.mean == 0 && by.reserved == 0) continue;
    drawn.mean += by.mean;
    drawn.reserved += by.reserved;
    steps.push_back({time, drawn});
  }
  CsvTable csv({"time_s", "power_W", "reserved_power_W"});
  const auto line = [&](std::int64_t at, double mean_pW, std::int64_t reserved_pW) {
    csv.cell(static_cast<double>(at) * 1e-12).cell(mean_pW * 1e-12);
    csv.cell(static_cast<double>(reserved_pW) * 1e-12);
    csv.end_row();
  };
  if (steps.empty()) return csv.bytes();
  // The last one, without power, stays by itself.
  const std::size_t last = steps.size() - 1;
  const std::size_t together = (last + limit - 2) / (limit - 1);
  for (std::size_t i = 0; i < last; i += together) {
    const std::size_t end = std::min(i + together, last);
    double spent = 0.0;
    std::int64_t reserved = 0;
    for (std::size_t k = i; k < end; ++k) {
      spent += static_cast<double>(steps[k].powers.mean) *
               static_cast<double>(steps[k + 1].at - steps[k].at);
      reserved = std::max(reserved, steps[k].powers.reserved);
    }
    const auto time = static_cast<double>(steps[end].at - steps[i].at);
    line(steps[i].at, together == 1 ? static_cast<double>(steps[i].powers.mean) : spent / time,
         reserved);
  }
  line(steps[last].at, static_cast<double>(steps[last].powers.mean), steps[last].powers.reserved);
  return csv.bytes();
}

std::string cycles_histogram_csv(const sc_models::AcceleratorSystem& system,
                                 const tiles::Mapping& mapping) {
  std::map<std::uint64_t, std::uint64_t> devices;
  for (std::size_t a = 0; a < mapping.blocks().size(); ++a) {
    const programmer::DeviceOutcomes o = system.draw_outcomes(a);
    for (std::size_t r = 0; r < mapping.blocks()[a].rows; ++r)
      for (std::size_t c = 0; c < mapping.columns(a); ++c)
        ++devices[o.cycles[r * mapping.pitch() + c]];
  }
  CsvTable csv({"cycles", "devices"});
  for (const auto& [cycles, count] : devices) {
    csv.cell(cycles).cell(count);
    csv.end_row();
  }
  return csv.bytes();
}

std::string selected_devices_csv(const tiles::Mapping& mapping,
                                 const programmer::DeviceMask& mask) {
  const std::vector<std::uint64_t>& words = mask.words();
  const std::size_t per_row = mapping.pitch() / 64;
  CsvTable csv({"tile", "row", "selected"});
  for (std::size_t a = 0; a < mapping.blocks().size(); ++a)
    for (std::size_t r = 0; r < mapping.blocks()[a].rows; ++r) {
      std::uint64_t selected = 0;
      const std::size_t first = mapping.chip_row(a, r) * per_row;
      for (std::size_t w = 0; w < per_row; ++w)
        selected += static_cast<std::uint64_t>(__builtin_popcountll(words[first + w]));
      csv.cell(std::uint64_t{a}).cell(std::uint64_t{r}).cell(selected);
      csv.end_row();
    }
  return csv.bytes();
}

std::string selected_devices_npy(const tiles::Mapping& mapping, const programmer::DeviceMask& mask,
                                 std::size_t limit) {
  const std::size_t rows = mapping.config().array_rows, columns = mapping.config().array_columns;
  const std::size_t arrays = std::min(mapping.array_count(), limit / (rows * columns));
  std::vector<std::uint8_t> cells(arrays * rows * columns, kEmptyCell);
  for (std::size_t b = 0; b < mapping.blocks().size(); ++b) {
    if (mapping.blocks()[b].array >= arrays) continue;
    for (std::size_t r = 0; r < mapping.blocks()[b].rows; ++r) {
      const std::uint64_t* words = mask.row(b, r);
      std::uint8_t* cell = &cells[mapping.chip_row(b, r) * columns];
      for (std::size_t c = 0; c < mapping.columns(b); ++c)
        cell[c] = words[c / 64] >> (c % 64) & 1 ? kVerifiedCell : kOpenLoopCell;
    }
  }
  return support::npy_bytes({arrays, rows, columns}, cells, false);
}

support::CsvTable devices_table() {
  return CsvTable({"tile", "row", "column", "level", "cycles", "residual", "converged"});
}

std::string devices_csv(const sc_models::AcceleratorSystem& system, const tiles::Mapping& mapping,
                        const programmer::DeviceModel& device, std::size_t limit) {
  CsvTable csv = devices_table();
  for (std::size_t a = 0; a < mapping.blocks().size(); ++a) {
    const programmer::DeviceOutcomes o = system.draw_outcomes(a);
    for (std::size_t r = 0; r < mapping.blocks()[a].rows; ++r)
      for (std::size_t c = 0; c < mapping.columns(a); ++c) {
        if (limit-- == 0) return csv.bytes();
        const unsigned level = mapping.level(a, r, c);
        const std::size_t i = r * mapping.pitch() + c;
        const double target = static_cast<float>(device.target(level));
        csv.cell(std::uint64_t{a}).cell(std::uint64_t{r}).cell(std::uint64_t{c}).cell(level);
        csv.cell(std::uint64_t{o.cycles[i]});
        csv.cell(static_cast<double>(o.verified[i]) - target);
        csv.cell(std::uint64_t{o.converged[i]});
        csv.end_row();
      }
  }
  return csv.bytes();
}

}  // namespace uswim::experiment
