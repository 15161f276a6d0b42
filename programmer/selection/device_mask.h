#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "programmer/selection/selection.h"
#include "tiles/mapping.h"

namespace uswim::programmer {

/// Which devices are write-verified: one bit per cell, as the hardware takes it. Rows of all arrays
/// one after the other, `array_rows` per array, pitch / 64 words each; cells without a device stay
/// 0.
class DeviceMask {
 public:
  explicit DeviceMask(const tiles::Mapping& mapping)
      : words_per_row_(mapping.pitch() / 64), words_(mapping.chip_rows() * words_per_row_, 0) {
    for (std::size_t block = 0; block < mapping.blocks().size(); ++block)
      first_row_.push_back(mapping.chip_row(block, 0));
  }
  std::uint64_t* row(std::size_t block, std::size_t row) {
    return words_.data() + (first_row_[block] + row) * words_per_row_;
  }
  const std::uint64_t* row(std::size_t block, std::size_t row) const {
    return words_.data() + (first_row_[block] + row) * words_per_row_;
  }
  void set(std::size_t block, std::size_t r, std::size_t column) {
    row(block, r)[column / 64] |= std::uint64_t{1} << (column % 64);
  }
  /// `count` <= 64 devices side by side.
  void set_run(std::size_t block, std::size_t r, std::size_t column, std::size_t count) {
    const std::uint64_t bits = ~std::uint64_t{0} >> (64 - count);
    std::uint64_t* words = row(block, r) + column / 64;
    words[0] |= bits << (column % 64);
    if (column % 64 + count > 64) words[1] |= bits >> (64 - column % 64);
  }
  /// Number of devices selected.
  std::size_t count() const;
  const std::vector<std::uint64_t>& words() const { return words_; }
  /// Adds or removes the devices of another mask of the same mapping.
  void add(const DeviceMask& other) {
    for (std::size_t w = 0; w < words_.size(); ++w) words_[w] |= other.words_[w];
  }
  void remove(const DeviceMask& other) {
    for (std::size_t w = 0; w < words_.size(); ++w) words_[w] &= ~other.words_[w];
  }

 private:
  std::size_t words_per_row_;
  std::vector<std::size_t> first_row_;  ///< of each block
  std::vector<std::uint64_t> words_;
};

/// Every device.
DeviceMask every_device(const tiles::Mapping& mapping);

/// Every device of every selected weight.
DeviceMask device_mask(const tiles::Mapping& mapping, const SelectionMask& weights);

/// Leaves only the `slices` most significant slices of each weight selected, both signs: the lower
/// ones are written open loop.
void keep_slices(DeviceMask& mask, const tiles::Mapping& mapping, unsigned slices);

}  // namespace uswim::programmer
