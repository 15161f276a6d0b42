// Processes are spawned, one or two per array.
#define SC_INCLUDE_DYNAMIC_PROCESSES
#include "sc_models/programming_controller.h"

#include <algorithm>
#include <numeric>
#include <stdexcept>

#include "sc_models/row_schedule.h"

namespace uswim::sc_models {

ProgrammingController::ProgrammingController(const sc_core::sc_module_name& name,
                                             const ChipConfig& config, std::size_t rows_together,
                                             const tiles::Mapping& mapping,
                                             const ProgrammingMemory& memory, PowerArbiter& arbiter,
                                             ChargePumps& pumps)
    : sc_module(name),
      config_(config.controller),
      mapping_(mapping),
      memory_(memory),
      arbiter_(arbiter),
      pumps_(pumps),
      rows_together_(rows_together),
      by_phases_(config.granularity == Granularity::Pulse),
      buffer_latency_(to_sc_time(config.period() * config.buffer_latency_cycles)),
      next_array_(mapping.array_total()),
      finished_after_(mapping.arrays().size()) {
  const auto spawn = [](auto process, const char* process_name) {
    sc_core::sc_spawn_options options;
    options.set_stack_size(64 * 1024);
    sc_core::sc_spawn(process, sc_core::sc_gen_unique_name(process_name), &options);
  };
  for (std::size_t array = 0; array < mapping.array_total(); ++array) {
    lanes_.push_back(std::make_unique<Lane>());
    if (config_.look_ahead == 0) {
      spawn([this, array] { program_array(array); }, "program_array");
    } else {
      spawn([this, array] { fetch_ahead(array); }, "fetch_ahead");
      spawn([this, array] { write_fetched(array); }, "write_fetched");
    }
  }
}

void ProgrammingController::plan() {
  const bool passes_over = operation_ != programmer::RowOperation::Program;
  std::vector<std::uint64_t> of_array;
  for (std::size_t array = 0; array < lanes_.size(); ++array) {
    std::vector<Command> commands;
    std::vector<std::uint64_t> of_command;
    for (const std::uint32_t tile : mapping_.array_blocks()[array]) {
      const std::size_t rows = mapping_.arrays()[tile].rows, first = commands.size();
      for (std::size_t i = 0; i * rows_together_ < rows; ++i) commands.push_back({tile, i});
      of_command.resize(commands.size(), 0);
      for (std::size_t row = 0; (passes_over || config_.knows_masks()) && row < rows; ++row)
        of_command[first + row / rows_together_] += memory_.selected(tile, row);
    }
    of_array.push_back(std::accumulate(of_command.begin(), of_command.end(), std::uint64_t{0}));
    std::vector<Command>& sequence = lanes_[array]->sequence;
    sequence.clear();
    for (const std::size_t i : row_sequence(config_.row_order, of_command))
      if (!passes_over || of_command[i] > 0) sequence.push_back(commands[i]);
  }
  // Each array starts the next as soon as its own first command has its place on the bus.
  const std::vector<std::size_t> order = tile_sequence(config_.tile_order, of_array);
  for (std::size_t i = 0; i < order.size(); ++i)
    next_array_[order[i]] = order[std::min(i + 1, order.size() - 1)];
  lanes_[order.front()]->start.notify(sc_core::SC_ZERO_TIME);
}

void ProgrammingController::start(programmer::RowOperation operation) {
  operation_ = operation;
  arrays_left_ = lanes_.size();
  std::fill(finished_after_.begin(), finished_after_.end(), support::Duration());
  mask_bytes_ = 0;
  pumps_.reset();
  started_at_ = sc_core::sc_time_stamp();
  for (RowObserver* observer : observers_) observer->on_start();
  plan();
}

void ProgrammingController::tell_observers(std::size_t tile, const TileCommand& command,
                                           const sc_core::sc_time& begin) {
  const support::Duration since_start = to_duration(begin - started_at_);
  const RowEvent row{
      tile,          command.row,    command.rows, since_start, since_start + command.time,
      command.power, command.energy, command.work};
  for (RowObserver* observer : observers_) observer->on_row(row);
}

sc_core::sc_time ProgrammingController::send(std::size_t array, std::size_t index) {
  Lane& lane = *lanes_[array];
  const std::size_t tile = lane.sequence[index].tile;
  TileCommand& command = lane.command;
  command.kind = TileCommand::Kind::ProgramRow;
  command.operation = operation_;
  command.by_phases = by_phases_;
  command.mask_record = memory_.holds_records();
  command.row = lane.sequence[index].index * rows_together_;
  command.rows = std::min(rows_together_, mapping_.arrays()[tile].rows - command.row);
  lane.data.clear();
  for (std::size_t r = 0; r < command.rows; ++r)
    mask_bytes_ += memory_.append_row(tile, command.row + r, lane.data);
  tlm::tlm_generic_payload& trans = lane.trans;
  trans.set_command(tlm::TLM_WRITE_COMMAND);
  trans.set_address(tile * kTileStride);
  trans.set_data_ptr(lane.data.data());
  trans.set_data_length(static_cast<unsigned>(lane.data.size()));
  trans.set_streaming_width(static_cast<unsigned>(lane.data.size()));
  trans.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
  sc_core::sc_time delay = buffer_latency_;
  command_socket->b_transport(trans, delay);
  if (!trans.is_response_ok())
    throw std::logic_error("tile refused a row: " + trans.get_response_string());
  if (index == 0) start_next(array);
  return delay;
}

void ProgrammingController::run_row(std::size_t tile, const TileCommand& command,
                                    const sc_core::sc_time& delay) {
  const sc_core::sc_time row_time = to_sc_time(command.time);
  if (!arbiter_.limits() && !pumps_.limits() && !by_phases_) {
    tell_observers(tile, command, sc_core::sc_time_stamp() + delay - row_time);
    wait(delay);
    finished_after_[tile] = to_duration(sc_core::sc_time_stamp() - started_at_);
    return;
  }
  wait(delay - row_time);
  // Always in this order, so that no two tiles wait for each other.
  if (pumps_.limits()) pumps_.acquire(tile);
  if (arbiter_.limits()) arbiter_.acquire(tile, command.power);
  tell_observers(tile, command, sc_core::sc_time_stamp());
  if (by_phases_) {
    for (const support::Duration phase : command.phases)
      if (phase > support::Duration()) wait(to_sc_time(phase));
  } else {
    wait(row_time);
  }
  if (arbiter_.limits()) arbiter_.release(command.power);
  if (pumps_.limits()) pumps_.release(tile);
  finished_after_[tile] = to_duration(sc_core::sc_time_stamp() - started_at_);
}

void ProgrammingController::start_next(std::size_t array) {
  if (next_array_[array] != array) lanes_[next_array_[array]]->start.notify(sc_core::SC_ZERO_TIME);
}

void ProgrammingController::finish() {
  if (--arrays_left_ == 0) done_event_.notify(sc_core::SC_ZERO_TIME);
}

void ProgrammingController::program_array(std::size_t array) {
  Lane& lane = *lanes_[array];
  while (true) {
    wait(lane.start);
    for (std::size_t i = 0; i < lane.sequence.size(); ++i) {
      const sc_core::sc_time delay = send(array, i);
      run_row(lane.sequence[i].tile, lane.command, delay);
    }
    if (lane.sequence.empty()) start_next(array);
    finish();
  }
}

void ProgrammingController::fetch_ahead(std::size_t array) {
  Lane& lane = *lanes_[array];
  while (true) {
    wait(lane.start);
    for (std::size_t i = 0; i < lane.sequence.size(); ++i) {
      while (lane.queue.size() >= config_.look_ahead) wait(lane.begun);
      const sc_core::sc_time delay = send(array, i);
      wait(delay - to_sc_time(lane.command.time));
      lane.queue.push_back(lane.command);
      lane.fetched.notify(sc_core::SC_ZERO_TIME);
    }
    if (!lane.sequence.empty()) continue;
    start_next(array);
    finish();
  }
}

void ProgrammingController::write_fetched(std::size_t array) {
  Lane& lane = *lanes_[array];
  for (std::size_t done = 0;;) {
    while (lane.queue.empty()) wait(lane.fetched);
    const TileCommand command = lane.queue.front();
    lane.queue.pop_front();
    lane.begun.notify(sc_core::SC_ZERO_TIME);
    run_row(lane.sequence[done].tile, command, to_sc_time(command.time));
    if (++done < lane.sequence.size()) continue;
    done = 0;
    finish();
  }
}

}  // namespace uswim::sc_models
