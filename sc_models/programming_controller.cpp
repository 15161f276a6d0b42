// Processes are spawned, one per tile.
#define SC_INCLUDE_DYNAMIC_PROCESSES
#include "sc_models/programming_controller.h"

#include <algorithm>
#include <stdexcept>

namespace uswim::sc_models {

ProgrammingController::ProgrammingController(const sc_core::sc_module_name& name,
                                             const ChipConfig& config,
                                             const tiles::Mapping& mapping,
                                             const ProgrammingMemory& memory, PowerArbiter& arbiter)
    : sc_module(name),
      mapping_(mapping),
      memory_(memory),
      arbiter_(arbiter),
      by_phases_(config.granularity == Granularity::Pulse),
      buffer_latency_(to_sc_time(config.period() * config.buffer_latency_cycles)),
      finished_after_(mapping.arrays().size()) {
  for (std::size_t tile = 0; tile < mapping.arrays().size(); ++tile) {
    start_events_.push_back(
        std::make_unique<sc_core::sc_event>(sc_core::sc_gen_unique_name("start_event")));
    sc_core::sc_spawn_options options;
    options.set_stack_size(64 * 1024);
    sc_core::sc_spawn([this, tile] { program_tile(tile); },
                      sc_core::sc_gen_unique_name("program_tile"), &options);
  }
}

void ProgrammingController::start(programmer::RowOperation operation) {
  operation_ = operation;
  tiles_left_ = mapping_.arrays().size();
  started_at_ = sc_core::sc_time_stamp();
  for (RowObserver* observer : observers_) observer->on_start();
  // An event per tile: the waiters of a common one would run in the order in which they came to
  // wait, that is, in an order that depends on the run before, and so would their places in the
  // queue for the bus.
  for (const auto& event : start_events_) event->notify(sc_core::SC_ZERO_TIME);
}

void ProgrammingController::tell_observers(std::size_t tile, const TileCommand& command,
                                           const sc_core::sc_time& begin) {
  const support::Duration since_start = to_duration(begin - started_at_);
  const RowEvent row{tile,          command.row, since_start, since_start + command.time,
                     command.power, command.work};
  for (RowObserver* observer : observers_) observer->on_row(row);
}

void ProgrammingController::run_row(std::size_t tile, const TileCommand& command,
                                    const sc_core::sc_time& delay) {
  const sc_core::sc_time row_time = to_sc_time(command.time);
  if (!arbiter_.limits() && !by_phases_) {
    tell_observers(tile, command, sc_core::sc_time_stamp() + delay - row_time);
    wait(delay);
    return;
  }
  wait(delay - row_time);
  if (arbiter_.limits()) arbiter_.acquire(tile, command.power);
  tell_observers(tile, command, sc_core::sc_time_stamp());
  if (by_phases_) {
    for (const support::Duration phase : command.phases)
      if (phase > support::Duration()) wait(to_sc_time(phase));
  } else {
    wait(row_time);
  }
  if (arbiter_.limits()) arbiter_.release(command.power);
}

void ProgrammingController::program_tile(std::size_t tile) {
  std::vector<unsigned char> row_data(memory_.level_bytes_per_row + memory_.mask_bytes_per_row);
  tlm::tlm_generic_payload trans;
  TileCommand command;
  command.kind = TileCommand::Kind::ProgramRow;
  command.by_phases = by_phases_;
  trans.set_extension(&command);
  trans.set_command(tlm::TLM_WRITE_COMMAND);
  trans.set_address(tile * kTileStride);
  trans.set_data_ptr(row_data.data());
  trans.set_data_length(static_cast<unsigned>(row_data.size()));
  trans.set_streaming_width(static_cast<unsigned>(row_data.size()));
  trans.set_byte_enable_ptr(nullptr);
  const std::size_t first_row = tile * mapping_.config().array_rows;
  while (true) {
    wait(*start_events_[tile]);
    for (std::size_t row = 0; row < mapping_.arrays()[tile].rows; ++row) {
      const auto* levels = &memory_.levels[(first_row + row) * memory_.level_bytes_per_row];
      const auto* mask = &memory_.masks[(first_row + row) * memory_.mask_bytes_per_row];
      if (operation_ != programmer::RowOperation::Program &&
          std::all_of(mask, mask + memory_.mask_bytes_per_row, [](auto byte) { return byte == 0; }))
        continue;
      std::copy(levels, levels + memory_.level_bytes_per_row, row_data.begin());
      std::copy(mask, mask + memory_.mask_bytes_per_row,
                row_data.begin() + static_cast<std::ptrdiff_t>(memory_.level_bytes_per_row));
      command.row = row;
      command.operation = operation_;
      trans.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
      sc_core::sc_time delay = buffer_latency_;
      command_socket->b_transport(trans, delay);
      if (!trans.is_response_ok())
        throw std::logic_error("tile refused a row: " + trans.get_response_string());
      run_row(tile, command, delay);
    }
    finished_after_[tile] = to_duration(sc_core::sc_time_stamp() - started_at_);
    if (--tiles_left_ == 0) done_event_.notify(sc_core::SC_ZERO_TIME);
  }
}

}  // namespace uswim::sc_models
