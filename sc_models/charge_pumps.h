#pragma once
#include <cstddef>
#include <vector>

#include "sc_models/arbiter.h"
#include "sc_models/chip_config.h"
#include "sc_models/energy_monitor.h"
#include "support/quantity.h"

namespace uswim::sc_models {

/// Which charge pump serves a tile that begins to write, and when it is ready. No kernel.
class PumpPool {
 public:
  struct Place {
    std::size_t pump = 0;
    support::Duration ready;  ///< when the pump has its voltage; not before the asking
    bool started = false;     ///< the pump was cold: it starts now
  };
  explicit PumpPool(const ChargePumpConfig& config) : config_(config), pumps_(config.count) {}

  /// A place on a pump that serves another tile, else on one still warm, else on a cold one; of
  /// equal ones the first. There must be one free.
  Place attach(support::Duration now);
  void detach(std::size_t pump, support::Duration now);
  /// All pumps cold.
  void reset() { pumps_.assign(pumps_.size(), {}); }

 private:
  struct Pump {
    unsigned tiles = 0;
    bool warm = false;        ///< has been started; cools down `hold_time` after its last tile
    support::Duration ready;  ///< of its last start
    support::Duration idle_since;
  };
  ChargePumpConfig config_;
  std::vector<Pump> pumps_;
};

/// The charge pumps that the chip's tiles share. A row takes its place from before its first phase
/// to its last, and waits, first come, first served, where every pump serves as many tiles as it
/// can.
class ChargePumps : public Arbiter {
 public:
  ChargePumps(const ChipConfig& chip, std::size_t tiles, EnergyMonitor& energy);

  /// As Arbiter: false where the tile waits for a place.
  bool acquire(std::size_t tile) { return Arbiter::acquire(tile, 1); }
  /// Once the tile has a place: for how long its pump still starts.
  support::Duration start(std::size_t tile, support::Duration now);
  void release(std::size_t tile, support::Duration now, std::vector<std::size_t>& granted);
  /// Before a programming: all pumps cold.
  void reset() { pool_.reset(); }

 private:
  PumpPool pool_;
  support::Energy start_energy_;
  EnergyMonitor& energy_;
  std::vector<std::size_t> pump_of_;  ///< of each tile while it writes
};

}  // namespace uswim::sc_models
