#pragma once
#include <cstdint>
#include <functional>
#include <queue>
#include <utility>
#include <vector>

#include "sc_models/power_arbiter.h"
#include "sc_models/row_observer.h"

namespace uswim::sc_models {

/// Power of the write pulses over time: a row counts with its fullest slot from begin to end.
class PowerTrace : public RowObserver {
 public:
  void on_start() override {
    ends_ = {};
    drawn_ = peak_ = 0;
  }
  void on_row(const RowEvent& row) override {
    while (!ends_.empty() && ends_.top().first <= row.begin.in_picoseconds()) {
      drawn_ -= ends_.top().second;
      ends_.pop();
    }
    const std::int64_t power = in_picowatts(row.power);
    drawn_ += power;
    if (drawn_ > peak_) peak_ = drawn_;
    ends_.emplace(row.end.in_picoseconds(), power);
  }
  bool wants_work() const override { return false; }
  support::Power peak() const {
    return support::Power::from_si(static_cast<double>(peak_) * 1e-12);
  }

 private:
  using End = std::pair<std::int64_t, std::int64_t>;                 ///< time, power
  std::priority_queue<End, std::vector<End>, std::greater<>> ends_;  ///< of rows under way
  std::int64_t drawn_ = 0, peak_ = 0;
};

}  // namespace uswim::sc_models
