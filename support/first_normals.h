#pragma once
#include <cstddef>
#include <cstdint>

#include "support/random.h"

namespace uswim::support {

/// Draw 0 of each of `n` devices that follow each other from `first` on: what is drawn once per
/// device. Equal to normal(key, first + i, 0).
void first_normals(const StreamKey& key, std::uint64_t first, std::size_t n, float* out);

}  // namespace uswim::support
