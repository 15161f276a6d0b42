#pragma once
#include <cstddef>

#include "workloads/data/dataset.h"
#include "workloads/network/network.h"

namespace uswim::bench {

/// Uniform pixels, label 0: speed does not depend on them.
workloads::Dataset random_images(const workloads::Shape& shape, std::size_t count);

}  // namespace uswim::bench
