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

/// Tables, one per four rows, cut into runs: over any of its rows a run's sums span less than 2^16.
struct Runs {
  std::vector<std::uint32_t> ends;  ///< in tables
  std::int64_t largest_sum = 0;     ///< of all rows, and the negative of it the least
};
/// For the cells of all `arrays`, whose rows are as many. False where 16 bits do not hold even the
/// sums of four rows.
bool cut_runs(const std::vector<CellRows>& arrays, Runs& runs);

/// floor(sum / step) in 16 bits. What is left of the sum modulo 2^16 and the sum's upper bits,
/// rounded down run by run, are known; from the upper bits comes a quotient that is right or one
/// too small, and what it leaves of the sum tells which.
struct Division {
  int shift = 0;                ///< upper bits: sum >> shift
  std::int16_t reciprocal = 0;  ///< 2^(16 + shift) / step, rounded down
  std::uint16_t step = 0;
};
/// For sums in [lowest, highest] made of so many runs. False if 16 bits do not do.
bool make_division(std::int64_t lowest, std::int64_t highest, std::size_t runs, std::int32_t step,
                   Division& division);

/// kColumns columns of one array, and their ADCs.
struct Chunk {
  const std::int16_t* tables;   ///< [table][entry][column]: sum of the rows in the entry's bits
  const std::uint16_t* starts;  ///< [run][column]: what is added to its sums: none is negative then
  const std::int32_t* start;    ///< [column]: what that leaves to be added to all of them
  Division division;
  std::int16_t largest_code;
};
/// Makes tables, starts and start of kColumns columns of cells; start begins with `half`.
void make_tables(const CellRows& cells, const Runs& runs, std::int32_t half, std::int16_t* tables,
                 std::uint16_t* starts, std::int32_t* start);

/// Input bits as places in the tables.
struct Places {
  const BitList* lists;
  std::size_t count;
  const std::uint16_t* places;
  const std::uint32_t* ends;  ///< Runs::ends
  std::size_t runs;
  unsigned negative_bit;  ///< the bit of a list that counts negative, if any does
};
/// Adds the ADCs' codes, weighted with their lists' bits: codes[vector][column] modulo 2^16.
void convert(const Chunk& chunk, const Places& places, std::uint16_t* codes);
/// The versions of convert() that this machine runs, the fastest first.
using Convert = void (*)(const Chunk&, const Places&, std::uint16_t*);
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
