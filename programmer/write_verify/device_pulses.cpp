#include "programmer/write_verify/device_pulses.h"

#include <algorithm>
#include <cstring>
#include <numeric>

namespace uswim::programmer {

void DevicePulses::clear() {
  begin_.assign(1, 0);
  rounds_.clear();
  open_loop_.clear();
  given_up_.clear();
  write_cycles_ = 0;
  for (std::vector<float>* power :
       {&open_loop_power_W_, &set_power_W_, &reset_power_W_, &erase_power_W_})
    power->clear();
}

void DevicePulses::make_room(std::size_t more, std::size_t words, std::size_t left) {
  open_loop_.reserve(words + left);
  given_up_.reserve(words + left);
  begin_.reserve(words + left + 1);
  const std::size_t needed = rounds_.size() + more;
  if (needed > rounds_.capacity()) rounds_.reserve(needed + needed * left / words);
}

void DevicePulses::append(const DeviceOutcomes& outcomes, std::size_t left) {
  const std::size_t words = outcomes.words();
  const auto rounds_of = [&](std::size_t w) {
    std::size_t rounds = outcomes.rounds;
    while (rounds > 0 &&
           (outcomes.set[(rounds - 1) * words + w] | outcomes.reset[(rounds - 1) * words + w]) == 0)
      --rounds;
    return rounds;
  };
  const std::size_t first_word = open_loop_.size();
  std::size_t more = 0;
  for (std::size_t w = 0; w < words; ++w) more += rounds_of(w);
  make_room(more, first_word + words, (left + 63) / 64);
  for (std::size_t w = 0; w < words; ++w) {
    open_loop_.push_back({outcomes.open_loop_set[w], outcomes.open_loop_reset[w]});
    for (std::size_t r = 0, rounds = rounds_of(w); r < rounds; ++r)
      rounds_.push_back({outcomes.set[r * words + w], outcomes.reset[r * words + w]});
    begin_.push_back(static_cast<std::uint32_t>(rounds_.size()));
  }
  given_up_.resize(first_word + words);
  const std::uint8_t* const converged = outcomes.converged.data();
  if (std::memchr(converged, 0, outcomes.devices) != nullptr)
    for (std::size_t i = 0; i < outcomes.devices; ++i)
      given_up_[first_word + i / 64] |= static_cast<std::uint64_t>(converged[i] == 0) << (i % 64);
  write_cycles_ = std::accumulate(outcomes.cycles.begin(), outcomes.cycles.end(), write_cycles_);
  const auto add = [](const std::vector<float>& from, std::vector<float>& to) {
    to.insert(to.end(), from.begin(), from.end());
  };
  add(outcomes.open_loop_power_W, open_loop_power_W_);
  add(outcomes.set_power_W, set_power_W_);
  add(outcomes.reset_power_W, reset_power_W_);
  add(outcomes.erase_power_W, erase_power_W_);
}

}  // namespace uswim::programmer
