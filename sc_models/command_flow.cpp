#include "sc_models/command_flow.h"

#include <algorithm>
#include <utility>

namespace uswim::sc_models {

using support::Duration;

CommandFlow::CommandFlow(const ChipConfig& config, std::size_t tiles, Interconnect& interconnect,
                         PowerArbiter& arbiter, ChargePumps& pumps, OnBegin on_begin)
    : interconnect_(interconnect),
      arbiter_(arbiter),
      pumps_(pumps),
      on_begin_(std::move(on_begin)),
      buffer_latency_(config.period() * config.buffer_latency_cycles),
      look_ahead_(config.controller.look_ahead),
      limited_(arbiter.limits() || pumps.limits()),
      lanes_(tiles),
      next_tile_(tiles) {}

void CommandFlow::start(Duration now, const std::vector<std::vector<CommandCost>>& commands,
                        const std::vector<std::size_t>& order) {
  agenda_.start(now);
  for (std::size_t tile = 0; tile < lanes_.size(); ++tile) {
    lanes_[tile] = {};
    lanes_[tile].commands = commands[tile].data();
    lanes_[tile].count = static_cast<std::uint32_t>(commands[tile].size());
  }
  pumps_.reset();
  for (std::size_t i = 0; i < order.size(); ++i)
    next_tile_[order[i]] = order[std::min(i + 1, order.size() - 1)];
  notify(order.front(), Event::Start);
}

void CommandFlow::step() {
  if (begins_next()) {
    const auto [at, tile, index] = begins_.top();
    begins_.pop();
    return on_begin_(tile, index, lanes_[tile].commands[index], at);
  }
  agenda_.advance(due_);
  // Who waits for what is settled before any of them goes on.
  due_.erase(
      std::remove_if(due_.begin(), due_.end(), [&](const Step& step) { return !is_awaited(step); }),
      due_.end());
  for (const Step& step : due_) run(step);
}

bool CommandFlow::is_awaited(const Step& step) {
  Lane& lane = lanes_[step.tile];
  if (step.event == Event::RoomInQueue) return std::exchange(lane.waits_for_room, false);
  if (step.event == Event::QueueFilled) return std::exchange(lane.waits_for_command, false);
  return true;
}

void CommandFlow::run(const Step& step) {
  Lane& lane = lanes_[step.tile];
  switch (step.event) {
    case Event::Start:
    case Event::RoomInQueue:
      return look_ahead_ > 0 ? send_ahead(step.tile) : send_or_finish(step.tile);
    case Event::Arrived:
      ++lane.arrived;
      notify(step.tile, Event::QueueFilled);
      return send_ahead(step.tile);
    case Event::QueueFilled:
      return take_from_queue(step.tile);
    case Event::Ready:
      return ask_for_pump(step.tile);
    case Event::PumpGranted:
      return start_pump(step.tile);
    case Event::PumpStarted:
      return ask_for_power(step.tile);
    case Event::PowerGranted:
      return begin(step.tile);
    case Event::Ended:
      return end(step.tile);
  }
}

Duration CommandFlow::send(std::size_t tile) {
  Lane& lane = lanes_[tile];
  const CommandCost& command = lane.commands[lane.sent];
  __builtin_prefetch(&command + 1);  // all other tiles come before it
  const Duration arrival = interconnect_.transfer(Mesh::Way::ToArray, tile, command.words,
                                                  agenda_.now() + buffer_latency_);
  if (lane.sent++ == 0) start_next(tile);
  return arrival;
}

void CommandFlow::send_or_finish(std::size_t tile) {
  const Lane& lane = lanes_[tile];
  const std::size_t index = lane.sent;
  if (index == lane.count) {
    if (lane.count == 0) start_next(tile);
    return;
  }
  const Duration arrival = send(tile);
  if (limited_) return after(arrival - agenda_.now(), tile, Event::Ready);
  const CommandCost& command = lane.commands[index];
  if (interconnect_.keeps_order())
    on_begin_(tile, index, command, arrival);
  else
    begins_.push({arrival, static_cast<std::uint32_t>(tile), static_cast<std::uint32_t>(index)});
  after(arrival - agenda_.now() + command.time, tile, Event::Ended);
}

void CommandFlow::send_ahead(std::size_t tile) {
  Lane& lane = lanes_[tile];
  if (lane.count == 0) return start_next(tile);
  if (lane.sent == lane.count) return;
  if (lane.arrived - lane.begun >= look_ahead_) {
    lane.waits_for_room = true;
    return;
  }
  const Duration arrival = send(tile);
  after(arrival - agenda_.now(), tile, Event::Arrived);
}

void CommandFlow::take_from_queue(std::size_t tile) {
  Lane& lane = lanes_[tile];
  if (lane.arrived == lane.begun) {
    lane.waits_for_command = true;
    return;
  }
  ++lane.begun;
  notify(tile, Event::RoomInQueue);
  if (limited_) return notify(tile, Event::Ready);
  on_begin_(tile, lane.done, present(tile), agenda_.now());
  after(present(tile).time, tile, Event::Ended);
}

// Always in this order, so that no two tiles wait for each other.
void CommandFlow::ask_for_pump(std::size_t tile) {
  if (!pumps_.limits()) return ask_for_power(tile);
  if (pumps_.acquire(tile)) start_pump(tile);
}

void CommandFlow::start_pump(std::size_t tile) {
  const Duration wait = pumps_.start(tile, agenda_.now());
  if (wait > Duration()) return after(wait, tile, Event::PumpStarted);
  ask_for_power(tile);
}

void CommandFlow::ask_for_power(std::size_t tile) {
  if (!arbiter_.limits() || arbiter_.acquire(tile, present(tile).power)) begin(tile);
}

void CommandFlow::begin(std::size_t tile) {
  on_begin_(tile, lanes_[tile].done, present(tile), agenda_.now());
  after(present(tile).time, tile, Event::Ended);
}

void CommandFlow::end(std::size_t tile) {
  const auto grant = [&](Event event) {
    for (const std::size_t waiting : granted_) notify(waiting, event);
    granted_.clear();
  };
  if (arbiter_.limits()) {
    arbiter_.release(present(tile).power, granted_);
    grant(Event::PowerGranted);
  }
  if (pumps_.limits()) {
    pumps_.release(tile, agenda_.now(), granted_);
    grant(Event::PumpGranted);
  }
  Lane& lane = lanes_[tile];
  ++lane.done;
  if (look_ahead_ == 0) return send_or_finish(tile);
  if (lane.done < lane.count) take_from_queue(tile);
}

void CommandFlow::start_next(std::size_t tile) {
  if (next_tile_[tile] != tile) notify(next_tile_[tile], Event::Start);
}

}  // namespace uswim::sc_models
