#include "workloads/engine/kernel.h"

#if defined(__AVX2__)
#include <immintrin.h>

#define USWIM_KERNEL_INLINE inline __attribute__((always_inline))

namespace uswim::workloads::kernel {
namespace {

/// 16 registers: 6 outputs x 1 position x 2 halves, the codes' two halves, a weight and a product.
constexpr int kRegisterPositions = 1;

struct Ints {
  __m256i a, b;
};
struct Floats {
  __m256 a, b;
};

USWIM_KERNEL_INLINE __m256i load_half(const void* p) {
  return _mm256_loadu_si256(static_cast<const __m256i*>(p));
}
USWIM_KERNEL_INLINE void store_half(void* p, __m256i v) {
  _mm256_storeu_si256(static_cast<__m256i*>(p), v);
}

USWIM_KERNEL_INLINE Ints zero() { return {_mm256_setzero_si256(), _mm256_setzero_si256()}; }
USWIM_KERNEL_INLINE Ints load(const std::int32_t* p) { return {load_half(p), load_half(p + 8)}; }
USWIM_KERNEL_INLINE void store(std::int32_t* p, Ints v) {
  store_half(p, v.a);
  store_half(p + 8, v.b);
}
USWIM_KERNEL_INLINE Ints load_codes(const std::int16_t* p) {
  return {load_half(p), load_half(p + 16)};
}
USWIM_KERNEL_INLINE void store_codes(std::int16_t* p, Ints v) {
  store_half(p, v.a);
  store_half(p + 16, v.b);
}
USWIM_KERNEL_INLINE Ints broadcast_pair(const std::int16_t* p) {
  std::int32_t both;
  __builtin_memcpy(&both, p, sizeof both);
  const __m256i all = _mm256_set1_epi32(both);
  return {all, all};
}
USWIM_KERNEL_INLINE Ints dot(Ints sum, Ints x, Ints y) {
  return {_mm256_add_epi32(sum.a, _mm256_madd_epi16(x.a, y.a)),
          _mm256_add_epi32(sum.b, _mm256_madd_epi16(x.b, y.b))};
}
USWIM_KERNEL_INLINE Ints max(Ints x, Ints y) {
  return {_mm256_max_epi32(x.a, y.a), _mm256_max_epi32(x.b, y.b)};
}
USWIM_KERNEL_INLINE Ints max_codes(Ints x, Ints y) {
  return {_mm256_max_epi16(x.a, y.a), _mm256_max_epi16(x.b, y.b)};
}
USWIM_KERNEL_INLINE Ints lower_half(Ints v) {
  const __m256i mask = _mm256_set1_epi32(0xffff);
  return {_mm256_and_si256(v.a, mask), _mm256_and_si256(v.b, mask)};
}
USWIM_KERNEL_INLINE Ints upper_half(Ints v) {
  return {_mm256_srli_epi32(v.a, 16), _mm256_srli_epi32(v.b, 16)};
}
/// The lower halves of both.
USWIM_KERNEL_INLINE Ints pair(Ints even, Ints odd) {
  return {_mm256_blend_epi16(even.a, _mm256_slli_epi32(odd.a, 16), 0xaa),
          _mm256_blend_epi16(even.b, _mm256_slli_epi32(odd.b, 16), 0xaa)};
}
USWIM_KERNEL_INLINE Floats broadcast(float value) {
  return {_mm256_set1_ps(value), _mm256_set1_ps(value)};
}
USWIM_KERNEL_INLINE Floats to_float(Ints v) {
  return {_mm256_cvtepi32_ps(v.a), _mm256_cvtepi32_ps(v.b)};
}
USWIM_KERNEL_INLINE Floats mul(Floats x, Floats y) {
  return {_mm256_mul_ps(x.a, y.a), _mm256_mul_ps(x.b, y.b)};
}
USWIM_KERNEL_INLINE Floats add(Floats x, Floats y) {
  return {_mm256_add_ps(x.a, y.a), _mm256_add_ps(x.b, y.b)};
}
USWIM_KERNEL_INLINE __m256i round_half_vector(__m256 v, float minimum, float maximum) {
  const __m256 clamped =
      _mm256_min_ps(_mm256_max_ps(v, _mm256_set1_ps(minimum)), _mm256_set1_ps(maximum));
  return _mm256_cvtps_epi32(
      _mm256_round_ps(clamped, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}
USWIM_KERNEL_INLINE Ints round_clamped(Floats v, float minimum, float maximum) {
  return {round_half_vector(v.a, minimum, maximum), round_half_vector(v.b, minimum, maximum)};
}

}  // namespace
}  // namespace uswim::workloads::kernel

#include "workloads/engine/kernel_body.h"

namespace uswim::workloads::kernel {
namespace {
constexpr Kernels kKernels{"avx2", multiply, multiply_requantize, requantize, max_pool, gather};
}
const Kernels* const kAvx2 = &kKernels;
}  // namespace uswim::workloads::kernel
#else
namespace uswim::workloads::kernel {
const Kernels* const kAvx2 = nullptr;
}
#endif
