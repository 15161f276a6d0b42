#include "sc_models/tile_module.h"

#include <algorithm>
#include <cstring>

namespace uswim::sc_models {

using programmer::RowWork;
using support::Duration;

TileModule::TileModule(const sc_core::sc_module_name& name, std::size_t tile,
                       const tiles::Mapping& mapping, programmer::ArrayProgrammer& programmer,
                       const tiles::TileConfig& config, const ChipConfig& chip,
                       EnergyMonitor& energy)
    : sc_module(name),
      tile_(tile),
      mapping_(mapping),
      programmer_(programmer),
      write_drivers_("write_drivers", tile, config, chip, energy),
      dacs_("dacs", tile, config, energy),
      array_("array", tile, config, chip, energy),
      adcs_("adcs", tile, config, chip, energy),
      comparators_("comparators", tile, config, chip, energy),
      shift_add_("shift_add", tile, config, energy),
      adc_(config.adc.bits, mapping.arrays()[tile].rows, 1u << mapping.config().device_bits),
      verify_(config.verify),
      columns_per_adc_(config.adc.columns_per_adc),
      levels_(mapping.pitch()),
      mask_(mapping.pitch() / 64),
      inputs_(mapping.arrays()[tile].rows),
      sums_(mapping.arrays()[tile].outputs) {
  command_socket.register_b_transport(this, &TileModule::b_transport);
}

void TileModule::b_transport(tlm::tlm_generic_payload& trans, sc_core::sc_time& delay) {
  auto* command = trans.get_extension<TileCommand>();
  const bool reads = trans.get_command() == tlm::TLM_READ_COMMAND;
  if (command == nullptr || reads != (command->kind == TileCommand::Kind::ReadSums)) {
    trans.set_response_status(tlm::TLM_COMMAND_ERROR_RESPONSE);
    return;
  }
  const std::size_t expected_length =
      command->kind == TileCommand::Kind::ProgramRow
          ? mapping_.pitch() * bits_per_packed_level(mapping_.config().device_bits) / 8 +
                mask_.size() * 8
      : command->kind == TileCommand::Kind::Multiply ? inputs_.size()
                                                     : sums_.size() * sizeof(std::int64_t);
  if (trans.get_data_length() != expected_length) {
    trans.set_response_status(tlm::TLM_BURST_ERROR_RESPONSE);
    return;
  }
  Duration took;
  switch (command->kind) {
    case TileCommand::Kind::ProgramRow:
      took = program_row(trans.get_data_ptr(), *command);
      break;
    case TileCommand::Kind::Multiply:
      took = multiply(trans.get_data_ptr(), command->input_bits);
      break;
    case TileCommand::Kind::ReadSums:
      std::memcpy(trans.get_data_ptr(), sums_.data(), expected_length);
      break;
  }
  delay += to_sc_time(took);
  trans.set_response_status(tlm::TLM_OK_RESPONSE);
}

Duration TileModule::program_row(const unsigned char* data, TileCommand& command) {
  const unsigned bits = bits_per_packed_level(mapping_.config().device_bits);
  for (std::size_t c = 0; c < levels_.size(); ++c)
    levels_[c] = data[c * bits / 8] >> (c * bits % 8) & ((1u << bits) - 1);
  std::memcpy(mask_.data(), data + levels_.size() * bits / 8, mask_.size() * 8);
  programmer_.leave_untouched(command.row, mask_.data());

  const bool rewrites = command.operation == programmer::RowOperation::Rewrite;
  const RowWork w = rewrites ? programmer_.rewrite_row(command.row, levels_.data(), mask_.data())
                             : programmer_.program_row(command.row, levels_.data(), mask_.data(),
                                                       command.operation);
  const Duration time = write_drivers_.row_setup() + write_drivers_.time(w) +
                        verify_time(w.verify_rounds, w.serial_conversions);
  write_drivers_.pulse(w);
  const std::uint64_t reads = verify_.reads;
  dacs_.drive(reads * w.verify_rounds);  // one row is read at a time
  array_.verify(w.verify_reads);
  if (verify_.mode == tiles::VerifyMode::Adc)
    adcs_.convert(reads * w.verify_reads);
  else
    comparators_.compare(reads * w.verify_reads);

  RowWork& sum = programming_.work;
  sum.set_pulses += w.set_pulses;
  sum.reset_pulses += w.reset_pulses;
  sum.set_phases += w.set_phases;
  sum.reset_phases += w.reset_phases;
  sum.set_slots += w.set_slots;
  sum.reset_slots += w.reset_slots;
  sum.mixed_slots += w.mixed_slots;
  sum.fullest_set = std::max(sum.fullest_set, w.fullest_set);
  sum.fullest_reset = std::max(sum.fullest_reset, w.fullest_reset);
  sum.fullest_mixed = std::max(sum.fullest_mixed, w.fullest_mixed);
  sum.verify_rounds += w.verify_rounds;
  sum.verify_reads += w.verify_reads;
  sum.serial_conversions += w.serial_conversions;
  sum.write_cycles += w.write_cycles;
  sum.not_converged += w.not_converged;
  sum.most_pulses = std::max(sum.most_pulses, w.most_pulses);
  sum.set_power_W += w.set_power_W;
  sum.reset_power_W += w.reset_power_W;
  programming_.rows += 1;
  programming_.busy += time;
  command.work = w;
  command.time = time;
  command.power = write_drivers_.peak_power(w);
  command.phases.clear();
  if (command.by_phases) {
    command.phases.push_back(write_drivers_.row_setup());
    if (rewrites) {
      command.phases.push_back(write_drivers_.time(w));
      return time;
    }
    const programmer::RowView row =
        programmer_.row_view(command.row, mask_.data(), command.operation);
    const std::size_t rounds = programmer::rounds_of(row);
    for (std::size_t r = 0; r < rounds; ++r) {
      const programmer::RoundWork round = programmer::round_work(row, r);
      command.phases.push_back(write_drivers_.time(round));
      command.phases.push_back(verify_time(round.verify_reads > 0, round.serial_conversions));
    }
  }
  return time;
}

Duration TileModule::verify_time(std::uint64_t rounds, std::uint64_t serial_conversions) const {
  return array_.verify_time(rounds) + (verify_.mode == tiles::VerifyMode::Adc
                                           ? adcs_.time(verify_.reads * serial_conversions)
                                           : comparators_.time(verify_.reads * rounds));
}

Duration TileModule::multiply(const unsigned char* data, unsigned input_bits) {
  const std::size_t columns = mapping_.columns(tile_);
  std::copy(data, data + inputs_.size(), inputs_.begin());
  std::fill(sums_.begin(), sums_.end(), 0);
  tiles::multiply_bit_serial(programmer_.cells(), mapping_, tile_, inputs_.data(), input_bits, adc_,
                             sums_.data());
  Duration time;
  for (unsigned bit = 0; bit < input_bits; ++bit) {
    std::uint64_t driven = 0;
    for (std::int32_t code : inputs_) driven += static_cast<std::uint64_t>(code >> bit & 1);
    dacs_.drive(driven);
    time += array_.read(1);
    time += adcs_.time(std::min<std::size_t>(columns, columns_per_adc_));
    adcs_.convert(columns);
    shift_add_.add(columns);
  }
  return time;
}

}  // namespace uswim::sc_models
