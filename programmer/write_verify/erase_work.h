#pragma once
#include <cstddef>

#include "programmer/write_verify/row_work.h"

namespace uswim::programmer {

/// What erasing `rows` rows of `columns` devices takes that are driven together: a RESET pulse for
/// every device, in one phase, one slot per group of drivers. No write cycles.
RowWork erase_work(std::size_t columns, std::size_t rows, const RowScheme& scheme);

/// The work of erased rows as a whole: `write` follows `erase` on the same devices.
RowWork erased_first(const RowWork& erase, const RowWork& write);

}  // namespace uswim::programmer
