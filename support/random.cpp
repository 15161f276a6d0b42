#include "support/random.h"

#include <algorithm>

#include "support/device_normals.h"
#include "support/philox_words.h"
#include "support/random_lanes.h"

namespace uswim::support {

namespace {

/// Devices dealt with together: their words stay in the first cache.
constexpr std::size_t kTogether = 256;

struct PhiloxBuffers {
  alignas(64) std::uint32_t low[kTogether], high[kTogether], word[4][kTogether];
  void fill(const StreamKey& key, std::size_t n, std::uint32_t block) {
    std::uint32_t* const words[4] = {word[0], word[1], word[2], word[3]};
    philox_words(key, low, high, n, block, words);
  }
};

USWIM_EVERY_INSTRUCTION_SET
void make_normal(const PhiloxBuffers& b, std::size_t n, float* __restrict out0,
                 float* __restrict out1, float* __restrict out2, float* __restrict out3) {
  for (std::size_t i = 0; i < n; ++i) {
    float z[4];
    lanes::box_muller({{b.word[0][i], b.word[1][i], b.word[2][i], b.word[3][i]}}, z);
    out0[i] = z[0];
    out1[i] = z[1];
    out2[i] = z[2];
    out3[i] = z[3];
  }
}

/// Devices that share blocks, and how many blocks those are.
constexpr std::size_t kGroup = 64, kBlocksOfGroup = kGroup / kNormalsPerBlock;

/// Devices of whole groups from their blocks, `n` of them.
USWIM_EVERY_INSTRUCTION_SET
void make_device_normals(const PhiloxBuffers& b, std::size_t n, float* __restrict out) {
  for (std::size_t block = 0; block < n; block += kBlocksOfGroup, out += kGroup)
    for (std::size_t l = 0; l < kBlocksOfGroup; ++l) {
      const std::size_t i = block + l;
      float z[kNormalsPerBlock];
      lanes::box_muller({{b.word[0][i], b.word[1][i], b.word[2][i], b.word[3][i]}}, z);
      for (std::size_t j = 0; j < kNormalsPerBlock; ++j) out[j * kBlocksOfGroup + l] = z[j];
    }
}

USWIM_EVERY_INSTRUCTION_SET
void count_on(std::uint64_t first, PhiloxBuffers& b) {
  const lanes::Device begin = lanes::device(first);
  for (std::uint32_t i = 0; i < kTogether; ++i) {
    const lanes::Device d = lanes::behind(begin, i);
    b.low[i] = d.low;
    b.high[i] = d.high;
  }
}

}  // namespace

void normal_blocks(const StreamKey& key, const std::uint64_t* devices, std::size_t n,
                   std::uint32_t block, float* out, std::size_t stride) {
  PhiloxBuffers b;
  for (std::size_t at = 0; at < n; at += kTogether) {
    const std::size_t part = std::min(kTogether, n - at);
    // Lanes behind the last device draw for its last one.
    for (std::size_t i = 0; i < (part + kPhiloxLanes - 1) / kPhiloxLanes * kPhiloxLanes; ++i) {
      const lanes::Device d = lanes::device(devices[at + std::min(i, part - 1)]);
      b.low[i] = d.low;
      b.high[i] = d.high;
    }
    b.fill(key, part, block);
    make_normal(b, part, out + at, out + stride + at, out + 2 * stride + at, out + 3 * stride + at);
  }
}

void device_normals(const StreamKey& key, std::uint64_t first, std::size_t n, float* out) {
  constexpr std::size_t kDevices = kTogether * kNormalsPerBlock;
  PhiloxBuffers b;
  alignas(64) float z[kDevices];
  const std::uint64_t end = first + n;
  for (std::uint64_t at = first / kGroup * kGroup; at < end; at += kDevices) {
    const std::uint64_t begin = std::max(first, at),
                        stop = std::min<std::uint64_t>(end, at + kDevices);
    const std::size_t blocks = (stop - at + kGroup - 1) / kGroup * kBlocksOfGroup;
    count_on(at / kNormalsPerBlock, b);
    b.fill(key, blocks, kOfDevices);
    // Whole groups need no copy.
    const bool whole = begin == at && stop == at + blocks * kNormalsPerBlock;
    make_device_normals(b, blocks, whole ? out + (at - first) : z);
    if (!whole) std::copy_n(z + (begin - at), stop - begin, out + (begin - first));
  }
}

float normal(const StreamKey& key, std::uint64_t device, std::uint32_t draw) {
  float z[4];
  lanes::normal_block(key, lanes::device(device), draw / kNormalsPerBlock, z);
  return z[draw % kNormalsPerBlock];
}

float device_normal(const StreamKey& key, std::uint64_t device) {
  const std::uint64_t group = device / kGroup, in_group = device % kGroup;
  float z[kNormalsPerBlock];
  lanes::normal_block(key, lanes::device(group * kBlocksOfGroup + in_group % kBlocksOfGroup),
                      kOfDevices, z);
  return z[in_group / kBlocksOfGroup];
}

std::uint64_t uniform_word(const StreamKey& key, std::uint64_t device) {
  const lanes::Device d = lanes::device(device);
  const lanes::Words w = lanes::philox(d.low, 0, key.chip, lanes::stream_word(key, d),
                                       static_cast<std::uint32_t>(key.seed),
                                       static_cast<std::uint32_t>(key.seed >> 32));
  return (static_cast<std::uint64_t>(w.w[1]) << 32) | w.w[0];
}

}  // namespace uswim::support
