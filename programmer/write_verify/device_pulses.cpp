#include "programmer/write_verify/device_pulses.h"

#include <algorithm>
#include <cstring>

#include "programmer/write_verify/chunk_loops.h"
#include "support/instruction_sets.h"

namespace uswim::programmer {
namespace {

/// Numbers of up to 64 devices, bit by bit.
class NumberBits {
 public:
  NumberBits(const std::uint16_t* numbers, std::size_t n, std::size_t bits) {
    std::uint8_t bytes[64] = {};
    for (std::size_t first = 0; first < bits; first += 8) {
      for (std::size_t i = 0; i < n; ++i) bytes[i] = static_cast<std::uint8_t>(numbers[i] >> first);
      chunk::bit_planes(bytes, 1, &planes_[first / 8]);
    }
  }
  std::uint64_t bit(std::size_t b) const { return planes_[b / 8].planes[b % 8]; }

 private:
  chunk::BitPlanes planes_[2];
};

/// Bits that the largest of these takes.
std::size_t bits_of(const std::vector<std::uint16_t>& numbers) {
  std::uint32_t any = 0;
  for (const std::uint16_t n : numbers) any |= n;
  std::size_t bits = 0;
  while (any >> bits != 0) ++bits;
  return bits;
}

/// [round / 64][word]: a bit for each round behind round 0 with a RESET pulse.
USWIM_EVERY_INSTRUCTION_SET
std::vector<std::uint64_t> rounds_with_resets(const DeviceOutcomes& outcomes) {
  const std::size_t words = outcomes.words();
  std::vector<std::uint64_t> found((outcomes.rounds + 63) / 64 * words, 0);
  for (std::size_t r = 1; r < outcomes.rounds; ++r) {
    const std::uint64_t* __restrict const reset = &outcomes.reset[r * words];
    std::uint64_t* __restrict const of_word = &found[r / 64 * words];
    for (std::size_t w = 0; w < words; ++w)
      of_word[w] |= static_cast<std::uint64_t>(reset[w] != 0) << r % 64;
  }
  return found;
}

/// Four words, where a word may stand.
using Four = std::uint64_t __attribute__((vector_size(32), aligned(8), may_alias));

/// at_least[k]: which of these devices have k pulses or more, k < 4 * fours; from the bits of their
/// numbers, those behind `count` being 0.
USWIM_INLINE void compare_numbers(const std::uint64_t* bits, std::size_t count,
                                  std::uint64_t devices, Four* at_least, std::size_t fours) {
  const std::uint64_t one = count > 0 ? bits[0] & devices : 0;
  const std::uint64_t two = count > 1 ? bits[1] & devices : 0;
  at_least[0] = Four{devices, one | two, two, one & two};
  std::size_t half = 1;
  for (std::size_t b = 2; b < count; ++b, half *= 2) {
    const std::uint64_t bit = bits[b] & devices;
    for (std::size_t k = 0; k < half; ++k) {
      at_least[half + k] = at_least[k] & bit;
      at_least[k] |= bit;
    }
  }
  for (; half < fours; ++half) at_least[half] = Four{};
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
       {&open_loop_power_W_, &set_power_W_, &reset_power_W_, &read_power_W_, &erase_power_W_,
        &set_excess_V2_, &reset_excess_V2_})
    power->clear();
}

USWIM_EVERY_INSTRUCTION_SET
void DevicePulses::append(const DeviceOutcomes& outcomes) {
  const std::size_t words = outcomes.words(), first_word = open_loop_.size();
  const std::size_t bits = bits_of(outcomes.cycles);
  const std::vector<std::uint64_t> with_resets = rounds_with_resets(outcomes);
  for (std::size_t w = 0; w < words; ++w) {
    const NumberBits cycles(&outcomes.cycles[64 * w],
                            std::min<std::size_t>(64, outcomes.devices - 64 * w), bits);
    const Round first{outcomes.first_set[w], outcomes.reset[w]};
    first_.push_back(first);
    open_loop_.push_back({outcomes.open_loop_set[w], outcomes.open_loop_reset[w]});
    // Less the pulse of round 0.
    std::uint64_t borrow = first.set | first.reset;
    const std::size_t begin = bits_.size();
    std::size_t of_word = begin;
    bits_.resize(begin + bits);
    for (std::size_t b = 0; b < bits; ++b) {
      const std::uint64_t bit = cycles.bit(b);
      write_cycles_ += static_cast<std::uint64_t>(__builtin_popcountll(bit)) << b;
      bits_[begin + b] = bit ^ borrow;
      if (bit != borrow) of_word = begin + b + 1;
      borrow &= ~bit;
    }
    bits_.resize(of_word);
    bits_begin_.push_back(static_cast<std::uint32_t>(of_word));
    for (std::size_t r = 0, at = w; r < outcomes.rounds; r += 64, at += words)
      for (std::uint64_t left = with_resets[at]; left != 0; left &= left - 1) {
        const std::size_t round = r + static_cast<std::size_t>(__builtin_ctzll(left));
        reset_round_.push_back(static_cast<std::uint16_t>(round));
        reset_.push_back(outcomes.reset[round * words + w]);
      }
    resets_begin_.push_back(static_cast<std::uint32_t>(reset_.size()));
  }
  given_up_.resize(first_word + words);
  const std::uint8_t* const converged = outcomes.converged.data();
  if (std::memchr(converged, 0, outcomes.devices) != nullptr)
    for (std::size_t i = 0; i < outcomes.devices; ++i)
      given_up_[first_word + i / 64] |= static_cast<std::uint64_t>(converged[i] == 0) << (i % 64);
  const auto add = [](const std::vector<float>& from, std::vector<float>& to) {
    to.insert(to.end(), from.begin(), from.end());
  };
  add(outcomes.open_loop_power_W, open_loop_power_W_);
  add(outcomes.set_power_W, set_power_W_);
  add(outcomes.reset_power_W, reset_power_W_);
  add(outcomes.read_power_W, read_power_W_);
  add(outcomes.erase_power_W, erase_power_W_);
  add(outcomes.set_excess_V2, set_excess_V2_);
  add(outcomes.reset_excess_V2, reset_excess_V2_);
}

std::size_t DevicePulses::rounds(std::size_t word, std::size_t words,
                                 const std::uint64_t* devices) const {
  std::size_t most = 0;
  for (std::size_t w = 0; w < words; ++w) {
    const std::size_t begin = bits_begin_[word + w];
    std::size_t count = bits_begin_[word + w + 1] - begin;
    while (count > most && (bits_[begin + count - 1] & devices[w]) == 0) --count;
    most = std::max(most, count);
  }
  return std::max<std::size_t>(4, std::size_t{1} << most);
}

USWIM_EVERY_INSTRUCTION_SET
std::size_t DevicePulses::unpack(std::size_t word, std::size_t words, const std::uint64_t* devices,
                                 std::size_t n, std::uint64_t* pulsed, std::uint64_t* reset) const {
  const auto most = static_cast<std::size_t>(__builtin_ctzll(n));
  const std::size_t fours = n / 4;
  auto* const either = reinterpret_cast<Four*>(pulsed);
  auto* const down = reinterpret_cast<Four*>(reset);
  for (std::size_t i = 0; i < words * fours; ++i) down[i] = Four{};
  for (std::size_t w = 0; w < words; ++w) {
    const std::size_t begin = bits_begin_[word + w];
    compare_numbers(bits_.data() + begin, std::min(most, bits_begin_[word + w + 1] - begin),
                    devices[w], either + w * fours, fours);
  }
  // A device that is not done is pulsed in every round, so the rounds with a pulse are the first.
  Four with_pulse{};
  for (std::size_t i = 0; i < fours; ++i) {
    Four any = either[i];
    for (std::size_t w = 1; w < words; ++w) any |= either[w * fours + i];
    with_pulse -= reinterpret_cast<Four>(any != 0);
  }
  std::uint64_t any_device = 0;
  for (std::size_t w = 0; w < words; ++w, ++word, reset += n) {
    any_device |= devices[w];
    pulsed[w * n] = (first_[word].set | first_[word].reset) & devices[w];
    reset[0] = first_[word].reset & devices[w];
    for (std::uint32_t at = resets_begin_[word]; at < resets_begin_[word + 1]; ++at) {
      if (reset_round_[at] >= n) break;
      reset[reset_round_[at]] = reset_[at] & devices[w];
    }
  }
  return with_pulse[0] + with_pulse[1] + with_pulse[2] + with_pulse[3] + (any_device == 0);
}

}  // namespace uswim::programmer
