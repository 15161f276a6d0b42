#pragma once
#include <Random123/philox.h>

#include <cmath>
#include <cstdint>
#include <cstring>

#include "support/instruction_sets.h"
#include "support/random.h"

/// The arithmetic of support/random.h, to be inlined into loops over devices that the compiler
/// vectorises.
namespace uswim::support::lanes {

/// A device's index in two words, so that loops over devices stay in lanes of 32 bits.
struct Device {
  std::uint32_t low, high;
};
USWIM_INLINE Device device(std::uint64_t index) {
  return {static_cast<std::uint32_t>(index), static_cast<std::uint32_t>(index >> 32)};
}
/// The device `offset` behind another.
USWIM_INLINE Device behind(const Device& first, std::uint32_t offset) {
  const std::uint32_t low = first.low + offset;
  return {low, first.high + (low < first.low ? 1u : 0u)};
}

// Device indices have 56 bits here: the upper 24 share the word of the stream, which needs 8.
USWIM_INLINE std::uint32_t stream_word(const StreamKey& key, const Device& d) {
  return static_cast<std::uint32_t>(key.stream) | (d.high << 8);
}

struct Words {
  std::uint32_t w[4];
};

USWIM_INLINE Words philox(std::uint32_t c0, std::uint32_t c1, std::uint32_t c2, std::uint32_t c3,
                          std::uint32_t k0, std::uint32_t k1) {
  // Written out because Random123's struct arrays keep the compiler from vectorising over devices;
  // a test holds it against Random123.
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t p0 = static_cast<std::uint64_t>(PHILOX_M4x32_0) * c0;
    const std::uint64_t p1 = static_cast<std::uint64_t>(PHILOX_M4x32_1) * c2;
    c0 = static_cast<std::uint32_t>(p1 >> 32) ^ c1 ^ k0;
    c1 = static_cast<std::uint32_t>(p1);
    c2 = static_cast<std::uint32_t>(p0 >> 32) ^ c3 ^ k1;
    c3 = static_cast<std::uint32_t>(p0);
    k0 += PHILOX_W32_0;
    k1 += PHILOX_W32_1;
  }
  return {{c0, c1, c2, c3}};
}

USWIM_INLINE float from_bits(std::uint32_t bits) {
  float f;
  std::memcpy(&f, &bits, sizeof f);
  return f;
}

USWIM_INLINE std::uint32_t to_bits(float f) {
  std::uint32_t bits;
  std::memcpy(&bits, &f, sizeof bits);
  return bits;
}

/// -2 ln u for u = (word / 512 + 1/2) / 2^23 in (0, 1). Mantissa in [sqrt(1/2), sqrt 2), then the
/// polynomial of the Cephes library's logf (S. Moshier); error below 2e-7 of the result.
USWIM_INLINE float minus_two_log(std::uint32_t word) {
  const float u = (static_cast<float>(static_cast<std::int32_t>(word >> 9)) + 0.5f) * 0x1p-23f;
  const std::uint32_t bits = to_bits(u) - 0x3f3504f3u;
  const std::int32_t exponent = static_cast<std::int32_t>(bits) >> 23;
  const float x = from_bits((bits & 0x007fffffu) + 0x3f3504f3u) - 1.0f;
  float y = 7.0376836292e-2f;
  y = y * x - 1.1514610310e-1f;
  y = y * x + 1.1676998740e-1f;
  y = y * x - 1.2420140846e-1f;
  y = y * x + 1.4249322787e-1f;
  y = y * x - 1.6668057665e-1f;
  y = y * x + 2.0000714765e-1f;
  y = y * x - 2.4999993993e-1f;
  y = y * x + 3.3333331174e-1f;
  const float e = static_cast<float>(exponent);
  const float z = x * x;
  const float log_u = (x + (y * x * z - 2.12194440e-4f * e - 0.5f * z)) + 0.693359375f * e;
  // Rounding may make the logarithm of a u next to one positive; keep the root real.
  const float r = -2.0f * log_u;
  return r > 0.0f ? r : 0.0f;
}

/// cos and sin of 2 pi word / 2^32: the octant from the top bits, Cephes polynomials on [-pi/4,
/// pi/4].
USWIM_INLINE void circle(std::uint32_t word, float& cosine, float& sine) {
  const std::uint32_t quadrant = (word + 0x20000000u) >> 30;
  const auto rest = static_cast<std::int32_t>(word - (quadrant << 30));  // [-2^29, 2^29)
  const float x = static_cast<float>(rest) * 1.46291807926715968e-9f;    // 2 pi / 2^32
  const float z = x * x;
  const float s = ((-1.9515295891e-4f * z + 8.3321608736e-3f) * z - 1.6666654611e-1f) * z * x + x;
  const float c =
      ((2.443315711809948e-5f * z - 1.388731625493765e-3f) * z + 4.166664568298827e-2f) * z * z -
      0.5f * z + 1.0f;
  const bool swap = (quadrant & 1u) != 0;
  const float a = swap ? s : c;
  const float b = swap ? c : s;
  cosine = from_bits(to_bits(a) ^ ((((quadrant + 1u) >> 1) & 1u) << 31));
  sine = from_bits(to_bits(b) ^ ((quadrant >> 1) << 31));
}

USWIM_INLINE void box_muller(const Words& w, float out[4]) {
  for (int half = 0; half < 2; ++half) {
    const float radius = std::sqrt(minus_two_log(w.w[2 * half]));
    float cosine, sine;
    circle(w.w[2 * half + 1], cosine, sine);
    out[2 * half] = radius * cosine;
    out[2 * half + 1] = radius * sine;
  }
}

/// The words of `block` of one device.
USWIM_INLINE Words words_of(const StreamKey& key, const Device& d, std::uint32_t block) {
  return philox(d.low, block, key.chip, stream_word(key, d), static_cast<std::uint32_t>(key.seed),
                static_cast<std::uint32_t>(key.seed >> 32));
}

/// The four normal variates of `block` of one device.
USWIM_INLINE void normal_block(const StreamKey& key, const Device& d, std::uint32_t block,
                               float out[4]) {
  box_muller(words_of(key, d, block), out);
}

}  // namespace uswim::support::lanes
