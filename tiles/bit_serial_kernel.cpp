#include "tiles/bit_serial_kernel.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "support/instruction_sets.h"

namespace uswim::tiles::bit_serial {
namespace {

template <int kBytes>
struct Vectors;
template <>
struct Vectors<16> {
  typedef std::int16_t Shorts __attribute__((vector_size(16)));
  typedef std::uint16_t Wrapping __attribute__((vector_size(16)));
  typedef std::int32_t Ints __attribute__((vector_size(32)));
};
template <>
struct Vectors<32> {
  typedef std::int16_t Shorts __attribute__((vector_size(32)));
  typedef std::uint16_t Wrapping __attribute__((vector_size(32)));
  typedef std::int32_t Ints __attribute__((vector_size(64)));
};

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpsabi"  // what returns a vector of 32 bytes is inlined
#endif
/// Upper halves of the products.
template <int kBytes, class Shorts = typename Vectors<kBytes>::Shorts>
USWIM_INLINE void multiply_high(Shorts& a, const Shorts& b) {
#if defined(__x86_64__) && !defined(__clang__)
  if constexpr (kBytes == 16)
    a = __builtin_ia32_pmulhw128(a, b);
  else
    a = __builtin_ia32_pmulhw256(a, b);
#else
  using Ints = typename Vectors<kBytes>::Ints;
  a = __builtin_convertvector(
      __builtin_convertvector(a, Ints) * __builtin_convertvector(b, Ints) >> 16, Shorts);
#endif
}
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

/// A chunk's columns in vectors of kBytes, parts of kPart places. kExact: the sums' upper bits are
/// carries of the lower ones; otherwise what is left of each part is added.
template <int kBytes, std::size_t kPart, bool kExact>
USWIM_INLINE void convert_with(const std::int16_t* tables, Converters c, PartSums sums_of_part,
                               const BitLists& lists, std::uint16_t* codes) {
  using Shorts = typename Vectors<kBytes>::Shorts;
  using Wrapping = typename Vectors<kBytes>::Wrapping;
  constexpr std::size_t kVectors = kColumns * sizeof(std::int16_t) / kBytes;
  constexpr std::size_t kShorts = kBytes / sizeof(std::int16_t);
  const Shorts zero = {};
  const Division d = c.division;
  const Shorts largest = zero + c.largest_code, reciprocal = zero + d.reciprocal;
  const Wrapping step = Wrapping{} + d.step;
  // Remainders are below 2^16: less 2^15 they are signed.
  const Shorts last_remainder = zero + static_cast<std::int16_t>(d.step - 1 - 0x8000);
  // Not as vectors: GCC would make each of their numbers, over and over.
  std::uint16_t begin[3][kShorts];  // of the lower bits, the upper bits, and each part
  for (std::size_t i = 0; i < kShorts; ++i) begin[2][i] = sums_of_part.below;
  const std::uint16_t* places = lists.places();
  const BitList* list = lists.lists();
  for (const EqualLists& equal : lists.lengths()) {
    const std::int32_t start =
        c.half_step - static_cast<std::int32_t>(equal.parts) * sums_of_part.below;
    for (std::size_t i = 0; i < kShorts; ++i) {
      begin[0][i] = static_cast<std::uint16_t>(kExact ? start : start - 0x8000);
      begin[1][i] = static_cast<std::uint16_t>(start >> (kExact ? 16 : d.shift));
    }
    for (const BitList* const end = lists.lists() + equal.end; list != end; ++list) {
      const std::uint16_t* at = places + list->first;
      Wrapping low[kVectors] = {}, high[kVectors] = {};
#pragma GCC unroll 4
      for (std::size_t i = 0; i < kVectors; ++i) {
        std::memcpy(&low[i], begin[0], kBytes);
        std::memcpy(&high[i], begin[1], kBytes);
      }
      for (std::uint32_t left = equal.parts; left > 0; --left, at += kPart) {
        Wrapping part[kVectors] = {};
#pragma GCC unroll 4
        for (std::size_t i = 0; i < kVectors; ++i) std::memcpy(&part[i], begin[2], kBytes);
#pragma GCC unroll 4
        for (std::size_t one = 0; one < kPart; ++one) {
          const std::int16_t* entry = tables + at[one] * kPlace;
#pragma GCC unroll 4
          for (std::size_t i = 0; i < kVectors; ++i) {
            Wrapping sums;
            std::memcpy(&sums, entry + i * kShorts, kBytes);
            part[i] += sums;
          }
        }
#pragma GCC unroll 4
        for (std::size_t i = 0; i < kVectors; ++i) {
          low[i] += part[i];
          if constexpr (kExact)
            high[i] -= reinterpret_cast<Wrapping>(low[i] < part[i]);
          else
            high[i] += part[i] >> d.shift;
        }
      }
      std::uint16_t* code = codes + list->vector * kColumns;
      const Wrapping weight = Wrapping{} + list->weight;
#pragma GCC unroll 4
      for (std::size_t i = 0; i < kVectors; ++i) {
        if constexpr (kExact) {
          high[i] = high[i] << (15 - d.shift) << 1 | low[i] >> d.shift;
          low[i] += 0x8000;
        }
        Shorts steps = reinterpret_cast<Shorts>(high[i]);
        multiply_high<kBytes>(steps, reciprocal);
        const Wrapping left = low[i] - reinterpret_cast<Wrapping>(steps) * step;
        steps -= reinterpret_cast<Shorts>(left) > last_remainder;
        steps = steps > zero ? steps : zero;
        steps = steps < largest ? steps : largest;
        Wrapping sum;
        std::memcpy(&sum, code + i * kShorts, kBytes);
        sum += reinterpret_cast<Wrapping>(steps) * weight;
        std::memcpy(code + i * kShorts, &sum, kBytes);
      }
    }
  }
}

template <int kBytes, bool kExact>
USWIM_INLINE void convert_parts(const std::int16_t* tables, const Converters& c,
                                const PartSums& part, const BitLists& lists, std::uint16_t* codes) {
  if (part.shape.part == 4)
    convert_with<kBytes, 4, kExact>(tables, c, part, lists, codes);
  else if (part.shape.part == 2)
    convert_with<kBytes, 2, kExact>(tables, c, part, lists, codes);
  else
    convert_with<kBytes, 1, kExact>(tables, c, part, lists, codes);
}

template <int kBytes>
USWIM_INLINE void convert_by(const std::int16_t* tables, const Converters& c, const PartSums& part,
                             const BitLists& lists, std::uint16_t* codes) {
  if (c.exact)
    convert_parts<kBytes, true>(tables, c, part, lists, codes);
  else
    convert_parts<kBytes, false>(tables, c, part, lists, codes);
}

#if defined(__x86_64__)
__attribute__((target("arch=x86-64-v4"))) void convert_v4(const std::int16_t* tables,
                                                          const Converters& c, const PartSums& part,
                                                          const BitLists& lists,
                                                          std::uint16_t* codes) {
  convert_by<32>(tables, c, part, lists, codes);
}
__attribute__((target("arch=x86-64-v3"))) void convert_v3(const std::int16_t* tables,
                                                          const Converters& c, const PartSums& part,
                                                          const BitLists& lists,
                                                          std::uint16_t* codes) {
  convert_by<32>(tables, c, part, lists, codes);
}
#endif
void convert_baseline(const std::int16_t* tables, const Converters& c, const PartSums& part,
                      const BitLists& lists, std::uint16_t* codes) {
  convert_by<16>(tables, c, part, lists, codes);
}

constexpr std::uint32_t kUnit = 8;  ///< that cells are rounded up to, so that 16 bits hold four

/// The largest sums of positive cells over 4, 2 and 1 places, and of negative ones over one place.
USWIM_EVERY_INSTRUCTION_SET
void widest_sums(const CellRows& cells, std::size_t rows_of_place, std::uint32_t (&above)[3],
                 std::uint32_t& below) {
  constexpr std::size_t kAtOnce = 16, kMost = 4;
  typedef std::int16_t Sums __attribute__((vector_size(kAtOnce * sizeof(std::int16_t))));
  typedef Sums SumsAnywhere __attribute__((aligned(2), may_alias));
  static_assert(kRows * (32768 / kUnit + 1) < 32768);
  const Sums zero = {};
  for (std::size_t first = 0; first < kColumns; first += kAtOnce) {
    Sums largest[kMost] = {}, lowest = {};  // of all places, the largest first
    for (std::size_t r = 0; r < cells.rows; r += rows_of_place) {
      Sums positive = {}, negative = {};
      for (std::size_t i = r; i < r + rows_of_place && i < cells.rows; ++i) {
        const Sums cell =
            *reinterpret_cast<const SumsAnywhere*>(cells.first + i * cells.pitch + first);
        const Sums opposite = -cell;
        positive += ((cell > zero ? cell : zero) >> 3) + 1;
        negative += ((opposite > zero ? opposite : zero) >> 3) + 1;
      }
      static_assert(kUnit == 1u << 3);
      lowest = lowest > negative ? lowest : negative;
      for (std::size_t i = 0; i < kMost; ++i) {
        const Sums lower = largest[i] < positive ? largest[i] : positive;
        largest[i] = largest[i] > positive ? largest[i] : positive;
        positive = lower;
      }
    }
    for (std::size_t c = 0; c < kAtOnce; ++c) {
      std::uint32_t sum = 0;
      for (std::size_t i = 0; i < kMost; ++i) {
        sum += static_cast<std::uint16_t>(largest[i][c]);
        std::uint32_t& of_places = above[i == 0 ? 2 : i == 1 ? 1 : 0];
        if (i != 2 && of_places < sum) of_places = sum;
      }
      const auto negative = static_cast<std::uint16_t>(lowest[c]);
      if (below < negative) below = negative;
    }
  }
}

}  // namespace

void PartBounds::add(const CellRows& chunk) { widest_sums(chunk, rows_, above_, below_); }

bool PartBounds::find(PartSums& part) const {
  std::uint32_t places = 4;
  for (const std::uint32_t above : above_) {
    const std::uint32_t below = places * below_;
    if ((above + below) * kUnit < 65536) {
      part = {{places, rows_},
              static_cast<std::uint16_t>(above * kUnit),
              static_cast<std::uint16_t>(below * kUnit)};
      return true;
    }
    places /= 2;
  }
  return false;
}

bool make_division(std::int64_t lowest, std::int64_t highest, std::size_t times, std::int32_t step,
                   Division& division) {
  constexpr std::int64_t kLargest = 32767;
  if (times >= kLargest / 4) return false;
  const auto lost = static_cast<std::int64_t>(times) + 1;
  for (int shift = 0; shift < 16; ++shift) {
    if (std::max(highest >> shift, -(lowest >> shift) + lost) > kLargest) continue;
    const double exact = std::ldexp(1.0, 16 + shift) / step;
    const double reciprocal = std::floor(exact);
    if (reciprocal < 1) continue;
    if (reciprocal > kLargest) return false;
    // The upper bits are at most times + 1 too small, and the reciprocal by less than one: so is
    // the quotient. Negative sums have negative upper bits, so one more than their quotient is 0 at
    // most.
    const double error =
        std::ldexp(static_cast<double>(highest) * (exact - reciprocal), -16 - shift) +
        static_cast<double>(lost) * reciprocal / 65536 + 1e-6;
    if (error >= 1 || (1 + error) * step > 65536) continue;
    division = {shift, static_cast<std::int16_t>(reciprocal), static_cast<std::uint16_t>(step)};
    return true;
  }
  return false;
}

std::vector<Convert> versions_of_convert() {
  std::vector<Convert> versions;
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl"))
    versions.push_back(convert_v4);
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    versions.push_back(convert_v3);
#endif
  versions.push_back(convert_baseline);
  return versions;
}

void convert(const std::int16_t* tables, const Converters& converters, const PartSums& part,
             const BitLists& lists, std::uint16_t* codes) {
  static const Convert fastest = versions_of_convert().front();
  fastest(tables, converters, part, lists, codes);
}

USWIM_EVERY_INSTRUCTION_SET
void make_tables(const CellRows& cells, std::int16_t* tables) {
  constexpr std::size_t kAtOnce = 16;
  typedef std::uint16_t Row __attribute__((vector_size(kAtOnce * sizeof(std::int16_t))));
  typedef Row RowAnywhere __attribute__((aligned(2), may_alias));
  for (std::size_t r = 0; r < cells.rows; r += kRows, tables += kTable)
    for (std::size_t first = 0; first < kColumns; first += kAtOnce) {
      Row entries[kEntries];
      entries[0] = Row{};
      for (std::size_t i = 0; i < kRows; ++i) {
        const std::int16_t* cell = cells.first + (r + i) * cells.pitch + first;
        const Row row = r + i < cells.rows ? *reinterpret_cast<const RowAnywhere*>(cell) : Row{};
        const std::size_t known = std::size_t{1} << i;
        for (std::size_t e = 0; e < known; ++e) entries[known + e] = entries[e] + row;
      }
      for (std::size_t e = 0; e < kEntries; ++e)
        *reinterpret_cast<RowAnywhere*>(tables + e * kColumns + first) = entries[e];
    }
}

}  // namespace uswim::tiles::bit_serial
