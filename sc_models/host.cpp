#include "sc_models/host.h"

#include <cstring>
#include <stdexcept>

#include "sc_models/register_map.h"

namespace uswim::sc_models {

Host::Host(const sc_core::sc_module_name& name) : sc_module(name) {
  SC_HAS_PROCESS(Host);
  SC_THREAD(run_scripts);
}

void Host::run(std::function<void(Host&)> script) {
  script_ = std::move(script);
  script_event_.notify(sc_core::SC_ZERO_TIME);
  sc_core::sc_start();
  if (script_)
    throw std::runtime_error("the simulation stood still before the host's script had ended");
}

void Host::run_scripts() {
  while (true) {
    // The first notification may come before the process has first run.
    if (!script_) wait(script_event_);
    if (!script_) continue;
    script_(*this);
    script_ = nullptr;
  }
}

void Host::access(tlm::tlm_command command, std::uint64_t address, std::uint8_t* data,
                  std::size_t bytes) {
  tlm::tlm_generic_payload trans;
  trans.set_command(command);
  trans.set_address(address);
  trans.set_data_ptr(data);
  trans.set_data_length(static_cast<unsigned>(bytes));
  trans.set_streaming_width(static_cast<unsigned>(bytes));
  sc_core::sc_time delay = sc_core::SC_ZERO_TIME;
  bus_socket->b_transport(trans, delay);
  if (!trans.is_response_ok())
    throw std::runtime_error("the accelerator answered " + trans.get_response_string());
  wait(delay);
}

void Host::write(std::uint64_t address, const std::uint8_t* data, std::size_t bytes) {
  access(tlm::TLM_WRITE_COMMAND, address, const_cast<std::uint8_t*>(data), bytes);
}

void Host::read(std::uint64_t address, std::uint8_t* data, std::size_t bytes) {
  access(tlm::TLM_READ_COMMAND, address, data, bytes);
}

void Host::write_register(std::uint64_t address, std::uint32_t value) {
  std::uint8_t bytes[4];
  std::memcpy(bytes, &value, 4);
  write(address, bytes, 4);
}

std::uint32_t Host::read_register(std::uint64_t address) {
  std::uint8_t bytes[4];
  read(address, bytes, 4);
  std::uint32_t value;
  std::memcpy(&value, bytes, 4);
  return value;
}

void Host::wait_for_interrupt() {
  while (!interrupt.read()) wait(interrupt.posedge_event());
  write_register(register_map::kInterrupt, 1);
  while (interrupt.read()) wait(interrupt.negedge_event());
}

}  // namespace uswim::sc_models
