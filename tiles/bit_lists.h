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
  std::uint32_t first;   ///< in the places
  std::uint32_t vector;  ///< group x kLanes + lane
  std::uint16_t weight;  ///< of the bit, modulo 2^16: 1 for the range's first
  std::uint16_t parts;   ///< its length
};
/// Neighbouring lists of one length.
struct EqualLists {
  std::uint32_t end;
  std::uint32_t parts;
};

/// A list for every bit of every vector that any row has set. A group of four rows is left out
/// where it has none, since the sum of no rows is zero; what is left is one place in the tables, or
/// several of fewer rows each.
/// Lists consist of parts of equal size, the last filled up with the place of no row. They are
/// sorted by length, so that the loop over a list ends where the processor expects it to.
class BitLists {
 public:
  struct Shape {
    std::size_t part = 4;           ///< places of one, up to 8
    std::size_t rows_of_place = 4;  ///< at most: 4, 2 or 1
  };
  /// `has_sign`: the last bit of the range counts negative.
  void make(const InputRows& inputs, BitRange range, bool has_sign, const Shape& shape);
  const BitList* lists() const { return lists_.data(); }
  /// Of all lists, the shortest first.
  const std::vector<EqualLists>& lengths() const { return lengths_; }
  const std::uint16_t* places() const { return places_.data(); }
  /// Parts of the longest list.
  std::size_t longest() const { return lengths_.empty() ? 0 : lengths_.back().parts; }

 private:
  void sort(std::size_t count, std::size_t longest);

  std::vector<BitList> lists_, unsorted_;
  std::vector<EqualLists> lengths_;
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
