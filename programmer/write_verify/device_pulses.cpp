#include "programmer/write_verify/device_pulses.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "support/instruction_sets.h"

namespace uswim::programmer {
namespace {

/// end[w] = round where word w has a pulse.
USWIM_EVERY_INSTRUCTION_SET
void note_pulses(const std::uint64_t* set, const std::uint64_t* reset, std::size_t words,
                 std::uint32_t round, std::uint32_t* __restrict end) {
  for (std::size_t w = 0; w < words; ++w) end[w] = (set[w] | reset[w]) != 0 ? round : end[w];
}

}  // namespace

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
  const std::size_t words = outcomes.words(), first_word = open_loop_.size();
  const std::uint64_t *const set = outcomes.set.data(), *const reset = outcomes.reset.data();
  // Each word has as many rounds as end with its last pulse.
  std::vector<std::uint32_t> end(words);
  for (std::size_t r = 0; r < outcomes.rounds; ++r)
    note_pulses(set + r * words, reset + r * words, words, static_cast<std::uint32_t>(r + 1),
                end.data());
  make_room(std::accumulate(end.begin(), end.end(), std::size_t{0}), first_word + words,
            (left + 63) / 64);
  for (std::size_t w = 0; w < words; ++w) {
    for (std::size_t at = w; at < end[w] * words; at += words)
      rounds_.push_back({set[at], reset[at]});
    begin_.push_back(begin_.back() + end[w]);
    open_loop_.push_back({outcomes.open_loop_set[w], outcomes.open_loop_reset[w]});
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
