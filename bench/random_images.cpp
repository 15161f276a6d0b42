#include "bench/random_images.h"

#include <random>

namespace uswim::bench {

workloads::Dataset random_images(const workloads::Shape& shape, std::size_t count) {
  std::mt19937 random(1);
  workloads::Dataset data;
  data.shape = shape;
  data.count = count;
  for (std::size_t i = 0; i < count * shape.size(); ++i)
    data.pixels.push_back(static_cast<std::uint8_t>(random() >> 24));
  data.labels.assign(count, 0);
  return data;
}

}  // namespace uswim::bench
