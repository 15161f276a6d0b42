#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "sc_models/arbiter.h"
#include "support/quantity.h"
#include "tiles/tile_config.h"

namespace uswim::sc_models {

/// Whole picowatts: sums of powers stay exact in whatever order they come and go.
std::int64_t in_picowatts(support::Power power);

/// What the write pulses of a row, or of rows driven together, can draw at most: a pulse from every
/// driver, of the polarity that draws more.
support::Power largest_row_power(const tiles::TileConfig& tile);

/// Lets tiles write only as far as the chip's power allows.
class PowerArbiter : public Arbiter {
 public:
  /// `budget` of 0: no limit.
  PowerArbiter(support::Power budget, Queueing queueing)
      : Arbiter(in_picowatts(budget), queueing) {}
  bool acquire(std::size_t tile, support::Power power) {
    return Arbiter::acquire(tile, in_picowatts(power));
  }
  void release(support::Power power, std::vector<std::size_t>& granted) {
    Arbiter::release(in_picowatts(power), granted);
  }
};

}  // namespace uswim::sc_models
