#include "workloads/sensitivity/lane_products.h"

#include <algorithm>

#include "support/instruction_sets.h"
#include "workloads/sensitivity/lane_vector.h"

// Loops over a tile have to vanish, so that its sums stay in registers.
#define USWIM_UNROLL _Pragma("GCC unroll 32")

namespace uswim::workloads::layer_arithmetic {
namespace {

// A longer sum of floats would lose digits, a shorter one would spend its time on adding lanes.
constexpr std::size_t kChunk = 512;

/// Tile sizes of one instruction set: as many sums as its registers hold.
template <int Width, int ProductOutputs, int ProductPositions, int CorrelationOutputs,
          int CorrelationTerms>
struct Tile {
  using Vector = typename VectorOf<Width>::type;
  static constexpr int kWidth = Width;
  static constexpr int kGroups = static_cast<int>(kLanes) / Width;  ///< vectors for 16 lanes
  static constexpr int kProductOutputs = ProductOutputs;
  static constexpr int kProductPositions = ProductPositions;
  static constexpr int kCorrelationOutputs = CorrelationOutputs;
  static constexpr int kCorrelationTerms = CorrelationTerms;
};
using Sse2 = Tile<4, 2, 1, 3, 3>;     // 16 registers of 4
using Avx2 = Tile<8, 4, 1, 3, 3>;     // 16 registers of 8
using Avx512 = Tile<16, 6, 4, 3, 8>;  // 32 registers of 16

template <class T, int Positions>
USWIM_INLINE void product_tile(const ProductPlan& plan, const float* matrix, std::size_t outputs,
                               std::size_t first_output, std::size_t first_position,
                               const float* in, float* out) {
  using Vector = typename T::Vector;
  constexpr int kOutputs = T::kProductOutputs;
  constexpr int kVectors = Positions * T::kGroups;
  const std::size_t terms = plan.terms.size();
  // A tile that hangs over the last output computes that one several times.
  const float* row[kOutputs];
  for (int m = 0; m < kOutputs; ++m)
    row[m] = matrix + std::min(first_output + static_cast<std::size_t>(m), outputs - 1) * terms;
  const float* window[Positions];
  for (int p = 0; p < Positions; ++p)
    window[p] = in + plan.input[first_position + static_cast<std::size_t>(p)];

  Vector sum[kOutputs][kVectors] = {};
  for (std::size_t k = 0; k < terms; ++k) {
    const std::size_t offset = plan.terms[k];
    Vector x[kVectors];
    USWIM_UNROLL
    for (int v = 0; v < kVectors; ++v)
      load(x[v], window[v / T::kGroups] + offset + v % T::kGroups * T::kWidth);
    USWIM_UNROLL
    for (int m = 0; m < kOutputs; ++m) {
      USWIM_UNROLL
      for (int v = 0; v < kVectors; ++v) sum[m][v] += x[v] * row[m][k];
    }
  }
  USWIM_UNROLL
  for (int m = 0; m < kOutputs; ++m) {
    const std::size_t output = first_output + static_cast<std::size_t>(m);
    if (output >= outputs) break;
    USWIM_UNROLL
    for (int v = 0; v < kVectors; ++v) {
      float* to = out + plan.output[first_position + static_cast<std::size_t>(v / T::kGroups)] +
                  output * plan.output_stride + v % T::kGroups * T::kWidth;
      Vector y;
      load(y, to);
      store(y + sum[m][v], to);
    }
  }
}

template <class T>
USWIM_INLINE void add_products(const ProductPlan& plan, std::size_t positions, const float* matrix,
                               std::size_t outputs, const float* in, float* out) {
  constexpr std::size_t kOutputs = T::kProductOutputs, kPositions = T::kProductPositions;
  std::size_t p = 0;
  for (; p + kPositions <= positions; p += kPositions)
    for (std::size_t m = 0; m < outputs; m += kOutputs)
      product_tile<T, T::kProductPositions>(plan, matrix, outputs, m, p, in, out);
  for (; p < positions; ++p)
    for (std::size_t m = 0; m < outputs; m += kOutputs)
      product_tile<T, 1>(plan, matrix, outputs, m, p, in, out);
}

template <class T>
USWIM_INLINE void correlation_tile(const ProductPlan& plan, const float* out, std::size_t outputs,
                                   std::size_t first_output, std::size_t first_term,
                                   std::size_t begin, std::size_t end, const float* in,
                                   double* sums) {
  using Vector = typename T::Vector;
  constexpr int kOutputs = T::kCorrelationOutputs, kTerms = T::kCorrelationTerms;
  const std::size_t terms = plan.terms.size();
  const float* y[kOutputs];
  for (int m = 0; m < kOutputs; ++m)
    y[m] = out +
           std::min(first_output + static_cast<std::size_t>(m), outputs - 1) * plan.output_stride;
  const float* x[kTerms];
  for (int k = 0; k < kTerms; ++k)
    x[k] = in + plan.terms[std::min(first_term + static_cast<std::size_t>(k), terms - 1)];

  float lanes[kOutputs][kTerms][kLanes];
  for (int g = 0; g < T::kGroups; ++g) {
    Vector sum[kOutputs][kTerms] = {};
    for (std::size_t p = begin; p < end; ++p) {
      const std::size_t from = plan.output[p] + static_cast<std::size_t>(g * T::kWidth);
      const std::size_t window = plan.input[p] + static_cast<std::size_t>(g * T::kWidth);
      Vector s[kOutputs];
      USWIM_UNROLL
      for (int m = 0; m < kOutputs; ++m) load(s[m], y[m] + from);
      USWIM_UNROLL
      for (int k = 0; k < kTerms; ++k) {
        Vector v;
        load(v, x[k] + window);
        USWIM_UNROLL
        for (int m = 0; m < kOutputs; ++m) sum[m][k] += s[m] * v;
      }
    }
    USWIM_UNROLL
    for (int m = 0; m < kOutputs; ++m) {
      USWIM_UNROLL
      for (int k = 0; k < kTerms; ++k) store(sum[m][k], lanes[m][k] + g * T::kWidth);
    }
  }
  for (int m = 0; m < kOutputs; ++m) {
    const std::size_t output = first_output + static_cast<std::size_t>(m);
    if (output >= outputs) break;
    for (int k = 0; k < kTerms; ++k) {
      const std::size_t term = first_term + static_cast<std::size_t>(k);
      if (term >= terms) break;
      float* lane = lanes[m][k];
      for (std::size_t half = kLanes / 2; half > 0; half /= 2)
        for (std::size_t i = 0; i < half; ++i) lane[i] += lane[i + half];
      sums[output * terms + term] += static_cast<double>(lane[0]);
    }
  }
}

template <class T>
USWIM_INLINE void add_correlations(const ProductPlan& plan, std::size_t positions, const float* out,
                                   std::size_t outputs, const float* in, double* sums) {
  constexpr std::size_t kOutputs = T::kCorrelationOutputs, kTerms = T::kCorrelationTerms;
  for (std::size_t begin = 0; begin < positions; begin += kChunk) {
    const std::size_t end = std::min(begin + kChunk, positions);
    for (std::size_t k = 0; k < plan.terms.size(); k += kTerms)
      for (std::size_t m = 0; m < outputs; m += kOutputs)
        correlation_tile<T>(plan, out, outputs, m, k, begin, end, in, sums);
  }
}

// One instance per instruction set; the templates above are inlined into it and so compiled for it.
#define USWIM_KERNELS(name, attribute, tile)                                                 \
  attribute void name##_products(const ProductPlan& plan, std::size_t positions,             \
                                 const float* matrix, std::size_t outputs, const float* in,  \
                                 float* out) {                                               \
    add_products<tile>(plan, positions, matrix, outputs, in, out);                           \
  }                                                                                          \
  attribute void name##_correlations(const ProductPlan& plan, std::size_t positions,         \
                                     const float* out, std::size_t outputs, const float* in, \
                                     double* sums) {                                         \
    add_correlations<tile>(plan, positions, out, outputs, in, sums);                         \
  }

USWIM_KERNELS(baseline, , Sse2)
#if defined(__x86_64__)
USWIM_KERNELS(avx2, __attribute__((target("avx2"))), Avx2)
USWIM_KERNELS(avx512, __attribute__((target("avx512f,avx512vl"))), Avx512)
#endif
#undef USWIM_KERNELS

std::vector<Kernels> find_kernels() {
  std::vector<Kernels> kernels{{"baseline", baseline_products, baseline_correlations}};
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2")) kernels.push_back({"AVX2", avx2_products, avx2_correlations});
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl"))
    kernels.push_back({"AVX-512", avx512_products, avx512_correlations});
#endif
  return kernels;
}

}  // namespace

const std::vector<Kernels>& available_kernels() {
  static const std::vector<Kernels> kKernels = find_kernels();
  return kKernels;
}

}  // namespace uswim::workloads::layer_arithmetic
