#include "programmer/write_verify/compress.h"

#include <cstring>
#if defined(__x86_64__)
#include <immintrin.h>

#include <array>
#endif

namespace uswim::programmer {
namespace {

constexpr std::size_t kElement = sizeof(std::uint32_t);

const void* element(const void* array, std::size_t i) {
  return static_cast<const char*>(array) + i * kElement;
}
void* element(void* array, std::size_t i) { return static_cast<char*>(array) + i * kElement; }

}  // namespace

std::size_t compress_plainly(const std::int32_t* flags, std::int32_t wanted, std::size_t n,
                             std::size_t arrays, const void* const* from, void* const* to) {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t a = 0; a < arrays; ++a)
      std::memcpy(element(to[a], kept), element(from[a], i), kElement);
    kept += flags[i] == wanted;
  }
  return kept;
}

#if defined(__x86_64__)
namespace {

constexpr std::size_t kLanes = 8;

/// For every set of lanes the lanes themselves, in order: what a permutation moves to the front.
constexpr std::array<std::array<std::uint32_t, kLanes>, 256> lanes_of_sets() {
  std::array<std::array<std::uint32_t, kLanes>, 256> table{};
  for (unsigned set = 0; set < 256; ++set) {
    unsigned at = 0;
    for (unsigned lane = 0; lane < kLanes; ++lane)
      if (set >> lane & 1) table[set][at++] = lane;
  }
  return table;
}
alignas(32) constexpr auto kLanesOfSet = lanes_of_sets();

__attribute__((target("avx2,popcnt"))) std::size_t compress_avx2(const std::int32_t* flags,
                                                                 std::int32_t wanted, std::size_t n,
                                                                 std::size_t arrays,
                                                                 const void* const* from,
                                                                 void* const* to) {
  const __m256i want = _mm256_set1_epi32(wanted);
  std::size_t kept = 0;
  for (std::size_t i = 0; i < n; i += kLanes) {
    const __m256i flag = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(flags + i));
    auto set = static_cast<unsigned>(
        _mm256_movemask_ps(_mm256_castsi256_ps(_mm256_cmpeq_epi32(flag, want))));
    if (n - i < kLanes) set &= (1u << (n - i)) - 1;
    if (set == 0) continue;
    const __m256i order =
        _mm256_load_si256(reinterpret_cast<const __m256i*>(kLanesOfSet[set].data()));
    // In place, too: what is written lies before what is read next.
    for (std::size_t a = 0; a < arrays; ++a) {
      const __m256i v = _mm256_loadu_si256(static_cast<const __m256i*>(element(from[a], i)));
      _mm256_storeu_si256(static_cast<__m256i*>(element(to[a], kept)),
                          _mm256_permutevar8x32_epi32(v, order));
    }
    kept += static_cast<std::size_t>(__builtin_popcount(set));
  }
  return kept;
}

__attribute__((target("avx512f,popcnt"))) std::size_t compress_avx512(
    const std::int32_t* flags, std::int32_t wanted, std::size_t n, std::size_t arrays,
    const void* const* from, void* const* to) {
  const __m512i want = _mm512_set1_epi32(wanted);
  std::size_t kept = 0;
  for (std::size_t i = 0; i < n; i += kCompressLanes) {
    __mmask16 set = _mm512_cmpeq_epi32_mask(_mm512_loadu_si512(flags + i), want);
    if (n - i < kCompressLanes) set &= static_cast<__mmask16>((1u << (n - i)) - 1);
    if (set == 0) continue;
    // Whole vectors, as storing only the chosen lanes takes many times as long on some processors.
    for (std::size_t a = 0; a < arrays; ++a)
      _mm512_storeu_si512(element(to[a], kept), _mm512_maskz_compress_epi32(
                                                    set, _mm512_loadu_si512(element(from[a], i))));
    kept += static_cast<std::size_t>(__builtin_popcount(set));
  }
  return kept;
}

}  // namespace
#endif

std::size_t compress(const std::int32_t* flags, std::int32_t wanted, std::size_t n,
                     std::size_t arrays, const void* const* from, void* const* to) {
#if defined(__x86_64__)
  static const bool has_avx512 = __builtin_cpu_supports("avx512f") != 0,
                    has_avx2 = __builtin_cpu_supports("avx2") != 0;
  if (has_avx512) return compress_avx512(flags, wanted, n, arrays, from, to);
  if (has_avx2) return compress_avx2(flags, wanted, n, arrays, from, to);
#endif
  return compress_plainly(flags, wanted, n, arrays, from, to);
}

}  // namespace uswim::programmer
