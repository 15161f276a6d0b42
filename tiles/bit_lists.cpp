#include "tiles/bit_lists.h"

#include <algorithm>
#include <array>
#include <cstring>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "support/instruction_sets.h"

namespace uswim::tiles::bit_serial {
namespace {

constexpr unsigned kMostBits = 16;
constexpr unsigned kPlacesOfEntry = kColumns / kPlace, kPlacesOfTable = kTable / kPlace;
static_assert(kRows == 4, "an entry is four bits");

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

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
/// For each set of eight numbers the bytes that bring them side by side.
struct Packing {
  alignas(16) std::uint8_t bytes[256][16];
};
constexpr Packing make_packing() {
  Packing packing{};
  for (unsigned set = 0; set < 256; ++set) {
    unsigned n = 0;
    for (unsigned i = 0; i < 8; ++i)
      if (set >> i & 1) {
        packing.bytes[set][2 * n] = static_cast<std::uint8_t>(2 * i);
        packing.bytes[set][2 * n + 1] = static_cast<std::uint8_t>(2 * i + 1);
        ++n;
      }
  }
  return packing;
}
constexpr Packing kPacking = make_packing();

/// Writes eight places, of which the first are those of tables with a row set, and returns how
/// many. `first`: place of the word's first table.
USWIM_INLINE unsigned add_places(std::uint32_t word, unsigned first, std::uint16_t* places) {
  typedef std::uint8_t Bytes __attribute__((vector_size(16)));
  __m128i entries = _mm_cvtsi32_si128(static_cast<int>(word));
  entries = _mm_shuffle_epi32(_mm_unpacklo_epi16(entries, entries), 0x50);
  // Each entry to the top of its 16 bits, then down.
  entries = _mm_mullo_epi16(entries, _mm_setr_epi16(4096, 256, 16, 1, 4096, 256, 16, 1));
  entries = _mm_srli_epi16(entries, 12);
  const __m128i none = _mm_cmpeq_epi16(entries, _mm_setzero_si128());
  const unsigned set = ~static_cast<unsigned>(_mm_movemask_epi8(_mm_packs_epi16(none, none))) & 255;
  const __m128i of_table =
      _mm_mullo_epi16(_mm_setr_epi16(0, 1, 2, 3, 4, 5, 6, 7), _mm_set1_epi16(kPlacesOfTable));
  static_assert(kPlacesOfEntry == 8);
  const __m128i base = _mm_add_epi16(of_table, _mm_set1_epi16(static_cast<short>(first)));
  const __m128i all = _mm_add_epi16(_mm_slli_epi16(entries, 3), base);
  Bytes order;
  std::memcpy(&order, kPacking.bytes[set], sizeof order);
  const Bytes packed = __builtin_shuffle(reinterpret_cast<Bytes>(all), order);
  std::memcpy(places, &packed, sizeof packed);
  return static_cast<unsigned>(__builtin_popcount(set));
}
#else
USWIM_INLINE unsigned add_places(std::uint32_t word, unsigned first, std::uint16_t* places) {
  unsigned count = 0;
  for (unsigned t = 0; t < kTablesOfWord; ++t) {
    const unsigned entry = word >> (kRows * t) & (kEntries - 1);
    places[count] = static_cast<std::uint16_t>(first + t * kPlacesOfTable + entry * kPlacesOfEntry);
    count += entry != 0;
  }
  return count;
}
#endif

/// Words of one group: words[bit][word][lane].
struct GroupBits {
  const std::uint32_t* words;
  const std::uint16_t* planes;  ///< [bit]: lanes in which any row has the bit
  std::size_t words_of_bit, bits;
  std::uint32_t first_vector;
};

/// Of each table in a word the first rows, as many as share a place.
constexpr std::uint32_t first_rows(std::size_t rows_of_place) {
  return 0x11111111u * ((1u << rows_of_place) - 1);
}

/// Lists of one group. Moves the end of the places and returns that of the lists.
USWIM_EVERY_INSTRUCTION_SET
BitList* list_bits(const GroupBits& group, const BitLists::Shape& shape, std::uint16_t* begin,
                   std::uint16_t** end, BitList* list) {
  const int part_shift = shape.part == 1 ? 0 : shape.part == 2 ? 1 : shape.part == 4 ? 2 : 3;
  const std::uint32_t rows = first_rows(shape.rows_of_place);
  std::uint16_t* places = *end;
  for (std::size_t bit = 0; bit < group.bits; ++bit)
    for (unsigned lanes = group.planes[bit]; lanes != 0; lanes &= lanes - 1) {
      const auto lane = static_cast<unsigned>(__builtin_ctz(lanes));
      const std::uint32_t* word = group.words + bit * group.words_of_bit * kLanes + lane;
      std::uint16_t* const first = places;
      for (std::size_t w = 0; w < group.words_of_bit; ++w)
        for (std::size_t row = 0; row < kRows; row += shape.rows_of_place)
          places += add_places(word[w * kLanes] & rows << row,
                               static_cast<unsigned>(w * kTablesOfWord * kPlacesOfTable), places);
      std::memset(places, 0, kTablesOfWord * sizeof(std::uint16_t));  // of the first table, no row
      const std::size_t length =
          (static_cast<std::size_t>(places - first) + shape.part - 1) & ~(shape.part - 1);
      places = first + length;
      const std::size_t parts = length >> part_shift;
      *list++ = {static_cast<std::uint32_t>(first - begin), group.first_vector + lane,
                 static_cast<std::uint16_t>(1u << bit), static_cast<std::uint16_t>(parts)};
    }
  *end = places;
  return list;
}

}  // namespace

void BitLists::make(const InputRows& inputs, BitRange range, bool has_sign, const Shape& shape) {
  const std::size_t words = words_of(inputs.rows), bits = range.end - range.first;
  const std::size_t vectors = inputs.groups * kLanes;
  words_.resize(words * bits * kLanes);
  const std::size_t places_of_list =
      tables_of(inputs.rows) * (kRows / shape.rows_of_place) + shape.part - 1;
  const std::size_t most = vectors * bits * places_of_list + kTablesOfWord;
  if (places_.size() < most) places_.resize(most);
  if (lists_.size() < vectors * bits) {
    lists_.resize(vectors * bits);
    unsorted_.resize(vectors * bits);
  }
  std::uint16_t* places = places_.data();
  BitList* list = unsorted_.data();
  for (std::size_t g = 0; g < inputs.groups; ++g) {
    std::uint16_t planes[kMostBits];
    spread_bits(inputs.codes + g * inputs.pitch, inputs.rows, range, words_.data(), planes);
    for (std::size_t bit = 0; bit < bits; ++bit)
      planes[bit] &= static_cast<std::uint16_t>((1u << inputs.lanes) - 1);
    const GroupBits group{words_.data(), planes, words, bits,
                          static_cast<std::uint32_t>(g * kLanes)};
    list = list_bits(group, shape, places_.data(), &places, list);
  }
  if (has_sign) {
    const auto sign = static_cast<std::uint16_t>(1u << (bits - 1));
    for (BitList* one = unsorted_.data(); one != list; ++one)
      if (one->weight == sign) one->weight = static_cast<std::uint16_t>(-one->weight);
  }
  sort(static_cast<std::size_t>(list - unsorted_.data()), places_of_list / shape.part);
}

/// By length, else as they are.
void BitLists::sort(std::size_t count, std::size_t longest) {
  const BitList* const end = unsorted_.data() + count;
  begin_.assign(longest + 2, 0);
  for (const BitList* list = unsorted_.data(); list != end; ++list) ++begin_[list->parts + 1u];
  lengths_.clear();
  for (std::uint32_t parts = 0; parts <= longest; ++parts) {
    begin_[parts + 1] += begin_[parts];
    if (begin_[parts + 1] > begin_[parts]) lengths_.push_back({begin_[parts + 1], parts});
  }
  for (const BitList* list = unsorted_.data(); list != end; ++list)
    lists_[begin_[list->parts]++] = *list;
}

namespace {

typedef std::uint16_t Lanes __attribute__((vector_size(2 * kLanes)));
typedef Lanes LanesAnywhere __attribute__((aligned(2), may_alias));
constexpr std::size_t kFour = 4, kRowsOfWord = kRows * kTablesOfWord, kHalfWord = kRowsOfWord / 2;

/// Four bits of at most 16 rows: of each bit the rows that have it. `to_top`: 0x1248, which GCC is
/// not to know, or it would make shifts and additions of the product.
USWIM_INLINE void spread_four(const std::int16_t* codes, std::size_t rows, unsigned first,
                              const Lanes& to_top, Lanes (&of_bit)[kFour]) {
#pragma GCC unroll 4
  for (std::size_t bit = 0; bit < kFour; ++bit) of_bit[bit] = Lanes{};
  for (std::size_t begin = 0; begin < kHalfWord && begin < rows; begin += kFour) {
    // Four bits of four rows side by side. The product brings bits 0, 4, 8 and 12, one of each row,
    // to the top.
    Lanes four = {};
#pragma GCC unroll 4
    for (std::size_t i = 0; i < kFour; ++i) {
      if (begin + i >= rows) break;
      const Lanes row = *reinterpret_cast<const LanesAnywhere*>(codes + (begin + i) * kLanes);
      four |= (row >> first & 15) << (kFour * i);
    }
#pragma GCC unroll 4
    for (std::size_t bit = 0; bit < kFour; ++bit)
      of_bit[bit] |= (four >> bit & 0x1111) * to_top >> 12 << begin;
  }
}

}  // namespace

USWIM_EVERY_INSTRUCTION_SET
void spread_bits(const std::int16_t* codes, std::size_t rows, BitRange range, std::uint32_t* words,
                 std::uint16_t* planes) {
  typedef std::uint32_t Words __attribute__((vector_size(4 * kLanes)));
  typedef Words WordsAnywhere __attribute__((aligned(4), may_alias));
  const volatile std::uint16_t factor = 0x1248;
  const Lanes to_top = Lanes{} + factor;
  const std::size_t of_bit = words_of(rows) * kLanes;
  for (unsigned first = range.first; first < range.end; first += kFour) {
    const std::size_t bits = range.end - first < kFour ? range.end - first : kFour;
    Lanes any[kFour] = {};
    std::uint32_t* word = words + (first - range.first) * of_bit;
    for (std::size_t r = 0; r < rows; r += kRowsOfWord, word += kLanes) {
      Lanes low[kFour], high[kFour];
      spread_four(codes + r * kLanes, rows - r, first, to_top, low);
      const std::size_t in_low = rows - r < kHalfWord ? rows - r : kHalfWord;
      spread_four(codes + (r + in_low) * kLanes, rows - r - in_low, first, to_top, high);
#pragma GCC unroll 4
      for (std::size_t bit = 0; bit < kFour; ++bit) {
        any[bit] |= low[bit] | high[bit];
        if (bit < bits)
          *reinterpret_cast<WordsAnywhere*>(word + bit * of_bit) =
              __builtin_convertvector(low[bit], Words) | __builtin_convertvector(high[bit], Words)
                                                             << 16;
      }
    }
    for (std::size_t bit = 0; bit < bits; ++bit) {
      std::uint16_t lanes[kLanes];
      std::memcpy(lanes, &any[bit], sizeof lanes);
      planes[first - range.first + bit] = lanes_with_any(lanes);
    }
  }
}

}  // namespace uswim::tiles::bit_serial
