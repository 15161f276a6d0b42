#include "support/philox_words.h"

#if defined(__x86_64__)
// GCC's own intrinsics begin with a value that is not initialised (GCC bug 105593).
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <immintrin.h>
#endif

#include "support/random_lanes.h"

namespace uswim::support {
namespace {

USWIM_EVERY_INSTRUCTION_SET
void words_in_lanes(const StreamKey& key, const std::uint32_t* low, const std::uint32_t* high,
                    std::size_t n, std::uint32_t block, std::uint32_t* __restrict w0,
                    std::uint32_t* __restrict w1, std::uint32_t* __restrict w2,
                    std::uint32_t* __restrict w3) {
  const StreamKey k = key;
  for (std::size_t i = 0; i < n; ++i) {
    const lanes::Words w = lanes::words_of(k, {low[i], high[i]}, block);
    w0[i] = w.w[0];
    w1[i] = w.w[1];
    w2[i] = w.w[2];
    w3[i] = w.w[3];
  }
}

#if defined(__x86_64__)
constexpr int kRounds = 10;

std::uint32_t round_key(const StreamKey& key, int round, int half) {
  const auto r = static_cast<std::uint32_t>(round);
  return half == 0 ? static_cast<std::uint32_t>(key.seed) + r * PHILOX_W32_0
                   : static_cast<std::uint32_t>(key.seed >> 32) + r * PHILOX_W32_1;
}

// A product of 32 bits takes a lane of 64: even devices in one register, odd ones in another, and
// nothing is moved between lanes until the end. The upper half of a lane holds what is left over;
// products do not look at it.
__attribute__((target("avx2"))) void words_avx2(const StreamKey& key, const std::uint32_t* low,
                                                const std::uint32_t* high, std::size_t n,
                                                std::uint32_t block,
                                                std::uint32_t* const words[4]) {
  const __m256i m0 = _mm256_set1_epi32(static_cast<int>(PHILOX_M4x32_0));
  const __m256i m1 = _mm256_set1_epi32(static_cast<int>(PHILOX_M4x32_1));
  __m256i keys[kRounds][2];
  for (int round = 0; round < kRounds; ++round)
    for (int half = 0; half < 2; ++half)
      keys[round][half] = _mm256_set1_epi32(static_cast<int>(round_key(key, round, half)));
  const __m256i stream = _mm256_set1_epi32(static_cast<int>(key.stream));
  const __m256i second = _mm256_set1_epi32(static_cast<int>(block));
  const __m256i third = _mm256_set1_epi32(static_cast<int>(key.chip));
  for (std::size_t i = 0; i < n; i += 8) {
    const __m256i first = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(low + i));
    const __m256i fourth = _mm256_or_si256(
        stream,
        _mm256_slli_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(high + i)), 8));
    __m256i c[2][4] = {
        {first, second, third, fourth},
        {_mm256_srli_epi64(first, 32), second, third, _mm256_srli_epi64(fourth, 32)}};
    for (int round = 0; round < kRounds; ++round)
      for (auto& half : c) {
        const __m256i p0 = _mm256_mul_epu32(half[0], m0);
        const __m256i p1 = _mm256_mul_epu32(half[2], m1);
        half[0] = _mm256_xor_si256(_mm256_xor_si256(_mm256_shuffle_epi32(p1, 0xf5), half[1]),
                                   keys[round][0]);
        half[1] = p1;
        half[2] = _mm256_xor_si256(_mm256_xor_si256(_mm256_shuffle_epi32(p0, 0xf5), half[3]),
                                   keys[round][1]);
        half[3] = p0;
      }
    for (int j = 0; j < 4; ++j)
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(words[j] + i),
                          _mm256_blend_epi32(c[0][j], _mm256_slli_epi64(c[1][j], 32), 0xaa));
  }
}

/// Bit by bit.
__attribute__((target("avx512f"))) inline __m512i xor3(__m512i a, __m512i b, __m512i c) {
  return _mm512_ternarylogic_epi64(a, b, c, 0x96);
}

__attribute__((target("avx512f"))) void words_avx512(const StreamKey& key, const std::uint32_t* low,
                                                     const std::uint32_t* high, std::size_t n,
                                                     std::uint32_t block,
                                                     std::uint32_t* const words[4]) {
  const __m512i m0 = _mm512_set1_epi32(static_cast<int>(PHILOX_M4x32_0));
  const __m512i m1 = _mm512_set1_epi32(static_cast<int>(PHILOX_M4x32_1));
  __m512i keys[kRounds][2];
  for (int round = 0; round < kRounds; ++round)
    for (int half = 0; half < 2; ++half)
      keys[round][half] = _mm512_set1_epi32(static_cast<int>(round_key(key, round, half)));
  const __m512i stream = _mm512_set1_epi32(static_cast<int>(key.stream));
  const __m512i second = _mm512_set1_epi32(static_cast<int>(block));
  const __m512i third = _mm512_set1_epi32(static_cast<int>(key.chip));
  for (std::size_t i = 0; i < n; i += kPhiloxLanes) {
    const __m512i first = _mm512_loadu_si512(low + i);
    const __m512i fourth =
        _mm512_or_si512(stream, _mm512_slli_epi32(_mm512_loadu_si512(high + i), 8));
    __m512i c[2][4] = {
        {first, second, third, fourth},
        {_mm512_srli_epi64(first, 32), second, third, _mm512_srli_epi64(fourth, 32)}};
    for (int round = 0; round < kRounds; ++round)
      for (auto& half : c) {
        const __m512i p0 = _mm512_mul_epu32(half[0], m0);
        const __m512i p1 = _mm512_mul_epu32(half[2], m1);
        half[0] = xor3(_mm512_srli_epi64(p1, 32), half[1], keys[round][0]);
        half[1] = p1;
        half[2] = xor3(_mm512_srli_epi64(p0, 32), half[3], keys[round][1]);
        half[3] = p0;
      }
    for (int j = 0; j < 4; ++j)
      _mm512_storeu_si512(words[j] + i,
                          _mm512_mask_shuffle_epi32(c[0][j], 0xaaaa, c[1][j], _MM_PERM_CCAA));
  }
}
#endif

}  // namespace

void philox_words(const StreamKey& key, const std::uint32_t* low, const std::uint32_t* high,
                  std::size_t n, std::uint32_t block, std::uint32_t* const words[4]) {
#if defined(__x86_64__)
  static const bool is_avx512 = __builtin_cpu_supports("avx512f") != 0,
                    is_avx2 = __builtin_cpu_supports("avx2") != 0;
  if (is_avx512) return words_avx512(key, low, high, n, block, words);
  if (is_avx2) return words_avx2(key, low, high, n, block, words);
#endif
  words_in_lanes(key, low, high, n, block, words[0], words[1], words[2], words[3]);
}

}  // namespace uswim::support
