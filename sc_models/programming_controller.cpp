// Processes are spawned, one or two per tile.
#define SC_INCLUDE_DYNAMIC_PROCESSES
#include "sc_models/programming_controller.h"

#include <algorithm>
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
      next_tile_(mapping.arrays().size()),
      finished_after_(mapping.arrays().size()) {
  const auto spawn = [](auto process, const char* process_name) {
    sc_core::sc_spawn_options options;
    options.set_stack_size(64 * 1024);
    sc_core::sc_spawn(process, sc_core::sc_gen_unique_name(process_name), &options);
  };
  for (std::size_t tile = 0; tile < mapping.arrays().size(); ++tile) {
    lanes_.push_back(std::make_unique<Lane>());
    if (config_.look_ahead == 0) {
      spawn([this, tile] { program_tile(tile); }, "program_tile");
    } else {
      spawn([this, tile] { fetch_ahead(tile); }, "fetch_ahead");
      spawn([this, tile] { write_fetched(tile); }, "write_fetched");
    }
  }
}

void ProgrammingController::plan() {
  const bool passes_over = operation_ != programmer::RowOperation::Program;
  std::vector<std::uint64_t> of_tile;
  for (std::size_t tile = 0; tile < lanes_.size(); ++tile) {
    const std::size_t rows = mapping_.arrays()[tile].rows;
    std::vector<std::uint64_t> of_command((rows + rows_together_ - 1) / rows_together_, 0);
    of_tile.push_back(0);
    for (std::size_t row = 0; (passes_over || config_.knows_masks()) && row < rows; ++row) {
      const std::uint64_t selected = memory_.selected(tile, row);
      of_command[row / rows_together_] += selected;
      of_tile.back() += selected;
    }
    std::vector<std::size_t>& sequence = lanes_[tile]->sequence;
    sequence = row_sequence(config_.row_order, of_command);
    if (passes_over)
      sequence.erase(std::remove_if(sequence.begin(), sequence.end(),
                                    [&](std::size_t i) { return of_command[i] == 0; }),
                     sequence.end());
  }
  // Each tile starts the next as soon as its own first command has its place on the bus.
  const std::vector<std::size_t> order = tile_sequence(config_.tile_order, of_tile);
  for (std::size_t i = 0; i < order.size(); ++i)
    next_tile_[order[i]] = order[std::min(i + 1, order.size() - 1)];
  lanes_[order.front()]->start.notify(sc_core::SC_ZERO_TIME);
}

void ProgrammingController::start(programmer::RowOperation operation) {
  operation_ = operation;
  tiles_left_ = lanes_.size();
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

sc_core::sc_time ProgrammingController::send(std::size_t tile, std::size_t index) {
  Lane& lane = *lanes_[tile];
  TileCommand& command = lane.command;
  command.kind = TileCommand::Kind::ProgramRow;
  command.operation = operation_;
  command.by_phases = by_phases_;
  command.mask_record = memory_.holds_records();
  command.row = lane.sequence[index] * rows_together_;
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
  if (index == 0) start_next(tile);
  return delay;
}

void ProgrammingController::run_row(std::size_t tile, const TileCommand& command,
                                    const sc_core::sc_time& delay) {
  const sc_core::sc_time row_time = to_sc_time(command.time);
  if (!arbiter_.limits() && !pumps_.limits() && !by_phases_) {
    tell_observers(tile, command, sc_core::sc_time_stamp() + delay - row_time);
    wait(delay);
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
}

void ProgrammingController::start_next(std::size_t tile) {
  if (next_tile_[tile] != tile) lanes_[next_tile_[tile]]->start.notify(sc_core::SC_ZERO_TIME);
}

void ProgrammingController::finish(std::size_t tile) {
  finished_after_[tile] = to_duration(sc_core::sc_time_stamp() - started_at_);
  if (--tiles_left_ == 0) done_event_.notify(sc_core::SC_ZERO_TIME);
}

void ProgrammingController::program_tile(std::size_t tile) {
  Lane& lane = *lanes_[tile];
  while (true) {
    wait(lane.start);
    for (std::size_t i = 0; i < lane.sequence.size(); ++i) {
      const sc_core::sc_time delay = send(tile, i);
      run_row(tile, lane.command, delay);
    }
    if (lane.sequence.empty()) start_next(tile);
    finish(tile);
  }
}

void ProgrammingController::fetch_ahead(std::size_t tile) {
  Lane& lane = *lanes_[tile];
  while (true) {
    wait(lane.start);
    for (std::size_t i = 0; i < lane.sequence.size(); ++i) {
      while (lane.queue.size() >= config_.look_ahead) wait(lane.begun);
      const sc_core::sc_time delay = send(tile, i);
      wait(delay - to_sc_time(lane.command.time));
      lane.queue.push_back(lane.command);
      lane.fetched.notify(sc_core::SC_ZERO_TIME);
    }
    if (!lane.sequence.empty()) continue;
    start_next(tile);
    finish(tile);
  }
}

void ProgrammingController::write_fetched(std::size_t tile) {
  Lane& lane = *lanes_[tile];
  for (std::size_t done = 0;;) {
    while (lane.queue.empty()) wait(lane.fetched);
    const TileCommand command = lane.queue.front();
    lane.queue.pop_front();
    lane.begun.notify(sc_core::SC_ZERO_TIME);
    run_row(tile, command, to_sc_time(command.time));
    if (++done < lane.sequence.size()) continue;
    done = 0;
    finish(tile);
  }
}

}  // namespace uswim::sc_models
