#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

/// Which rows the bits of input vectors drive, as the tables of BitSerialProducts have their sums.
namespace uswim::tiles::bit_serial {

constexpr std::size_t kLanes = 16;    ///< input vectors side by side
constexpr std::size_t kColumns = 32;  ///< that a table has the sums of
constexpr std::size_t kRows = 4;      ///< that a table has the sums of
constexpr std::size_t kEntries = 1u << kRows;
constexpr std::size_t kTable = kEntries * kColumns;  ///< int16 of a table
constexpr std::size_t kPlace = 4;                    ///< int16 that places count in
/// Tables that places of 16 bits tell apart.
constexpr std::size_t kMostTables = 65536 * kPlace / kTable;

inline std::size_t tables_of(std::size_t rows) { return (rows + kRows - 1) / kRows; }

/// Bits of which 16 bits hold the sums of the ADCs' codes.
struct BitRange {
  unsigned first, end;
};

/// Input vectors [group][row][lane]; the groups are `pitch` codes apart. Of `lanes` lanes.
struct InputRows {
  const std::int16_t* codes;
  std::size_t groups, lanes, rows, pitch;
};

/// The rows that one bit of one input vector drives.
struct BitList {
  std::uint32_t first;   ///< in the places: a number of pairs for each run, then the pairs
  std::uint32_t vector;  ///< group x kLanes + lane
  std::uint32_t bit;     ///< from the range's first on
};

/// A list for every bit of every vector that any row has set. A group of four rows is left out
/// where it has none, since the sum of no rows is zero; what is left is one place in the tables,
/// counted from its run's first table. Lists of equal lengths lie side by side, so that the loop
/// over a list ends where the processor expects it to; their order means nothing else.
class BitLists {
 public:
  /// `ends`: of the runs, in tables, at most kMostTables each; the last is the number of tables.
  void make(const InputRows& inputs, BitRange range, const std::vector<std::uint32_t>& ends);
  const std::vector<BitList>& lists() const { return lists_; }
  const std::uint16_t* places() const { return places_.data(); }

 private:
  void sort_by_length(std::size_t run);

  std::vector<BitList> lists_, sorted_;
  std::vector<std::uint16_t> places_;
  std::vector<std::uint32_t> words_, begin_;
};

constexpr std::size_t kTablesOfWord = 8;
inline std::size_t words_of(std::size_t rows) {
  return (tables_of(rows) + kTablesOfWord - 1) / kTablesOfWord;
}
/// The entries of eight tables to a word of 32 bits, the first in the lowest bits:
/// words[bit][word][lane]; planes[bit] has the lanes in which any row has the bit. `codes`:
/// [row][lane]. Both arrays begin with the range's first bit.
void spread_bits(const std::int16_t* codes, std::size_t rows, BitRange range, std::uint32_t* words,
                 std::uint16_t* planes);

}  // namespace uswim::tiles::bit_serial
