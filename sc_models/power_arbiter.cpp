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
  return std::max(tile.set.power(), tile.reset.power()) * together;
}

PowerArbiter::PowerArbiter(const sc_core::sc_module_name& name, support::Power budget,
                           std::size_t tiles)
    : sc_module(name), budget_(in_picowatts(budget)) {
  for (std::size_t t = 0; t < tiles; ++t)
    granted_.push_back(
        std::make_unique<sc_core::sc_event>(sc_core::sc_gen_unique_name("granted_event")));
}

void PowerArbiter::acquire(std::size_t tile, support::Power power) {
  const std::int64_t asked = in_picowatts(power);
  if (queue_.empty() && drawn_ + asked <= budget_) {
    drawn_ += asked;
    return;
  }
  queue_.push_back({tile, asked});
  wait(*granted_[tile]);
}

void PowerArbiter::release(support::Power power) {
  drawn_ -= in_picowatts(power);
  while (!queue_.empty() && drawn_ + queue_.front().power <= budget_) {
    drawn_ += queue_.front().power;
    granted_[queue_.front().tile]->notify(sc_core::SC_ZERO_TIME);
    queue_.pop_front();
  }
}

}  // namespace uswim::sc_models
