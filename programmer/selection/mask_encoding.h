#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "programmer/selection/device_mask.h"
#include "tiles/mapping.h"

/// The mask as it travels from the host to the tiles.
namespace uswim::programmer {

/// What a row's mask is written as. `Bitmap` alone needs no header, since every row has the same
/// length; with the others each row is a record.
enum class MaskEncoding { Bitmap, IndexList, RunLengths, Smallest };
inline constexpr std::array<std::pair<std::string_view, MaskEncoding>, 4> kMaskEncodings{
    {{"bitmap", MaskEncoding::Bitmap},
     {"index_list", MaskEncoding::IndexList},
     {"run_lengths", MaskEncoding::RunLengths},
     {"smallest", MaskEncoding::Smallest}}};

// A record: two bytes of header, little endian, then the payload. Bits 14 and 15 of the header name
// the encoding (0 bitmap, 1 index list, 2 run lengths), the bits below hold the number of entries:
//   bitmap       bytes, one bit per column, the first column in the lowest bit
//   index list   column numbers, rising
//   run lengths  pairs: columns without a bit before the run, length of the run less one
// A number takes one byte where a row has at most 256 columns, otherwise two (little endian).
inline constexpr std::size_t kMaskHeaderBytes = 2;

/// Bytes of a row's record, header included. `columns`: a multiple of 64, at most 1024; `row`: as
/// many bits.
std::size_t record_bytes(const std::uint64_t* row, std::size_t columns, MaskEncoding encoding);
/// The most that a record of a row can take.
std::size_t largest_record_bytes(std::size_t columns, MaskEncoding encoding);
void append_record(const std::uint64_t* row, std::size_t columns, MaskEncoding encoding,
                   std::vector<std::uint8_t>& out);
/// Length of the record that begins at `data`; nothing where that is no record or is cut off.
std::optional<std::size_t> record_length(const std::uint8_t* data, std::size_t available,
                                         std::size_t columns);
/// Writes all of the row's words. False where the record is malformed: a column out of range or
/// order.
bool decode_record(const std::uint8_t* data, std::size_t bytes, std::size_t columns,
                   std::uint64_t* row);

/// A whole mask in records: per tile a 32-bit little-endian offset from the beginning, then the
/// records of the tiles' rows in use, tile after tile.
std::vector<std::uint8_t> encode_mask(const DeviceMask& mask, const tiles::Mapping& mapping,
                                      MaskEncoding encoding);
/// Where each row's record begins, array_rows entries per array, unused ones 0. Nothing where the
/// stream is malformed.
std::optional<std::vector<std::uint32_t>> find_records(const std::vector<std::uint8_t>& stream,
                                                       const tiles::Mapping& mapping);

/// Bytes of a mask's records under each encoding, in the order of MaskEncoding.
using MaskBytes = std::array<std::uint64_t, kMaskEncodings.size()>;
MaskBytes mask_bytes(const DeviceMask& mask, const tiles::Mapping& mapping);

}  // namespace uswim::programmer
