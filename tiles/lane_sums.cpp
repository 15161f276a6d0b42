#include "tiles/lane_sums.h"

#include "support/instruction_sets.h"

namespace uswim::tiles::bit_serial {
namespace {

typedef std::uint32_t Eight __attribute__((vector_size(32)));
constexpr std::size_t kEight = 8;
static_assert(kLanes == 2 * kEight && kColumns == 4 * kEight);

/// Not by memcpy(), which GCC makes copies by halves of, through memory.
typedef std::uint32_t EightAnywhere __attribute__((vector_size(32), aligned(2), may_alias));
USWIM_INLINE void load(Eight& eight, const void* from) {
  eight = *static_cast<const EightAnywhere*>(from);
}
USWIM_INLINE void store(const Eight& eight, void* to) { *static_cast<EightAnywhere*>(to) = eight; }

/// Rows of eight numbers become columns.
USWIM_INLINE void transpose(Eight (&rows)[kEight]) {
  Eight pairs[kEight], fours[kEight];
  for (std::size_t i = 0; i < kEight; i += 2) {
    const Eight a = rows[i], b = rows[i + 1];
    pairs[i] = __builtin_shufflevector(a, b, 0, 8, 1, 9, 4, 12, 5, 13);
    pairs[i + 1] = __builtin_shufflevector(a, b, 2, 10, 3, 11, 6, 14, 7, 15);
  }
  for (std::size_t i = 0; i < kEight; i += 4)
    for (std::size_t half = 0; half < 2; ++half) {
      const Eight a = pairs[i + half], b = pairs[i + half + 2];
      fours[i + 2 * half] = __builtin_shufflevector(a, b, 0, 1, 8, 9, 4, 5, 12, 13);
      fours[i + 2 * half + 1] = __builtin_shufflevector(a, b, 2, 3, 10, 11, 6, 7, 14, 15);
    }
  for (std::size_t i = 0; i < kEight / 2; ++i) {
    const Eight a = fours[i], b = fours[i + 4];
    rows[i] = __builtin_shufflevector(a, b, 0, 1, 2, 3, 8, 9, 10, 11);
    rows[i + 4] = __builtin_shufflevector(a, b, 4, 5, 6, 7, 12, 13, 14, 15);
  }
}

}  // namespace

USWIM_EVERY_INSTRUCTION_SET
void take_pairs(std::uint16_t* codes, std::size_t groups, const PairSums& pairs) {
  const std::uint32_t kept = pairs.add ? ~0u : 0u;
  const unsigned shift = pairs.shift;
  // Unsigned numbers are signed ones less 2^15, which cancels.
  const std::uint32_t sign = pairs.are_signed ? 0 : 0x80008000;
  typedef std::int32_t Signed __attribute__((vector_size(32)));
  for (std::size_t group = 0; group < groups; ++group, codes += kLanes * kColumns)
    for (std::size_t first = 0; first < pairs.pairs; first += kEight)
      for (std::size_t lane = 0; lane < kLanes; lane += kEight) {
        Eight both[kEight];  // the even column in the lower half
        for (std::size_t i = 0; i < kEight; ++i) {
          std::uint16_t* code = codes + (lane + i) * kColumns + 2 * first;
          load(both[i], code);
          store(Eight{}, code);
        }
        transpose(both);
        const std::size_t count = pairs.pairs - first < kEight ? pairs.pairs - first : kEight;
        for (std::size_t i = 0; i < count; ++i) {
          const Eight codes_of_pair = both[i] ^ sign;
          const Signed even = reinterpret_cast<Signed>(codes_of_pair << 16) >> 16;
          const Signed odd = reinterpret_cast<Signed>(codes_of_pair) >> 16;
          std::int32_t* of_pair = pairs.sums + (group * pairs.pitch + first + i) * kLanes + lane;
          Eight sum;
          load(sum, of_pair);
          sum = (sum & kept) + (reinterpret_cast<Eight>(even - odd) << shift);
          store(sum, of_pair);
        }
      }
}

USWIM_EVERY_INSTRUCTION_SET
void add_outputs(const std::int32_t* __restrict pairs, std::size_t groups,
                 const OutputSums& outputs, std::int64_t* __restrict sums) {
  const OutputSums of = outputs;
  const std::int64_t kept = of.add ? -1 : 0;
  for (std::size_t group = 0; group < groups; ++group, pairs += of.pitch * kLanes) {
    const std::int32_t* pair = pairs;
    for (std::size_t o = 0; o < of.outputs; ++o, sums += kLanes) {
      Eight steps[2] = {};
      for (std::size_t slice = 0; slice < of.slices; ++slice)
        for (std::size_t half = 0; half < 2; ++half, pair += kEight) {
          Eight of_slice;
          load(of_slice, pair);
          steps[half] = (steps[half] << of.device_bits) + of_slice;
        }
      std::int32_t of_output[kLanes];
      for (std::size_t half = 0; half < 2; ++half) store(steps[half], of_output + half * kEight);
      for (std::size_t lane = 0; lane < kLanes; ++lane)
        sums[lane] = (sums[lane] & kept) + std::int64_t{of_output[lane]} * of.factor;
    }
  }
}

USWIM_EVERY_INSTRUCTION_SET
void add_patterns(const PatternBits& bits, const std::int32_t* of_pattern, std::size_t outputs,
                  std::int32_t* sums) {
  static_assert(kOutputs == kEight);
  const std::uint32_t sign = bits.is_signed ? ~0u : 0u;
  for (std::size_t lane = 0; lane < kLanes; lane += kEight)
    for (std::size_t o = 0; o < outputs; o += kOutputs) {
      Eight of_lanes[kEight];
      for (std::size_t i = 0; i < kEight; ++i) of_lanes[i] = Eight{};
      for (unsigned bit = bits.bits; bit-- > 0;) {
        const std::uint32_t* word = bits.words + bit * kLanes + lane;
#pragma GCC unroll 8
        for (std::size_t i = 0; i < kEight; ++i) {
          Eight one;
          load(one, of_pattern + word[i] * outputs + o);
          of_lanes[i] += of_lanes[i] + one;
        }
        if (bit + 1 == bits.bits)
          for (std::size_t i = 0; i < kEight; ++i) of_lanes[i] = (of_lanes[i] ^ sign) - sign;
      }
      transpose(of_lanes);
      for (std::size_t i = 0; i < kOutputs; ++i) store(of_lanes[i], sums + (o + i) * kLanes + lane);
    }
}

}  // namespace uswim::tiles::bit_serial
