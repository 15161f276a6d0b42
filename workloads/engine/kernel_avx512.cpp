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
USWIM_KERNEL_INLINE Floats load_floats(const float* p) { return _mm512_loadu_ps(p); }
USWIM_KERNEL_INLINE void store_floats(float* p, Floats v) { _mm512_storeu_ps(p, v); }
USWIM_KERNEL_INLINE Floats fused(Floats a, Floats b, Floats sum) {
  return _mm512_fmadd_ps(a, b, sum);
}
USWIM_KERNEL_INLINE Ints to_int(Floats v) {
  return _mm512_cvt_roundps_epi32(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
USWIM_KERNEL_INLINE Ints round_clamped(Floats v, float minimum, float maximum) {
  const Floats clamped =
      _mm512_min_ps(_mm512_max_ps(v, _mm512_set1_ps(minimum)), _mm512_set1_ps(maximum));
  return _mm512_cvt_roundps_epi32(clamped, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

struct Bytes {
  using Matrix = ByteMatrix;
  using Code = std::uint8_t;
  using Weight = std::int8_t;
  using Number = std::int32_t;
  using Sum = Ints;
  using Vector = Ints;
  static constexpr std::ptrdiff_t kVector = 64;
  static constexpr std::ptrdiff_t kChannels = 4;
  static constexpr bool kShortSums = false;
  USWIM_KERNEL_INLINE static Sum nothing() { return zero(); }
  USWIM_KERNEL_INLINE static Sum load_sum(const Number* p) { return load(p); }
  USWIM_KERNEL_INLINE static void store_sum(Number* p, Sum v) { store(p, v); }
  USWIM_KERNEL_INLINE static Vector load_vector(const Code* p) { return _mm512_loadu_si512(p); }
  USWIM_KERNEL_INLINE static Vector broadcast_weights(const Weight* p) {
    std::int32_t four;
    __builtin_memcpy(&four, p, sizeof four);
    return _mm512_set1_epi32(four);
  }
  USWIM_KERNEL_INLINE static Sum add_products(Sum sum, Vector code, Vector weight) {
    __asm__("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(code), "v"(weight));
    return sum;
  }
  USWIM_KERNEL_INLINE static Ints product(const Matrix& m, std::size_t output, Sum sum) {
    return _mm512_add_epi32(_mm512_mullo_epi32(sum, _mm512_set1_epi32(m.scale[output])),
                            _mm512_set1_epi32(m.offset[output]));
  }
  static std::size_t joint_steps(const Matrix&) { return 0; }
};

}  // namespace
}  // namespace uswim::workloads::kernel

#include "workloads/engine/kernel_body.h"

namespace uswim::workloads::kernel {
namespace {
constexpr Kernels kKernels{"avx512",
                           multiply<Words>,
                           multiply_requantize<Words>,
                           multiply<Singles>,
                           multiply_requantize<Singles>,
                           multiply<Bytes>,
                           multiply_requantize<Bytes>,
                           255,
                           nullptr,
                           nullptr,
                           requantize,
                           max_pool,
                           gather};
}
const Kernels* const kAvx512 = &kKernels;
}  // namespace uswim::workloads::kernel
#else
namespace uswim::workloads::kernel {
const Kernels* const kAvx512 = nullptr;
}
#endif
