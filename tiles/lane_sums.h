#pragma once
#include <cstddef>
#include <cstdint>

#include "tiles/bit_lists.h"

/// What BitSerialProducts makes of the ADCs' codes, lanes side by side; compiled for every
/// instruction set with equal results.
namespace uswim::tiles::bit_serial {

/// A row block's sums before slices are added: [group][pair of columns of `pitch`][lane].
struct PairSums {
  std::int32_t* sums;
  std::size_t pitch, pairs;
  unsigned shift;   ///< of the range's first bit
  bool add;         ///< to the sums; else they begin here
  bool are_signed;  ///< codes
};
/// Even columns less odd ones. Leaves zeroes in `codes`.
void take_pairs(std::uint16_t* codes, std::size_t groups, const PairSums& pairs);

/// How the sums of neighbouring pairs, the most significant slice first, make those of outputs.
struct OutputSums {
  std::size_t outputs, slices, pitch;
  unsigned device_bits;
  std::int32_t factor;
  bool add;  ///< to the sums; else they begin here
};
/// sums[group][output][lane] from pairs[group][pair of `pitch`][lane].
void add_outputs(const std::int32_t* pairs, std::size_t groups, const OutputSums& outputs,
                 std::int64_t* sums);

constexpr std::size_t kOutputs = 8;  ///< multiple of the outputs that add_patterns() takes
/// Input bits of one group, whose words are the patterns: words[bit][lane].
struct PatternBits {
  const std::uint32_t* words;
  unsigned bits;
  bool is_signed;
};
/// sums[output][lane], as weighted sums over the bits of of_pattern[word][output].
void add_patterns(const PatternBits& bits, const std::int32_t* of_pattern, std::size_t outputs,
                  std::int32_t* sums);

}  // namespace uswim::tiles::bit_serial
