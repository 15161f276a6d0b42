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

constexpr std::size_t kAtOnce = 2;  ///< input vectors of a pass over the tables

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

/// A chunk's 16 columns in vectors of kBytes, two input vectors at a time.
template <int kBytes, unsigned kPerWord>
USWIM_INLINE void convert_with(Chunk c, Bits b, BitRange range, std::uint16_t* codes) {
  using Shorts = typename Vectors<kBytes>::Shorts;
  using Wrapping = typename Vectors<kBytes>::Wrapping;
  constexpr std::size_t kVectors = kColumns * sizeof(std::int16_t) / kBytes,
                        kBoth = kAtOnce * kVectors;
  constexpr std::size_t kEntryBytes = kColumns * sizeof(std::int16_t);
  constexpr std::size_t kShorts = kBytes / sizeof(std::int16_t);
  const Shorts zero = {};
  const Division d = c.division;
  const Shorts largest = zero + c.largest_code, reciprocal = zero + d.reciprocal;
  const Wrapping step = Wrapping{} + d.step;
  // Remainders are below 2^16: less 2^15 they are signed.
  const Shorts last_remainder = zero + static_cast<std::int16_t>(d.step - 1 - 0x8000);
  std::int16_t begin[2][kColumns];
  for (std::size_t i = 0; i < kColumns; ++i) {
    begin[0][i] = static_cast<std::int16_t>(c.start[i] - 0x8000);
    begin[1][i] = static_cast<std::int16_t>(c.start[i] >> d.shift);
  }
  const unsigned sign = b.is_signed ? b.bits - 1 : b.bits;
  for (std::size_t group = 0; group < b.groups; ++group) {
    for (std::size_t lane = 0; lane < b.lanes; lane += kAtOnce) {
      Wrapping code[kBoth];
#pragma GCC unroll 8
      for (std::size_t i = 0; i < kBoth; ++i) code[i] = Wrapping{};
      for (unsigned bit = range.end; bit-- > range.first;) {
#pragma GCC unroll 8
        for (std::size_t i = 0; i < kBoth; ++i) code[i] += code[i];
        const std::size_t plane = group * b.bits + bit;
        if (!(b.planes[plane] >> lane & ((1 << kAtOnce) - 1))) continue;
        const std::uint16_t* at = b.words + plane * b.words_of_bit * kLanes + lane;
        const std::int16_t* table = c.tables;
        Wrapping low[kBoth];
        Shorts high[kBoth];
#pragma GCC unroll 8
        for (std::size_t i = 0; i < kBoth; ++i) {
          std::memcpy(&low[i], begin[0] + i % kVectors * kShorts, kBytes);
          std::memcpy(&high[i], begin[1] + i % kVectors * kShorts, kBytes);
        }
        std::size_t w = 0;
        for (const std::uint32_t* end = c.ends; w < b.words_of_bit; ++end) {
          Shorts part[kBoth];
#pragma GCC unroll 8
          for (std::size_t i = 0; i < kBoth; ++i) part[i] = zero;
          for (const std::size_t end_of_run = *end; w < end_of_run; ++w, at += kLanes) {
            std::size_t entries[kAtOnce];
#pragma GCC unroll 2
            for (std::size_t v = 0; v < kAtOnce; ++v) entries[v] = at[v] * kEntryBytes;
#pragma GCC unroll 4
            for (unsigned t = 0; t < kPerWord; ++t, table += kTable) {
#pragma GCC unroll 8
              for (std::size_t i = 0; i < kBoth; ++i) {
                const std::size_t entry =
                    entries[i / kVectors] >> (kRows * t) & (kEntries - 1) * kEntryBytes;
                Shorts sums;
                std::memcpy(&sums,
                            reinterpret_cast<const char*>(table) + entry + i % kVectors * kBytes,
                            kBytes);
                part[i] += sums;
              }
            }
          }
#pragma GCC unroll 8
          for (std::size_t i = 0; i < kBoth; ++i) {
            low[i] += reinterpret_cast<Wrapping>(part[i]);
            high[i] += part[i] >> d.shift;
          }
        }
#pragma GCC unroll 8
        for (std::size_t i = 0; i < kBoth; ++i) {
          Shorts steps = high[i];
          multiply_high<kBytes>(steps, reciprocal);
          const Wrapping left = low[i] - reinterpret_cast<Wrapping>(steps) * step;
          steps -= reinterpret_cast<Shorts>(left) > last_remainder;
          steps = steps > zero ? steps : zero;
          steps = steps < largest ? steps : largest;
          code[i] += reinterpret_cast<Wrapping>(steps);
        }
        if (bit == sign) {
#pragma GCC unroll 8
          for (std::size_t i = 0; i < kBoth; ++i) code[i] = -code[i];  // the first one, so alone
        }
      }
#pragma GCC unroll 8
      for (std::size_t i = 0; i < kBoth; ++i)
        std::memcpy(codes + (group * kLanes + lane) * kColumns + i * kShorts, &code[i], kBytes);
    }
  }
}

template <int kBytes>
USWIM_INLINE void convert_by(const Chunk& c, const Bits& b, BitRange range, std::uint16_t* codes) {
  if (b.per_word == 4)
    convert_with<kBytes, 4>(c, b, range, codes);
  else if (b.per_word == 2)
    convert_with<kBytes, 2>(c, b, range, codes);
  else
    convert_with<kBytes, 1>(c, b, range, codes);
}

#if defined(__x86_64__)
__attribute__((target("arch=x86-64-v4"))) void convert_v4(const Chunk& c, const Bits& b,
                                                          BitRange range, std::uint16_t* codes) {
  convert_by<32>(c, b, range, codes);
}
__attribute__((target("arch=x86-64-v3"))) void convert_v3(const Chunk& c, const Bits& b,
                                                          BitRange range, std::uint16_t* codes) {
  convert_by<32>(c, b, range, codes);
}
#endif
void convert_baseline(const Chunk& c, const Bits& b, BitRange range, std::uint16_t* codes) {
  convert_by<16>(c, b, range, codes);
}

/// A bit per lane: whether its number is not zero.
USWIM_INLINE std::uint16_t lanes_with_any(const std::uint16_t* numbers) {
#if defined(__x86_64__)
  const auto at = [&](std::size_t lane) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(numbers + lane));
  };
  const __m128i zero = _mm_setzero_si128();
  const __m128i none = _mm_packs_epi16(_mm_cmpeq_epi16(at(0), zero), _mm_cmpeq_epi16(at(8), zero));
  return static_cast<std::uint16_t>(~_mm_movemask_epi8(none));
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

void convert(const Chunk& chunk, const Bits& bits, BitRange range, std::uint16_t* codes) {
  static const Convert fastest = versions_of_convert().front();
  fastest(chunk, bits, range, codes);
}

bool make_division(std::int64_t lowest, std::int64_t highest, std::size_t runs, std::int32_t step,
                   Division& division) {
  constexpr std::int64_t kLargest = 32767;
  int shift = 0;
  while (shift < 15 && std::max(highest, -lowest) >> shift > kLargest / 2) ++shift;
  const double exact = std::ldexp(1.0, 16 + shift) / step;
  const double reciprocal = std::floor(exact);
  if (reciprocal < 1 || reciprocal > kLargest) return false;
  // The upper bits are at most runs + 1 too small, and the reciprocal by less than one: so is the
  // quotient. Negative sums have negative upper bits, so one more than their quotient is 0 at most.
  const double error =
      std::ldexp(static_cast<double>(highest) * (exact - reciprocal), -16 - shift) +
      static_cast<double>(runs + 1) * reciprocal / 65536 + 1e-6;
  if (error >= 1 || (1 + error) * step > 65536 || runs > kLargest / 4) return false;
  division = {shift, static_cast<std::int16_t>(reciprocal), static_cast<std::uint16_t>(step)};
  return true;
}

USWIM_EVERY_INSTRUCTION_SET
void add_weighted(const ColumnRun& run, const Bits& bits, BitRange range,
                  const std::uint16_t* __restrict codes, std::size_t outputs,
                  std::int32_t* __restrict sums) {
  // Signed numbers by way of unsigned ones: (code + 2^15 modulo 2^16) - 2^15.
  const std::uint16_t sign = bits.is_signed && range.end == bits.bits ? 0x8000 : 0;
  codes += run.column;
  sums += run.output;
  for (std::size_t group = 0; group < bits.groups; ++group)
    for (std::size_t lane = 0; lane < bits.lanes; ++lane) {
      const std::uint16_t* code = codes + (group * kLanes + lane) * kColumns;
      std::int32_t* sum = sums + (group * kLanes + lane) * outputs;
      const std::int32_t kept = run.add ? -1 : 0;
      for (std::size_t i = 0; i < run.length; ++i)
        sum[i] = (sum[i] & kept) + run.weight * (static_cast<std::uint16_t>(code[i] ^ sign) - sign);
    }
}

USWIM_EVERY_INSTRUCTION_SET
void add_patterns(const Bits& bits, const std::int32_t* of_pattern, std::size_t outputs,
                  std::int32_t* sums) {
  typedef std::uint32_t Eight __attribute__((vector_size(kOutputs * sizeof(std::int32_t))));
  for (std::size_t group = 0; group < bits.groups; ++group)
    for (std::size_t lane = 0; lane < bits.lanes; ++lane) {
      const std::uint16_t* word = bits.words + group * bits.bits * kLanes + lane;
      std::int32_t* of_vector = sums + (group * kLanes + lane) * outputs;
      for (std::size_t o = 0; o < outputs; o += kOutputs) {
        Eight sum = {};
        for (unsigned bit = bits.bits; bit-- > 0;) {
          Eight one;
          std::memcpy(&one, of_pattern + word[bit * kLanes] * outputs + o, sizeof one);
          if (bits.is_signed && bit + 1 == bits.bits) one = -one;
          sum += sum + one;
        }
        std::memcpy(of_vector + o, &sum, sizeof sum);
      }
    }
}

USWIM_EVERY_INSTRUCTION_SET
void spread_bits(const std::int16_t* codes, std::size_t rows, unsigned bits, unsigned per_word,
                 std::uint16_t* words, std::uint16_t* planes) {
  constexpr unsigned kMostBits = 16, kNibble = 4;
  static_assert(kRows == 4);
  typedef std::uint16_t Lanes __attribute__((vector_size(2 * kLanes)));
  const std::size_t of_bit = words_of(rows, per_word) * kLanes;
  Lanes any[kMostBits];
  for (unsigned bit = 0; bit < bits; ++bit) any[bit] = Lanes{};
  const std::size_t rows_of_word = kRows * per_word;
  for (std::size_t r = 0; r < rows; r += rows_of_word, words += kLanes) {
    const std::size_t rows_left = rows - r < rows_of_word ? rows - r : rows_of_word;
    for (unsigned first = 0; first < bits; first += kNibble) {
      Lanes word[kNibble] = {};
      for (std::size_t begin = 0; begin < rows_left; begin += kRows) {
        // Four bits of four rows side by side. The product brings bits 0, 4, 8 and 12, one of each
        // row, to the top, where they are an entry of the table.
        Lanes four = {};
        for (std::size_t i = 0; i < kRows && begin + i < rows_left; ++i) {
          Lanes row;
          std::memcpy(&row, codes + (r + begin + i) * kLanes, sizeof row);
          four |= (row >> first & 15) << (kNibble * i);
        }
        for (unsigned bit = 0; bit < kNibble; ++bit)
          word[bit] |= (four >> bit & 0x1111) * 0x1248 >> 12 << begin;
      }
      for (unsigned bit = first; bit < bits && bit < first + kNibble; ++bit) {
        std::memcpy(words + bit * of_bit, &word[bit - first], sizeof word[0]);
        any[bit] |= word[bit - first];
      }
    }
  }
  for (unsigned bit = 0; bit < bits; ++bit) {
    std::uint16_t lanes[kLanes];
    std::memcpy(lanes, &any[bit], sizeof lanes);
    planes[bit] = lanes_with_any(lanes);
  }
}

USWIM_EVERY_INSTRUCTION_SET
bool make_tables(const std::int16_t* rows, std::size_t words, unsigned per_word,
                 std::int16_t* table, std::int32_t* start, std::uint32_t* ends, Sums& sums) {
  typedef std::uint16_t Row __attribute__((vector_size(kColumns * sizeof(std::int16_t))));
  constexpr std::int32_t kLargest = 32767;
  std::int32_t run[kColumns] = {}, total[kColumns] = {}, whole[kColumns] = {};
  sums = {};
  for (std::size_t w = 0; w < words; ++w) {
    std::int32_t word[kColumns] = {};
    for (unsigned t = 0; t < per_word; ++t, rows += kRows * kColumns, table += kTable) {
      for (std::size_t c = 0; c < kColumns; ++c) {
        std::int32_t sum = 0, magnitude = 0;
        for (std::size_t r = 0; r < kRows; ++r) {
          const std::int32_t cell = rows[r * kColumns + c];
          sum += cell;
          magnitude += cell < 0 ? -cell : cell;
        }
        // Sums of some of the rows span `magnitude` around half the sum of all.
        const std::int32_t middle = sum >> 1;
        table[c] = static_cast<std::int16_t>(-middle);
        total[c] += middle;
        word[c] += (magnitude + 3) >> 1;
      }
      Row entries[kEntries];
      std::memcpy(&entries[0], table, sizeof(Row));
      for (std::size_t r = 0; r < kRows; ++r) {
        Row cells;
        std::memcpy(&cells, rows + r * kColumns, sizeof cells);
        const std::size_t known = std::size_t{1} << r;
        for (std::size_t e = 0; e < known; ++e) entries[known + e] = entries[e] + cells;
      }
      std::memcpy(table, entries, sizeof entries);
    }
    std::int32_t widest = 0, longest = 0;
    for (std::size_t c = 0; c < kColumns; ++c) {
      run[c] += word[c];
      whole[c] += word[c];
      widest = widest > word[c] ? widest : word[c];
      longest = longest > run[c] ? longest : run[c];
    }
    if (widest > kLargest) return false;
    if (longest > kLargest) {  // a new run begins with this word
      *ends++ = static_cast<std::uint32_t>(w);
      ++sums.runs;
      for (std::size_t c = 0; c < kColumns; ++c) run[c] = word[c];
    }
  }
  *ends = static_cast<std::uint32_t>(words);
  ++sums.runs;
  for (std::size_t c = 0; c < kColumns; ++c) {
    start[c] = total[c];
    const std::int64_t lowest = std::int64_t{total[c]} - whole[c];
    const std::int64_t highest = std::int64_t{total[c]} + whole[c];
    sums.lowest = sums.lowest < lowest ? sums.lowest : lowest;
    sums.highest = sums.highest > highest ? sums.highest : highest;
  }
  return true;
}

USWIM_EVERY_INSTRUCTION_SET
void add_block(const std::int32_t* __restrict block, const BlockShape& shape, std::int32_t factor,
               bool add, std::int64_t* __restrict sums) {
  for (std::size_t v = 0; v < shape.vectors; ++v, block += shape.stride, sums += shape.outputs) {
    if (add)
      for (std::size_t i = 0; i < shape.outputs; ++i) sums[i] += std::int64_t{block[i]} * factor;
    else
      for (std::size_t i = 0; i < shape.outputs; ++i) sums[i] = std::int64_t{block[i]} * factor;
  }
}

}  // namespace uswim::tiles::bit_serial
