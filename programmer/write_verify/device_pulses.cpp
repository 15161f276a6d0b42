#include "programmer/write_verify/device_pulses.h"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <stdexcept>

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

template <class F>
void DevicePulses::for_each_part(F f) {
  f(first_);
  f(open_loop_);
  f(given_up_);
  f(bits_begin_);
  f(bits_);
  f(resets_begin_);
  f(reset_round_);
  f(reset_);
  for (std::vector<float>* power :
       {&open_loop_power_W_, &set_power_W_, &reset_power_W_, &erase_power_W_})
    f(*power);
}

void DevicePulses::clear() {
  for_each_part([](auto& part) { part.clear(); });
  bits_begin_.push_back(0);
  resets_begin_.push_back(0);
  write_cycles_ = 0;
}

void DevicePulses::shrink_to_fit() {
  for_each_part([](auto& part) { part.shrink_to_fit(); });
}

void DevicePulses::append_word(const std::uint64_t* set, const std::uint64_t* reset,
                               std::size_t stride, std::uint32_t rounds) {
  first_.push_back({set[0], reset[0]});
  const std::size_t begin = bits_.size();
  for (std::uint32_t most = rounds == 0 ? 0 : rounds - 1; most != 0; most >>= 1) bits_.push_back(0);
  std::uint64_t* const bits = bits_.data() + begin;
  std::uint64_t before = ~std::uint64_t{0}, again = 0;
  for (std::uint32_t r = 1; r < rounds; ++r) {
    const std::uint64_t down = reset[r * stride], pulsed = set[r * stride] | down;
    // Counting up to its number of pulses, a device changes bit b with every 2^b th.
    for (int b = __builtin_ctz(r); b >= 0; --b) bits[b] ^= pulsed;
    again |= pulsed & ~before;
    before = pulsed;
    if (down == 0) continue;
    reset_round_.push_back(static_cast<std::uint16_t>(r));
    reset_.push_back(down);
  }
  if (again != 0) throw std::logic_error("a device that was done is pulsed again");
  bits_begin_.push_back(static_cast<std::uint32_t>(bits_.size()));
  resets_begin_.push_back(static_cast<std::uint32_t>(reset_.size()));
}

void DevicePulses::append(const DeviceOutcomes& outcomes) {
  const std::size_t words = outcomes.words(), first_word = open_loop_.size();
  const std::uint64_t *const set = outcomes.set.data(), *const reset = outcomes.reset.data();
  // Each word has as many rounds as end with its last pulse.
  std::vector<std::uint32_t> end(words);
  for (std::size_t r = 0; r < outcomes.rounds; ++r)
    note_pulses(set + r * words, reset + r * words, words, static_cast<std::uint32_t>(r + 1),
                end.data());
  for (std::size_t w = 0; w < words; ++w) {
    append_word(set + w, reset + w, words, end[w]);
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
