#pragma once
#include <cstddef>

#include "programmer/write_verify/row_work.h"
#include "support/quantity.h"

namespace uswim::sc_models {

/// One row as it is programmed. Times are since the start of programming.
struct RowEvent {
  std::size_t tile = 0;
  std::size_t row = 0;
  std::size_t rows = 1;          ///< driven together, from `row` on
  support::Duration begin, end;  ///< of the row's phases, waiting before them excluded
  support::Power power;          ///< of its write pulses, in the fullest slot
  support::Energy energy;        ///< of all that its tile spends from begin to end; see wants_work
  programmer::RowWork work;      ///< see RowObserver::wants_work
};

/// Watches programming from outside. Called by the controller once per row, when it is known when
/// the row begins and ends; rows come in the order of `begin`. Must neither wait nor change
/// anything of the chip.
class RowObserver {
 public:
  virtual ~RowObserver() = default;
  virtual void on_start() {}
  virtual void on_row(const RowEvent& row) = 0;
  /// Without it rows may come without energy and work, which take time and memory.
  virtual bool wants_work() const { return true; }
};

}  // namespace uswim::sc_models
