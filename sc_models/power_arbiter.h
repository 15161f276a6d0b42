#pragma once
#include <cstdint>
#include <deque>
#include <memory>
#include <systemc>
#include <vector>

#include "support/quantity.h"
#include "tiles/tile_config.h"

namespace uswim::sc_models {

/// Whole picowatts: sums of powers stay exact in whatever order they come and go.
std::int64_t in_picowatts(support::Power power);

/// What the write pulses of a row can draw at most: a pulse from every driver, of the polarity that
/// draws more.
support::Power largest_row_power(const tiles::TileConfig& tile);

/// Lets tiles write only as far as the chip's power allows. First come, first served: a request
/// that does not fit holds back all that came later, so none starves; whenever the first one fits,
/// it is granted at once.
class PowerArbiter : public sc_core::sc_module {
 public:
  /// `budget` of 0: no limit.
  PowerArbiter(const sc_core::sc_module_name& name, support::Power budget, std::size_t tiles);

  bool limits() const { return budget_ > 0; }
  /// Waits, in the calling process, until `power` is free and takes it. At most the budget.
  void acquire(std::size_t tile, support::Power power);
  void release(support::Power power);

 private:
  struct Request {
    std::size_t tile;
    std::int64_t power;
  };
  std::int64_t budget_;
  std::int64_t drawn_ = 0;
  std::deque<Request> queue_;
  std::vector<std::unique_ptr<sc_core::sc_event>> granted_;  ///< one per tile
};

}  // namespace uswim::sc_models
