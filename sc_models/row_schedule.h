#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "sc_models/chip_config.h"

namespace uswim::sc_models {

/// Order in which a tile's commands are carried out; `selected[i]`: devices to verify in command i,
/// which is what the controller knows of the work to come.
std::vector<std::size_t> row_sequence(RowSequence order,
                                      const std::vector<std::uint64_t>& selected);

/// Order in which tiles come to the interconnect for the first time, and so each time that all wait
/// for it. `selected[t]`: devices to verify in tile t.
std::vector<std::size_t> tile_sequence(TileSequence order,
                                       const std::vector<std::uint64_t>& selected);

}  // namespace uswim::sc_models
