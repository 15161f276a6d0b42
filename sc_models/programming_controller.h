#pragma once
#include <tlm_utils/simple_initiator_socket.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <systemc>
#include <tlm>
#include <vector>

#include "sc_models/charge_pumps.h"
#include "sc_models/chip_config.h"
#include "sc_models/power_arbiter.h"
#include "sc_models/programming_memory.h"
#include "sc_models/row_observer.h"
#include "sc_models/tile_command.h"
#include "tiles/mapping.h"

namespace uswim::sc_models {

/// Takes every tile through its rows, all arrays at the same time: fetches levels and mask of a row
/// (or of as many as are driven together) from the buffer, sends them over the bus, waits for a
/// charge pump and for power where they are limited, then until the tile has written and verified
/// the row, goes on to the next. Tiles that share an array are one lane. With look-ahead, rows are
/// fetched while the tile still writes, as many as its queue holds.
class ProgrammingController : public sc_core::sc_module {
 public:
  tlm_utils::simple_initiator_socket<ProgrammingController> command_socket{"command_socket"};

  /// `rows_together`: rows of an array that one command writes.
  ProgrammingController(const sc_core::sc_module_name& name, const ChipConfig& config,
                        std::size_t rows_together, const tiles::Mapping& mapping,
                        const ProgrammingMemory& memory, PowerArbiter& arbiter, ChargePumps& pumps);

  /// Kept for every later start; not owned.
  void add_observer(RowObserver& observer) { observers_.push_back(&observer); }

  /// Begins now. Unless the operation is Program, rows whose mask is empty are passed over: they
  /// cost neither a transfer nor time.
  void start(programmer::RowOperation operation);
  const sc_core::sc_event& done_event() const { return done_event_; }
  /// When each tile's last row was finished, since start().
  const std::vector<support::Duration>& finished_after() const { return finished_after_; }
  /// Bytes of masks that went over the bus since start().
  std::uint64_t mask_bytes() const { return mask_bytes_; }

 private:
  struct Command {
    std::size_t tile;
    std::size_t index;  ///< first of its rows / rows together
  };
  /// Of one array.
  struct Lane {
    Lane() { trans.set_extension(&command); }
    ~Lane() { trans.clear_extension(&command); }  // not the payload's to delete
    Lane(const Lane&) = delete;
    Lane& operator=(const Lane&) = delete;
    sc_core::sc_event start{sc_core::sc_gen_unique_name("start_event")};
    std::vector<Command> sequence;
    TileCommand command;  ///< the one being fetched, extension of `trans`
    tlm::tlm_generic_payload trans;
    std::vector<unsigned char> data;
    // With look-ahead: what has been fetched and not yet begun.
    std::deque<TileCommand> queue;
    sc_core::sc_event fetched{sc_core::sc_gen_unique_name("fetched_event")};
    sc_core::sc_event begun{sc_core::sc_gen_unique_name("begun_event")};
  };

  void plan();
  void program_array(std::size_t array);
  void fetch_ahead(std::size_t array);
  void write_fetched(std::size_t array);
  /// Sends the array's next command; it has run when the delay that is returned is over.
  sc_core::sc_time send(std::size_t array, std::size_t index);
  void run_row(std::size_t tile, const TileCommand& command, const sc_core::sc_time& delay);
  void start_next(std::size_t array);
  void finish();
  void tell_observers(std::size_t tile, const TileCommand& command, const sc_core::sc_time& begin);

  const ControllerConfig config_;
  const tiles::Mapping& mapping_;
  const ProgrammingMemory& memory_;
  PowerArbiter& arbiter_;
  ChargePumps& pumps_;
  std::vector<RowObserver*> observers_;
  std::size_t rows_together_;
  bool by_phases_;
  sc_core::sc_time buffer_latency_;
  std::vector<std::unique_ptr<Lane>> lanes_;  ///< one per array
  std::vector<std::size_t> next_array_;       ///< which starts behind each array; its own: none
  sc_core::sc_event done_event_{"done_event"};
  sc_core::sc_time started_at_;
  programmer::RowOperation operation_ = programmer::RowOperation::Program;
  std::size_t arrays_left_ = 0;
  std::uint64_t mask_bytes_ = 0;
  std::vector<support::Duration> finished_after_;
};

}  // namespace uswim::sc_models
