#include "support/random.h"

#include "support/first_normals.h"
#include "support/random_lanes.h"

namespace uswim::support {

USWIM_EVERY_INSTRUCTION_SET
void normal_blocks(const StreamKey& key, const std::uint64_t* devices, std::size_t n,
                   std::uint32_t block, float* out, std::size_t stride) {
  const StreamKey k = key;
  float* __restrict out0 = out;
  float* __restrict out1 = out + stride;
  float* __restrict out2 = out + 2 * stride;
  float* __restrict out3 = out + 3 * stride;
  for (std::size_t i = 0; i < n; ++i) {
    float z[4];
    lanes::normal_block(k, devices[i], block, z);
    out0[i] = z[0];
    out1[i] = z[1];
    out2[i] = z[2];
    out3[i] = z[3];
  }
}

USWIM_EVERY_INSTRUCTION_SET
void first_normals(const StreamKey& key, std::uint64_t first, std::size_t n, float* out) {
  const StreamKey k = key;
  float* __restrict to = out;
  for (std::size_t i = 0; i < n; ++i) {
    float z[4];
    lanes::normal_block(k, first + i, 0, z);
    to[i] = z[0];
  }
}

float normal(const StreamKey& key, std::uint64_t device, std::uint32_t draw) {
  float z[4];
  lanes::normal_block(key, device, draw / kNormalsPerBlock, z);
  return z[draw % kNormalsPerBlock];
}

std::uint64_t uniform_word(const StreamKey& key, std::uint64_t device) {
  const lanes::Words w = lanes::philox(
      static_cast<std::uint32_t>(device), 0, key.chip, lanes::stream_word(key, device),
      static_cast<std::uint32_t>(key.seed), static_cast<std::uint32_t>(key.seed >> 32));
  return (static_cast<std::uint64_t>(w.w[1]) << 32) | w.w[0];
}

}  // namespace uswim::support
