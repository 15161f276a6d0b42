#include "programmer/write_verify/later_rounds.h"

#include <algorithm>
#include <stdexcept>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace uswim::programmer {

#if defined(__x86_64__)
namespace {

using Round = DevicePulses::Round;
static_assert(sizeof(Round) == 16, "two rounds fill a register");

/// Rounds dealt with together; their phases, SET and RESET in turn, are the bits of a word.
constexpr std::size_t kTogether = 32;

/// Of these rounds, byte by byte: what 8 columns have, or as many as share an ADC.
struct Counts {
  alignas(32) std::uint8_t pulses[kTogether][2][8];  ///< SET, RESET; summed over words
  alignas(32) std::uint8_t reads[kTogether][2][8];   ///< the most of any word, twice
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
__attribute__((target("avx2"))) inline __m256i reads_of_groups(__m256i pulses, unsigned group) {
  __m256i v = _mm256_add_epi8(pulses, _mm256_shuffle_epi32(pulses, 0x4e));
  if (group >= 16)
    v = _mm256_add_epi8(_mm256_and_si256(v, _mm256_set1_epi16(0xff)), _mm256_srli_epi16(v, 8));
  if (group >= 32)
    v = _mm256_add_epi8(_mm256_and_si256(v, _mm256_set1_epi32(0xff)), _mm256_srli_epi32(v, 16));
  if (group >= 64)
    v = _mm256_add_epi8(_mm256_and_si256(v, _mm256_set1_epi64x(0xff)), _mm256_srli_epi64(v, 32));
  return v;
}

__attribute__((target("avx2"))) inline void add_pair(__m256i rounds, unsigned group, std::size_t at,
                                                     Counts& counts) {
  const __m256i pulses = set_bits_of_bytes(rounds);
  auto* sum = reinterpret_cast<__m256i*>(counts.pulses[at]);
  auto* most = reinterpret_cast<__m256i*>(counts.reads[at]);
  _mm256_store_si256(sum, _mm256_add_epi8(_mm256_load_si256(sum), pulses));
  _mm256_store_si256(most,
                     _mm256_max_epu8(_mm256_load_si256(most), reads_of_groups(pulses, group)));
}

/// `n` rounds of one word.
__attribute__((target("avx2"))) void add_word(const Round* rounds, std::size_t n, unsigned group,
                                              Counts& counts) {
  std::size_t r = 0;
  for (; r + 1 < n; r += 2)
    add_pair(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(rounds + r)), group, r, counts);
  if (r < n)
    add_pair(_mm256_zextsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(rounds + r))),
             group, r, counts);
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

/// Sums over `n` rounds, each with a pulse.
__attribute__((target("avx2,popcnt"))) void add_counts(const Counts& counts, std::size_t n,
                                                       RowWork& work) {
  const __m256i zero = _mm256_setzero_si256();
  __m256i sum = zero, most = zero, conversions = zero;
  std::uint64_t phases = 0;
  for (std::size_t r = 0; r < n; r += 2) {
    const __m256i pulses = _mm256_sad_epu8(
        _mm256_load_si256(reinterpret_cast<const __m256i*>(counts.pulses[r])), zero);
    sum = _mm256_add_epi64(sum, pulses);
    most = _mm256_max_epi32(most, pulses);
    const int none = _mm256_movemask_pd(_mm256_castsi256_pd(_mm256_cmpeq_epi64(pulses, zero)));
    phases |= static_cast<std::uint64_t>(static_cast<unsigned>(none) ^ 0xfu) << (2 * r);
    conversions = _mm256_add_epi64(
        conversions,
        most_of_bytes(_mm256_load_si256(reinterpret_cast<const __m256i*>(counts.reads[r]))));
  }
  alignas(32) std::uint64_t s[4], m[4], c[4];
  _mm256_store_si256(reinterpret_cast<__m256i*>(s), sum);
  _mm256_store_si256(reinterpret_cast<__m256i*>(m), most);
  _mm256_store_si256(reinterpret_cast<__m256i*>(c), conversions);
  const auto bits = [](std::uint64_t v) __attribute__((target("popcnt"))) {
    return static_cast<std::uint32_t>(__builtin_popcountll(v));
  };
  const auto set = static_cast<std::uint32_t>(s[0] + s[2]);
  const auto reset = static_cast<std::uint32_t>(s[1] + s[3]);
  const std::uint32_t set_phases = bits(phases & 0x5555555555555555);
  const std::uint32_t reset_phases = bits(phases & 0xaaaaaaaaaaaaaaaa);
  work.set_pulses += set;
  work.reset_pulses += reset;
  work.set_phases += set_phases;
  work.reset_phases += reset_phases;
  work.phases += set_phases + reset_phases;
  work.set_slots += set_phases;
  work.reset_slots += reset_phases;
  work.fullest_set = std::max(work.fullest_set, static_cast<std::uint32_t>(std::max(m[0], m[2])));
  work.fullest_reset =
      std::max(work.fullest_reset, static_cast<std::uint32_t>(std::max(m[1], m[3])));
  work.verify_rounds += static_cast<std::uint32_t>(n);
  work.verify_reads += set + reset;
  work.serial_conversions += static_cast<std::uint32_t>(c[0] + c[2]);
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
    std::fill_n(&counts.pulses[0][0][0], (n + 1) / 2 * sizeof(__m256i), std::uint8_t{0});
    std::fill_n(&counts.reads[0][0][0], (n + 1) / 2 * sizeof(__m256i), std::uint8_t{0});
    for (std::size_t w = 0; w < row.row().words; ++w)
      if (row.row().mask[w] != 0)
        add_word(row.of_word(w) + first, n, row.row().scheme.columns_per_adc, counts);
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
