#pragma once
#include <cstddef>
#include <cstdint>

#include "support/random.h"

namespace uswim::support {

/// Philox words of many devices, apart from what is made of them: arrays are readable and writable
/// up to the next multiple of this.
inline constexpr std::size_t kPhiloxLanes = 16;

/// The four words of block `block` of `n` devices: word j of device i at words[j][i]. `low` and
/// `high`: halves of the devices' indices. What support/random.h draws, before it becomes normal.
void philox_words(const StreamKey& key, const std::uint32_t* low, const std::uint32_t* high,
                  std::size_t n, std::uint32_t block, std::uint32_t* const words[4]);

}  // namespace uswim::support
