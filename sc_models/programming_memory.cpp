#include "sc_models/programming_memory.h"

#include <cstring>

#include "tiles/packed_levels.h"

namespace uswim::sc_models {

using programmer::MaskEncoding;

ProgrammingMemory::ProgrammingMemory(const tiles::Mapping& mapping, MaskEncoding encoding)
    : mapping_(mapping),
      level_bytes_per_row_(tiles::packed_row_bytes(mapping)),
      mask_bytes_per_row_(mapping.pitch() / 8) {
  const std::size_t tiles = mapping.blocks().size(), rows = mapping.chip_rows();
  levels.assign(rows * level_bytes_per_row_, 0);
  masks.assign(encoding == MaskEncoding::Bitmap
                   ? rows * mask_bytes_per_row_
                   : tiles * sizeof(std::uint32_t) +
                         rows * programmer::largest_record_bytes(mapping.pitch(), encoding),
               0);
}

bool ProgrammingMemory::find_masks(bool as_records) {
  records_.clear();
  if (!as_records)
    return masks.size() >= levels.size() / level_bytes_per_row_ * mask_bytes_per_row_;
  auto found = programmer::find_records(masks, mapping_);
  if (found) records_ = std::move(*found);
  return found.has_value();
}

ProgrammingMemory::Bytes ProgrammingMemory::mask_of(std::size_t tile, std::size_t row) const {
  const std::size_t at = mapping_.chip_row(tile, row);
  if (records_.empty()) return {&masks[at * mask_bytes_per_row_], mask_bytes_per_row_};
  const std::uint8_t* record = &masks[records_[at]];
  return {record,
          *programmer::record_length(record, masks.size() - records_[at], mapping_.pitch())};
}

std::size_t ProgrammingMemory::append_row(std::size_t tile, std::size_t row,
                                          std::vector<unsigned char>& data) const {
  const std::uint8_t* level = &levels[mapping_.chip_row(tile, row) * level_bytes_per_row_];
  data.insert(data.end(), level, level + level_bytes_per_row_);
  const Bytes mask = mask_of(tile, row);
  data.insert(data.end(), mask.data, mask.data + mask.count);
  return mask.count;
}

std::uint64_t ProgrammingMemory::selected(std::size_t tile, std::size_t row) const {
  const Bytes mask = mask_of(tile, row);
  std::vector<std::uint64_t> words(mapping_.pitch() / 64);
  if (records_.empty())
    std::memcpy(words.data(), mask.data, mask.count);
  else
    programmer::decode_record(mask.data, mask.count, mapping_.pitch(), words.data());
  std::uint64_t n = 0;
  for (const std::uint64_t w : words) n += static_cast<std::uint64_t>(__builtin_popcountll(w));
  return n;
}

}  // namespace uswim::sc_models
