#pragma once
#include <tlm_utils/simple_initiator_socket.h>

#include <cstdint>
#include <memory>
#include <systemc>
#include <tlm>
#include <vector>

#include "sc_models/chip_config.h"
#include "sc_models/power_arbiter.h"
#include "sc_models/row_observer.h"
#include "sc_models/tile_command.h"
#include "tiles/mapping.h"

namespace uswim::sc_models {

/// Levels and mask as the host wrote them: rows of all tiles, one after the other.
struct ProgrammingMemory {
  std::vector<std::uint8_t> levels;
  std::vector<std::uint8_t> masks;
  std::size_t level_bytes_per_row = 0;
  std::size_t mask_bytes_per_row = 0;
};

/// Takes every tile through its rows, all tiles at the same time: fetches levels and mask of a row
/// from the buffer, sends them over the bus, waits for power where it is limited, then until the
/// tile has written and verified the row, goes on to the next.
class ProgrammingController : public sc_core::sc_module {
 public:
  tlm_utils::simple_initiator_socket<ProgrammingController> command_socket{"command_socket"};

  ProgrammingController(const sc_core::sc_module_name& name, const ChipConfig& config,
                        const tiles::Mapping& mapping, const ProgrammingMemory& memory,
                        PowerArbiter& arbiter);

  /// Kept for every later start; not owned.
  void add_observer(RowObserver& observer) { observers_.push_back(&observer); }

  /// Begins now. Unless the operation is Program, rows whose mask is empty are passed over: they
  /// cost neither a transfer nor time.
  void start(programmer::RowOperation operation);
  const sc_core::sc_event& done_event() const { return done_event_; }
  /// When each tile's last row was finished, since start().
  const std::vector<support::Duration>& finished_after() const { return finished_after_; }

 private:
  void program_tile(std::size_t tile);
  void run_row(std::size_t tile, const TileCommand& command, const sc_core::sc_time& delay);
  void tell_observers(std::size_t tile, const TileCommand& command, const sc_core::sc_time& begin);

  const tiles::Mapping& mapping_;
  const ProgrammingMemory& memory_;
  PowerArbiter& arbiter_;
  std::vector<RowObserver*> observers_;
  bool by_phases_;
  sc_core::sc_time buffer_latency_;
  std::vector<std::unique_ptr<sc_core::sc_event>> start_events_;  ///< one per tile
  sc_core::sc_event done_event_{"done_event"};
  sc_core::sc_time started_at_;
  programmer::RowOperation operation_ = programmer::RowOperation::Program;
  std::size_t tiles_left_ = 0;
  std::vector<support::Duration> finished_after_;
};

}  // namespace uswim::sc_models
