#include "programmer/write_verify/chunk_loops.h"

#include <algorithm>
#include <cmath>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "support/device_normals.h"
#include "support/instruction_sets.h"
#include "support/random_lanes.h"

namespace uswim::programmer::chunk {

using support::Stream;

namespace {

constexpr std::uint32_t kSign = 1u << 31;

/// Round 0 of the chunk's devices. `kPlain`: none is stuck or was programmed before, and reads are
/// exact.
template <bool kPlain>
USWIM_INLINE void run_first_round(const DeviceTargets::Level* __restrict levels, std::size_t n,
                                  const PulseConstants& constants, ChunkDevices& __restrict d,
                                  float* __restrict open_loop, float* __restrict verified) {
  using support::lanes::from_bits;
  using support::lanes::to_bits;
  const PulseConstants c = constants;
  const auto count = static_cast<std::uint32_t>(n);
  for (std::uint32_t i = 0; i < count; ++i) {
    const float t = levels[i].target, sigma = c.nominal_sigma * levels[i].level_factor;
    const Stuck stuck = kPlain ? Stuck::No : static_cast<Stuck>(d.stuck[i]);
    const float held = kPlain ? 0.0f : d.held[i];
    const bool programmed = !kPlain && held == held;
    const FirstRound r = first_round(t, sigma, programmed, held, d.error[i], stuck, c);
    const float read = kPlain ? r.start : converted(r.start + c.read_noise * d.read[i], c);
    const std::uint32_t present = t >= 0.0f ? 0xffffffffu : 0u;
    const std::uint32_t flags = r.flags & present;
    const std::uint32_t pulsed = (flags & (kVerifySet | kVerifyReset)) != 0 ? kPulsedBit : 0u;
    open_loop[i] = from_bits(to_bits(r.open_loop) & present);
    verified[i] = d.start[i] = from_bits(to_bits(r.start) & present);
    d.target[i] = t;
    d.sigma[i] = sigma;
    d.flags[i] = flags;
    d.index[i] = i | pulsed | (stuck != Stuck::No ? kStuckBit : 0u);
    d.open[i] =
        static_cast<std::int32_t>((is_inside(read, t, c.tolerance) ? 0u : 0xffffffffu) & present);
    if (!kPlain) d.read[i] = read;
  }
}
#define USWIM_FIRST_ROUNDS(name, plain)                                                    \
  USWIM_EVERY_INSTRUCTION_SET void name(const DeviceTargets::Level* levels, std::size_t n, \
                                        const PulseConstants& c, ChunkDevices& d,          \
                                        float* open_loop, float* verified) {               \
    run_first_round<plain>(levels, n, c, d, open_loop, verified);                          \
  }
USWIM_FIRST_ROUNDS(plain_first_rounds, true)
USWIM_FIRST_ROUNDS(any_first_rounds, false)
#undef USWIM_FIRST_ROUNDS

/// Four rounds of the first `n` open devices, padded to whole vectors. `left`: pulses until
/// max_cycles of those that had none in round 0. `kPlain`: more than there are rounds, and no
/// device is stuck. Signs and masks are words: of conditions the compiler would make paths, and of
/// every path a vector.
template <class Rule, bool kReadError, bool kPlain>
USWIM_INLINE void run_block(OpenDevices& d, std::size_t n, std::int32_t left,
                            const PulseConstants& constants) {
  using support::lanes::from_bits;
  using support::lanes::to_bits;
  const PulseConstants c = constants;
  const std::size_t padded = whole_vectors(n);
  for (std::size_t i = 0; i < padded; ++i) {
    float z[kRoundsPerBlock], read_error[kRoundsPerBlock] = {};
    const auto make_normal = [&](const std::uint32_t(&w)[4][kPadded], float* out)
        __attribute__((always_inline)) {
      support::lanes::box_muller({{w[0][i], w[1][i], w[2][i], w[3][i]}}, out);
    };
    make_normal(d.pulse_word, z);
    if (kReadError) make_normal(d.read_word, read_error);
    const float t = d.target[i], scale = d.scale[i];
    float g = d.conductance[i];
    float read = kReadError ? d.read[i] : g;
    float beyond = read - t;
    std::int32_t acts = -1, rounds = 0;
    const std::int32_t stuck = static_cast<std::int32_t>(d.index[i]) >> 31;
    const std::int32_t most = left - static_cast<std::int32_t>(d.index[i] >> 30 & 1);
    std::uint32_t resets = 0;
    for (unsigned j = 0; j < kRoundsPerBlock; ++j) {
      const std::uint32_t down = ~to_bits(beyond) & kSign;
      resets = resets >> 1 | (down & static_cast<std::uint32_t>(acts));
      rounds -= acts;
      const float step = from_bits(to_bits(scale) ^ down);
      const float pulsed = Rule{}.after_pulse(g, t, scale, step, z[j], c);
      const float moved = !kPlain && stuck ? g : pulsed;
      const float seen = kReadError ? converted(moved + c.read_noise * read_error[j], c) : moved;
      g = acts ? moved : g;
      read = acts ? seen : read;
      beyond = seen - t;
      acts &= is_inside(seen, t, c.tolerance) ? 0 : -1;
      if (!kPlain) acts &= most > rounds ? -1 : 0;
    }
    d.conductance[i] = g;
    if (kReadError) d.read[i] = read;
    d.open[i] = acts;
    d.pulses[i] = resets >> 28 | static_cast<std::uint32_t>(rounds) << 4;
    d.has_reset[i] = resets != 0 ? -1 : 0;
  }
}

#define USWIM_BLOCK(name, Rule, read_error, plain)                                        \
  USWIM_EVERY_INSTRUCTION_SET void name(OpenDevices& d, std::size_t n, std::int32_t left, \
                                        const PulseConstants& c) {                        \
    run_block<Rule, read_error, plain>(d, n, left, c);                                    \
  }
USWIM_BLOCK(plain_redraw_block, RedrawRule, false, true)
USWIM_BLOCK(redraw_block, RedrawRule, false, false)
USWIM_BLOCK(noisy_redraw_block, RedrawRule, true, false)
USWIM_BLOCK(plain_incremental_block, IncrementalRule, false, true)
USWIM_BLOCK(incremental_block, IncrementalRule, false, false)
USWIM_BLOCK(noisy_incremental_block, IncrementalRule, true, false)
#undef USWIM_BLOCK

#if defined(__x86_64__)
__attribute__((target("avx512bw"))) void bit_planes_avx512(const std::uint8_t* bytes,
                                                           std::size_t words, BitPlanes* out) {
  for (std::size_t w = 0; w < words; ++w) {
    const __m512i x = _mm512_loadu_si512(bytes + 64 * w);
    for (int j = 0; j < 8; ++j)
      out[w].planes[j] = _mm512_test_epi8_mask(x, _mm512_set1_epi8(static_cast<char>(1 << j)));
  }
}

__attribute__((target("avx2"))) void bit_planes_avx2(const std::uint8_t* bytes, std::size_t words,
                                                     BitPlanes* out) {
  for (std::size_t w = 0; w < words; ++w) {
    __m256i low = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(bytes + 64 * w));
    __m256i high = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(bytes + 64 * w + 32));
    for (int j = 7; j >= 0; --j) {
      out[w].planes[j] =
          static_cast<std::uint32_t>(_mm256_movemask_epi8(low)) |
          static_cast<std::uint64_t>(static_cast<std::uint32_t>(_mm256_movemask_epi8(high))) << 32;
      low = _mm256_add_epi8(low, low);
      high = _mm256_add_epi8(high, high);
    }
  }
}
#endif

}  // namespace

void bit_planes_plainly(const std::uint8_t* bytes, std::size_t words, BitPlanes* out) {
  for (std::size_t w = 0; w < words; ++w)
    for (int j = 0; j < 8; ++j) {
      out[w].planes[j] = 0;
      for (int k = 0; k < 64; ++k)
        out[w].planes[j] |= static_cast<std::uint64_t>(bytes[64 * w + k] >> j & 1) << k;
    }
}

void bit_planes(const std::uint8_t* bytes, std::size_t words, BitPlanes* out) {
#if defined(__x86_64__)
  static const bool has_avx512 = __builtin_cpu_supports("avx512bw") != 0,
                    has_avx2 = __builtin_cpu_supports("avx2") != 0;
  if (has_avx512) return bit_planes_avx512(bytes, words, out);
  if (has_avx2) return bit_planes_avx2(bytes, words, out);
#endif
  bit_planes_plainly(bytes, words, out);
}

void first_rounds(const PulseConstants& c, const DeviceTargets& targets, std::size_t at,
                  std::size_t n, std::uint64_t first, std::uint64_t seed, std::uint32_t chip,
                  ChunkDevices& d, float* open_loop, float* verified) {
  support::device_normals({seed, chip, Stream::ProgrammingError}, first, n, d.error);
  if (c.reads_exactly() && !c.may_be_stuck() && targets.start.empty())
    return plain_first_rounds(&targets.levels[at], n, c, d, open_loop, verified);
  if (targets.start.empty())
    std::fill_n(d.held, n, std::nanf(""));
  else
    std::copy_n(&targets.start[at], n, d.held);
  if (c.read_noise > 0.0f)
    support::device_normals({seed, chip, Stream::VerifyReadNoise}, first, n, d.read);
  else
    std::fill_n(d.read, n, 0.0f);
  for (std::size_t i = 0; i < n; ++i)
    d.stuck[i] = static_cast<std::int32_t>(stuck_state(c, seed, chip, first + i));
  any_first_rounds(&targets.levels[at], n, c, d, open_loop, verified);
}

Block block(const PulseConstants& c, bool plain) {
  const bool redraws = c.kind == PulseModelKind::Redraw;
  if (!c.reads_exactly()) return redraws ? noisy_redraw_block : noisy_incremental_block;
  if (plain) return redraws ? plain_redraw_block : plain_incremental_block;
  return redraws ? redraw_block : incremental_block;
}

USWIM_EVERY_INSTRUCTION_SET
void swap_errors(const DeviceTargets::Level* __restrict levels, std::size_t n, float sigma,
                 const float* __restrict residual, std::uint16_t all_cycles,
                 float* __restrict verified, std::uint16_t* __restrict cycles,
                 std::uint32_t* __restrict flags) {
  using support::lanes::from_bits;
  using support::lanes::to_bits;
  for (std::size_t i = 0; i < n; ++i) {
    const float t = levels[i].target;
    const std::uint32_t present = t >= 0.0f ? 0xffffffffu : 0u;
    const float written = t + sigma * levels[i].level_factor * residual[i];
    verified[i] = from_bits(to_bits(written) & present);
    cycles[i] = static_cast<std::uint16_t>(all_cycles & present);
    const std::uint32_t pulse = t > 0.0f ? kVerifySet : kVerifyReset;
    flags[i] = (flags[i] & ~(kVerifySet | kVerifyReset)) | (pulse & present);
  }
}

void record_first_round(const std::uint8_t* flags, std::size_t at, std::size_t n,
                        DeviceOutcomes& out) {
  BitPlanes planes[kChunk / 64];
  const std::size_t word = at / 64, words = (n + 63) / 64;
  bit_planes(flags, words, planes);
  for (std::size_t w = 0; w < words; ++w) {
    const auto plane = [&](std::uint32_t flag) { return planes[w].planes[__builtin_ctz(flag)]; };
    out.open_loop_set[word + w] = plane(kOpenLoopSet);
    out.open_loop_reset[word + w] = plane(kOpenLoopReset);
    out.first_set[word + w] = plane(kVerifySet);
    out.reset[word + w] = plane(kVerifyReset);
  }
}

USWIM_EVERY_INSTRUCTION_SET
void as_bytes(const std::uint32_t* flags, std::size_t n, std::uint8_t* __restrict bytes) {
  for (std::size_t i = 0; i < n; ++i) bytes[i] = static_cast<std::uint8_t>(flags[i]);
}

USWIM_EVERY_INSTRUCTION_SET
void first_cycles(const std::uint32_t* flags, std::size_t n, std::uint16_t* __restrict cycles) {
  for (std::size_t i = 0; i < n; ++i) cycles[i] = (flags[i] & (kVerifySet | kVerifyReset)) != 0;
}

USWIM_EVERY_INSTRUCTION_SET
void find_indices(OpenDevices& d, std::size_t n, std::uint64_t first) {
  const support::lanes::Device begin = support::lanes::device(first);
  for (std::size_t i = 0; i < n; ++i) {
    const support::lanes::Device device = support::lanes::behind(begin, d.index[i] & kIndexBits);
    d.low[i] = device.low;
    d.high[i] = device.high;
  }
}

}  // namespace uswim::programmer::chunk
