#include "workloads/sensitivity/lane_products.h"

#include <algorithm>
#include <cstring>

#include "support/instruction_sets.h"
#include "workloads/engine/aligned.h"
#include "workloads/sensitivity/lane_vector.h"

// Loops over a tile have to vanish, so that its sums stay in registers.
#define USWIM_UNROLL _Pragma("GCC unroll 32")

namespace uswim::workloads::layer_arithmetic {
namespace {

// A longer sum of floats would lose digits, a shorter one would spend its time on adding lanes.
constexpr std::size_t kChunk = 512;
// Products: terms of a window that stay in the first cache, and positions whose windows stay in the
// second while the matrix passes by. Windows are copied there, because elements of different
// channels often lie a power of two apart and would evict each other.
constexpr std::size_t kDepth = 256;
constexpr std::size_t kWindows = 4;
// Fewer outputs than this do not repay the copy.
constexpr std::size_t kOutputsWorthCopying = 16;
// Correlations: outputs, terms and positions of a block whose operands and sums stay in the second
// cache; multiples of every tile.
constexpr std::size_t kBlockOutputs = 48;
constexpr std::size_t kBlockTerms = 192;
constexpr std::size_t kBlockPositions = 64;

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
using Avx2 = Tile<8, 6, 1, 3, 3>;     // 16 registers of 8
using Avx512 = Tile<16, 6, 4, 3, 8>;  // 32 registers of 16

/// A piece of the products of a few positions with all outputs.
struct ProductBlock {
  const float* matrix;  ///< of the first output, at the block's first term
  std::size_t row;      ///< from output to output
  std::size_t outputs;
  const std::size_t* terms;  ///< offsets behind `window`
  std::size_t depth;         ///< terms of the block
  const float* window[kWindows];
  float* result[kWindows];    ///< of output 0
  std::size_t result_stride;  ///< from output to output
  float* partial;             ///< [output][position][lane]: sums of the terms so far
  bool first, last;           ///< terms
};

template <class T, int Positions>
USWIM_INLINE void product_tile(const ProductBlock& b, std::size_t first_output,
                               std::size_t first_position) {
  using Vector = typename T::Vector;
  constexpr int kOutputs = T::kProductOutputs;
  constexpr int kVectors = Positions * T::kGroups;
  // A tile that hangs over the last output computes that one several times.
  const float* row[kOutputs];
  for (int m = 0; m < kOutputs; ++m)
    row[m] = b.matrix + std::min(first_output + static_cast<std::size_t>(m), b.outputs - 1) * b.row;
  const float* window[Positions];
  for (int p = 0; p < Positions; ++p)
    window[p] = b.window[first_position + static_cast<std::size_t>(p)];
  const auto partial = [&](int m, int v) {
    return b.partial +
           ((first_output + static_cast<std::size_t>(m)) * kWindows + first_position) * kLanes +
           v * T::kWidth;
  };

  Vector sum[kOutputs][kVectors] = {};
  if (!b.first) {
    USWIM_UNROLL
    for (int m = 0; m < kOutputs; ++m) {
      USWIM_UNROLL
      for (int v = 0; v < kVectors; ++v) load(sum[m][v], partial(m, v));
    }
  }
  for (std::size_t k = 0; k < b.depth; ++k) {
    const std::size_t offset = b.terms[k];
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
    if (!b.last) {
      USWIM_UNROLL
      for (int v = 0; v < kVectors; ++v) store(sum[m][v], partial(m, v));
      continue;
    }
    if (output >= b.outputs) break;
    USWIM_UNROLL
    for (int v = 0; v < kVectors; ++v) {
      float* to = b.result[first_position + static_cast<std::size_t>(v / T::kGroups)] +
                  output * b.result_stride + v % T::kGroups * T::kWidth;
      Vector y;
      load(y, to);
      store(y + sum[m][v], to);
    }
  }
}

template <class T>
USWIM_INLINE void add_products(const ProductPlan& plan, Range positions, const float* matrix,
                               std::size_t outputs, const float* in, float* out) {
  constexpr std::size_t kOutputs = T::kProductOutputs, kPositions = T::kProductPositions;
  const std::size_t terms = plan.terms.size();
  const std::size_t depth = std::min(terms, kDepth);
  const bool copies = terms > kDepth || outputs >= kOutputsWorthCopying;
  AlignedVector<float> copy(copies ? kWindows * depth * kLanes : 0);
  AlignedVector<float> partial(terms > kDepth ? (outputs + kOutputs) * kWindows * kLanes : 0);
  std::vector<std::size_t> behind_each_other(depth);
  for (std::size_t k = 0; k < depth; ++k) behind_each_other[k] = k * kLanes;

  ProductBlock b{};
  b.row = terms;
  b.outputs = outputs;
  b.result_stride = plan.output_stride;
  b.partial = partial.data();
  b.terms = copies ? behind_each_other.data() : plan.terms.data();
  for (std::size_t p = positions.begin; p < positions.end; p += kWindows) {
    const std::size_t here = std::min(kWindows, positions.end - p);
    for (std::size_t i = 0; i < here; ++i) {
      b.window[i] = copies ? copy.data() + i * depth * kLanes : in + plan.input[p + i];
      b.result[i] = out + plan.output[p + i];
    }
    for (std::size_t k = 0; k < terms; k += kDepth) {
      b.matrix = matrix + k;
      b.depth = std::min(kDepth, terms - k);
      b.first = k == 0;
      b.last = k + b.depth == terms;
      if (copies)
        for (std::size_t j = 0; j < b.depth; ++j)
          for (std::size_t i = 0; i < here; ++i)
            std::memcpy(copy.data() + (i * depth + j) * kLanes,
                        in + plan.input[p + i] + plan.terms[k + j], kLanes * sizeof(float));
      for (std::size_t m = 0; m < outputs; m += kOutputs) {
        std::size_t i = 0;
        for (; i + kPositions <= here; i += kPositions)
          product_tile<T, T::kProductPositions>(b, m, i);
        for (; i < here; ++i) product_tile<T, 1>(b, m, i);
      }
    }
  }
}

/// Adds the products of a few positions to a tile's sums [output][term][lane].
template <class T>
USWIM_INLINE void correlation_tile(const ProductPlan& plan, Range positions, const float* out,
                                   const float* const (&x)[T::kCorrelationTerms], float* sums) {
  using Vector = typename T::Vector;
  constexpr int kOutputs = T::kCorrelationOutputs, kTerms = T::kCorrelationTerms;
  const std::size_t* input = plan.input.data();
  for (int g = 0; g < T::kGroups; ++g) {
    float* lanes = sums + g * T::kWidth;
    Vector sum[kOutputs][kTerms];
    USWIM_UNROLL
    for (int m = 0; m < kOutputs; ++m) {
      USWIM_UNROLL
      for (int k = 0; k < kTerms; ++k)
        load(sum[m][k], lanes + (m * kTerms + k) * static_cast<int>(kLanes));
    }
    const float* y = out + g * T::kWidth;
    for (std::size_t p = positions.begin; p < positions.end; ++p, y += kOutputs * kLanes) {
      const std::size_t window = input[p] + static_cast<std::size_t>(g * T::kWidth);
      Vector s[kOutputs];
      USWIM_UNROLL
      for (int m = 0; m < kOutputs; ++m) load(s[m], y + m * static_cast<int>(kLanes));
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
      for (int k = 0; k < kTerms; ++k)
        store(sum[m][k], lanes + (m * kTerms + k) * static_cast<int>(kLanes));
    }
  }
}

/// Sum of 16 lanes, or of their squares: lane i and lane i + 8, then i + 4, i + 2, i + 1.
template <bool Squares>
USWIM_INLINE double sum_of_lanes(const float* lanes) {
  Quad a, b, c, d;
  load(a, lanes);
  load(b, lanes + 4);
  load(c, lanes + 8);
  load(d, lanes + 12);
  if (Squares) {
    a *= a;
    b *= b;
    c *= c;
    d *= d;
  }
  const Quad four = (a + c) + (b + d);
  return static_cast<double>((four[0] + four[2]) + (four[1] + four[3]));
}

/// The sums over one chunk of positions.
template <class T, bool Squares>
USWIM_INLINE void correlate(const ProductPlan& plan, Range positions, Range outputs,
                            const float* out, const float* in, double* sums) {
  constexpr std::size_t kOutputs = T::kCorrelationOutputs, kTerms = T::kCorrelationTerms;
  constexpr std::size_t kTile = kOutputs * kTerms * kLanes;
  const std::size_t terms = plan.terms.size();
  const auto tiles = [](std::size_t count, std::size_t most, std::size_t tile) {
    return (std::min(count, most) + tile - 1) / tile;
  };
  AlignedVector<float> partial(tiles(outputs.size(), kBlockOutputs, kOutputs) *
                               tiles(terms, kBlockTerms, kTerms) * kTile);
  AlignedVector<float> copy(kBlockOutputs * std::min(positions.size(), kBlockPositions) * kLanes);
  for (std::size_t m0 = outputs.begin; m0 < outputs.end; m0 += kBlockOutputs) {
    const std::size_t m1 = std::min(m0 + kBlockOutputs, outputs.end);
    for (std::size_t k0 = 0; k0 < terms; k0 += kBlockTerms) {
      const std::size_t k1 = std::min(k0 + kBlockTerms, terms);
      std::fill(partial.begin(), partial.end(), 0.0f);
      for (std::size_t p0 = positions.begin; p0 < positions.end; p0 += kBlockPositions) {
        const Range here{p0, std::min(p0 + kBlockPositions, positions.end)};
        // [tile][position][output in the tile][lane]; one that hangs over repeats the last output.
        float* to = copy.data();
        for (std::size_t m = m0; m < m1; m += kOutputs)
          for (std::size_t p = here.begin; p < here.end; ++p)
            for (std::size_t i = m; i < m + kOutputs; ++i, to += kLanes)
              std::memcpy(to, out + plan.output[p] + std::min(i, m1 - 1) * plan.output_stride,
                          kLanes * sizeof(float));
        float* tile = partial.data();
        for (std::size_t k = k0; k < k1; k += kTerms) {
          const float* x[kTerms];
          for (std::size_t i = 0; i < kTerms; ++i)
            x[i] = in + plan.terms[std::min(k + i, terms - 1)];
          const float* y = copy.data();
          for (std::size_t m = m0; m < m1; m += kOutputs, tile += kTile) {
            correlation_tile<T>(plan, here, y, x, tile);
            y += here.size() * kOutputs * kLanes;
          }
        }
      }
      const float* tile = partial.data();
      for (std::size_t k = k0; k < k1; k += kTerms)
        for (std::size_t m = m0; m < m1; m += kOutputs, tile += kTile)
          for (std::size_t i = 0; i < std::min(kOutputs, m1 - m); ++i)
            for (std::size_t j = 0; j < std::min(kTerms, k1 - k); ++j)
              sums[(m + i) * terms + k + j] +=
                  sum_of_lanes<Squares>(tile + (i * kTerms + j) * kLanes);
    }
  }
}

template <class T>
USWIM_INLINE void add_correlations(const ProductPlan& plan, Range positions, Range outputs,
                                   const float* out, const float* in, double* sums) {
  for (std::size_t begin = positions.begin; begin < positions.end; begin += kChunk)
    correlate<T, false>(plan, {begin, std::min(begin + kChunk, positions.end)}, outputs, out, in,
                        sums);
}

// One instance per instruction set; the templates above are inlined into it and so compiled for it.
#define USWIM_KERNELS(name, attribute, tile)                                                    \
  attribute void name##_products(const ProductPlan& plan, Range positions, const float* matrix, \
                                 std::size_t outputs, const float* in, float* out) {            \
    add_products<tile>(plan, positions, matrix, outputs, in, out);                              \
  }                                                                                             \
  attribute void name##_correlations(const ProductPlan& plan, Range positions, Range outputs,   \
                                     const float* out, const float* in, double* sums) {         \
    add_correlations<tile>(plan, positions, outputs, out, in, sums);                            \
  }                                                                                             \
  attribute void name##_squared(const ProductPlan& plan, Range positions, Range outputs,        \
                                const float* out, const float* in, double* sums) {              \
    correlate<tile, true>(plan, positions, outputs, out, in, sums);                             \
  }

USWIM_KERNELS(baseline, , Sse2)
#if defined(__x86_64__)
USWIM_KERNELS(avx2, __attribute__((target("avx2"))), Avx2)
USWIM_KERNELS(avx512, __attribute__((target("avx512f,avx512vl"))), Avx512)
#endif
#undef USWIM_KERNELS

std::vector<Kernels> find_kernels() {
  std::vector<Kernels> kernels{
      {"baseline", baseline_products, baseline_correlations, baseline_squared}};
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2"))
    kernels.push_back({"AVX2", avx2_products, avx2_correlations, avx2_squared});
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl"))
    kernels.push_back({"AVX-512", avx512_products, avx512_correlations, avx512_squared});
#endif
  return kernels;
}

}  // namespace

const std::vector<Kernels>& available_kernels() {
  static const std::vector<Kernels> kKernels = find_kernels();
  return kKernels;
}

}  // namespace uswim::workloads::layer_arithmetic
