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
/// Devices dealt with together: the arrays of a chunk fit into the first cache. A multiple of 64.
constexpr std::size_t kChunk = 1024;
/// Loops over open devices run to the next multiple of this: whole vectors on every machine.
constexpr std::size_t kLanes = kCompressLanes;
constexpr std::size_t kPadded = kChunk + kLanes;
constexpr std::uint32_t kStuckBit = 1u << 31;

/// Every device of the chunk, in order.
struct ChunkDevices {
  alignas(64) float target[kPadded], sigma[kPadded], step[kPadded], error[kPadded];
  alignas(64) float held[kPadded];               ///< DeviceTarget::start
  alignas(64) std::int32_t programmed[kPadded];  ///< all bits or none
  alignas(64) std::int32_t present[kPadded];     ///< all bits or none
  alignas(64) std::int32_t stuck[kPadded];       ///< of enum Stuck
  // After round 0; `verified` and `cycles_left` after all rounds.
  alignas(64) float open_loop[kPadded], verified[kPadded];
  alignas(64) float read[kPadded];                ///< its error before round 0
  alignas(64) std::uint32_t index[kPadded];       ///< within the chunk, and kStuckBit
  alignas(64) std::int32_t open[kPadded];         ///< all bits or none
  alignas(64) std::int32_t cycles_left[kPadded];  ///< until max_cycles
  alignas(64) std::uint32_t flags[kPadded];       ///< FirstRound::flags
};

/// Devices still open, in ascending order.
struct OpenDevices {
  alignas(64) std::uint32_t index[kPadded];
  alignas(64) float conductance[kPadded], target[kPadded];
  alignas(64) float scale[kPadded];  ///< redraw: sigma of the write; incremental: the mean step
  alignas(64) std::int32_t cycles_left[kPadded];
  alignas(64) float read[kPadded];  ///< where reads are not exact, otherwise the conductance
  // Of one block.
  alignas(64) std::uint32_t low[kPadded], high[kPadded];  ///< halves of the device's index
  alignas(64) std::uint32_t pulse_word[4][kPadded], read_word[4][kPadded];  ///< before Box-Muller
  alignas(64) std::int32_t open[kPadded];                                   ///< all bits or none
  alignas(
      64) std::uint32_t pulses[kPadded];  ///< bit 2j SET, bit 2j + 1 RESET in the block's round j
};

/// Devices that a block has closed.
struct ClosedDevices {
  alignas(64) std::uint32_t index[kPadded];
  alignas(64) float conductance[kPadded];
  alignas(64) std::int32_t cycles_left[kPadded];
};

/// Round 0 of the chunk's devices.
USWIM_EVERY_INSTRUCTION_SET
void first_rounds(ChunkDevices& d, std::size_t n, const PulseConstants& constants) {
  const PulseConstants c = constants;
  for (std::size_t i = 0; i < n; ++i) {
    const FirstRound r = first_round(d.target[i], d.sigma[i], d.programmed[i] != 0, d.held[i],
                                     d.error[i], static_cast<Stuck>(d.stuck[i]), c);
    const std::int32_t present = d.present[i];
    const std::uint32_t flags = r.flags & static_cast<std::uint32_t>(present);
    const float read = converted(r.start + c.read_noise * d.read[i], c);
    const std::int32_t left = c.max_cycles - ((flags & (kVerifySet | kVerifyReset)) != 0 ? 1 : 0);
    const std::int32_t outside = is_inside(read, d.target[i], c.tolerance) ? 0 : present;
    d.open_loop[i] = present ? r.open_loop : 0.0f;
    d.verified[i] = present ? r.start : 0.0f;
    d.read[i] = read;
    d.index[i] = static_cast<std::uint32_t>(i) | (d.stuck[i] != 0 ? kStuckBit : 0u);
    d.flags[i] = flags;
    d.cycles_left[i] = left;
    d.open[i] = outside;
  }
}

USWIM_EVERY_INSTRUCTION_SET
void as_bytes(const std::uint32_t* flags, std::size_t n, std::uint8_t* __restrict bytes) {
  for (std::size_t i = 0; i < n; ++i) bytes[i] = static_cast<std::uint8_t>(flags[i]);
}

USWIM_EVERY_INSTRUCTION_SET
void find_cycles(const std::int32_t* left, std::int32_t most, std::size_t n,
                 std::uint16_t* __restrict cycles) {
  for (std::size_t i = 0; i < n; ++i) cycles[i] = static_cast<std::uint16_t>(most - left[i]);
}

std::size_t whole_vectors(std::size_t n) { return (n + kLanes - 1) / kLanes * kLanes; }

/// Halves of the indices on the chip of the first `n` open devices; `first`: of the chunk's first.
USWIM_EVERY_INSTRUCTION_SET
void find_indices(OpenDevices& d, std::size_t n, std::uint64_t first) {
  const support::lanes::Device begin = support::lanes::device(first);
  for (std::size_t i = 0; i < n; ++i) {
    const support::lanes::Device device = support::lanes::behind(begin, d.index[i] & ~kStuckBit);
    d.low[i] = device.low;
    d.high[i] = device.high;
  }
}

/// Four rounds of the first `n` open devices, padded to whole vectors.
template <class Rule, bool kReadError>
USWIM_INLINE void run_block(OpenDevices& d, std::size_t n, const PulseConstants& constants) {
  const PulseConstants c = constants;
  const std::size_t padded = (n + kLanes - 1) / kLanes * kLanes;
  for (std::size_t i = 0; i < padded; ++i) {
    const bool stuck = static_cast<std::int32_t>(d.index[i]) < 0;
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
    std::int32_t open = -1, left = d.cycles_left[i];
    std::uint32_t pulses = 0;
    const auto round = [&](unsigned j, std::int32_t acts) __attribute__((always_inline)) {
      const bool up = read < t;
      const float pulsed = Rule{}.after_pulse(g, t, scale, scale, up, z[j], c);
      const float moved = stuck ? g : pulsed;
      const float seen = kReadError ? converted(moved + c.read_noise * read_error[j], c) : moved;
      pulses |= (static_cast<std::uint32_t>(acts) & (up ? 1u : 2u)) << (2 * j);
      left += acts;
      g = acts ? moved : g;
      read = acts ? seen : read;
      const std::int32_t outside = is_inside(seen, t, c.tolerance) ? 0 : -1;
      const std::int32_t more = left > 0 ? -1 : 0;
      open &= ~acts | (outside & more);
    };
    for (unsigned j = 0; j < kRoundsPerBlock; ++j) round(j, open);
    d.conductance[i] = g;
    if (kReadError) d.read[i] = read;
    d.cycles_left[i] = left;
    d.open[i] = open;
    d.pulses[i] = pulses;
  }
}

#define USWIM_BLOCK(name, Rule, read_error)                                                       \
  USWIM_EVERY_INSTRUCTION_SET void name(OpenDevices& d, std::size_t n, const PulseConstants& c) { \
    run_block<Rule, read_error>(d, n, c);                                                         \
  }
USWIM_BLOCK(redraw_block, RedrawRule, false)
USWIM_BLOCK(redraw_noisy_block, RedrawRule, true)
USWIM_BLOCK(incremental_block, IncrementalRule, false)
USWIM_BLOCK(incremental_noisy_block, IncrementalRule, true)
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
      : constants_(constants),
        seed_(seed),
        chip_(chip),
        run_block_(
            constants.kind == PulseModelKind::Redraw
                ? (constants.reads_exactly() ? redraw_block : redraw_noisy_block)
                : (constants.reads_exactly() ? incremental_block : incremental_noisy_block)) {}

  /// Devices `at` ... `at + n` of the set, n <= kChunk.
  void write(const DeviceTarget* targets, std::size_t at, std::size_t n, std::uint64_t first,
             DeviceOutcomes& out) {
    prepare(targets, n, first);
    first_rounds(all_, n, constants_);
    begin_blocks(at, n, out);
    std::uint32_t block = 0;
    for (; open_count_ > 0; ++block) {
      draw_words(first, block);
      run_block_(open_, open_count_, constants_);
      keep_pulses(block);
      close(block, at, out);
    }
    std::copy_n(all_.open_loop, n, &out.open_loop[at]);
    std::copy_n(all_.verified, n, &out.verified[at]);
    find_cycles(all_.cycles_left, constants_.max_cycles, n, &out.cycles[at]);
    record_pulses(at, n, block, out);
  }

 private:
  StreamKey key(Stream stream) const { return {seed_, chip_, stream}; }

  void prepare(const DeviceTarget* targets, std::size_t n, std::uint64_t first) {
    for (std::size_t i = 0; i < n; ++i) {
      const DeviceTarget& t = targets[i];
      all_.target[i] = t.present ? t.target : 0.0f;
      all_.sigma[i] = t.present ? sigma_of(constants_, t) : 0.0f;
      all_.present[i] = t.present ? -1 : 0;
      all_.programmed[i] = t.programmed ? -1 : 0;
      all_.held[i] = t.start;
    }
    support::device_normals(key(Stream::ProgrammingError), first, n, all_.error);
    if (constants_.read_noise > 0.0f)
      support::device_normals(key(Stream::VerifyReadNoise), first, n, all_.read);
    else
      std::fill_n(all_.read, n, 0.0f);
    std::fill_n(all_.step, n, constants_.step);
    if (constants_.device_to_device > 0.0f) {
      support::device_normals(device_step_key(seed_, chip_), first, n, all_.step);
      for (std::size_t i = 0; i < n; ++i)
        all_.step[i] = constants_.step * step_factor(constants_, all_.step[i]);
    }
    if (constants_.stuck_low <= 0.0 && constants_.stuck_high <= 0.0) return;  // all_.stuck stays 0
    for (std::size_t i = 0; i < n; ++i)
      all_.stuck[i] = static_cast<std::int32_t>(stuck_state(constants_, seed_, chip_, first + i));
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

  void keep_pulses(std::uint32_t block) {
    pulses_.resize(std::max<std::size_t>(pulses_.size(), (block + 1) * kChunk));
    std::uint8_t* pulses = &pulses_[block * kChunk];
    std::memset(pulses, 0, kChunk);
    for (std::size_t i = 0; i < open_count_; ++i)
      pulses[open_.index[i] & ~kStuckBit] = static_cast<std::uint8_t>(open_.pulses[i]);
  }

  /// Collects the devices that round 0 leaves open.
  void begin_blocks(std::size_t at, std::size_t n, DeviceOutcomes& out) {
    std::memset(first_pulses_, 0, sizeof first_pulses_);
    as_bytes(all_.flags, n, first_pulses_);
    if (constants_.max_cycles == 1)
      for (std::size_t i = 0; i < n; ++i) {
        if (all_.open[i] == 0 || all_.cycles_left[i] > 0) continue;
        out.converged[at + i] = 0;
        all_.open[i] = 0;
      }
    const void* const from[] = {
        all_.index,       all_.verified,
        all_.target,      constants_.kind == PulseModelKind::Redraw ? all_.sigma : all_.step,
        all_.cycles_left, all_.read};
    open_count_ = compress(all_.open, -1, n, arrays(), from, open_arrays_);
  }

  /// Stores the devices that a block has closed, keeps the others.
  void close(std::uint32_t block, std::size_t at, DeviceOutcomes& out) {
    // Round 0 may have had the first.
    if (1 + (block + 1) * kRoundsPerBlock >= static_cast<std::size_t>(constants_.max_cycles))
      for (std::size_t i = 0; i < open_count_; ++i) {
        const float read = constants_.reads_exactly() ? open_.conductance[i] : open_.read[i];
        if (!open_.open[i] && !is_inside(read, open_.target[i], constants_.tolerance))
          out.converged[at + (open_.index[i] & ~kStuckBit)] = 0;
      }
    const void* const from[] = {open_.index, open_.conductance, open_.cycles_left};
    void* const to[] = {closed_.index, closed_.conductance, closed_.cycles_left};
    const std::size_t closed = compress(open_.open, 0, open_count_, 3, from, to);
    for (std::size_t i = 0; i < closed; ++i) {
      const std::uint32_t device = closed_.index[i] & ~kStuckBit;
      all_.verified[device] = closed_.conductance[i];
      all_.cycles_left[device] = closed_.cycles_left[i];
    }
    open_count_ = compress(open_.open, -1, open_count_, arrays(), open_arrays_, open_arrays_);
  }

  /// Stores the chunk's words of the bit sets.
  void record_pulses(std::size_t at, std::size_t n, std::uint32_t blocks, DeviceOutcomes& out) {
    const std::size_t words = out.words();
    add_rounds(out, 1 + blocks * kRoundsPerBlock);
    for (std::size_t i = 0; i < n; i += 64) {
      const std::size_t word = (at + i) / 64;
      const BitPlanes first = bit_planes(&first_pulses_[i]);
      out.open_loop_set[word] = first.planes[bit_of(kOpenLoopSet)];
      out.open_loop_reset[word] = first.planes[bit_of(kOpenLoopReset)];
      out.set[word] = first.planes[bit_of(kVerifySet)];
      out.reset[word] = first.planes[bit_of(kVerifyReset)];
      for (std::uint32_t b = 0; b < blocks; ++b) {
        if (is_zero(&pulses_[b * kChunk + i])) continue;  // as the outcomes are before
        const BitPlanes p = bit_planes(&pulses_[b * kChunk + i]);
        for (std::size_t j = 0; j < kRoundsPerBlock; ++j) {
          const std::size_t place = (1 + b * kRoundsPerBlock + j) * words + word;
          out.set[place] = p.planes[2 * j];
          out.reset[place] = p.planes[2 * j + 1];
        }
      }
    }
  }

  /// How many of `open_arrays_` are in use.
  std::size_t arrays() const { return constants_.reads_exactly() ? 5 : 6; }

  PulseConstants constants_;
  std::uint64_t seed_;
  std::uint32_t chip_;
  void (*run_block_)(OpenDevices&, std::size_t, const PulseConstants&);
  ChunkDevices all_{};
  OpenDevices open_{};
  ClosedDevices closed_{};
  void* const open_arrays_[6] = {open_.index, open_.conductance, open_.target,
                                 open_.scale, open_.cycles_left, open_.read};
  std::size_t open_count_ = 0;
  std::uint8_t first_pulses_[kChunk];  ///< FirstRound::flags
  std::vector<std::uint8_t> pulses_;   ///< OpenDevices::pulses; [block][device of the chunk]
};

class PulsedModel : public PulseModel {
 public:
  PulsedModel(const WriteVerifyConfig& config, const DeviceModel& device)
      : PulseModel(config, device), constants_(pulse_constants(config, device)) {}

  void write(const std::vector<DeviceTarget>& targets, std::uint64_t first, std::uint64_t seed,
             std::uint32_t chip, DeviceOutcomes& out) const override {
    clear(out, targets.size());
    ChunkWriter writer(constants_, seed, chip);
    for (std::size_t at = 0; at < targets.size(); at += kChunk)
      writer.write(&targets[at], at, std::min(kChunk, targets.size() - at), first + at, out);
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
