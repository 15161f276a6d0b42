#pragma once
#include <cstddef>

#include "programmer/write_verify/row_work.h"

namespace uswim::programmer {

/// Whether add_later_rounds() can be asked: for a single row with a driver at every column,
/// separate phases and at least 8 columns an ADC, on a machine that has AVX2.
bool knows_later_rounds(const RowView& row);

/// Adds the work of round 1 and those behind it until the last selected device is done, but of no
/// more than `limit` rounds, round 0 included, as round_work() gives it, write cycles included: all
/// rounds of a word at once instead of all words of a round. Returns the rounds, 1 where none of
/// these has a pulse.
std::size_t add_later_rounds(const RowView& row, std::size_t limit, RowWork& work);

}  // namespace uswim::programmer
