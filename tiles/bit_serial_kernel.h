#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

/// The inner loops of BitSerialProducts, compiled for every instruction set with equal results.
namespace uswim::tiles::bit_serial {

constexpr std::size_t kLanes = 16;    ///< input vectors side by side
constexpr std::size_t kColumns = 32;  ///< columns of a chunk
constexpr std::size_t kRows = 4;      ///< rows that a table has the sums of
constexpr std::size_t kEntries = 1u << kRows;
constexpr std::size_t kTable = kEntries * kColumns;  ///< int16 of a table

inline std::size_t tables_of(std::size_t rows) { return (rows + kRows - 1) / kRows; }
/// Where a table has column c: even places are the first 16, so that two shifts widen them all.
constexpr std::size_t place_of(std::size_t column) {
  return column < kColumns / 2 ? 2 * column : 2 * (column - kColumns / 2) + 1;
}

/// 32 columns of one array: a table per four rows, and their ADCs.
struct Chunk {
  const std::int16_t* tables;  ///< [table][entry][place]: sum of the rows in the entry's bits
  const std::uint32_t* ends;   ///< of the runs of tables whose sums fit 16 bits
  const std::int32_t* start;   ///< [column]: what the tables leave out of every sum
  float half_step;             ///< plus one half
  float inverse_step;
  std::int32_t largest_code;
};

/// Input bits as places in the tables.
struct Bits {
  const std::uint16_t* look_ups;  ///< [group][bit][table][lane]: entry x kColumns
  const std::uint16_t* planes;    ///< [group][bit]: lanes in which any row has the bit
  std::size_t groups, tables, lanes;
  unsigned bits;
  bool is_signed;
};

/// Sums of the ADCs' codes over the bits, weighted with them: codes[group][lane][column].
void convert(const Chunk& chunk, const Bits& bits, std::int32_t* codes);
/// The versions of convert() that this machine runs, the fastest first.
using Convert = void (*)(const Chunk&, const Bits&, std::int32_t*);
std::vector<Convert> versions_of_convert();

/// Neighbouring columns of a chunk that count alike for outputs one behind the other.
struct ColumnRun {
  std::size_t column, length;
  std::size_t output;   ///< of the first
  std::int32_t weight;  ///< of its slice and sign
};
/// sums[group][lane][output] += weight * codes[group][lane][column]. `codes` holds `lanes` of each
/// group, `sums` all.
void add_weighted(const ColumnRun& run, const Bits& bits, const std::int32_t* codes,
                  std::size_t outputs, std::int32_t* sums);

/// One group of input vectors as places in the tables. `codes`: [row][lane].
void spread_bits(const std::int16_t* codes, std::size_t rows, unsigned bits,
                 std::uint16_t* look_ups, std::uint16_t* planes);

/// Makes the tables of rows [row][place], whose number is a multiple of four, and start and ends.
/// Returns false where 16 bits do not hold even four rows' sums.
bool make_tables(const std::int16_t* rows, std::size_t tables, std::int16_t* table,
                 std::int32_t* start, std::uint32_t* ends);

}  // namespace uswim::tiles::bit_serial
