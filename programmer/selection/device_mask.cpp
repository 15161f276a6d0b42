#include "programmer/selection/device_mask.h"

#include <algorithm>
#include <stdexcept>

#include "support/instruction_sets.h"

namespace uswim::programmer {

namespace {

USWIM_EVERY_INSTRUCTION_SET
std::size_t count_bits(const std::uint64_t* words, std::size_t n) {
  std::size_t bits = 0;
  for (std::size_t w = 0; w < n; ++w)
    bits += static_cast<std::size_t>(__builtin_popcountll(words[w]));
  return bits;
}

}  // namespace

std::size_t DeviceMask::count() const { return count_bits(words_.data(), words_.size()); }

DeviceMask every_device(const tiles::Mapping& mapping) {
  DeviceMask mask(mapping);
  for (std::size_t a = 0; a < mapping.blocks().size(); ++a)
    for (std::size_t r = 0; r < mapping.blocks()[a].rows; ++r)
      for (std::size_t c = 0; c < mapping.columns(a); c += 64)
        mask.set_run(a, r, c, std::min<std::size_t>(64, mapping.columns(a) - c));
  return mask;
}

DeviceMask device_mask(const tiles::Mapping& mapping, const SelectionMask& weights) {
  if (weights.size() != mapping.weights())
    throw std::invalid_argument("a selection mask needs one entry per weight");
  DeviceMask mask(mapping);
  const unsigned per_weight = mapping.devices_per_weight();
  for (std::size_t a = 0; a < mapping.blocks().size(); ++a) {
    const tiles::ArrayBlock& block = mapping.blocks()[a];
    for (std::size_t o = 0; o < block.outputs; ++o) {
      const std::uint8_t* of_output = &weights[mapping.weight_index(
          block.layer, mapping.matrix_output(block.layer, block.first_output + o), 0)];
      for (std::size_t r = 0; r < block.rows; ++r) {
        if (!of_output[mapping.matrix_row(block.layer, block.first_row + r)]) continue;
        mask.set_run(a, r, o * per_weight, per_weight);
      }
    }
  }
  return mask;
}

void keep_slices(DeviceMask& mask, const tiles::Mapping& mapping, unsigned slices) {
  const unsigned per_weight = mapping.devices_per_weight();
  // Columns of kept slices; the mapping has the same pattern in every row.
  std::vector<std::uint64_t> kept(mapping.pitch() / 64, 0);
  for (std::size_t c = 0; c < mapping.pitch(); ++c)
    if (c % per_weight / 2 < slices) kept[c / 64] |= std::uint64_t{1} << (c % 64);
  for (std::size_t a = 0; a < mapping.blocks().size(); ++a)
    for (std::size_t r = 0; r < mapping.blocks()[a].rows; ++r)
      for (std::size_t w = 0; w < kept.size(); ++w) mask.row(a, r)[w] &= kept[w];
}

}  // namespace uswim::programmer
