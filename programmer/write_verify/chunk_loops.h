#pragma once
#include <cstddef>
#include <cstdint>

#include "programmer/write_verify/compress.h"
#include "programmer/write_verify/pulse_model.h"
#include "programmer/write_verify/pulse_rules.h"
#include "support/random.h"

/// The loops of PulsedModel over the devices of a chunk, compiled for every instruction set with
/// equal results.
namespace uswim::programmer::chunk {

inline constexpr std::size_t kRoundsPerBlock = support::kNormalsPerBlock;
/// Devices dealt with together: what a block looks at fits into the first cache. A multiple of 64.
inline constexpr std::size_t kChunk = 1024;
/// Loops over open devices run to the next multiple of this: whole vectors on every machine.
inline constexpr std::size_t kLanes = kCompressLanes;
inline constexpr std::size_t kPadded = kChunk + kLanes;
// With a device's index within the chunk: whether it is stuck, and whether round 0 had a pulse of
// write-verify.
inline constexpr std::uint32_t kStuckBit = 1u << 31, kPulsedBit = 1u << 30,
                               kIndexBits = kPulsedBit - 1;

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
  /// Bits 0 to 3: a RESET pulse in the block's round j; from bit 4 on: how many rounds have a
  /// pulse. They are the first ones.
  alignas(64) std::uint32_t pulses[kPadded];
  alignas(64) std::int32_t has_reset[kPadded];  ///< a RESET pulse in the block: all bits or none
};

/// Some devices of a block: those that it closes, or those with RESET pulses.
struct PickedDevices {
  alignas(64) std::uint32_t index[kPadded], pulses[kPadded];
  alignas(64) float conductance[kPadded];
};

/// Round 0 of devices `at` ... `at + n` of the targets, n <= kChunk; `first`: index of the first of
/// them on the chip. Draws what it takes.
void first_rounds(const PulseConstants& c, const DeviceTargets& targets, std::size_t at,
                  std::size_t n, std::uint64_t first, std::uint64_t seed, std::uint32_t chip,
                  ChunkDevices& d, float* open_loop, float* verified);

/// Four rounds of the first `n` open devices, padded to whole vectors. `left`: pulses until
/// max_cycles of those that had none in round 0. Plain: more than there are rounds, and no device
/// is stuck; only where reads are exact.
using Block = void (*)(OpenDevices& d, std::size_t n, std::int32_t left, const PulseConstants& c);
Block block(const PulseConstants& c, bool plain);

/// planes[j]: bit j of each of 64 bytes.
struct BitPlanes {
  std::uint64_t planes[8];
};
/// Of `words` times 64 bytes.
void bit_planes(const std::uint8_t* bytes, std::size_t words, BitPlanes* out);
/// The same bit by bit: the reference, and the way of other processors.
void bit_planes_plainly(const std::uint8_t* bytes, std::size_t words, BitPlanes* out);

/// What `statistical` makes of devices after round 0: an error of `sigma` times the level's factor,
/// the same cycles for all, a first pulse towards the level.
void swap_errors(const DeviceTargets::Level* levels, std::size_t n, float sigma,
                 const float* residual, std::uint16_t all_cycles, float* verified,
                 std::uint16_t* cycles, std::uint32_t* flags);
/// Stores a chunk's words of the bit sets of round 0. `flags`: FirstRound::flags, 0 behind the last
/// device up to whole words.
void record_first_round(const std::uint8_t* flags, std::size_t at, std::size_t n,
                        DeviceOutcomes& out);

void as_bytes(const std::uint32_t* flags, std::size_t n, std::uint8_t* bytes);
/// 1 where write-verify has a pulse in round 0.
void first_cycles(const std::uint32_t* flags, std::size_t n, std::uint16_t* cycles);
/// Halves of the indices on the chip of the first `n` open devices; `first`: of the chunk's first.
void find_indices(OpenDevices& d, std::size_t n, std::uint64_t first);
inline std::size_t whole_vectors(std::size_t n) { return (n + kLanes - 1) / kLanes * kLanes; }

}  // namespace uswim::programmer::chunk
