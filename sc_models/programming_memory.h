#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "programmer/selection/mask_encoding.h"
#include "tiles/mapping.h"

namespace uswim::sc_models {

/// Levels and masks as the host wrote them: rows of all tiles, one after the other.
class ProgrammingMemory {
 public:
  /// Both windows of zeros; that of the masks as long as `encoding` can need.
  ProgrammingMemory(const tiles::Mapping& mapping, programmer::MaskEncoding encoding);

  std::vector<std::uint8_t> levels;
  std::vector<std::uint8_t> masks;

  /// Before a programming: whether `masks` hold a bitmap or records. False where they cannot be
  /// read as such.
  bool find_masks(bool as_records);
  bool holds_records() const { return !records_.empty(); }

  /// Appends levels and mask of a row as they go to its tile. Returns the bytes of the mask.
  std::size_t append_row(std::size_t tile, std::size_t row, std::vector<unsigned char>& data) const;
  /// Devices of a row that its mask selects.
  std::uint64_t selected(std::size_t tile, std::size_t row) const;

 private:
  struct Bytes {
    const std::uint8_t* data;
    std::size_t count;
  };
  Bytes mask_of(std::size_t tile, std::size_t row) const;

  const tiles::Mapping& mapping_;
  std::size_t level_bytes_per_row_, mask_bytes_per_row_;
  std::vector<std::uint32_t> records_;  ///< where each row's record begins
};

}  // namespace uswim::sc_models
