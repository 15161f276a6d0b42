#pragma once
#include <algorithm>
#include <vector>

#include "sc_models/power_arbiter.h"
#include "sc_models/row_observer.h"

namespace uswim::sc_models {

/// Keeps the rows of a programming.
struct Recorder : RowObserver {
  std::vector<RowEvent> rows;
  void on_start() override { rows.clear(); }
  void on_row(const RowEvent& row) override { rows.push_back(row); }

  /// Number of rows under way at `t`, by going through all of them.
  std::size_t rows_at(support::Duration t) const {
    return static_cast<std::size_t>(std::count_if(
        rows.begin(), rows.end(), [t](const RowEvent& r) { return r.begin <= t && t < r.end; }));
  }
  /// Sum over the rows under way at `t`.
  std::int64_t picowatts_at(support::Duration t) const {
    std::int64_t sum = 0;
    for (const RowEvent& r : rows)
      if (r.begin <= t && t < r.end) sum += in_picowatts(r.power);
    return sum;
  }
  std::int64_t peak() const {
    std::int64_t most = 0;
    for (const RowEvent& r : rows) most = std::max(most, picowatts_at(r.begin));
    return most;
  }
};

}  // namespace uswim::sc_models
