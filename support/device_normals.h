#pragma once
#include <cstddef>
#include <cstdint>

#include "support/random.h"

namespace uswim::support {

/// What is drawn once per device, of `n` devices that follow each other from `first` on. Equal to
/// device_normal(key, first + i).
void device_normals(const StreamKey& key, std::uint64_t first, std::size_t n, float* out);

}  // namespace uswim::support
