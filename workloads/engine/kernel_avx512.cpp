#include "workloads/engine/kernel.h"

#if defined(__AVX512VNNI__) && defined(__AVX512BW__)
// GCC's own intrinsics begin with a value that is not initialised (GCC bug 105593).
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <immintrin.h>

#define USWIM_KERNEL_INLINE inline __attribute__((always_inline))

namespace uswim::workloads::kernel {
namespace {

constexpr int kRegisterPositions = kPositionBlock;

using Ints = __m512i;
using Floats = __m512;

USWIM_KERNEL_INLINE Ints zero() { return _mm512_setzero_si512(); }
USWIM_KERNEL_INLINE Ints load(const std::int32_t* p) { return _mm512_loadu_si512(p); }
USWIM_KERNEL_INLINE void store(std::int32_t* p, Ints v) { _mm512_storeu_si512(p, v); }
USWIM_KERNEL_INLINE Ints load_codes(const std::int16_t* p) { return _mm512_loadu_si512(p); }
USWIM_KERNEL_INLINE void store_codes(std::int16_t* p, Ints v) { _mm512_storeu_si512(p, v); }
USWIM_KERNEL_INLINE Ints broadcast_pair(const std::int16_t* p) {
  std::int32_t both;
  __builtin_memcpy(&both, p, sizeof both);
  return _mm512_set1_epi32(both);
}
/// Written out, as GCC 12 puts two register moves around each _mm512_dpwssd_epi32.
USWIM_KERNEL_INLINE Ints dot(Ints sum, Ints a, Ints b) {
  __asm__("vpdpwssd %2, %1, %0" : "+v"(sum) : "v"(a), "v"(b));
  return sum;
}
USWIM_KERNEL_INLINE Ints max(Ints a, Ints b) { return _mm512_max_epi32(a, b); }
USWIM_KERNEL_INLINE Ints max_codes(Ints a, Ints b) { return _mm512_max_epi16(a, b); }
USWIM_KERNEL_INLINE Ints lower_half(Ints v) {
  return _mm512_and_si512(v, _mm512_set1_epi32(0xffff));
}
USWIM_KERNEL_INLINE Ints upper_half(Ints v) { return _mm512_srli_epi32(v, 16); }
/// The lower halves of both.
USWIM_KERNEL_INLINE Ints pair(Ints even, Ints odd) {
  return _mm512_mask_blend_epi16(0xaaaaaaaa, even, _mm512_slli_epi32(odd, 16));
}
USWIM_KERNEL_INLINE Floats broadcast(float value) { return _mm512_set1_ps(value); }
USWIM_KERNEL_INLINE Floats to_float(Ints v) { return _mm512_cvtepi32_ps(v); }
USWIM_KERNEL_INLINE Floats mul(Floats a, Floats b) { return _mm512_mul_ps(a, b); }
USWIM_KERNEL_INLINE Floats add(Floats a, Floats b) { return _mm512_add_ps(a, b); }
USWIM_KERNEL_INLINE Ints round_clamped(Floats v, float minimum, float maximum) {
  const Floats clamped =
      _mm512_min_ps(_mm512_max_ps(v, _mm512_set1_ps(minimum)), _mm512_set1_ps(maximum));
  return _mm512_cvt_roundps_epi32(clamped, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

}  // namespace
}  // namespace uswim::workloads::kernel

#include "workloads/engine/kernel_body.h"

namespace uswim::workloads::kernel {
namespace {
constexpr Kernels kKernels{"avx512", multiply, multiply_requantize, requantize, max_pool, gather};
}
const Kernels* const kAvx512 = &kKernels;
}  // namespace uswim::workloads::kernel
#else
namespace uswim::workloads::kernel {
const Kernels* const kAvx512 = nullptr;
}
#endif
