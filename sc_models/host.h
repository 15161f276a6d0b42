#pragma once
#include <tlm_utils/simple_initiator_socket.h>

#include <cstdint>
#include <functional>
#include <systemc>
#include <tlm>
#include <vector>

namespace uswim::sc_models {

/// Stand-in for the software on a processor: runs a script of bus accesses in its own process.
/// Replace it by a processor model; the accelerator's socket does not know the difference.
class Host : public sc_core::sc_module {
 public:
  tlm_utils::simple_initiator_socket<Host> bus_socket{"bus_socket"};
  sc_core::sc_in<bool> interrupt{"interrupt"};

  explicit Host(const sc_core::sc_module_name& name);

  /// Runs `script` in the host's process and the simulation until it has ended. Throws
  /// std::runtime_error if the simulation stands still before.
  void run(std::function<void(Host&)> script);

  // For scripts; each takes the simulated time that the access takes. std::runtime_error unless
  // answered OK.
  void write(std::uint64_t address, const std::uint8_t* data, std::size_t bytes);
  void read(std::uint64_t address, std::uint8_t* data, std::size_t bytes);
  void write_register(std::uint64_t address, std::uint32_t value);
  std::uint32_t read_register(std::uint64_t address);
  /// Until the interrupt line is high; then clears the interrupt.
  void wait_for_interrupt();

 private:
  void access(tlm::tlm_command command, std::uint64_t address, std::uint8_t* data,
              std::size_t bytes);
  void run_scripts();

  std::function<void(Host&)> script_;
  sc_core::sc_event script_event_{"script_event"};
};

}  // namespace uswim::sc_models
