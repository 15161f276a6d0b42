#pragma once
#include <tlm_utils/simple_target_socket.h>

#include <array>
#include <cstdint>
#include <memory>
#include <systemc>
#include <tlm>
#include <vector>

#include "programmer/array_programmer.h"
#include "sc_models/chip_config.h"
#include "sc_models/energy_monitor.h"
#include "sc_models/inference_unit.h"
#include "sc_models/interconnect.h"
#include "sc_models/programming_controller.h"
#include "sc_models/register_map.h"
#include "sc_models/tile_module.h"

namespace uswim::sc_models {

/// The chip. Its boundary is a TLM-2.0 base-protocol target (b_transport, transport_dbg; no DMI,
/// since programming changes what lies behind) with the registers and windows of register_map.h,
/// and an interrupt line. Binds to any virtual platform.
class Accelerator : public sc_core::sc_module {
 public:
  tlm_utils::simple_target_socket<Accelerator> host_socket{"host_socket"};
  sc_core::sc_out<bool> interrupt{"interrupt"};

  /// One tile per array of the mapping; `programmers` holds their functional cores.
  Accelerator(const sc_core::sc_module_name& name, const ChipConfig& config,
              const tiles::TileConfig& tile_config, const tiles::Mapping& mapping,
              const Program& program,
              std::vector<std::unique_ptr<programmer::ArrayProgrammer>>& programmers);

  EnergyMonitor& energy() { return energy_; }
  std::size_t tiles() const { return tiles_.size(); }
  const TileModule& tile(std::size_t i) const { return *tiles_[i]; }
  const Interconnect& interconnect() const { return interconnect_; }
  const ProgrammingController& controller() const { return controller_; }
  void add_observer(RowObserver& observer) { controller_.add_observer(observer); }
  /// ProgrammingController::set_threads.
  void set_threads(unsigned threads) { controller_.set_threads(threads); }
  /// Of the cells in inference, from here on.
  void set_read_noise(const tiles::AdcNoise& noise);
  const InferenceUnit& inference() const { return inference_; }
  const ProgrammingMemory& memory() const { return memory_; }
  /// Statistics of row operations and interconnect, and energy, back to zero; not part of the
  /// hardware.
  void reset_statistics();

 private:
  void b_transport(tlm::tlm_generic_payload& trans, sc_core::sc_time& delay);
  unsigned transport_dbg(tlm::tlm_generic_payload& trans);
  tlm::tlm_response_status access(tlm::tlm_generic_payload& trans, const sc_core::sc_time& delay,
                                  bool debug);
  tlm::tlm_response_status access_register(tlm::tlm_generic_payload& trans,
                                           const sc_core::sc_time& delay, bool debug);
  std::uint32_t read_register(std::uint64_t address) const;
  void write_register(std::uint64_t address, std::uint32_t value, const sc_core::sc_time& delay);
  /// Why a command cannot start now: kError...; finds the masks for those that write.
  std::uint32_t refusal(std::uint32_t command);
  void start(std::uint32_t command, const sc_core::sc_time& delay);
  void run_command();
  void finish();
  void finish_programming();
  void finish_inference();
  void drive_interrupt();

  const ChipConfig config_;
  const tiles::TileConfig tile_config_;
  const tiles::Mapping& mapping_;
  const Program& program_;
  EnergyMonitor energy_;
  ProgrammingMemory memory_;
  std::vector<std::uint8_t> images_, logits_;
  Interconnect interconnect_;
  PowerArbiter arbiter_;
  ChargePumps pumps_;
  ProgrammingController controller_;
  InferenceUnit inference_;
  std::vector<std::unique_ptr<TileModule>> tiles_;

  std::uint32_t status_ = 0, error_ = register_map::kErrorNone, interrupt_enable_ = 0,
                interrupt_state_ = 0;
  std::uint32_t image_count_ = 0, mask_format_ = register_map::kMaskBitmap;
  std::uint32_t command_ = 0;
  sc_core::sc_event command_event_{"command_event"};
  sc_core::sc_event interrupt_event_{"interrupt_event"};
};

}  // namespace uswim::sc_models
