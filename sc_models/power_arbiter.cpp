#include "sc_models/power_arbiter.h"

#include <algorithm>
#include <cmath>

namespace uswim::sc_models {

std::int64_t in_picowatts(support::Power power) {
  return static_cast<std::int64_t>(std::llround(power.in_si() * 1e12));
}

support::Power largest_row_power(const tiles::TileConfig& tile) {
  const unsigned together =
      tile.write.drivers == 0 ? tile.columns : std::min(tile.write.drivers, tile.columns);
  return std::max(tiles::slot_power(tile, tile.set, together),
                  tiles::slot_power(tile, tile.reset, together)) *
         std::min(tile.write.rows, tile.rows);
}

}  // namespace uswim::sc_models
