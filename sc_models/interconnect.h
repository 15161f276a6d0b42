#pragma once
#include <tlm_utils/multi_passthrough_initiator_socket.h>
#include <tlm_utils/multi_passthrough_target_socket.h>

#include <algorithm>
#include <systemc>
#include <tlm>

#include "sc_models/chip_config.h"
#include "sc_models/energy_monitor.h"
#include "sc_models/tile_command.h"

namespace uswim::sc_models {

/// The bus that all tiles share: one transfer at a time in the order of arrival, `width` bits per
/// clock cycle. Time is annotated: a transaction's delay grows by the wait for the bus and the
/// transfer, then it goes on to the tile that its address names. A command that is worked out ahead
/// (TileCommand::ahead) takes no time here; its transfer is booked by transfer() when it is due.
class Interconnect : public sc_core::sc_module {
 public:
  tlm_utils::multi_passthrough_target_socket<Interconnect> command_socket{"command_socket"};
  tlm_utils::multi_passthrough_initiator_socket<Interconnect> tile_socket{"tile_socket"};

  Interconnect(const sc_core::sc_module_name& name, const ChipConfig& config,
               EnergyMonitor& energy);

  /// Clock cycles for one transfer of `bytes`, header included.
  std::uint64_t words(std::size_t bytes) const {
    return ((bytes + kCommandHeaderBytes) * 8 + config_.bus_width - 1) / config_.bus_width;
  }
  /// Takes the bus for so many words that are ready at `ready`; returns when they are through.
  support::Duration transfer(std::uint64_t words, support::Duration ready) {
    free_at_ = std::max(ready, free_at_) + period_ * static_cast<std::int64_t>(words);
    return free_at_;
  }

 private:
  void b_transport(int id, tlm::tlm_generic_payload& trans, sc_core::sc_time& delay);

  const ChipConfig& config_;
  EnergyMonitor& energy_;
  support::Duration period_;
  support::Duration free_at_;
};

}  // namespace uswim::sc_models
