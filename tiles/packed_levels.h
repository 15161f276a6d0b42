#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "tiles/mapping.h"

namespace uswim::tiles {

/// How levels are packed into bytes: 1, 2 or 4 bits each, the first level in the lowest bits.
inline unsigned bits_per_packed_level(unsigned device_bits) {
  return device_bits == 3 ? 4 : device_bits;
}

/// Packs `n` levels, a multiple of 8.
void pack_levels(const std::uint8_t* levels, std::size_t n, unsigned device_bits,
                 std::uint8_t* packed);
/// The other way round.
void unpack_levels(const std::uint8_t* packed, std::size_t n, unsigned device_bits,
                   std::uint8_t* levels);

/// Mapping::levels of a block, packed row by row.
std::vector<std::uint8_t> packed_levels(const Mapping& mapping, std::size_t block);

}  // namespace uswim::tiles
