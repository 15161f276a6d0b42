#include "sc_models/tile_module.h"

#include <algorithm>
#include <cstring>

#include "programmer/write_verify/erase_work.h"
#include "tiles/packed_levels.h"

namespace uswim::sc_models {

using programmer::RowWork;
using support::Duration;

TileModule::TileModule(const sc_core::sc_module_name& name, std::size_t tile,
                       const tiles::Mapping& mapping, programmer::ArrayProgrammer& programmer,
                       const tiles::TileConfig& config, const ChipConfig& chip, double mean_target,
                       EnergyMonitor& energy)
    : sc_module(name),
      tile_(tile),
      mapping_(mapping),
      programmer_(programmer),
      energy_(energy),
      write_drivers_("write_drivers", tile, config, chip, energy),
      write_lines_("write_lines", tile, config, chip, mean_target, energy),
      dacs_("dacs", tile, config, energy),
      array_("array", tile, config, chip, energy),
      adcs_("adcs", tile, config, chip, energy),
      comparators_("comparators", tile, config, chip, energy),
      shift_add_("shift_add", tile, config, energy),
      adc_(config.adc.bits, mapping.blocks()[tile].rows, 1u << mapping.config().device_bits),
      verify_(config.verify),
      erases_(config.write.erase == tiles::EraseRows::Counted),
      columns_per_adc_(config.adc.columns_per_adc),
      inputs_(mapping.blocks()[tile].rows),
      sums_(mapping.blocks()[tile].outputs) {
  command_socket.register_b_transport(this, &TileModule::b_transport);
}

void TileModule::b_transport(tlm::tlm_generic_payload& trans, sc_core::sc_time& delay) {
  auto* command = trans.get_extension<TileCommand>();
  const bool reads = trans.get_command() == tlm::TLM_READ_COMMAND;
  if (command == nullptr || reads != (command->kind == TileCommand::Kind::ReadSums) ||
      (command->kind == TileCommand::Kind::ProgramRow && command->rows > 1 &&
       command->operation == programmer::RowOperation::Rewrite)) {
    trans.set_response_status(tlm::TLM_COMMAND_ERROR_RESPONSE);
    return;
  }
  const std::size_t length = trans.get_data_length();
  const bool fits = command->kind == TileCommand::Kind::ProgramRow
                        ? unpack_rows(trans.get_data_ptr(), length, *command)
                        : length == (command->kind == TileCommand::Kind::Multiply
                                         ? inputs_.size() * code_bytes(command->input)
                                         : sums_.size() * sizeof(std::int64_t));
  if (!fits) {
    trans.set_response_status(tlm::TLM_BURST_ERROR_RESPONSE);
    return;
  }
  Duration took;
  switch (command->kind) {
    case TileCommand::Kind::ProgramRow:
      took = program_rows(*command);
      break;
    case TileCommand::Kind::Multiply:
      took = multiply(trans.get_data_ptr(), *command);
      break;
    case TileCommand::Kind::ReadSums:
      std::memcpy(trans.get_data_ptr(), sums_.data(), length);
      break;
  }
  delay += to_sc_time(took);
  trans.set_response_status(tlm::TLM_OK_RESPONSE);
}

bool TileModule::unpack_rows(const unsigned char* data, std::size_t length,
                             const TileCommand& command) {
  const std::size_t pitch = mapping_.pitch();
  const std::size_t level_bytes = tiles::packed_row_bytes(mapping_);
  levels_.resize(pitch);
  mask_.resize(command.rows * pitch / 64);
  for (std::size_t r = 0; r < command.rows; ++r) {
    if (length < level_bytes) return false;
    if (command.operation == programmer::RowOperation::Rewrite)
      tiles::unpack_levels(data, pitch, mapping_.config().device_bits, levels_.data());
    else
      programmer_.check_levels(command.row + r, data);
    data += level_bytes;
    length -= level_bytes;
    std::uint64_t* mask = &mask_[r * pitch / 64];
    std::size_t mask_bytes = pitch / 8;
    if (command.mask_record) {
      const auto record = programmer::record_length(data, length, pitch);
      if (!record || !programmer::decode_record(data, *record, pitch, mask)) return false;
      mask_bytes = *record;
    } else {
      if (length < mask_bytes) return false;
      std::memcpy(mask, data, mask_bytes);
    }
    programmer_.leave_untouched(command.row + r, mask);
    data += mask_bytes;
    length -= mask_bytes;
  }
  return length == 0;
}

Duration TileModule::program_rows(TileCommand& command) {
  const bool rewrites = command.operation == programmer::RowOperation::Rewrite;
  RowWork w = rewrites ? programmer_.rewrite_row(command.row, levels_.data(), mask_.data())
                       : programmer_.program_rows(command.row, command.rows, mask_.data(),
                                                  command.operation);
  RowWork erase;
  if (erases_ && command.operation == programmer::RowOperation::Program) {
    erase = programmer::erase_work(mapping_.columns(tile_), command.rows, programmer_.scheme());
    erase.erase_power_W = programmer_.erase_power_W(command.row, command.rows);
    w = programmer::erased_first(erase, w);
  }
  RowWork& sum = programming_.work;
  const std::uint32_t changes_before = sum.polarity.before(w.polarity);
  const std::uint32_t changes = changes_before + w.polarity.count;
  const support::Energy spent =
      command.with_energy ? energy_.of_tile(tile_).total() : support::Energy();
  const Duration time = write_drivers_.row_setup() + write_lines_.shift_time(w.phases) +
                        write_lines_.change_time(changes) + write_drivers_.time(w) +
                        verify_time(w.verify_rounds, w.serial_conversions);
  write_drivers_.pulse(w);
  write_lines_.write(w, command.rows, changes);
  const std::uint64_t reads = verify_.reads;
  dacs_.drive(reads * w.verify_rounds);  // one row is read at a time
  array_.verify(w);
  if (verify_.mode == tiles::VerifyMode::Adc)
    adcs_.convert(reads * w.verify_reads);
  else
    comparators_.compare(reads * w.verify_reads);

  sum.append(w);
  programming_.rows += command.rows;
  programming_.busy += time;
  command.work = w;
  command.time = time;
  command.power = write_drivers_.peak_power(w);
  command.energy = command.with_energy ? energy_.of_tile(tile_).total() - spent : support::Energy();
  command.phases.clear();
  if (command.by_phases) {
    command.phases.push_back(write_drivers_.row_setup() + write_lines_.change_time(changes_before));
    if (rewrites) {
      command.phases.push_back(write_drivers_.time(w) + write_lines_.shift_time(w.phases) +
                               write_lines_.change_time(w.polarity.count));
      return time;
    }
    command.phases.push_back(write_drivers_.time(erase) + write_lines_.shift_time(erase.phases));
    programmer::PolarityChanges polarity = erase.polarity;
    const programmer::RowRounds row =
        programmer_.row_view(command.row, command.rows, mask_.data(), command.operation);
    const std::size_t rounds = programmer::rounds_of(row);
    for (std::size_t r = 0; r <= rounds; ++r) {
      const programmer::RoundWork round =
          r < rounds ? programmer::round_work(row, r) : programmer::closing_work(row, rounds);
      const std::uint32_t so_far = polarity.count;
      polarity.add(round);
      command.phases.push_back(write_drivers_.time(round) +
                               write_lines_.shift_time(round.phases()) +
                               write_lines_.change_time(polarity.count - so_far));
      command.phases.push_back(verify_time(round.read_rows, round.serial_conversions));
    }
  }
  return time;
}

Duration TileModule::verify_time(std::uint64_t rounds, std::uint64_t serial_conversions) const {
  return array_.verify_time(rounds) + (verify_.mode == tiles::VerifyMode::Adc
                                           ? adcs_.time(verify_.reads * serial_conversions)
                                           : comparators_.time(verify_.reads * rounds));
}

Duration TileModule::multiply(const unsigned char* data, const TileCommand& command) {
  const tiles::InputCode& code = command.input;
  const std::size_t columns = mapping_.columns(tile_);
  for (std::int32_t& input : inputs_) {
    input = 0;
    for (std::size_t byte = 0; byte < code_bytes(code); ++byte) input |= *data++ << (8 * byte);
    if (code.is_signed && (input >> (code.bits - 1) & 1)) input -= 1 << (8 * code_bytes(code));
  }
  std::fill(sums_.begin(), sums_.end(), 0);
  const bool is_noisy = noise_.sigma > 0.0f;
  tiles::ReadErrors errors;
  if (is_noisy) errors = error_draws_.draw(mapping_, tile_, code.bits, command.vector, noise_);
  tiles::multiply_bit_serial(programmer_.cells(), mapping_, tile_, inputs_.data(), code, adc_,
                             sums_.data(), is_noisy ? &errors : nullptr);
  Duration time;
  for (unsigned bit = 0; bit < code.bits; ++bit) {
    std::uint64_t driven = 0;
    for (const std::int32_t input : inputs_) driven += static_cast<std::uint64_t>(input >> bit & 1);
    dacs_.drive(driven);
    time += array_.read(1);
    time += adcs_.time(std::min<std::size_t>(columns, columns_per_adc_));
    adcs_.convert(columns);
    shift_add_.add(columns);
  }
  return time;
}

}  // namespace uswim::sc_models
