#include "sc_models/programming_controller.h"

#include <algorithm>
#include <atomic>
#include <numeric>
#include <stdexcept>

#include "sc_models/row_schedule.h"
#include "support/parallel.h"

namespace uswim::sc_models {

using support::Duration;

namespace {
constexpr int kStackBytes = 256 * 1024;
}

ProgrammingController::ProgrammingController(const sc_core::sc_module_name& name,
                                             const ChipConfig& config, std::size_t rows_together,
                                             const tiles::Mapping& mapping,
                                             const ProgrammingMemory& memory,
                                             Interconnect& interconnect, PowerArbiter& arbiter,
                                             ChargePumps& pumps)
    : sc_module(name),
      config_(config.controller),
      mapping_(mapping),
      memory_(memory),
      interconnect_(interconnect),
      flow_(config, mapping.array_count(), interconnect, arbiter, pumps,
            [this](std::size_t array, std::size_t index, const CommandCost& cost, Duration begin) {
              tell_observers(array, index, cost, begin);
            }),
      rows_together_(rows_together),
      by_phases_(config.granularity == Granularity::Pulse),
      costs_(mapping.array_count()),
      spent_(mapping.array_count()),
      phases_(mapping.array_count()),
      finished_after_(mapping.blocks().size()) {
  SC_HAS_PROCESS(ProgrammingController);
  SC_THREAD(run);
  set_stack_size(kStackBytes);
}

void ProgrammingController::start(programmer::RowOperation operation) {
  operation_ = operation;
  start_event_.notify(sc_core::SC_ZERO_TIME);
}

void ProgrammingController::run() {
  while (true) {
    wait(start_event_);
    started_at_ = to_duration(sc_core::sc_time_stamp());
    for (RowObserver* observer : observers_) observer->on_start();
    const std::vector<std::size_t> order = plan();
    work_is_wanted_ = std::any_of(observers_.begin(), observers_.end(),
                                  [](const RowObserver* o) { return o->wants_work(); });
    event_ = {};
    std::fill(finished_after_.begin(), finished_after_.end(), Duration());
    std::atomic<std::uint64_t> mask_bytes = 0;
    support::in_parallel(threads_, costs_.size(), [&](support::IndexRange arrays) {
      for (std::size_t array = arrays.begin; array < arrays.end; ++array)
        mask_bytes += work_out(array);
    });
    mask_bytes_ = mask_bytes;
    flow_.start(started_at_, costs_, order);
    while (!flow_.is_done()) {
      for (; !phase_ends_.empty() && phase_ends_.top() <= flow_.next_time().in_picoseconds();
           phase_ends_.pop())
        wait_until(Duration::picoseconds(phase_ends_.top()));
      flow_.step();
    }
    wait_until(flow_.now());
    done_event_.notify(sc_core::SC_ZERO_TIME);
  }
}

void ProgrammingController::wait_until(Duration time) {
  const Duration now = to_duration(sc_core::sc_time_stamp());
  if (time > now) wait(to_sc_time(time - now));
}

std::vector<std::size_t> ProgrammingController::plan() {
  const bool passes_over = operation_ != programmer::RowOperation::Program;
  std::vector<std::uint64_t> of_array(costs_.size(), 0), of_command;
  std::vector<CommandCost> commands;
  for (std::size_t array = 0; array < costs_.size(); ++array) {
    commands.clear();
    of_command.clear();
    for (const std::uint32_t tile : mapping_.blocks_of_arrays()[array]) {
      const std::size_t rows = mapping_.blocks()[tile].rows, first = commands.size();
      for (std::size_t row = 0; row < rows; row += rows_together_)
        commands.push_back({tile, static_cast<std::uint32_t>(row), 0, {}, {}});
      of_command.resize(commands.size(), 0);
      for (std::size_t row = 0; (passes_over || config_.knows_masks()) && row < rows; ++row)
        of_command[first + row / rows_together_] += memory_.selected(tile, row);
    }
    of_array[array] = std::accumulate(of_command.begin(), of_command.end(), std::uint64_t{0});
    costs_[array].clear();
    costs_[array].reserve(commands.size());
    for (const std::size_t i : row_sequence(config_.row_order, of_command))
      if (!passes_over || of_command[i] > 0) costs_[array].push_back(commands[i]);
  }
  return tile_sequence(config_.tile_order, of_array);
}

std::uint64_t ProgrammingController::work_out(std::size_t array) {
  TileCommand command;
  command.kind = TileCommand::Kind::ProgramRow;
  command.operation = operation_;
  command.ahead = true;
  command.by_phases = by_phases_;
  command.with_energy = work_is_wanted_;
  command.mask_record = memory_.holds_records();
  spent_[array].clear();
  phases_[array].clear();
  std::uint64_t mask_bytes = 0;
  std::vector<unsigned char> data;
  tlm::tlm_generic_payload trans;
  trans.set_extension(&command);
  trans.set_command(tlm::TLM_WRITE_COMMAND);
  for (CommandCost& cost : costs_[array]) {
    const std::size_t tile = cost.tile;
    trans.set_address(tile * kTileStride);
    command.row = cost.row;
    command.rows = std::min(rows_together_, mapping_.blocks()[tile].rows - command.row);
    data.clear();
    for (std::size_t r = 0; r < command.rows; ++r)
      mask_bytes += memory_.append_row(tile, command.row + r, data);
    trans.set_data_ptr(data.data());
    trans.set_data_length(static_cast<unsigned>(data.size()));
    trans.set_streaming_width(static_cast<unsigned>(data.size()));
    trans.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
    sc_core::sc_time delay;
    command_socket->b_transport(trans, delay);
    if (!trans.is_response_ok())
      throw std::logic_error("tile refused a row: " + trans.get_response_string());
    cost.words = static_cast<std::uint32_t>(interconnect_.words(data.size()));
    cost.time = command.time;
    cost.power = command.power;
    if (command.with_energy) spent_[array].push_back({command.work, command.energy});
    if (!by_phases_) continue;
    if (std::accumulate(command.phases.begin(), command.phases.end(), Duration()) != command.time)
      throw std::logic_error("the phases of a row are not its time");
    phases_[array].push_back(command.phases);
  }
  trans.clear_extension(&command);  // not the payload's to delete
  return mask_bytes;
}

void ProgrammingController::tell_observers(std::size_t array, std::size_t index,
                                           const CommandCost& cost, Duration begin) {
  const std::size_t tile = cost.tile;
  event_.tile = tile;
  event_.row = cost.row;
  if (rows_together_ > 1)
    event_.rows = std::min(rows_together_, mapping_.blocks()[tile].rows - cost.row);
  event_.begin = begin - started_at_;
  event_.end = event_.begin + cost.time;
  finished_after_[tile] = event_.end;  // its commands begin one after the other
  event_.power = cost.power;
  if (work_is_wanted_) {
    event_.work = spent_[array][index].work;
    event_.energy = spent_[array][index].energy;
  }
  for (RowObserver* observer : observers_) observer->on_row(event_);
  if (!by_phases_) return;
  for (const Duration phase : phases_[array][index]) {
    begin += phase;
    phase_ends_.push(begin.in_picoseconds());
  }
}

}  // namespace uswim::sc_models
