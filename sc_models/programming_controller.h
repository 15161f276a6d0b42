#pragma once
#include <tlm_utils/simple_initiator_socket.h>

#include <cstdint>
#include <functional>
#include <queue>
#include <systemc>
#include <tlm>
#include <vector>

#include "sc_models/chip_config.h"
#include "sc_models/command_flow.h"
#include "sc_models/programming_memory.h"
#include "sc_models/row_observer.h"
#include "sc_models/tile_command.h"
#include "tiles/mapping.h"

namespace uswim::sc_models {

/// Takes every tile through its rows, all arrays at the same time, tiles that share one row after
/// row. What a row takes does not depend on when it is written, so each tile first works out all
/// its rows, one after the other; then the commands (a row, or as many as are driven together) are
/// followed through time. The process runs ahead of the kernel's clock, which nobody else needs
/// meanwhile, and waits at the end; with Granularity::Pulse at every phase of every row.
class ProgrammingController : public sc_core::sc_module {
 public:
  tlm_utils::simple_initiator_socket<ProgrammingController> command_socket{"command_socket"};

  /// `rows_together`: rows of an array that one command writes.
  ProgrammingController(const sc_core::sc_module_name& name, const ChipConfig& config,
                        std::size_t rows_together, const tiles::Mapping& mapping,
                        const ProgrammingMemory& memory, Interconnect& interconnect,
                        PowerArbiter& arbiter, ChargePumps& pumps);

  /// Kept for every later start; not owned.
  void add_observer(RowObserver& observer) { observers_.push_back(&observer); }

  /// Threads that work out rows. No result depends on it.
  void set_threads(unsigned threads) { threads_ = threads; }
  /// Begins now. Unless the operation is Program, rows whose mask is empty are passed over: they
  /// cost neither a transfer nor time.
  void start(programmer::RowOperation operation);
  const sc_core::sc_event& done_event() const { return done_event_; }
  /// When each tile's last row was finished, since start().
  const std::vector<support::Duration>& finished_after() const { return finished_after_; }
  /// Bytes of masks that were sent to the tiles since start().
  std::uint64_t mask_bytes() const { return mask_bytes_; }

 private:
  /// Of a command.
  struct Spent {
    programmer::RowWork work;
    support::Energy energy;
  };

  void run();
  /// Each array's commands in their order, without what they take, and, returned, the order of the
  /// arrays.
  std::vector<std::size_t> plan();
  /// What all commands of an array take. Returns the bytes of its masks.
  std::uint64_t work_out(std::size_t array);
  void tell_observers(std::size_t array, std::size_t index, const CommandCost& cost,
                      support::Duration begin);
  void wait_until(support::Duration time);

  const ControllerConfig config_;
  const tiles::Mapping& mapping_;
  const ProgrammingMemory& memory_;
  Interconnect& interconnect_;
  CommandFlow flow_;
  std::vector<RowObserver*> observers_;
  std::size_t rows_together_;
  bool by_phases_;
  bool work_is_wanted_ = false;  ///< by an observer
  unsigned threads_ = 1;
  programmer::RowOperation operation_ = programmer::RowOperation::Program;
  // By array and command.
  std::vector<std::vector<CommandCost>> costs_;
  std::vector<std::vector<Spent>> spent_;                            ///< where an observer wants it
  std::vector<std::vector<std::vector<support::Duration>>> phases_;  ///< by phases
  /// Ends of phases that are still to come, the next on top.
  std::priority_queue<std::int64_t, std::vector<std::int64_t>, std::greater<>> phase_ends_;
  std::uint64_t mask_bytes_ = 0;
  std::vector<support::Duration> finished_after_;  ///< by tile
  RowEvent event_;                                 ///< the one that observers are told
  support::Duration started_at_;
  sc_core::sc_event start_event_{"start_event"};
  sc_core::sc_event done_event_{"done_event"};
};

}  // namespace uswim::sc_models
