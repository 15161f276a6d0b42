#include "sc_models/interconnect.h"

namespace uswim::sc_models {

Interconnect::Interconnect(const sc_core::sc_module_name& name, const ChipConfig& config,
                           const tiles::Mapping& mapping, EnergyMonitor& energy)
    : sc_module(name),
      config_(config),
      mapping_(mapping),
      energy_(energy),
      width_(config.interconnect == Topology::Mesh ? config.mesh.link_width : config.bus_width),
      period_(config.period()) {
  if (config.interconnect == Topology::Mesh)
    mesh_.emplace(config.mesh, period_, mapping.array_count());
  command_socket.register_b_transport(this, &Interconnect::b_transport);
}

void Interconnect::reset_statistics() {
  busy_ = {};
  if (mesh_) mesh_->reset_statistics();
}

void Interconnect::b_transport(int, tlm::tlm_generic_payload& trans, sc_core::sc_time& delay) {
  const std::uint64_t tile = trans.get_address() / kTileStride;
  if (tile >= tile_socket.size()) {
    trans.set_response_status(tlm::TLM_ADDRESS_ERROR_RESPONSE);
    return;
  }
  const std::size_t array = mapping_.blocks()[tile].array;
  const std::uint64_t words = this->words(trans.get_data_length());
  if (const auto* command = trans.get_extension<TileCommand>();
      command == nullptr || !command->ahead) {
    const sc_core::sc_time now = sc_core::sc_time_stamp();
    const Mesh::Way way = trans.is_read() ? Mesh::Way::FromArray : Mesh::Way::ToArray;
    delay = to_sc_time(transfer(way, array, words, to_duration(now + delay))) - now;
  }
  energy_.add(tile, Component::Bus,
              mesh_ ? config_.mesh.router_energy * static_cast<double>(words * mesh_->hops(array))
                    : config_.bus_energy * static_cast<double>(words));
  const std::size_t bits = trans.get_data_length() * 8;
  energy_.add(tile, Component::Buffer,
              config_.buffer_energy * static_cast<double>((bits + 255) / 256));
  tile_socket[static_cast<int>(tile)]->b_transport(trans, delay);
}

}  // namespace uswim::sc_models
