#include "sc_models/interconnect.h"

namespace uswim::sc_models {

Interconnect::Interconnect(const sc_core::sc_module_name& name, const ChipConfig& config,
                           EnergyMonitor& energy)
    : sc_module(name), config_(config), energy_(energy), period_(config.period()) {
  command_socket.register_b_transport(this, &Interconnect::b_transport);
}

void Interconnect::b_transport(int, tlm::tlm_generic_payload& trans, sc_core::sc_time& delay) {
  const std::uint64_t tile = trans.get_address() / kTileStride;
  if (tile >= tile_socket.size()) {
    trans.set_response_status(tlm::TLM_ADDRESS_ERROR_RESPONSE);
    return;
  }
  const std::uint64_t words = this->words(trans.get_data_length());
  if (const auto* command = trans.get_extension<TileCommand>();
      command == nullptr || !command->ahead) {
    const sc_core::sc_time now = sc_core::sc_time_stamp();
    delay = to_sc_time(transfer(words, to_duration(now + delay))) - now;
  }
  energy_.add(tile, Component::Bus, config_.bus_energy * static_cast<double>(words));
  const std::size_t bits = trans.get_data_length() * 8;
  energy_.add(tile, Component::Buffer,
              config_.buffer_energy * static_cast<double>((bits + 255) / 256));
  tile_socket[static_cast<int>(tile)]->b_transport(trans, delay);
}

}  // namespace uswim::sc_models
