#pragma once
#include <tlm_utils/multi_passthrough_initiator_socket.h>
#include <tlm_utils/multi_passthrough_target_socket.h>

#include <algorithm>
#include <optional>
#include <systemc>
#include <tlm>

#include "sc_models/chip_config.h"
#include "sc_models/energy_monitor.h"
#include "sc_models/mesh.h"
#include "sc_models/tile_command.h"
#include "tiles/mapping.h"

namespace uswim::sc_models {

/// What carries commands to the tiles and sums back: a bus that all share, one transfer at a time
/// in the order of arrival, or a Mesh. Time is annotated: a transaction's delay grows by its wait
/// and the transfer, then it goes on to the tile that its address names. A command that is worked
/// out ahead (TileCommand::ahead) takes no time here; its transfer is booked by transfer() when it
/// is due.
class Interconnect : public sc_core::sc_module {
 public:
  tlm_utils::multi_passthrough_target_socket<Interconnect> command_socket{"command_socket"};
  tlm_utils::multi_passthrough_initiator_socket<Interconnect> tile_socket{"tile_socket"};

  Interconnect(const sc_core::sc_module_name& name, const ChipConfig& config,
               const tiles::Mapping& mapping, EnergyMonitor& energy);

  /// Clock cycles that a link is held by one transfer of `bytes`, header included.
  std::uint64_t words(std::size_t bytes) const {
    return ((bytes + kCommandHeaderBytes) * 8 + width_ - 1) / width_;
  }
  /// Sends so many words that are ready at `ready` to an array, or back from it; returns when they
  /// are through.
  support::Duration transfer(Mesh::Way way, std::size_t array, std::uint64_t words,
                             support::Duration ready) {
    if (mesh_) return mesh_->send(way, array, words, ready);
    const support::Duration held = period_ * static_cast<std::int64_t>(words);
    busy_ += held;
    free_at_ = std::max(ready, free_at_) + held;
    return free_at_;
  }
  /// Whether transfers end in the order in which they began.
  bool keeps_order() const { return !mesh_; }

  // Since reset_statistics().
  /// For how long the link with most to carry was held; of a bus, for how long it was.
  support::Duration busiest_link() const { return mesh_ ? mesh_->busiest_link() : busy_; }
  /// Routers that a word passed, on the mean; 1 on a bus.
  double mean_hops() const { return mesh_ ? mesh_->mean_hops() : 1.0; }
  void reset_statistics();

 private:
  void b_transport(int id, tlm::tlm_generic_payload& trans, sc_core::sc_time& delay);

  const ChipConfig& config_;
  const tiles::Mapping& mapping_;
  EnergyMonitor& energy_;
  unsigned width_;
  support::Duration period_;
  std::optional<Mesh> mesh_;
  support::Duration free_at_, busy_;  ///< of the bus
};

}  // namespace uswim::sc_models
