#pragma once
#include <cstddef>

#include "programmer/write_verify/row_work.h"

namespace uswim::programmer {

/// Whether add_later_rounds() can be asked: for a single row with a driver at every column,
/// separate phases and at least 8 columns an ADC, on a machine that has AVX2.
bool knows_later_rounds(const RowView& row);

/// Adds the work of round 1 and those behind it up to `rounds`, round 0 included, each with a
/// pulse, as round_work() gives it, write cycles included: all rounds of a word at once instead of
/// all words of a round.
void add_later_rounds(const RowRounds& row, std::size_t rounds, RowWork& work);

}  // namespace uswim::programmer
