#pragma once
#include <cstdint>
#include <functional>
#include <queue>
#include <vector>

#include "sc_models/agenda.h"
#include "sc_models/charge_pumps.h"
#include "sc_models/chip_config.h"
#include "sc_models/interconnect.h"
#include "sc_models/power_arbiter.h"
#include "support/quantity.h"

namespace uswim::sc_models {

/// A command to a tile and what it takes, whenever it is carried out. There are many.
struct CommandCost {
  std::uint32_t tile = 0, row = 0;  ///< the first of its rows
  std::uint32_t words = 0;          ///< Interconnect::words
  support::Duration time;
  support::Power power;
};

/// When tiles carry out their commands: each its own, one after the other, all tiles at the same
/// time; tiles that share an array are one. A command is fetched from the buffer, sent to its tile,
/// waits for a charge pump and for power where they are limited, then for its tile. With
/// look-ahead, commands are fetched while the tile still writes, as many as its queue holds. No
/// kernel.
class CommandFlow {
 public:
  /// Called once per command, when it is known when it begins; in the order of `begin`.
  using OnBegin = std::function<void(std::size_t tile, std::size_t index, const CommandCost&,
                                     support::Duration begin)>;

  CommandFlow(const ChipConfig& config, std::size_t tiles, Interconnect& interconnect,
              PowerArbiter& arbiter, ChargePumps& pumps, OnBegin on_begin);

  /// Begins at `now`. `commands`: of each tile, in their order; must live until the end. `order`:
  /// in which tiles come to the interconnect first; each as soon as the one before has its place.
  void start(support::Duration now, const std::vector<std::vector<CommandCost>>& commands,
             const std::vector<std::size_t>& order);
  bool is_done() const { return agenda_.is_empty(); }  // a command ends after it has begun
  support::Duration now() const { return agenda_.now(); }
  /// When step() goes on to.
  support::Duration next_time() const {
    return begins_next() ? begins_.top().at : agenda_.next_time();
  }
  void step();

 private:
  /// What happens to a tile.
  enum class Event : std::uint32_t {
    Start,        ///< its turn to come to the interconnect first
    Arrived,      ///< a command that was sent ahead
    RoomInQueue,  ///< where sending ahead waits for it
    QueueFilled,  ///< where the tile waits for it
    Ready,        ///< a command that may begin as soon as there is a pump and power
    PumpGranted,  ///< a place at one
    PumpStarted,
    PowerGranted,
    Ended,  ///< a command
  };
  struct Step {
    std::uint32_t tile;
    Event event;
  };
  struct Lane {  // two of them in a cache line
    const CommandCost* commands = nullptr;
    std::uint32_t count = 0;
    std::uint32_t sent = 0, done = 0;
    std::uint32_t arrived = 0;  ///< with look-ahead: those behind `begun` are in the queue
    std::uint32_t begun = 0;
    bool waits_for_room = false, waits_for_command = true;
  };

  /// A command of which on_begin_ is still to be told, where commands arrive out of order.
  struct Begin {
    support::Duration at;
    std::uint32_t tile, index;
    bool operator>(const Begin& o) const { return at == o.at ? tile > o.tile : at > o.at; }
  };
  bool begins_next() const { return !begins_.empty() && begins_.top().at <= agenda_.next_time(); }

  bool is_awaited(const Step& step);
  void run(const Step& step);
  void send_or_finish(std::size_t tile);
  void send_ahead(std::size_t tile);
  void take_from_queue(std::size_t tile);
  /// Sends the next command; returns when it is at the tile.
  support::Duration send(std::size_t tile);
  void ask_for_pump(std::size_t tile);
  void start_pump(std::size_t tile);
  void ask_for_power(std::size_t tile);
  void begin(std::size_t tile);
  void end(std::size_t tile);
  void start_next(std::size_t tile);
  const CommandCost& present(std::size_t tile) const {
    return lanes_[tile].commands[lanes_[tile].done];
  }
  void after(support::Duration delay, std::size_t tile, Event event) {
    agenda_.after(delay, {static_cast<std::uint32_t>(tile), event});
  }
  void notify(std::size_t tile, Event event) { after(support::Duration(), tile, event); }

  Interconnect& interconnect_;
  PowerArbiter& arbiter_;
  ChargePumps& pumps_;
  OnBegin on_begin_;
  support::Duration buffer_latency_;
  std::size_t look_ahead_;
  bool limited_;
  Agenda<Step> agenda_;
  std::vector<Step> due_;
  std::priority_queue<Begin, std::vector<Begin>, std::greater<>> begins_;
  std::vector<Lane> lanes_;
  std::vector<std::size_t> next_tile_;  ///< which starts behind each tile; its own: none
  std::vector<std::size_t> granted_;
};

}  // namespace uswim::sc_models
