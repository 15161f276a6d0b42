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
  BitLists::Shape shape;
  std::uint16_t above = 0, below = 0;  ///< the sum is in [-below, above], no longer than 2^16
};
/// Of a row block's columns, kColumns at a time, for places of so many rows.
class PartBounds {
 public:
  explicit PartBounds(std::size_t rows_of_place) : rows_(rows_of_place) {}
  void add(const CellRows& chunk);
  /// As many places, 4, 2 or 1, as 16 bits hold the sums of; false where they do not hold those of
  /// one.
  bool find(PartSums& part) const;

 private:
  std::size_t rows_;
  std::uint32_t above_[3] = {}, below_ = 0;  ///< of 4, 2 and 1 places; of one
};

/// floor(sum / step) in 16 bits. What is left of the sum modulo 2^16 and the sum's upper bits,
/// rounded down part by part or once, are known; from the upper bits comes a quotient that is right
/// or one too small, and what it leaves of the sum tells which.
struct Division {
  int shift = 0;                ///< upper bits: sum >> shift
  std::int16_t reciprocal = 0;  ///< 2^(16 + shift) / step, rounded down
  std::uint16_t step = 0;
};
/// For sums in [lowest, highest] whose upper bits are rounded down so many times. False if 16 bits
/// do not do.
bool make_division(std::int64_t lowest, std::int64_t highest, std::size_t times, std::int32_t step,
                   Division& division);

/// Makes the tables of kColumns columns: [table][entry][column], sums of the rows in the entry's
/// bits.
void make_tables(const CellRows& cells, std::int16_t* tables);

/// The ADCs of a row block's columns, and what they are to add to the sums before.
struct Converters {
  Division division;
  std::int32_t half_step;
  std::int16_t largest_code;
  bool exact;  ///< nothing of the upper bits may be lost: slower
};
/// Adds the ADCs' codes, weighted with their lists' bits: codes[vector][column] modulo 2^16.
void convert(const std::int16_t* tables, const Converters& converters, const PartSums& part,
             const BitLists& lists, std::uint16_t* codes);
/// The versions of convert() that this machine runs, the fastest first.
using Convert = void (*)(const std::int16_t*, const Converters&, const PartSums&, const BitLists&,
                         std::uint16_t*);
std::vector<Convert> versions_of_convert();

}  // namespace uswim::tiles::bit_serial
