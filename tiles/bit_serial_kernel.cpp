#include "tiles/bit_serial_kernel.h"

#include <algorithm>
#include <cstring>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "support/instruction_sets.h"

namespace uswim::tiles::bit_serial {
namespace {

template <int kBytes>
struct Vectors;
template <>
struct Vectors<16> {
  typedef std::int16_t Shorts __attribute__((vector_size(16)));
  typedef std::int32_t Ints __attribute__((vector_size(16)));
  typedef float Floats __attribute__((vector_size(16)));
};
template <>
struct Vectors<32> {
  typedef std::int16_t Shorts __attribute__((vector_size(32)));
  typedef std::int32_t Ints __attribute__((vector_size(32)));
  typedef float Floats __attribute__((vector_size(32)));
};
template <>
struct Vectors<64> {
  typedef std::int16_t Shorts __attribute__((vector_size(64)));
  typedef std::int32_t Ints __attribute__((vector_size(64)));
  typedef float Floats __attribute__((vector_size(64)));
};

/// A chunk's 32 columns in vectors of kBytes.
template <int kBytes>
USWIM_INLINE void convert_with(const Chunk& c, const Bits& b, std::int32_t* codes) {
  using Shorts = typename Vectors<kBytes>::Shorts;
  using Ints = typename Vectors<kBytes>::Ints;
  using Floats = typename Vectors<kBytes>::Floats;
  constexpr std::size_t kVectors = kColumns * sizeof(std::int16_t) / kBytes;
  constexpr std::size_t kShorts = kBytes / sizeof(std::int16_t);
  constexpr std::size_t kInts = kBytes / sizeof(std::int32_t);
  const Ints zero = {};
  const Ints largest = zero + c.largest_code;
  const Floats half_step = Floats{} + c.half_step, inverse_step = Floats{} + c.inverse_step;
  for (std::size_t vector = 0; vector < b.groups * b.lanes; ++vector) {
    const std::size_t group = vector / b.lanes, lane = vector % b.lanes;
    Ints code[2 * kVectors];
#pragma GCC unroll 8
    for (std::size_t i = 0; i < 2 * kVectors; ++i) code[i] = zero;
    for (unsigned bit = b.bits; bit-- > 0;) {
#pragma GCC unroll 8
      for (std::size_t i = 0; i < 2 * kVectors; ++i) code[i] += code[i];
      const std::size_t plane = group * b.bits + bit;
      if (!(b.planes[plane] >> lane & 1)) continue;
      const std::uint16_t* at = b.look_ups + plane * b.tables * kLanes + lane;
      const std::int16_t* table = c.tables;
      Ints sum[2 * kVectors];
#pragma GCC unroll 8
      for (std::size_t i = 0; i < 2 * kVectors; ++i)
        std::memcpy(&sum[i], c.start + i * kInts, sizeof(Ints));
      std::size_t t = 0;
      for (const std::uint32_t* end = c.ends; t < b.tables; ++end) {
        Shorts part[kVectors];
#pragma GCC unroll 8
        for (std::size_t i = 0; i < kVectors; ++i) part[i] = Shorts{};
        for (; t < *end; ++t, table += kTable, at += kLanes) {
#pragma GCC unroll 8
          for (std::size_t i = 0; i < kVectors; ++i) {
            Shorts entry;
            std::memcpy(&entry, table + *at + i * kShorts, sizeof entry);
            part[i] += entry;
          }
        }
#pragma GCC unroll 8
        for (std::size_t i = 0; i < kVectors; ++i) {
          const Ints both = reinterpret_cast<Ints>(part[i]);
          sum[i] += both << 16 >> 16;
          sum[kVectors + i] += both >> 16;
        }
      }
#pragma GCC unroll 8
      for (std::size_t i = 0; i < 2 * kVectors; ++i) {
        const Floats steps = (__builtin_convertvector(sum[i], Floats) + half_step) * inverse_step;
        const Ints whole = __builtin_convertvector(steps, Ints);
        const Ints positive = whole > zero ? whole : zero;
        const Ints converted = positive < largest ? positive : largest;
        if (b.is_signed && bit + 1 == b.bits)
          code[i] -= converted;
        else
          code[i] += converted;
      }
    }
#pragma GCC unroll 8
    for (std::size_t i = 0; i < 2 * kVectors; ++i)
      std::memcpy(codes + vector * kColumns + i * kInts, &code[i], sizeof(Ints));
  }
}

#if defined(__x86_64__)
__attribute__((target("arch=x86-64-v4,prefer-vector-width=512"))) void convert_v4(
    const Chunk& chunk, const Bits& bits, std::int32_t* codes) {
  convert_with<64>(chunk, bits, codes);
}
__attribute__((target("arch=x86-64-v3"))) void convert_v3(const Chunk& chunk, const Bits& bits,
                                                          std::int32_t* codes) {
  convert_with<32>(chunk, bits, codes);
}
#endif
void convert_baseline(const Chunk& chunk, const Bits& bits, std::int32_t* codes) {
  convert_with<16>(chunk, bits, codes);
}

/// A bit per lane: whether its number, below 2^15, is not zero.
USWIM_INLINE std::uint16_t lanes_with_any(const std::uint16_t* numbers) {
#if defined(__SSE2__)
  const auto at = [&](std::size_t lane) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(numbers + lane));
  };
  const __m128i bytes = _mm_packs_epi16(at(0), at(8));
  return static_cast<std::uint16_t>(~_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_setzero_si128())));
#else
  unsigned lanes = 0;
  for (std::size_t lane = 0; lane < kLanes; ++lane) lanes |= (numbers[lane] != 0 ? 1u : 0u) << lane;
  return static_cast<std::uint16_t>(lanes);
#endif
}

}  // namespace

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

void convert(const Chunk& chunk, const Bits& bits, std::int32_t* codes) {
  static const Convert fastest = versions_of_convert().front();
  fastest(chunk, bits, codes);
}

USWIM_EVERY_INSTRUCTION_SET
void add_weighted(const ColumnRun& run, const Bits& bits, const std::int32_t* __restrict codes,
                  std::size_t outputs, std::int32_t* __restrict sums) {
  codes += run.column;
  sums += run.output;
  for (std::size_t group = 0; group < bits.groups; ++group, sums += kLanes * outputs)
    for (std::size_t lane = 0; lane < bits.lanes; ++lane, codes += kColumns) {
      std::int32_t* sum = sums + lane * outputs;
      for (std::size_t i = 0; i < run.length; ++i) sum[i] += run.weight * codes[i];
    }
}

USWIM_EVERY_INSTRUCTION_SET
void spread_bits(const std::int16_t* codes, std::size_t rows, unsigned bits,
                 std::uint16_t* look_ups, std::uint16_t* planes) {
  static const std::int16_t kNone[kLanes] = {};
  constexpr unsigned kMostBits = 16, kNibble = 4;
  static_assert(kRows == 4 && kColumns == 32);
  const std::size_t of_bit = tables_of(rows) * kLanes;
  std::uint16_t any[kMostBits][kLanes] = {};
  for (std::size_t r = 0; r < rows; r += kRows, look_ups += kLanes) {
    const std::int16_t* row[kRows];
    for (std::size_t i = 0; i < kRows; ++i)
      row[i] = r + i < rows ? codes + (r + i) * kLanes : kNone;
    for (unsigned first = 0; first < bits; first += kNibble) {
      // Four bits of four rows side by side. The product brings bits 0, 4, 8 and 12, one of each
      // row, to the top, where they are an entry of the table.
      std::uint16_t four[kLanes];
      for (std::size_t lane = 0; lane < kLanes; ++lane)
        four[lane] = static_cast<std::uint16_t>(
            (row[0][lane] >> first & 15) | (row[1][lane] >> first & 15) << 4 |
            (row[2][lane] >> first & 15) << 8 | (row[3][lane] >> first & 15) << 12);
      for (unsigned bit = first; bit < bits && bit < first + kNibble; ++bit) {
        std::uint16_t* place = look_ups + bit * of_bit;
        for (std::size_t lane = 0; lane < kLanes; ++lane) {
          const auto one_each = static_cast<std::uint16_t>(four[lane] >> (bit - first) & 0x1111);
          const auto on_top = static_cast<std::uint16_t>(one_each * 0x1248);
          place[lane] = static_cast<std::uint16_t>(on_top >> 12 << 5);
          any[bit][lane] = static_cast<std::uint16_t>(any[bit][lane] | place[lane]);
        }
      }
    }
  }
  for (unsigned bit = 0; bit < bits; ++bit) planes[bit] = lanes_with_any(any[bit]);
}

USWIM_EVERY_INSTRUCTION_SET
bool make_tables(const std::int16_t* rows, std::size_t tables, std::int16_t* table,
                 std::int32_t* start, std::uint32_t* ends) {
  constexpr std::int32_t kLargest = 32767;
  std::int32_t run[kColumns] = {}, total[kColumns] = {};
  for (std::size_t t = 0; t < tables; ++t, rows += kRows * kColumns, table += kTable) {
    std::int32_t widest = 0, longest = 0;
    for (std::size_t c = 0; c < kColumns; ++c) {
      std::int32_t sum = 0, magnitude = 0;
      for (std::size_t r = 0; r < kRows; ++r) {
        const std::int32_t cell = rows[r * kColumns + c];
        sum += cell;
        magnitude += cell < 0 ? -cell : cell;
      }
      // Sums of some of the rows span `magnitude` around half the sum of all.
      const std::int32_t middle = sum >> 1, reach = (magnitude + 3) >> 1;
      table[c] = static_cast<std::int16_t>(-middle);
      total[c] += middle;
      run[c] += reach;
      widest = widest > reach ? widest : reach;
      longest = longest > run[c] ? longest : run[c];
    }
    if (widest > kLargest) return false;
    if (longest > kLargest) {  // a new run begins with this table
      *ends++ = static_cast<std::uint32_t>(t);
      for (std::size_t c = 0; c < kColumns; ++c) {
        std::int32_t magnitude = 0;
        for (std::size_t r = 0; r < kRows; ++r) {
          const std::int32_t cell = rows[r * kColumns + c];
          magnitude += cell < 0 ? -cell : cell;
        }
        run[c] = (magnitude + 3) >> 1;
      }
    }
    for (std::size_t r = 0; r < kRows; ++r) {
      const std::int16_t* cells = rows + r * kColumns;
      const std::size_t known = std::size_t{1} << r;
      for (std::size_t e = 0; e < known; ++e) {
        for (std::size_t c = 0; c < kColumns; ++c) {
          table[(known + e) * kColumns + c] =
              static_cast<std::int16_t>(table[e * kColumns + c] + cells[c]);
        }
      }
    }
  }
  *ends = static_cast<std::uint32_t>(tables);
  for (std::size_t c = 0; c < kColumns; ++c) start[c] = total[place_of(c)];
  return true;
}

}  // namespace uswim::tiles::bit_serial
