#include "programmer/write_verify/later_rounds.h"

#include <algorithm>
#include <stdexcept>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace uswim::programmer {

#if defined(__x86_64__)
namespace {

/// Rounds dealt with together; their phases, SET and RESET in turn, are the bits of a word.
constexpr std::size_t kTogether = 32;
/// Rounds that fill a register.
constexpr std::size_t kOfRegister = 4;

/// Of these rounds, byte by byte: what 8 columns have, or as many as share an ADC.
struct Counts {
  alignas(32) std::uint8_t pulses[kTogether][8], resets[kTogether][8];  ///< summed over words
  alignas(32) std::uint8_t reads[kTogether][8];                         ///< the most of any word
};

__attribute__((target("avx2"))) inline __m256i set_bits_of_bytes(__m256i v) {
  const __m256i of_nibble =
      _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4));
  const __m256i low = _mm256_set1_epi8(0x0f);
  return _mm256_add_epi8(
      _mm256_shuffle_epi8(of_nibble, _mm256_and_si256(v, low)),
      _mm256_shuffle_epi8(of_nibble, _mm256_and_si256(_mm256_srli_epi16(v, 4), low)));
}

/// Reads of the columns of each ADC; a device is read after its pulse, of either kind.
__attribute__((target("avx2"))) inline __m256i reads_of_groups(__m256i v, unsigned group) {
  if (group >= 16)
    v = _mm256_add_epi8(_mm256_and_si256(v, _mm256_set1_epi16(0xff)), _mm256_srli_epi16(v, 8));
  if (group >= 32)
    v = _mm256_add_epi8(_mm256_and_si256(v, _mm256_set1_epi32(0xff)), _mm256_srli_epi32(v, 16));
  if (group >= 64)
    v = _mm256_add_epi8(_mm256_and_si256(v, _mm256_set1_epi64x(0xff)), _mm256_srli_epi64(v, 32));
  return v;
}

/// Of four rounds.
__attribute__((target("avx2"))) inline __m256i pulses_of_rounds(const std::uint64_t* rounds) {
  return set_bits_of_bytes(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(rounds)));
}

/// `n` rounds of one word. The first one begins the counts.
__attribute__((target("avx2"))) void add_word(const std::uint64_t* pulsed,
                                              const std::uint64_t* reset, std::size_t n,
                                              unsigned group, bool is_first, Counts& counts) {
  for (std::size_t r = 0; r < n; r += kOfRegister) {
    auto* const pulses = reinterpret_cast<__m256i*>(counts.pulses[r]);
    auto* const resets = reinterpret_cast<__m256i*>(counts.resets[r]);
    auto* const reads = reinterpret_cast<__m256i*>(counts.reads[r]);
    const __m256i either = pulses_of_rounds(pulsed + r), down = pulses_of_rounds(reset + r);
    const __m256i read = reads_of_groups(either, group);
    _mm256_store_si256(pulses, is_first ? either : _mm256_add_epi8(*pulses, either));
    _mm256_store_si256(resets, is_first ? down : _mm256_add_epi8(*resets, down));
    _mm256_store_si256(reads, is_first ? read : _mm256_max_epu8(*reads, read));
  }
}

/// Appends phases to those before; every round has one.
__attribute__((target("popcnt"))) void follow(PolarityChanges& p, std::uint64_t phases,
                                              std::size_t n) {
  using Polarity = PolarityChanges::Polarity;
  constexpr std::uint64_t kSet = 0x5555555555555555;
  const Polarity first = phases & 1 ? Polarity::Set : Polarity::Reset;
  p.count += p.last != Polarity::None && p.last != first;
  if (p.first == Polarity::None) p.first = first;
  // Both in one round; a round that ends as the next one does not begin.
  p.count += static_cast<std::uint32_t>(__builtin_popcountll(phases & phases >> 1 & kSet));
  const std::uint64_t between = ~kSet & ((std::uint64_t{1} << (2 * n - 2)) - 1);
  p.count += static_cast<std::uint32_t>(__builtin_popcountll(~(phases ^ phases >> 1) & between));
  p.last = phases >> (2 * n - 1) & 1 ? Polarity::Reset : Polarity::Set;
}

__attribute__((target("avx2"))) inline __m256i most_of_bytes(__m256i v) {
  v = _mm256_max_epu8(v, _mm256_srli_epi64(v, 32));
  v = _mm256_max_epu8(v, _mm256_srli_epi64(v, 16));
  v = _mm256_max_epu8(v, _mm256_srli_epi64(v, 8));
  return _mm256_and_si256(v, _mm256_set1_epi64x(0xff));
}

/// Bits of a number, every other one.
constexpr std::uint8_t kSpread[16] = {0x00, 0x01, 0x04, 0x05, 0x10, 0x11, 0x14, 0x15,
                                      0x40, 0x41, 0x44, 0x45, 0x50, 0x51, 0x54, 0x55};

/// Sums over `n` rounds, each with a pulse.
__attribute__((target("avx2,popcnt"))) void add_counts(const Counts& counts, std::size_t n,
                                                       RowWork& work) {
  const __m256i zero = _mm256_setzero_si256();
  __m256i sets = zero, resets = zero, most_sets = zero, most_resets = zero, conversions = zero;
  std::uint64_t phases = 0;
  __m256i there = _mm256_set1_epi64x(-1);  // a row that is closed has rounds that do not count
  const auto of_rounds = [&](const std::uint8_t(&bytes)[8]) __attribute__((target("avx2"))) {
    return _mm256_and_si256(there, _mm256_load_si256(reinterpret_cast<const __m256i*>(bytes)));
  };
  const auto rounds_with = [&](__m256i pulses) __attribute__((target("avx2"))) {
    return kSpread[15 ^ _mm256_movemask_pd(_mm256_castsi256_pd(_mm256_cmpeq_epi64(pulses, zero)))];
  };
  for (std::size_t r = 0; r < n; r += kOfRegister) {
    if (n - r < kOfRegister)
      there = _mm256_cmpgt_epi64(_mm256_set1_epi64x(static_cast<long long>(n - r)),
                                 _mm256_setr_epi64x(0, 1, 2, 3));
    const __m256i reset = _mm256_sad_epu8(of_rounds(counts.resets[r]), zero);
    const __m256i set = _mm256_sub_epi64(_mm256_sad_epu8(of_rounds(counts.pulses[r]), zero), reset);
    sets = _mm256_add_epi64(sets, set);
    resets = _mm256_add_epi64(resets, reset);
    most_sets = _mm256_max_epi32(most_sets, set);
    most_resets = _mm256_max_epi32(most_resets, reset);
    phases |= std::uint64_t{rounds_with(set) | 2u * rounds_with(reset)} << (2 * r);
    conversions = _mm256_add_epi64(conversions, most_of_bytes(of_rounds(counts.reads[r])));
  }
  const auto sum_of = [](__m256i v) __attribute__((target("avx2"))) {
    const __m128i s = _mm_add_epi64(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    return static_cast<std::uint32_t>(_mm_cvtsi128_si64(_mm_add_epi64(s, _mm_srli_si128(s, 8))));
  };
  const auto most_of = [](__m256i v) __attribute__((target("avx2"))) {
    const __m128i m = _mm_max_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    return static_cast<std::uint32_t>(_mm_cvtsi128_si64(_mm_max_epi32(m, _mm_srli_si128(m, 8))));
  };
  const auto bits = [](std::uint64_t v) __attribute__((target("popcnt"))) {
    return static_cast<std::uint32_t>(__builtin_popcountll(v));
  };
  const std::uint32_t set = sum_of(sets), reset = sum_of(resets);
  const std::uint32_t set_phases = bits(phases & 0x5555555555555555);
  const std::uint32_t reset_phases = bits(phases & 0xaaaaaaaaaaaaaaaa);
  work.set_pulses += set;
  work.reset_pulses += reset;
  work.set_phases += set_phases;
  work.reset_phases += reset_phases;
  work.phases += set_phases + reset_phases;
  work.set_slots += set_phases;
  work.reset_slots += reset_phases;
  work.fullest_set = std::max(work.fullest_set, most_of(most_sets));
  work.fullest_reset = std::max(work.fullest_reset, most_of(most_resets));
  work.verify_rounds += static_cast<std::uint32_t>(n);
  work.verify_reads += set + reset;
  work.serial_conversions += sum_of(conversions);
  work.write_cycles += set + reset;
  follow(work.polarity, phases, n);
}

}  // namespace

bool knows_later_rounds(const RowView& row) {
  static const bool has_avx2 =
      __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("popcnt") != 0;
  const RowScheme& scheme = row.scheme;
  return has_avx2 && row.rows == 1 && scheme.drivers == 0 && !scheme.mixed_phases &&
         !scheme.verify_whole_row && scheme.columns_per_adc >= 8;
}

void add_later_rounds(const RowRounds& row, std::size_t rounds, RowWork& work) {
  Counts counts;
  for (std::size_t first = 1; first < rounds; first += kTogether) {
    const std::size_t n = std::min(kTogether, rounds - first);
    bool is_first = true;
    for (std::size_t w = 0; w < row.row().words; ++w) {
      if (row.row().mask[w] == 0) continue;
      add_word(row.pulsed_of(w) + first, row.reset_of(w) + first, n,
               row.row().scheme.columns_per_adc, is_first, counts);
      is_first = false;
    }
    add_counts(counts, n, work);
  }
}

#else

bool knows_later_rounds(const RowView&) { return false; }
void add_later_rounds(const RowRounds&, std::size_t, RowWork&) {
  throw std::logic_error("not on this machine");
}

#endif

}  // namespace uswim::programmer
