#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

/// The inner loops of BitSerialProducts, compiled for every instruction set with equal results.
namespace uswim::tiles::bit_serial {

constexpr std::size_t kLanes = 16;    ///< input vectors side by side
constexpr std::size_t kColumns = 16;  ///< columns of a chunk
constexpr std::size_t kRows = 4;      ///< rows that a table has the sums of
constexpr std::size_t kEntries = 1u << kRows;
constexpr std::size_t kTable = kEntries * kColumns;  ///< int16 of a table
constexpr unsigned kMostPerWord = 4;                 ///< tables that a word names entries of

/// Words of 16 bits that name an entry of each of `per_word` (1, 2 or 4) tables.
inline std::size_t words_of(std::size_t rows, unsigned per_word) {
  return (rows + kRows * per_word - 1) / (kRows * per_word);
}

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

/// 16 columns of one array: a table per four rows, and their ADCs.
struct Chunk {
  const std::int16_t* tables;  ///< [table][entry][column]: sum of the rows in the entry's bits
  const std::uint32_t* ends;   ///< of the runs of words whose tables' sums fit 16 bits
  const std::int32_t* start;   ///< [column]: what the tables leave out of every sum
  Division division;
  std::int16_t largest_code;
};

/// Input bits as places in the tables.
struct Bits {
  const std::uint16_t* words;   ///< [group][bit][word][lane]: entries, four bits each
  const std::uint16_t* planes;  ///< [group][bit]: lanes in which any row has the bit
  std::size_t groups, words_of_bit, lanes;
  unsigned per_word, bits;
  bool is_signed;
};
/// Bits of which 16 bits hold the sums of the ADCs' codes.
struct BitRange {
  unsigned first, end;
};

/// Sums of the ADCs' codes over some bits, weighted with them from 1 on: codes[group][lane][column]
/// modulo 2^16; negative numbers only where the range ends with a sign.
void convert(const Chunk& chunk, const Bits& bits, BitRange range, std::uint16_t* codes);
/// The versions of convert() that this machine runs, the fastest first.
using Convert = void (*)(const Chunk&, const Bits&, BitRange, std::uint16_t*);
std::vector<Convert> versions_of_convert();

/// Neighbouring columns of a chunk that count alike for outputs one behind the other.
struct ColumnRun {
  std::size_t column, length;
  std::size_t output;   ///< of the first
  std::int32_t weight;  ///< of its slice and sign, and of the first bit
  bool add;             ///< to the sums; else they begin here
};
/// sums[group][lane][output] += weight * codes[group][lane][column].
void add_weighted(const ColumnRun& run, const Bits& bits, BitRange range,
                  const std::uint16_t* codes, std::size_t outputs, std::int32_t* sums);

constexpr std::size_t kOutputs = 8;  ///< multiple of the outputs that add_patterns() takes
/// sums[group][lane][output], as weighted sums over the bits of of_pattern[word][output].
void add_patterns(const Bits& bits, const std::int32_t* of_pattern, std::size_t outputs,
                  std::int32_t* sums);

/// One group of input vectors as places in the tables. `codes`: [row][lane].
void spread_bits(const std::int16_t* codes, std::size_t rows, unsigned bits, unsigned per_word,
                 std::uint16_t* words, std::uint16_t* planes);

/// What make_tables() finds out about the sums.
struct Sums {
  std::int64_t lowest = 0, highest = 0;
  std::size_t runs = 0;
};
/// Makes the tables of rows [row][column], whose number is that of whole words, and start and ends.
/// Returns false where 16 bits do not hold even one word's sums.
bool make_tables(const std::int16_t* rows, std::size_t words, unsigned per_word,
                 std::int16_t* table, std::int32_t* start, std::uint32_t* ends, Sums& sums);

/// A row block's sums: [vector][output of `stride`].
struct BlockShape {
  std::size_t vectors, outputs, stride;
};
/// sums[vector][output] = factor * block[vector][output], or more by that.
void add_block(const std::int32_t* block, const BlockShape& shape, std::int32_t factor, bool add,
               std::int64_t* sums);

}  // namespace uswim::tiles::bit_serial
