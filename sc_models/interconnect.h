#pragma once
#include <tlm_utils/multi_passthrough_initiator_socket.h>
#include <tlm_utils/multi_passthrough_target_socket.h>

#include <systemc>
#include <tlm>

#include "sc_models/chip_config.h"
#include "sc_models/energy_monitor.h"
#include "sc_models/tile_command.h"

namespace uswim::sc_models {

/// The bus that all tiles share: one transfer at a time in the order of arrival, `width` bits per
/// clock cycle. Time is annotated: a transaction's delay grows by the wait for the bus and the
/// transfer, then it goes on to the tile that its address names.
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

 private:
  void b_transport(int id, tlm::tlm_generic_payload& trans, sc_core::sc_time& delay);

  const ChipConfig& config_;
  EnergyMonitor& energy_;
  sc_core::sc_time period_;
  sc_core::sc_time free_at_;
};

}  // namespace uswim::sc_models
