#include "programmer/write_verify/device_pulses.h"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <stdexcept>

#include "support/instruction_sets.h"

namespace uswim::programmer {
namespace {

/// Counts pulses of `words` words in round `round` >= 1 up in `numbers`, [bit][word]: on the way to
/// its number a device changes bit b with every 2^b th pulse. Returns whether one that had none in
/// the round before, `set_before` and `reset_before`, has one.
USWIM_EVERY_INSTRUCTION_SET
bool count_pulses(const std::uint64_t* set, const std::uint64_t* reset,
                  const std::uint64_t* set_before, const std::uint64_t* reset_before,
                  std::size_t words, std::uint32_t round, std::uint64_t* __restrict numbers) {
  for (int b = __builtin_ctz(round); b >= 0; --b) {
    std::uint64_t* const bits = numbers + static_cast<std::size_t>(b) * words;
    for (std::size_t w = 0; w < words; ++w) bits[w] ^= set[w] | reset[w];
  }
  std::uint64_t again = 0;
  for (std::size_t w = 0; w < words; ++w)
    again |= (set[w] | reset[w]) & ~(set_before[w] | reset_before[w]);
  return round > 1 && again != 0;
}

}  // namespace

void DevicePulses::clear() {
  first_.clear();
  open_loop_.clear();
  given_up_.clear();
  bits_begin_.assign(1, 0);
  bits_.clear();
  resets_begin_.assign(1, 0);
  reset_round_.clear();
  reset_.clear();
  write_cycles_ = 0;
  for (std::vector<float>* power :
       {&open_loop_power_W_, &set_power_W_, &reset_power_W_, &erase_power_W_})
    power->clear();
}

void DevicePulses::append(const DeviceOutcomes& outcomes) {
  const std::size_t words = outcomes.words(), first_word = open_loop_.size();
  const std::uint64_t *const set = outcomes.set.data(), *const reset = outcomes.reset.data();
  std::size_t bits = 0;
  while (outcomes.rounds > std::size_t{1} << bits) ++bits;
  std::vector<std::uint64_t> numbers(bits * words, 0);
  for (std::size_t r = 1; r < outcomes.rounds; ++r) {
    const std::size_t at = r * words, before = at - words;
    if (count_pulses(set + at, reset + at, set + before, reset + before, words,
                     static_cast<std::uint32_t>(r), numbers.data()))
      throw std::logic_error("a device that was done is pulsed again");
  }
  for (std::size_t w = 0; w < words; ++w) {
    first_.push_back({set[w], reset[w]});
    open_loop_.push_back({outcomes.open_loop_set[w], outcomes.open_loop_reset[w]});
    std::size_t of_word = bits;
    while (of_word > 0 && numbers[(of_word - 1) * words + w] == 0) --of_word;
    for (std::size_t b = 0; b < of_word; ++b) bits_.push_back(numbers[b * words + w]);
    bits_begin_.push_back(static_cast<std::uint32_t>(bits_.size()));
    const std::size_t end = std::min(outcomes.rounds, std::size_t{1} << of_word);
    for (std::size_t r = 1; r < end; ++r) {
      if (reset[r * words + w] == 0) continue;
      reset_round_.push_back(static_cast<std::uint16_t>(r));
      reset_.push_back(reset[r * words + w]);
    }
    resets_begin_.push_back(static_cast<std::uint32_t>(reset_.size()));
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

std::size_t DevicePulses::rounds(std::size_t word, std::uint64_t devices) const {
  std::size_t most = 0;
  for (std::uint32_t at = bits_begin_[word + 1]; at > bits_begin_[word];) {
    const std::uint64_t with_bit = bits_[--at] & devices;
    most = 2 * most + (with_bit != 0);
    if (with_bit != 0) devices = with_bit;
  }
  return most + 1;
}

void DevicePulses::unpack(std::size_t word, std::uint64_t devices, std::size_t n,
                          Round* out) const {
  out[0] = {first_[word].set & devices, first_[word].reset & devices};
  // With their bits up to one of them known, up to `known` pulses are told apart.
  std::size_t known = 0;
  for (std::uint32_t at = bits_begin_[word]; at < bits_begin_[word + 1]; ++at) {
    const std::uint64_t more = bits_[at] & devices;
    const std::size_t end = std::min(2 * known + 2, n);
    for (std::size_t r = known + 2; r < end; ++r) out[r].set = out[r - known - 1].set & more;
    if (known + 1 < n) out[known + 1].set = more;
    for (std::size_t r = 1; r < std::min(known + 1, n); ++r) out[r].set |= more;
    known = 2 * known + 1;
  }
  for (std::uint32_t at = resets_begin_[word]; at < resets_begin_[word + 1]; ++at) {
    if (reset_round_[at] >= n) break;
    Round& round = out[reset_round_[at]];
    round.reset = reset_[at] & round.set;
    round.set ^= round.reset;
  }
}

}  // namespace uswim::programmer
