#pragma once
#include <cstddef>

#include "workloads/data/dataset.h"
#include "workloads/network/network.h"

namespace uswim::bench {

/// ResNet-18 for images of 3 x `size` x `size`: 3 x 3 stem without stride or pool, batch norm as
/// Scale, activations quantised to 8 bits, global average pool. With 10 classes 11,164,352 weights,
/// drawn at random: speed does not depend on them.
workloads::Network resnet18(std::size_t size, std::size_t classes);
workloads::Dataset random_images(const workloads::Shape& shape, std::size_t count);

}  // namespace uswim::bench
