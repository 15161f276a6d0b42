#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "tiles/bit_lists.h"

/// The inner loops of BitSerialProducts, compiled for every instruction set with equal results.
namespace uswim::tiles::bit_serial {

/// Cells of neighbouring columns.
struct CellRows {
  const std::int16_t* first;
  std::size_t rows, pitch, columns;
};

/// Bounds of any column's sum over one part of a list.
struct PartSums {
  std::size_t tables = 0;              ///< places of a part, of different tables: 4, 2 or 1
  std::uint16_t above = 0, below = 0;  ///< the sum is in [-below, above], no longer than 2^16
};
/// Of a row block's columns, kColumns at a time.
class PartBounds {
 public:
  void add(const CellRows& chunk);
  /// As many tables as 16 bits hold the sums of; false where they do not hold those of one.
  bool find(PartSums& part) const;

 private:
  std::uint32_t above_[3] = {}, below_ = 0;  ///< of 4, 2 and 1 tables; of one
};

/// floor(sum / step) in 16 bits. What is left of the sum modulo 2^16 and the sum's upper bits,
/// rounded down part by part, are known; from the upper bits comes a quotient that is right or one
/// too small, and what it leaves of the sum tells which.
struct Division {
  int shift = 0;                ///< upper bits: sum >> shift
  std::int16_t reciprocal = 0;  ///< 2^(16 + shift) / step, rounded down
  std::uint16_t step = 0;
};
/// For sums in [lowest, highest] made of so many parts. False if 16 bits do not do.
bool make_division(std::int64_t lowest, std::int64_t highest, std::size_t parts, std::int32_t step,
                   Division& division);

/// Makes the tables of kColumns columns: [table][entry][column], sums of the rows in the entry's
/// bits.
void make_tables(const CellRows& cells, std::int16_t* tables);

/// The ADCs of a row block's columns, and what they are to add to the sums before.
struct Converters {
  Division division;
  std::int32_t half_step;
  std::int16_t largest_code;
};
/// Adds the ADCs' codes, weighted with their lists' bits: codes[vector][column] modulo 2^16.
void convert(const std::int16_t* tables, const Converters& converters, const PartSums& part,
             const BitLists& lists, std::uint16_t* codes);
/// The versions of convert() that this machine runs, the fastest first.
using Convert = void (*)(const std::int16_t*, const Converters&, const PartSums&, const BitLists&,
                         std::uint16_t*);
std::vector<Convert> versions_of_convert();

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
