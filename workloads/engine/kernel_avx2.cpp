#include "workloads/engine/kernel.h"

#if defined(__AVX2__) && defined(__FMA__)
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
/// Compilers compute `v` before they go on. Else they begin with later products and run out of
/// registers.
USWIM_KERNEL_INLINE void finish_first(Ints& v) { __asm__("" : "+x"(v.a), "+x"(v.b)); }
USWIM_KERNEL_INLINE Ints max(Ints x, Ints y) {
  return {_mm256_max_epi32(x.a, y.a), _mm256_max_epi32(x.b, y.b)};
}
USWIM_KERNEL_INLINE Ints max_codes(Ints x, Ints y) {
  return {_mm256_max_epi16(x.a, y.a), _mm256_max_epi16(x.b, y.b)};
}
USWIM_KERNEL_INLINE Ints add(Ints x, Ints y) {
  return {_mm256_add_epi32(x.a, y.a), _mm256_add_epi32(x.b, y.b)};
}
USWIM_KERNEL_INLINE Ints subtract(Ints x, Ints y) {
  return {_mm256_sub_epi32(x.a, y.a), _mm256_sub_epi32(x.b, y.b)};
}
USWIM_KERNEL_INLINE Ints add_codes(Ints x, Ints y) {
  return {_mm256_add_epi16(x.a, y.a), _mm256_add_epi16(x.b, y.b)};
}
USWIM_KERNEL_INLINE Ints subtract_codes(Ints x, Ints y) {
  return {_mm256_sub_epi16(x.a, y.a), _mm256_sub_epi16(x.b, y.b)};
}
/// v / 4 * factor
USWIM_KERNEL_INLINE Ints quarter_times(Ints v, std::int32_t factor) {
  const __m256i all = _mm256_set1_epi32(factor);
  return {_mm256_mullo_epi32(_mm256_srai_epi32(v.a, 2), all),
          _mm256_mullo_epi32(_mm256_srai_epi32(v.b, 2), all)};
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
USWIM_KERNEL_INLINE Floats load_floats(const float* p) {
  return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)};
}
USWIM_KERNEL_INLINE void store_floats(float* p, Floats v) {
  _mm256_storeu_ps(p, v.a);
  _mm256_storeu_ps(p + 8, v.b);
}
USWIM_KERNEL_INLINE Floats fused(Floats x, Floats y, Floats sum) {
  return {_mm256_fmadd_ps(x.a, y.a, sum.a), _mm256_fmadd_ps(x.b, y.b, sum.b)};
}
USWIM_KERNEL_INLINE Ints to_int(Floats v) {
  return {_mm256_cvtps_epi32(v.a), _mm256_cvtps_epi32(v.b)};
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

/// Products of two bytes each are added up within int16 before they are widened. One half of the
/// images after the other: 16 registers hold the short and the long sums of 6 outputs.
struct Bytes {
  using Matrix = ByteMatrix;
  using Code = std::uint8_t;
  using Weight = std::int8_t;
  using Number = std::int32_t;
  using Sum = Ints;
  static constexpr std::ptrdiff_t kVector = 64;
  static constexpr std::ptrdiff_t kChannels = 4;
  static constexpr bool kShortSums = true;
  USWIM_KERNEL_INLINE static Sum nothing() { return zero(); }
  USWIM_KERNEL_INLINE static Sum load_sum(const Number* p) { return load(p); }
  USWIM_KERNEL_INLINE static void store_sum(Number* p, Sum v) { store(p, v); }
  USWIM_KERNEL_INLINE static Ints product(const Matrix& m, std::size_t output, Sum sum) {
    const __m256i scale = _mm256_set1_epi32(m.scale[output]);
    const __m256i offset = _mm256_set1_epi32(m.offset[output]);
    return {_mm256_add_epi32(_mm256_mullo_epi32(sum.a, scale), offset),
            _mm256_add_epi32(_mm256_mullo_epi32(sum.b, scale), offset)};
  }
  static std::size_t joint_steps(const Matrix&) { return 0; }
  USWIM_KERNEL_INLINE static __m256i multiply(__m256i codes, const Weight* weights) {
    std::int32_t four;
    __builtin_memcpy(&four, weights, sizeof four);
    return _mm256_maddubs_epi16(codes, _mm256_set1_epi32(four));
  }
  template <int kOutputs>
  USWIM_KERNEL_INLINE static void accumulate_half(const Matrix& m, const std::int32_t* offsets,
                                                  std::size_t steps, const Code* codes,
                                                  const Weight* weights, __m256i (&sum)[kOutputs]) {
    constexpr std::ptrdiff_t kStep = kChannels * kOutputs;
    const __m256i ones = _mm256_set1_epi16(1);
    for (std::size_t k = 0; k < steps;) {
      const std::size_t end = k + m.short_steps < steps ? k + m.short_steps : steps;
      __m256i part[kOutputs];
      const __m256i first = load_half(codes + offsets[k]);
#pragma GCC unroll 6
      for (int o = 0; o < kOutputs; ++o) part[o] = multiply(first, weights + kChannels * o);
      for (++k, weights += kStep; k < end; ++k, weights += kStep) {
        const __m256i next = load_half(codes + offsets[k]);
#pragma GCC unroll 6
        for (int o = 0; o < kOutputs; ++o)
          part[o] = _mm256_add_epi16(part[o], multiply(next, weights + kChannels * o));
      }
#pragma GCC unroll 6
      for (int o = 0; o < kOutputs; ++o)
        sum[o] = _mm256_add_epi32(sum[o], _mm256_madd_epi16(part[o], ones));
    }
  }
  template <int kOutputs>
  USWIM_KERNEL_INLINE static void accumulate(const Matrix& m, std::size_t first, std::size_t steps,
                                             const Code* codes, const Weight* weights,
                                             Sum (&result)[kOutputs][1]) {
    __m256i half[kOutputs];
#pragma GCC unroll 6
    for (int o = 0; o < kOutputs; ++o) half[o] = result[o][0].a;
    accumulate_half<kOutputs>(m, m.offsets + first, steps, codes, weights, half);
#pragma GCC unroll 6
    for (int o = 0; o < kOutputs; ++o) {
      result[o][0].a = half[o];
      half[o] = result[o][0].b;
    }
    accumulate_half<kOutputs>(m, m.offsets + first, steps, codes + kVector / 2, weights, half);
#pragma GCC unroll 6
    for (int o = 0; o < kOutputs; ++o) result[o][0].b = half[o];
  }
};

}  // namespace
}  // namespace uswim::workloads::kernel

#include "workloads/engine/kernel_body.h"
#include "workloads/engine/kernel_winograd.h"

namespace uswim::workloads::kernel {
namespace {
/// The largest code u with 2 x 127 u within int16.
constexpr int kLargestByte = 129;
constexpr Kernels kKernels{"avx2",
                           multiply<Words>,
                           multiply_requantize<Words>,
                           multiply<Singles>,
                           multiply_requantize<Singles>,
                           multiply<Bytes>,
                           multiply_requantize<Bytes>,
                           kLargestByte,
                           multiply_winograd,
                           multiply_requantize_winograd,
                           requantize,
                           max_pool,
                           gather};
}  // namespace
const Kernels* const kAvx2 = &kKernels;
}  // namespace uswim::workloads::kernel
#else
namespace uswim::workloads::kernel {
const Kernels* const kAvx2 = nullptr;
}
#endif
