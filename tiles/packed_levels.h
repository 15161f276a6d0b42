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

inline std::size_t packed_row_bytes(const Mapping& mapping) {
  return mapping.pitch() * bits_per_packed_level(mapping.config().device_bits) / 8;
}
/// Mapping::levels of a block whose layer has these codes, packed row by row.
std::vector<std::uint8_t> packed_levels(const Mapping& mapping, std::size_t block,
                                        const std::vector<std::int16_t>& codes);
/// The same of the mapping's own codes.
inline std::vector<std::uint8_t> packed_levels(const Mapping& mapping, std::size_t block) {
  return packed_levels(mapping, block, mapping.layers()[mapping.blocks()[block].layer].weight_code);
}

}  // namespace uswim::tiles
