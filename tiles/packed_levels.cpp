#include "tiles/packed_levels.h"

#include <array>
#include <cstring>

namespace uswim::tiles {
namespace {

/// The levels of every byte.
template <unsigned kBits>
struct Unpacked {
  std::array<std::array<std::uint8_t, 8 / kBits>, 256> levels{};
  Unpacked() {
    for (unsigned byte = 0; byte < levels.size(); ++byte)
      for (unsigned k = 0; k < 8 / kBits; ++k)
        levels[byte][k] = static_cast<std::uint8_t>(byte >> (k * kBits) & ((1u << kBits) - 1));
  }
};

template <unsigned kBits>
void unpack(const std::uint8_t* packed, std::size_t n, std::uint8_t* levels) {
  static const Unpacked<kBits> of_byte;
  for (std::size_t i = 0; i < n; i += 8 / kBits)
    std::memcpy(levels + i, of_byte.levels[*packed++].data(), 8 / kBits);
}

/// kBytes: of a weight, 0: as many as the mapping says.
template <std::size_t kBytes>
void pack_codes(const Mapping& mapping, const ArrayBlock& a, const std::int16_t* codes,
                std::uint8_t* packed) {
  const std::size_t bytes = kBytes > 0 ? kBytes : mapping.packed_bytes_per_weight();
  const std::size_t row_bytes = packed_row_bytes(mapping), rows = mapping.layers()[a.layer].rows;
  const bool in_order = mapping.placement(a.layer).row_order.empty();
  for (std::size_t o = 0; o < a.outputs; ++o) {
    const std::int16_t* const code =
        &codes[mapping.matrix_output(a.layer, a.first_output + o) * rows];
    std::uint8_t* to = packed + o * bytes;
    for (std::size_t r = a.first_row; r < a.first_row + a.rows; ++r, to += row_bytes)
      std::memcpy(
          to, mapping.packed_levels_of_code(code[in_order ? r : mapping.matrix_row(a.layer, r)]),
          bytes);
  }
}

}  // namespace

void pack_levels(const std::uint8_t* levels, std::size_t n, unsigned device_bits,
                 std::uint8_t* packed) {
  const unsigned bits = bits_per_packed_level(device_bits);
  const std::uint8_t* const end = levels + n;
  while (levels < end) {
    unsigned byte = 0;
    for (unsigned shift = 0; shift < 8; shift += bits) byte |= unsigned{*levels++} << shift;
    *packed++ = static_cast<std::uint8_t>(byte);
  }
}

void unpack_levels(const std::uint8_t* packed, std::size_t n, unsigned device_bits,
                   std::uint8_t* levels) {
  switch (bits_per_packed_level(device_bits)) {
    case 1:
      return unpack<1>(packed, n, levels);
    case 2:
      return unpack<2>(packed, n, levels);
    default:
      return unpack<4>(packed, n, levels);
  }
}

std::vector<std::uint8_t> packed_levels(const Mapping& mapping, std::size_t block,
                                        const std::vector<std::int16_t>& codes) {
  const ArrayBlock& a = mapping.blocks()[block];
  const std::size_t row_bytes = packed_row_bytes(mapping),
                    bytes = mapping.packed_bytes_per_weight();
  std::vector<std::uint8_t> packed(a.rows * row_bytes, 0);
  if (bytes == 0) {
    const std::vector<std::uint8_t> levels = mapping.levels(block, codes);
    pack_levels(levels.data(), levels.size(), mapping.config().device_bits, packed.data());
    return packed;
  }
  switch (bytes) {
    case 1:
      pack_codes<1>(mapping, a, codes.data(), packed.data());
      break;
    case 2:
      pack_codes<2>(mapping, a, codes.data(), packed.data());
      break;
    default:
      pack_codes<0>(mapping, a, codes.data(), packed.data());
  }
  return packed;
}

}  // namespace uswim::tiles
