#include "programmer/write_verify/pulsed_model.h"

#include <algorithm>
#include <cstring>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "programmer/write_verify/compress.h"
#include "programmer/write_verify/pulse_rules.h"
#include "programmer/write_verify/record.h"
#include "support/philox_words.h"

namespace uswim::programmer {

using support::Stream;
using support::StreamKey;

namespace {

constexpr std::size_t kRoundsPerBlock = support::kNormalsPerBlock;
/// Devices dealt with together: what a block looks at fits into the first cache. A multiple of 64.
constexpr std::size_t kChunk = 1024;
/// Loops over open devices run to the next multiple of this: whole vectors on every machine.
constexpr std::size_t kLanes = kCompressLanes;
constexpr std::size_t kPadded = kChunk + kLanes;
// With a device's index within the chunk: whether it is stuck, and whether round 0 had a pulse of
// write-verify.
constexpr std::uint32_t kStuckBit = 1u << 31, kPulsedBit = 1u << 30, kIndexBits = kPulsedBit - 1;
constexpr std::uint32_t kSign = 1u << 31;

/// Every device of the chunk, in order.
struct ChunkDevices {
  alignas(64) float error[kPadded];  ///< of the open-loop write
  alignas(64) float target[kPadded], sigma[kPadded], step[kPadded];
  alignas(64) float start[kPadded];          ///< FirstRound::start
  alignas(64) std::uint32_t flags[kPadded];  ///< FirstRound::flags
  alignas(64) std::uint32_t index[kPadded];  ///< within the chunk, with its bits
  alignas(64) std::int32_t open[kPadded];    ///< all bits or none
  // Where first_rounds() is not plain.
  alignas(64) float held[kPadded];          ///< DeviceTargets::start
  alignas(64) float read[kPadded];          ///< its error before round 0
  alignas(64) std::int32_t stuck[kPadded];  ///< of enum Stuck
};

/// Devices still open, in ascending order.
struct OpenDevices {
  alignas(64) std::uint32_t index[kPadded];
  alignas(64) float conductance[kPadded], target[kPadded];
  alignas(64) float scale[kPadded];  ///< redraw: sigma of the write; incremental: the mean step
  alignas(64) float read[kPadded];   ///< where reads are not exact, otherwise the conductance
  // Of one block.
  alignas(64) std::uint32_t low[kPadded], high[kPadded];  ///< halves of the device's index
  alignas(64) std::uint32_t pulse_word[4][kPadded], read_word[4][kPadded];  ///< before Box-Muller
  alignas(64) std::int32_t open[kPadded];                                   ///< all bits or none
  /// Bits 0 to 3: RESET in the block's round j, if it has a pulse; from bit 4 on: how many rounds
  /// have one. They are the first ones.
  alignas(64) std::uint16_t pulses[kPadded];
};

/// Round 0 of the chunk's devices. `kPlain`: none is stuck or was programmed before, and reads are
/// exact.
template <bool kPlain>
USWIM_INLINE void first_rounds(const DeviceTargets::Level* __restrict levels, std::size_t n,
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
    first_rounds<plain>(levels, n, c, d, open_loop, verified);                             \
  }
USWIM_FIRST_ROUNDS(plain_first_rounds, true)
USWIM_FIRST_ROUNDS(any_first_rounds, false)
#undef USWIM_FIRST_ROUNDS

USWIM_EVERY_INSTRUCTION_SET
void as_bytes(const std::uint32_t* flags, std::size_t n, std::uint8_t* __restrict bytes) {
  for (std::size_t i = 0; i < n; ++i) bytes[i] = static_cast<std::uint8_t>(flags[i]);
}

/// Adds the pulses of a block to each device's.
USWIM_EVERY_INSTRUCTION_SET
void add_cycles(const std::uint8_t* pulses, std::size_t n, std::uint16_t* __restrict cycles) {
  for (std::size_t i = 0; i < n; ++i)
    cycles[i] = static_cast<std::uint16_t>(cycles[i] + (pulses[i] >> 4));
}

std::size_t whole_vectors(std::size_t n) { return (n + kLanes - 1) / kLanes * kLanes; }

/// Halves of the indices on the chip of the first `n` open devices; `first`: of the chunk's first.
USWIM_EVERY_INSTRUCTION_SET
void find_indices(OpenDevices& d, std::size_t n, std::uint64_t first) {
  const support::lanes::Device begin = support::lanes::device(first);
  for (std::size_t i = 0; i < n; ++i) {
    const support::lanes::Device device = support::lanes::behind(begin, d.index[i] & kIndexBits);
    d.low[i] = device.low;
    d.high[i] = device.high;
  }
}

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
  const std::size_t padded = (n + kLanes - 1) / kLanes * kLanes;
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
      resets = resets >> 1 | down;
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
    d.pulses[i] =
        static_cast<std::uint16_t>(resets >> 28 | static_cast<std::uint32_t>(rounds) << 4);
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

constexpr int bit_of(std::uint32_t flag) { return __builtin_ctz(flag); }

/// planes[j]: bit j of each of 64 bytes.
struct BitPlanes {
  std::uint64_t planes[8] = {};
};
BitPlanes bit_planes(const std::uint8_t* bytes) {
  BitPlanes result;
#if defined(__SSE2__)
  for (int k = 0; k < 64; k += 16) {
    __m128i x = _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes + k));
    for (int j = 7; j >= 0; --j, x = _mm_add_epi8(x, x))
      result.planes[j] |= static_cast<std::uint64_t>(static_cast<unsigned>(_mm_movemask_epi8(x)))
                          << k;
  }
#else
  for (int k = 0; k < 64; ++k)
    for (int j = 0; j < 8; ++j)
      result.planes[j] |= static_cast<std::uint64_t>(bytes[k] >> j & 1) << k;
#endif
  return result;
}

/// Whether 64 bytes are.
bool is_zero(const std::uint8_t* bytes) {
  std::uint64_t words[8], any = 0;
  std::memcpy(words, bytes, sizeof words);
  for (const std::uint64_t w : words) any |= w;
  return any == 0;
}

/// Write-verify of a chunk of devices, into the outcomes.
class ChunkWriter {
 public:
  ChunkWriter(const PulseConstants& constants, std::uint64_t seed, std::uint32_t chip)
      : constants_(constants), seed_(seed), chip_(chip) {
    std::fill_n(all_.step, kPadded, constants_.step);
    std::fill_n(open_.scale, kPadded, constants_.step);
  }

  /// Devices `at` ... `at + n` of the set, n <= kChunk.
  void write(const DeviceTargets& targets, std::size_t at, std::size_t n, std::uint64_t first,
             DeviceOutcomes& out) {
    first_rounds(targets, at, n, first, out);
    begin_blocks(at, n, out);
    std::uint32_t block = 0;
    for (; open_count_ > 0; ++block) {
      draw_words(first, block);
      run_block(block);
      keep(block, at, out);
      close(block, at, out);
    }
    record_pulses(at, n, block, out);
  }

 private:
  StreamKey key(Stream stream) const { return {seed_, chip_, stream}; }
  bool is_redraw() const { return constants_.kind == PulseModelKind::Redraw; }
  bool may_be_stuck() const { return constants_.stuck_low > 0.0 || constants_.stuck_high > 0.0; }

  void first_rounds(const DeviceTargets& targets, std::size_t at, std::size_t n,
                    std::uint64_t first, DeviceOutcomes& out) {
    support::device_normals(key(Stream::ProgrammingError), first, n, all_.error);
    if (constants_.device_to_device > 0.0f) {
      support::device_normals(device_step_key(seed_, chip_), first, n, all_.step);
      for (std::size_t i = 0; i < n; ++i)
        all_.step[i] = constants_.step * step_factor(constants_, all_.step[i]);
    }
    const bool plain = constants_.reads_exactly() && !may_be_stuck() && targets.start.empty();
    if (!plain) {
      if (targets.start.empty())
        std::fill_n(all_.held, n, std::nanf(""));
      else
        std::copy_n(&targets.start[at], n, all_.held);
      if (constants_.read_noise > 0.0f)
        support::device_normals(key(Stream::VerifyReadNoise), first, n, all_.read);
      else
        std::fill_n(all_.read, n, 0.0f);
      for (std::size_t i = 0; i < n; ++i)
        all_.stuck[i] = static_cast<std::int32_t>(stuck_state(constants_, seed_, chip_, first + i));
    }
    (plain ? plain_first_rounds : any_first_rounds)(&targets.levels[at], n, constants_, all_,
                                                    &out.open_loop[at], &out.verified[at]);
  }

  /// What the pulses and reads of a block are made of.
  void draw_words(std::uint64_t first, std::uint32_t block) {
    find_indices(open_, whole_vectors(open_count_), first);
    const auto draw = [&](Stream stream, std::uint32_t(&word)[4][kPadded]) {
      std::uint32_t* const words[4] = {word[0], word[1], word[2], word[3]};
      support::philox_words(key(stream), open_.low, open_.high, whole_vectors(open_count_), block,
                            words);
    };
    draw(Stream::WriteCycle, open_.pulse_word);
    if (constants_.read_noise > 0.0f) draw(Stream::VerifyReadNoise, open_.read_word);
  }

  /// Pulses until max_cycles at the beginning of a block, of devices without one in round 0.
  std::int32_t left(std::uint32_t block) const {
    return constants_.max_cycles - static_cast<std::int32_t>(block * kRoundsPerBlock);
  }
  /// Whether a device may come to max_cycles in a block.
  bool may_give_up(std::uint32_t block) const {
    return left(block) <= static_cast<std::int32_t>(kRoundsPerBlock) + 1;
  }

  void run_block(std::uint32_t block) {
    auto* run = is_redraw() ? noisy_redraw_block : noisy_incremental_block;
    if (constants_.reads_exactly())
      run = may_give_up(block) || may_be_stuck()
                ? (is_redraw() ? redraw_block : incremental_block)
                : (is_redraw() ? plain_redraw_block : plain_incremental_block);
    run(open_, open_count_, left(block), constants_);
  }

  /// Stores what a block has done to the open devices.
  void keep(std::uint32_t block, std::size_t at, DeviceOutcomes& out) {
    pulses_.resize(std::max<std::size_t>(pulses_.size(), (block + 1) * kChunk));
    std::uint8_t* pulses = &pulses_[block * kChunk];
    std::memset(pulses, 0, kChunk);
    float* verified = &out.verified[at];
    for (std::size_t i = 0; i < open_count_; ++i) {
      const std::uint32_t device = open_.index[i] & kIndexBits;
      pulses[device] = static_cast<std::uint8_t>(open_.pulses[i]);
      verified[device] = open_.conductance[i];
    }
  }

  /// Collects the devices that round 0 leaves open.
  void begin_blocks(std::size_t at, std::size_t n, DeviceOutcomes& out) {
    for (std::size_t i = 0; i < n; ++i)
      out.cycles[at + i] = (all_.flags[i] & (kVerifySet | kVerifyReset)) != 0;
    if (constants_.max_cycles == 1)
      for (std::size_t i = 0; i < n; ++i) {
        if (all_.open[i] == 0 || out.cycles[at + i] == 0) continue;
        out.converged[at + i] = 0;
        all_.open[i] = 0;
      }
    const void* const from[] = {all_.index, all_.start, all_.target,
                                is_redraw() ? all_.sigma : all_.step, all_.read};
    open_count_ = compress(all_.open, -1, n, arrays(), from, open_arrays_);
  }

  /// Goes on with the devices that a block has left open.
  void close(std::uint32_t block, std::size_t at, DeviceOutcomes& out) {
    for (std::size_t i = 0; i < open_count_ && may_give_up(block); ++i) {
      const float read = constants_.reads_exactly() ? open_.conductance[i] : open_.read[i];
      if (!open_.open[i] && !is_inside(read, open_.target[i], constants_.tolerance))
        out.converged[at + (open_.index[i] & kIndexBits)] = 0;
    }
    open_count_ = compress(open_.open, -1, open_count_, arrays(), open_arrays_, open_arrays_);
  }

  /// Stores the chunk's words of the bit sets.
  void record_pulses(std::size_t at, std::size_t n, std::uint32_t blocks, DeviceOutcomes& out) {
    const std::size_t words = out.words();
    add_rounds(out, 1 + blocks * kRoundsPerBlock);
    std::uint8_t first_pulses[kChunk] = {};
    as_bytes(all_.flags, n, first_pulses);
    for (std::uint32_t b = 0; b < blocks; ++b) add_cycles(&pulses_[b * kChunk], n, &out.cycles[at]);
    for (std::size_t i = 0; i < n; i += 64) {
      const std::size_t word = (at + i) / 64;
      const BitPlanes first = bit_planes(&first_pulses[i]);
      out.open_loop_set[word] = first.planes[bit_of(kOpenLoopSet)];
      out.open_loop_reset[word] = first.planes[bit_of(kOpenLoopReset)];
      out.set[word] = first.planes[bit_of(kVerifySet)];
      out.reset[word] = first.planes[bit_of(kVerifyReset)];
      for (std::uint32_t b = 0; b < blocks; ++b) {
        if (is_zero(&pulses_[b * kChunk + i])) continue;  // as the outcomes are before
        const auto& p = bit_planes(&pulses_[b * kChunk + i]).planes;
        // Rounds with a pulse: 1 to 4.
        const std::uint64_t pulsed[] = {p[4] | p[5] | p[6], p[5] | p[6], (p[4] & p[5]) | p[6],
                                        p[6]};
        for (std::size_t j = 0; j < kRoundsPerBlock; ++j) {
          const std::size_t place = (1 + b * kRoundsPerBlock + j) * words + word;
          out.set[place] = pulsed[j] & ~p[j];
          out.reset[place] = pulsed[j] & p[j];
        }
      }
    }
  }

  /// How many of `open_arrays_` are in use. The steps of `incremental` are mostly all the same.
  std::size_t arrays() const {
    if (!constants_.reads_exactly()) return 5;
    return is_redraw() || constants_.device_to_device > 0.0f ? 4 : 3;
  }

  PulseConstants constants_;
  std::uint64_t seed_;
  std::uint32_t chip_;
  ChunkDevices all_{};
  OpenDevices open_{};
  void* const open_arrays_[5] = {open_.index, open_.conductance, open_.target, open_.scale,
                                 open_.read};
  std::size_t open_count_ = 0;
  std::vector<std::uint8_t> pulses_;  ///< OpenDevices::pulses; [block][device of the chunk]
};

class PulsedModel : public PulseModel {
 public:
  PulsedModel(const WriteVerifyConfig& config, const DeviceModel& device)
      : PulseModel(config, device), constants_(pulse_constants(config, device)) {}

  void write(const DeviceTargets& targets, std::uint64_t first, std::uint64_t seed,
             std::uint32_t chip, DeviceOutcomes& out) const override {
    clear(out, targets.size());
    ChunkWriter writer(constants_, seed, chip);
    for (std::size_t at = 0; at < targets.size(); at += kChunk)
      writer.write(targets, at, std::min(kChunk, targets.size() - at), first + at, out);
    drop_empty_rounds(out);
    relax_all(out, targets, constants_, first, seed, chip);
  }

 private:
  /// Blocks have four rounds; the last ones may be empty.
  static void drop_empty_rounds(DeviceOutcomes& out) {
    const auto is_empty = [&](std::size_t round) {
      for (std::size_t w = round * out.words(); w < (round + 1) * out.words(); ++w)
        if (out.set[w] | out.reset[w]) return false;
      return true;
    };
    while (out.rounds > 1 && is_empty(out.rounds - 1)) --out.rounds;
    out.set.resize(out.rounds * out.words());
    out.reset.resize(out.rounds * out.words());
  }

  PulseConstants constants_;
};

}  // namespace

std::unique_ptr<PulseModel> make_pulsed_model(const WriteVerifyConfig& config,
                                              const DeviceModel& device) {
  return std::make_unique<PulsedModel>(config, device);
}

}  // namespace uswim::programmer
