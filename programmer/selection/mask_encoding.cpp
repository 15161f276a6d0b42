#include "programmer/selection/mask_encoding.h"

#include <algorithm>
#include <limits>
#include <stdexcept>

#include "support/instruction_sets.h"

namespace uswim::programmer {
namespace {

constexpr unsigned kEncodingShift = 14;
constexpr std::size_t kTableEntryBytes = 4;

std::size_t number_bytes(std::size_t columns) { return columns <= 256 ? 1 : 2; }

struct RowCounts {
  std::size_t selected = 0;
  std::size_t runs = 0;
};

USWIM_INLINE RowCounts count_inline(const std::uint64_t* row, std::size_t columns) {
  RowCounts n;
  std::uint64_t before = 0;  // the last column of the word before, in the lowest bit
  for (std::size_t w = 0; w < columns / 64; ++w) {
    n.selected += static_cast<std::size_t>(__builtin_popcountll(row[w]));
    n.runs += static_cast<std::size_t>(__builtin_popcountll(row[w] & ~(row[w] << 1 | before)));
    before = row[w] >> 63;
  }
  return n;
}

USWIM_EVERY_INSTRUCTION_SET
RowCounts count(const std::uint64_t* row, std::size_t columns) {
  return count_inline(row, columns);
}

/// Of `rows` rows, one after the other.
USWIM_EVERY_INSTRUCTION_SET
void count_rows(const std::uint64_t* row, std::size_t rows, std::size_t columns, RowCounts* out) {
  for (std::size_t r = 0; r < rows; ++r, row += columns / 64) out[r] = count_inline(row, columns);
}

std::size_t payload_bytes(std::size_t entries, std::size_t columns, MaskEncoding encoding) {
  switch (encoding) {
    case MaskEncoding::IndexList:
      return entries * number_bytes(columns);
    case MaskEncoding::RunLengths:
      return entries * 2 * number_bytes(columns);
    default:
      return entries;
  }
}

std::size_t entries_of(const RowCounts& n, std::size_t columns, MaskEncoding encoding) {
  return encoding == MaskEncoding::IndexList    ? n.selected
         : encoding == MaskEncoding::RunLengths ? n.runs
                                                : columns / 8;
}

/// The encoding that a record gets: the shortest, the first of equally short ones.
MaskEncoding chosen(const RowCounts& n, std::size_t columns, MaskEncoding encoding) {
  if (encoding != MaskEncoding::Smallest) return encoding;
  const auto bytes = [&](MaskEncoding e) {
    return payload_bytes(entries_of(n, columns, e), columns, e);
  };
  return std::min({MaskEncoding::Bitmap, MaskEncoding::IndexList, MaskEncoding::RunLengths},
                  [&](MaskEncoding a, MaskEncoding b) { return bytes(a) < bytes(b); });
}

std::size_t bytes_of(const RowCounts& n, std::size_t columns, MaskEncoding encoding) {
  const MaskEncoding e = chosen(n, columns, encoding);
  return kMaskHeaderBytes + payload_bytes(entries_of(n, columns, e), columns, e);
}

bool bit(const std::uint64_t* row, std::size_t column) {
  return (row[column / 64] >> (column % 64) & 1) != 0;
}

struct Header {
  MaskEncoding encoding;
  std::size_t entries;
};

Header read_header(const std::uint8_t* data) {
  const unsigned word = data[0] | unsigned{data[1]} << 8;
  return {static_cast<MaskEncoding>(word >> kEncodingShift), word & ((1u << kEncodingShift) - 1)};
}

void append_number(std::size_t value, std::size_t bytes, std::vector<std::uint8_t>& out) {
  for (std::size_t b = 0; b < bytes; ++b) out.push_back(static_cast<std::uint8_t>(value >> 8 * b));
}

std::size_t read_number(const std::uint8_t* data, std::size_t bytes) {
  std::size_t value = 0;
  for (std::size_t b = 0; b < bytes; ++b) value |= std::size_t{data[b]} << 8 * b;
  return value;
}

}  // namespace

std::size_t record_bytes(const std::uint64_t* row, std::size_t columns, MaskEncoding encoding) {
  return bytes_of(count(row, columns), columns, encoding);
}

std::size_t largest_record_bytes(std::size_t columns, MaskEncoding encoding) {
  // Every column; every other column, each a run.
  const RowCounts most{columns, columns / 2};
  const MaskEncoding e = encoding == MaskEncoding::Smallest ? MaskEncoding::Bitmap : encoding;
  return kMaskHeaderBytes + payload_bytes(entries_of(most, columns, e), columns, e);
}

void append_record(const std::uint64_t* row, std::size_t columns, MaskEncoding encoding,
                   std::vector<std::uint8_t>& out) {
  const RowCounts n = count(row, columns);
  const MaskEncoding e = chosen(n, columns, encoding);
  const std::size_t number = number_bytes(columns);
  append_number(static_cast<std::size_t>(e) << kEncodingShift | entries_of(n, columns, e),
                kMaskHeaderBytes, out);
  if (e == MaskEncoding::Bitmap) {
    for (std::size_t c = 0; c < columns; c += 8)
      out.push_back(static_cast<std::uint8_t>(row[c / 64] >> (c % 64)));
    return;
  }
  std::size_t behind = 0;  // the last run
  for (std::size_t c = 0; c < columns; ++c) {
    if (!bit(row, c)) continue;
    if (e == MaskEncoding::IndexList) {
      append_number(c, number, out);
      continue;
    }
    const std::size_t begin = c;
    while (c + 1 < columns && bit(row, c + 1)) ++c;
    append_number(begin - behind, number, out);
    append_number(c - begin, number, out);
    behind = c + 1;
  }
}

std::optional<std::size_t> record_length(const std::uint8_t* data, std::size_t available,
                                         std::size_t columns) {
  if (available < kMaskHeaderBytes) return std::nullopt;
  const Header h = read_header(data);
  if (h.encoding == MaskEncoding::Smallest ||
      (h.encoding == MaskEncoding::Bitmap && h.entries != columns / 8))
    return std::nullopt;
  const std::size_t length = kMaskHeaderBytes + payload_bytes(h.entries, columns, h.encoding);
  if (length > available || length > largest_record_bytes(columns, h.encoding)) return std::nullopt;
  return length;
}

bool decode_record(const std::uint8_t* data, std::size_t bytes, std::size_t columns,
                   std::uint64_t* row) {
  const std::optional<std::size_t> length = record_length(data, bytes, columns);
  if (!length || *length != bytes) return false;
  const Header h = read_header(data);
  const std::size_t number = number_bytes(columns);
  data += kMaskHeaderBytes;
  std::fill(row, row + columns / 64, 0);
  std::size_t next = 0;  // the first column that may still be named
  for (std::size_t i = 0; i < h.entries; ++i) {
    if (h.encoding == MaskEncoding::Bitmap) {
      row[i / 8] |= std::uint64_t{data[i]} << (i % 8 * 8);
      continue;
    }
    const bool runs = h.encoding == MaskEncoding::RunLengths;
    const std::uint8_t* entry = data + i * number * (runs ? 2 : 1);
    const std::size_t first = read_number(entry, number) + (runs ? next : 0);
    const std::size_t last = first + (runs ? read_number(entry + number, number) : 0);
    if (first < next || last >= columns) return false;
    for (std::size_t c = first; c <= last; ++c) row[c / 64] |= std::uint64_t{1} << (c % 64);
    next = last + 1;
  }
  return true;
}

std::vector<std::uint8_t> encode_mask(const DeviceMask& mask, const tiles::Mapping& mapping,
                                      MaskEncoding encoding) {
  std::vector<std::uint8_t> stream, records;
  const std::size_t table = mapping.blocks().size() * kTableEntryBytes;
  for (std::size_t a = 0; a < mapping.blocks().size(); ++a) {
    append_number(table + records.size(), kTableEntryBytes, stream);
    for (std::size_t r = 0; r < mapping.blocks()[a].rows; ++r)
      append_record(mask.row(a, r), mapping.pitch(), encoding, records);
  }
  if (table + records.size() > std::numeric_limits<std::uint32_t>::max())
    throw std::length_error("a mask of more than 4 GiB");
  stream.insert(stream.end(), records.begin(), records.end());
  return stream;
}

std::optional<std::vector<std::uint32_t>> find_records(const std::vector<std::uint8_t>& stream,
                                                       const tiles::Mapping& mapping) {
  const std::size_t arrays = mapping.blocks().size();
  if (stream.size() < arrays * kTableEntryBytes) return std::nullopt;
  std::vector<std::uint32_t> begin(mapping.chip_rows(), 0);
  std::vector<std::uint64_t> row(mapping.pitch() / 64);
  for (std::size_t a = 0; a < arrays; ++a) {
    std::size_t at = read_number(&stream[a * kTableEntryBytes], kTableEntryBytes);
    for (std::size_t r = 0; r < mapping.blocks()[a].rows; ++r) {
      if (at > stream.size()) return std::nullopt;
      const auto length = record_length(stream.data() + at, stream.size() - at, mapping.pitch());
      if (!length || !decode_record(stream.data() + at, *length, mapping.pitch(), row.data()))
        return std::nullopt;
      begin[mapping.chip_row(a, r)] = static_cast<std::uint32_t>(at);
      at += *length;
    }
  }
  return begin;
}

MaskBytes mask_bytes(const DeviceMask& mask, const tiles::Mapping& mapping) {
  MaskBytes sum{};
  const std::size_t columns = mapping.pitch();
  std::vector<RowCounts> counts;
  for (std::size_t a = 0; a < mapping.blocks().size(); ++a) {
    counts.resize(mapping.blocks()[a].rows);
    count_rows(mask.row(a, 0), counts.size(), columns, counts.data());
    for (const RowCounts& n : counts)
      for (std::size_t e = 0; e < sum.size(); ++e)
        sum[e] += bytes_of(n, columns, static_cast<MaskEncoding>(e));
  }
  return sum;
}

}  // namespace uswim::programmer
