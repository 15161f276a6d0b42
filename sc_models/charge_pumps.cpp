#include "sc_models/charge_pumps.h"

#include <algorithm>

namespace uswim::sc_models {

using support::Duration;

namespace {

ChargePumpConfig in_clock_cycles(ChargePumpConfig pumps, Duration period) {
  pumps.start_time = pumps.start_time.rounded_up_to(period);
  return pumps;
}

}  // namespace

PumpPool::Place PumpPool::attach(Duration now) {
  // The smaller, the better: serves tiles already, warm, cold.
  const auto rank = [&](const Pump& p) {
    if (p.tiles > 0) return p.tiles < config_.tiles_per_pump ? 0 : 3;
    return p.warm && now - p.idle_since <= config_.hold_time ? 1 : 2;
  };
  const auto best =
      std::min_element(pumps_.begin(), pumps_.end(),
                       [&](const Pump& a, const Pump& b) { return rank(a) < rank(b); });
  Place place;
  place.pump = static_cast<std::size_t>(best - pumps_.begin());
  if (rank(*best) == 2) {
    place.started = true;
    best->warm = true;
    best->ready = now + config_.start_time;
  }
  place.ready = std::max(now, best->ready);
  ++best->tiles;
  return place;
}

void PumpPool::detach(std::size_t pump, Duration now) {
  if (--pumps_[pump].tiles == 0) pumps_[pump].idle_since = now;
}

ChargePumps::ChargePumps(const ChipConfig& chip, std::size_t tiles, EnergyMonitor& energy)
    : Arbiter(std::int64_t{chip.charge_pumps.count} * chip.charge_pumps.tiles_per_pump,
              Queueing::Fifo),
      pool_(in_clock_cycles(chip.charge_pumps, chip.period())),
      start_energy_(chip.charge_pumps.start_energy),
      energy_(energy),
      pump_of_(tiles) {}

Duration ChargePumps::start(std::size_t tile, Duration now) {
  const PumpPool::Place place = pool_.attach(now);
  pump_of_[tile] = place.pump;
  if (place.started) energy_.add_shared(Component::ChargePump, start_energy_);
  return place.ready - now;
}

void ChargePumps::release(std::size_t tile, Duration now, std::vector<std::size_t>& granted) {
  pool_.detach(pump_of_[tile], now);
  Arbiter::release(1, granted);
}

}  // namespace uswim::sc_models
