#include "programmer/selection/device_mask.h"

#include <stdexcept>

namespace uswim::programmer {

DeviceMask device_mask(const tiles::Mapping& mapping, const SelectionMask& weights) {
  if (weights.size() != mapping.weights())
    throw std::invalid_argument("a selection mask needs one entry per weight");
  DeviceMask mask(mapping);
  const unsigned per_weight = mapping.devices_per_weight();
  for (std::size_t a = 0; a < mapping.arrays().size(); ++a) {
    const tiles::ArrayBlock& block = mapping.arrays()[a];
    for (std::size_t o = 0; o < block.outputs; ++o)
      for (std::size_t r = 0; r < block.rows; ++r) {
        if (!weights[mapping.weight_of(a, r, o * per_weight)]) continue;
        for (std::size_t c = o * per_weight; c < (o + 1) * per_weight; ++c) mask.set(a, r, c);
      }
  }
  return mask;
}

}  // namespace uswim::programmer
