#include "sc_models/accelerator.h"

#include <algorithm>
#include <cstring>

namespace uswim::sc_models {

namespace reg = register_map;

/// Of all cells of a tile's array; 0 where it is not wanted.
static double mean_target(
    const tiles::TileConfig& config, const tiles::Mapping& mapping,
    const std::vector<std::unique_ptr<programmer::ArrayProgrammer>>& programmers,
    std::size_t tile) {
  if (config.write.half_select == tiles::HalfSelect::None ||
      config.write.pulse_energy == tiles::CellEnergy::Fixed)
    return 0.0;
  double sum = 0.0;
  for (const std::uint32_t t : mapping.blocks_of_arrays()[mapping.blocks()[tile].array])
    sum += programmers[t]->target_sum();
  return sum / (static_cast<double>(config.rows) * static_cast<double>(config.columns));
}

Accelerator::Accelerator(const sc_core::sc_module_name& name, const ChipConfig& config,
                         const tiles::TileConfig& tile_config, const tiles::Mapping& mapping,
                         const Program& program,
                         std::vector<std::unique_ptr<programmer::ArrayProgrammer>>& programmers)
    : sc_module(name),
      config_(config),
      tile_config_(tile_config),
      mapping_(mapping),
      program_(program),
      energy_(mapping.blocks().size()),
      memory_(mapping, config.mask_encoding),
      interconnect_("interconnect", config_, mapping, energy_),
      arbiter_(config.power_budget, config.power_queue),
      pumps_(config_, mapping.blocks().size(), energy_),
      controller_("controller", config_, std::min(tile_config.write.rows, tile_config.rows),
                  mapping, memory_, interconnect_, arbiter_, pumps_),
      inference_("inference", config_, mapping, program, energy_) {
  host_socket.register_b_transport(this, &Accelerator::b_transport);
  host_socket.register_transport_dbg(this, &Accelerator::transport_dbg);
  controller_.command_socket.bind(interconnect_.command_socket);
  inference_.command_socket.bind(interconnect_.command_socket);
  for (std::size_t t = 0; t < mapping.blocks().size(); ++t) {
    tiles_.push_back(std::make_unique<TileModule>(
        ("tile_" + std::to_string(t)).c_str(), t, mapping, *programmers[t], tile_config_, config_,
        mean_target(tile_config, mapping, programmers, t), energy_));
    interconnect_.tile_socket.bind(tiles_.back()->command_socket);
  }

  SC_HAS_PROCESS(Accelerator);
  SC_METHOD(run_command);
  sensitive << command_event_;
  dont_initialize();
  SC_METHOD(finish_programming);
  sensitive << controller_.done_event();
  dont_initialize();
  SC_METHOD(finish_inference);
  sensitive << inference_.done_event();
  dont_initialize();
  SC_METHOD(drive_interrupt);
  sensitive << interrupt_event_;
  dont_initialize();
}

void Accelerator::reset_statistics() {
  energy_.reset();
  interconnect_.reset_statistics();
  for (auto& tile : tiles_) tile->reset_statistics();
}

void Accelerator::set_read_noise(const tiles::AdcNoise& noise) {
  for (auto& tile : tiles_) tile->set_read_noise(noise);
}

void Accelerator::b_transport(tlm::tlm_generic_payload& trans, sc_core::sc_time& delay) {
  const std::uint64_t flits = (trans.get_data_length() + 31) / 32;
  const sc_core::sc_time arrival =
      delay + to_sc_time(config_.host_link_time * static_cast<std::int64_t>(flits));
  const tlm::tlm_response_status status = access(trans, arrival, false);
  trans.set_response_status(status);
  trans.set_dmi_allowed(false);
  if (status != tlm::TLM_OK_RESPONSE) return;
  delay = arrival;
  energy_.add_shared(Component::HostLink, config_.host_link_energy * static_cast<double>(flits));
}

unsigned Accelerator::transport_dbg(tlm::tlm_generic_payload& trans) {
  const tlm::tlm_response_status status = access(trans, sc_core::SC_ZERO_TIME, true);
  trans.set_response_status(status);
  return status == tlm::TLM_OK_RESPONSE ? trans.get_data_length() : 0;
}

tlm::tlm_response_status Accelerator::access(tlm::tlm_generic_payload& trans,
                                             const sc_core::sc_time& delay, bool debug) {
  const std::uint64_t address = trans.get_address();
  const std::uint64_t length = trans.get_data_length();
  if (trans.get_command() == tlm::TLM_IGNORE_COMMAND) return tlm::TLM_OK_RESPONSE;
  if (trans.get_data_ptr() == nullptr || length == 0) return tlm::TLM_GENERIC_ERROR_RESPONSE;
  if (trans.get_streaming_width() < length && !debug) return tlm::TLM_BURST_ERROR_RESPONSE;
  if (address < reg::kRegistersEnd) return access_register(trans, delay, debug);

  std::vector<std::uint8_t>* window = nullptr;
  std::uint64_t base = 0;
  const bool write = trans.is_write();
  if (address >= reg::kLogits && address < reg::kLogits + reg::kWindowSize) {
    window = &logits_, base = reg::kLogits;
    if (write && !debug) return tlm::TLM_COMMAND_ERROR_RESPONSE;
  } else if (address >= reg::kActivations && address < reg::kLogits) {
    window = &images_, base = reg::kActivations;
    const std::uint64_t end = address - base + length;
    if (write && end <= reg::kWindowSize && end > images_.size()) images_.resize(end, 0);
  } else if (address >= reg::kMasks && address < reg::kActivations) {
    window = &memory_.masks, base = reg::kMasks;
  } else if (address >= reg::kLevels && address < reg::kMasks) {
    window = &memory_.levels, base = reg::kLevels;
  } else {
    return tlm::TLM_ADDRESS_ERROR_RESPONSE;
  }
  // While a command runs, the memory belongs to it.
  if (write && (status_ & reg::kStatusBusy)) return tlm::TLM_GENERIC_ERROR_RESPONSE;
  const std::uint64_t offset = address - base;
  if (offset > window->size() || length > window->size() - offset)
    return tlm::TLM_ADDRESS_ERROR_RESPONSE;

  std::uint8_t* memory = window->data() + offset;
  unsigned char* data = trans.get_data_ptr();
  const unsigned char* enable = trans.get_byte_enable_ptr();
  const unsigned enable_length = trans.get_byte_enable_length();
  if (enable != nullptr && enable_length == 0) return tlm::TLM_BYTE_ENABLE_ERROR_RESPONSE;
  for (std::uint64_t i = 0; i < length; ++i) {
    if (enable != nullptr && enable[i % enable_length] != TLM_BYTE_ENABLED) continue;
    (write ? memory[i] : data[i]) = write ? data[i] : memory[i];
  }
  return tlm::TLM_OK_RESPONSE;
}

tlm::tlm_response_status Accelerator::access_register(tlm::tlm_generic_payload& trans,
                                                      const sc_core::sc_time& delay, bool debug) {
  if (trans.get_byte_enable_ptr() != nullptr) return tlm::TLM_BYTE_ENABLE_ERROR_RESPONSE;
  if (trans.get_data_length() != 4 || trans.get_address() % 4 != 0)
    return tlm::TLM_BURST_ERROR_RESPONSE;
  std::uint32_t value;
  if (trans.is_read()) {
    value = read_register(trans.get_address());
    std::memcpy(trans.get_data_ptr(), &value, 4);
  } else {
    if (debug) return tlm::TLM_COMMAND_ERROR_RESPONSE;  // a debug write must have no side effect
    std::memcpy(&value, trans.get_data_ptr(), 4);
    write_register(trans.get_address(), value, delay);
  }
  return tlm::TLM_OK_RESPONSE;
}

std::uint32_t Accelerator::read_register(std::uint64_t address) const {
  std::uint64_t pulses = 0, reads = 0, not_converged = 0;
  for (const auto& tile : tiles_) {
    const programmer::RowWork& work = tile->programming().work;
    pulses += std::uint64_t{work.set_pulses} + work.reset_pulses;
    reads += work.verify_reads;
    not_converged += work.not_converged;
  }
  switch (address) {
    case reg::kId:
      return reg::kIdValue;
    case reg::kVersion:
      return reg::kVersionValue;
    case reg::kStatus:
      return status_;
    case reg::kInterruptEnable:
      return interrupt_enable_;
    case reg::kInterrupt:
      return interrupt_state_;
    case reg::kError:
      return error_;
    case reg::kTiles:
      return static_cast<std::uint32_t>(tiles_.size());
    case reg::kImages:
      return image_count_;
    case reg::kMaskFormat:
      return mask_format_;
    case reg::kWritePulsesLow:
      return static_cast<std::uint32_t>(pulses);
    case reg::kWritePulsesHigh:
      return static_cast<std::uint32_t>(pulses >> 32);
    case reg::kVerifyReadsLow:
      return static_cast<std::uint32_t>(reads);
    case reg::kVerifyReadsHigh:
      return static_cast<std::uint32_t>(reads >> 32);
    case reg::kNotConverged:
      return static_cast<std::uint32_t>(not_converged);
    default:
      return 0;
  }
}

void Accelerator::write_register(std::uint64_t address, std::uint32_t value,
                                 const sc_core::sc_time& delay) {
  switch (address) {
    case reg::kControl:
      start(value, delay);
      break;
    case reg::kInterruptEnable:
      interrupt_enable_ = value & 1;
      interrupt_event_.notify(sc_core::SC_ZERO_TIME);
      break;
    case reg::kInterrupt:
      interrupt_state_ &= ~value;
      interrupt_event_.notify(sc_core::SC_ZERO_TIME);
      break;
    case reg::kError:
      error_ = reg::kErrorNone;
      break;
    case reg::kImages:
      image_count_ = value;
      break;
    case reg::kMaskFormat:
      if (status_ & reg::kStatusBusy)
        error_ = reg::kErrorBusy;
      else
        mask_format_ = value;
      break;
    default:
      break;  // the others are read-only
  }
}

std::uint32_t Accelerator::refusal(std::uint32_t command) {
  if (status_ & reg::kStatusBusy) return reg::kErrorBusy;
  if (command != reg::kStartProgramming && command != reg::kStartVerify &&
      command != reg::kStartRewrite && command != reg::kStartInference)
    return reg::kErrorCommand;
  if (command != reg::kStartProgramming && !(status_ & reg::kStatusProgrammed))
    return reg::kErrorNotProgrammed;
  if (command == reg::kStartInference)
    return image_count_ == 0 || images_.size() / program_.network.input.size() < image_count_
               ? reg::kErrorImages
               : reg::kErrorNone;
  return mask_format_ <= reg::kMaskRecords && memory_.find_masks(mask_format_ == reg::kMaskRecords)
             ? reg::kErrorNone
             : reg::kErrorMask;
}

void Accelerator::start(std::uint32_t command, const sc_core::sc_time& delay) {
  if (const std::uint32_t error = refusal(command); error != reg::kErrorNone) {
    error_ = error;
    return;
  }
  if (command == reg::kStartProgramming) status_ = 0;
  status_ |= reg::kStatusBusy;
  command_ = command;
  command_event_.notify(delay);
}

void Accelerator::run_command() {
  if (command_ == reg::kStartInference)
    inference_.start(images_.data(), image_count_);
  else
    controller_.start(command_ == reg::kStartVerify    ? programmer::RowOperation::Verify
                      : command_ == reg::kStartRewrite ? programmer::RowOperation::Rewrite
                                                       : programmer::RowOperation::Program);
}

void Accelerator::finish() {
  status_ &= ~reg::kStatusBusy;
  interrupt_state_ = 1;
  interrupt_event_.notify(sc_core::SC_ZERO_TIME);
}

void Accelerator::finish_programming() {
  status_ |= reg::kStatusProgrammed;
  finish();
}

void Accelerator::finish_inference() {
  const std::size_t classes = program_.network.classes();
  logits_.assign(inference_.logits().size() * classes * sizeof(float), 0);
  std::uint8_t* out = logits_.data();
  for (const std::vector<float>& image : inference_.logits()) {
    std::memcpy(out, image.data(), classes * sizeof(float));
    out += classes * sizeof(float);
  }
  finish();
}

void Accelerator::drive_interrupt() {
  interrupt.write((interrupt_state_ & interrupt_enable_) != 0);
}

}  // namespace uswim::sc_models
