#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "programmer/selection/device_mask.h"
#include "sc_models/accelerator_system.h"
#include "support/results.h"
#include "tiles/mapping.h"

namespace uswim::experiment {

/// Keeps every row of a programming, for the files below.
class RowRecorder : public sc_models::RowObserver {
 public:
  void on_start() override { rows_.clear(); }
  void on_row(const sc_models::RowEvent& row) override { rows_.push_back(row); }
  const std::vector<sc_models::RowEvent>& rows() const { return rows_; }

 private:
  std::vector<sc_models::RowEvent> rows_;
};

// Contents of files about one programmed chip; `limit` caps events, steps or devices.

/// Chrome trace events: a track per tile, a slice per row.
std::string timeline_json(const std::vector<sc_models::RowEvent>& rows, std::size_t limit);
/// Power of the rows under way, mean and reserved, a line where it changes. Where that takes more
/// than `limit` lines, each stands for several changes: their mean over time, the most reserved.
std::string power_csv(const std::vector<sc_models::RowEvent>& rows, std::size_t limit);
/// How many devices take how many write cycles when verified, selected or not.
std::string cycles_histogram_csv(const sc_models::AcceleratorSystem& system,
                                 const tiles::Mapping& mapping);
std::string selected_devices_csv(const tiles::Mapping& mapping, const programmer::DeviceMask& mask);
/// The same cell by cell, NumPy's uint8 [array][row][column] with the rows and columns of an array:
/// kVerifiedCell, kOpenLoopCell or kEmptyCell. The first tiles, at most `limit` cells.
inline constexpr std::uint8_t kOpenLoopCell = 0, kVerifiedCell = 1, kEmptyCell = 255;
std::string selected_devices_npy(const tiles::Mapping& mapping, const programmer::DeviceMask& mask,
                                 std::size_t limit);
/// What write-verify makes of every device; without any, its header.
support::CsvTable devices_table();
std::string devices_csv(const sc_models::AcceleratorSystem& system, const tiles::Mapping& mapping,
                        const programmer::DeviceModel& device, std::size_t limit);

}  // namespace uswim::experiment
