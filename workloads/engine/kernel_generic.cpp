#include "workloads/engine/kernel.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#define USWIM_KERNEL_INLINE inline __attribute__((always_inline))

namespace uswim::workloads::kernel {
namespace {

constexpr int kRegisterPositions = 1;

struct Ints {
  std::int32_t lane[kLaneCount];
};
struct Floats {
  float lane[kLaneCount];
};

template <class To, class Operation>
USWIM_KERNEL_INLINE To each(Operation operation) {
  To result;
  for (std::size_t i = 0; i < kLaneCount; ++i) result.lane[i] = operation(i);
  return result;
}

USWIM_KERNEL_INLINE std::int32_t low(std::int32_t pair) {
  return static_cast<std::int16_t>(pair & 0xffff);
}
USWIM_KERNEL_INLINE std::int32_t high(std::int32_t pair) { return pair >> 16; }
USWIM_KERNEL_INLINE std::int32_t join(std::int32_t low, std::int32_t high) {
  return static_cast<std::int32_t>((static_cast<std::uint32_t>(low) & 0xffffu) |
                                   (static_cast<std::uint32_t>(high) << 16));
}

USWIM_KERNEL_INLINE Ints zero() {
  return each<Ints>([](std::size_t) { return 0; });
}
USWIM_KERNEL_INLINE Ints load(const std::int32_t* p) {
  return each<Ints>([&](std::size_t i) { return p[i]; });
}
USWIM_KERNEL_INLINE void store(std::int32_t* p, const Ints& v) {
  for (std::size_t i = 0; i < kLaneCount; ++i) p[i] = v.lane[i];
}
USWIM_KERNEL_INLINE Ints load_codes(const std::int16_t* p) {
  return each<Ints>([&](std::size_t i) { return join(p[2 * i], p[2 * i + 1]); });
}
USWIM_KERNEL_INLINE void store_codes(std::int16_t* p, const Ints& v) {
  for (std::size_t i = 0; i < kLaneCount; ++i) {
    p[2 * i] = static_cast<std::int16_t>(low(v.lane[i]));
    p[2 * i + 1] = static_cast<std::int16_t>(high(v.lane[i]));
  }
}
USWIM_KERNEL_INLINE Ints broadcast_pair(const std::int16_t* p) {
  const std::int32_t both = join(p[0], p[1]);
  return each<Ints>([&](std::size_t) { return both; });
}
#if defined(__SSE2__)
/// Every x86-64 has this instruction; compilers do not find it for the loop below.
USWIM_KERNEL_INLINE Ints dot(const Ints& sum, const Ints& a, const Ints& b) {
  Ints result;
  for (std::size_t i = 0; i < kLaneCount; i += 4) {
    const auto at = [i](const Ints& v) {
      return _mm_loadu_si128(reinterpret_cast<const __m128i*>(v.lane + i));
    };
    _mm_storeu_si128(reinterpret_cast<__m128i*>(result.lane + i),
                     _mm_add_epi32(at(sum), _mm_madd_epi16(at(a), at(b))));
  }
  return result;
}
#else
USWIM_KERNEL_INLINE Ints dot(const Ints& sum, const Ints& a, const Ints& b) {
  return each<Ints>([&](std::size_t i) {
    return sum.lane[i] + low(a.lane[i]) * low(b.lane[i]) + high(a.lane[i]) * high(b.lane[i]);
  });
}
#endif
USWIM_KERNEL_INLINE void finish_first(Ints&) {}  // no registers to run out of
USWIM_KERNEL_INLINE Ints max(const Ints& a, const Ints& b) {
  return each<Ints>([&](std::size_t i) { return a.lane[i] > b.lane[i] ? a.lane[i] : b.lane[i]; });
}
USWIM_KERNEL_INLINE Ints max_codes(const Ints& a, const Ints& b) {
  return each<Ints>([&](std::size_t i) {
    const std::int32_t x = a.lane[i], y = b.lane[i];
    return join(low(x) > low(y) ? low(x) : low(y), high(x) > high(y) ? high(x) : high(y));
  });
}
/// Modulo 2^32.
USWIM_KERNEL_INLINE Ints add(const Ints& a, const Ints& b) {
  return each<Ints>([&](std::size_t i) {
    return static_cast<std::int32_t>(static_cast<std::uint32_t>(a.lane[i]) +
                                     static_cast<std::uint32_t>(b.lane[i]));
  });
}
USWIM_KERNEL_INLINE Ints subtract(const Ints& a, const Ints& b) {
  return each<Ints>([&](std::size_t i) {
    return static_cast<std::int32_t>(static_cast<std::uint32_t>(a.lane[i]) -
                                     static_cast<std::uint32_t>(b.lane[i]));
  });
}
USWIM_KERNEL_INLINE Ints add_codes(const Ints& a, const Ints& b) {
  return each<Ints>([&](std::size_t i) {
    const std::int32_t x = a.lane[i], y = b.lane[i];
    return join(low(x) + low(y), high(x) + high(y));
  });
}
USWIM_KERNEL_INLINE Ints subtract_codes(const Ints& a, const Ints& b) {
  return each<Ints>([&](std::size_t i) {
    const std::int32_t x = a.lane[i], y = b.lane[i];
    return join(low(x) - low(y), high(x) - high(y));
  });
}
/// v / 4 * factor, modulo 2^32.
USWIM_KERNEL_INLINE Ints quarter_times(const Ints& v, std::int32_t factor) {
  return each<Ints>([&](std::size_t i) {
    return static_cast<std::int32_t>(static_cast<std::uint32_t>(v.lane[i] >> 2) *
                                     static_cast<std::uint32_t>(factor));
  });
}
USWIM_KERNEL_INLINE Ints pair(const Ints& even, const Ints& odd) {
  return each<Ints>([&](std::size_t i) { return join(even.lane[i], odd.lane[i]); });
}
USWIM_KERNEL_INLINE Ints lower_half(const Ints& v) {
  return each<Ints>([&](std::size_t i) { return v.lane[i] & 0xffff; });
}
USWIM_KERNEL_INLINE Ints upper_half(const Ints& v) {
  return each<Ints>([&](std::size_t i) { return high(v.lane[i]); });
}
USWIM_KERNEL_INLINE Floats broadcast(float value) {
  return each<Floats>([&](std::size_t) { return value; });
}
USWIM_KERNEL_INLINE Floats to_float(const Ints& v) {
  return each<Floats>([&](std::size_t i) { return static_cast<float>(v.lane[i]); });
}
USWIM_KERNEL_INLINE Floats mul(const Floats& a, const Floats& b) {
  return each<Floats>([&](std::size_t i) { return a.lane[i] * b.lane[i]; });
}
USWIM_KERNEL_INLINE Floats add(const Floats& a, const Floats& b) {
  return each<Floats>([&](std::size_t i) { return a.lane[i] + b.lane[i]; });
}
USWIM_KERNEL_INLINE Floats load_floats(const float* p) {
  return each<Floats>([&](std::size_t i) { return p[i]; });
}
USWIM_KERNEL_INLINE void store_floats(float* p, const Floats& v) {
  for (std::size_t i = 0; i < kLaneCount; ++i) p[i] = v.lane[i];
}
/// a * b + c, rounded once, in doubles: the product is exact; the sum is rounded to odd, so that
/// rounding it again to float is as if it had been exact (Boldo and Melquiond, 2008).
USWIM_KERNEL_INLINE float fused(float a, float b, float c) {
  const double product = static_cast<double>(a) * static_cast<double>(b);
  const double addend = static_cast<double>(c);
  const double sum = product + addend;
  const double of_addend = sum - product;
  const double error = (product - (sum - of_addend)) + (addend - of_addend);
  std::int64_t bits;
  __builtin_memcpy(&bits, &sum, sizeof bits);
  const bool away_from_zero = (error > 0.0) == (sum > 0.0);
  if (error != 0.0 && (bits & 1) == 0) bits += away_from_zero ? 1 : -1;
  double odd;
  __builtin_memcpy(&odd, &bits, sizeof odd);
  return static_cast<float>(odd);
}
USWIM_KERNEL_INLINE Floats fused(const Floats& a, const Floats& b, const Floats& c) {
  return each<Floats>([&](std::size_t i) { return fused(a.lane[i], b.lane[i], c.lane[i]); });
}
USWIM_KERNEL_INLINE Ints to_int(const Floats& v) {
  return each<Ints>(
      [&](std::size_t i) { return static_cast<std::int32_t>(__builtin_rintf(v.lane[i])); });
}
/// clamp(round half to even): the bounds are whole, so clamping first gives the same and keeps the
/// sum between 2^23 and 2^24, where floats are the whole numbers.
USWIM_KERNEL_INLINE Ints round_clamped(const Floats& v, float minimum, float maximum) {
  constexpr float kWhole = 12582912.0f;  // 1.5 * 2^23
  return each<Ints>([&](std::size_t i) {
    const float raised = v.lane[i] > minimum ? v.lane[i] : minimum;
    const float clamped = raised < maximum ? raised : maximum;
    return static_cast<std::int32_t>((clamped + kWhole) - kWhole);
  });
}

}  // namespace
}  // namespace uswim::workloads::kernel

#include "workloads/engine/kernel_body.h"
#include "workloads/engine/kernel_winograd.h"

namespace uswim::workloads::kernel {
namespace {
constexpr Kernels kKernels{"generic",
                           multiply<Words>,
                           multiply_requantize<Words>,
                           multiply<Singles>,
                           multiply_requantize<Singles>,
                           nullptr,
                           nullptr,
                           0,
                           multiply_winograd,
                           multiply_requantize_winograd,
                           requantize,
                           max_pool,
                           gather};
}
const Kernels* const kGeneric = &kKernels;
}  // namespace uswim::workloads::kernel
