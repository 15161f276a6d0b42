#include "tiles/bit_serial.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <random>

#include "tiles/bit_serial_kernel.h"

namespace uswim::tiles {
namespace {

/// A layer on its arrays, cells with Gaussian errors of `sigma` levels.
struct Chip {
  Mapping mapping;
  std::vector<CellArray> arrays;

  Chip(std::size_t outputs, std::size_t rows, const MappingConfig& config, float sigma,
       LayerPlacement placement = {}, float common = 0.0f)
      : mapping(map(outputs, rows, config, std::move(placement))) {
    std::mt19937 random(5);
    std::normal_distribution<float> noise;
    const unsigned levels = 1u << config.device_bits;
    for (std::size_t a = 0; a < mapping.blocks().size(); ++a) {
      arrays.emplace_back(config.array_rows, mapping.pitch());
      for (std::size_t r = 0; r < mapping.blocks()[a].rows; ++r)
        for (std::size_t c = 0; c < mapping.columns(a); ++c) {
          const float level = static_cast<float>(mapping.level(a, r, c));
          arrays.back().row(r)[c] = cell_units(
              (level + common + sigma * noise(random)) / static_cast<float>(levels - 1), levels);
        }
    }
  }
  static Mapping map(std::size_t outputs, std::size_t rows, const MappingConfig& config,
                     LayerPlacement placement) {
    std::mt19937 random(3);
    const int largest = (1 << config.weight_bits) - 1;
    std::uniform_int_distribution<int> code(-largest, largest);
    MappedLayer layer{"a", outputs, rows, {}};
    for (std::size_t i = 0; i < outputs * rows; ++i)
      layer.weight_code.push_back(static_cast<std::int16_t>(code(random)));
    return Mapping({layer}, config, {std::move(placement)});
  }

  /// Both ways, on random inputs of which many are zero and few are large, or all the largest.
  void expect_plain_products(const InputCode& code, unsigned adc_bits, std::size_t groups,
                             std::size_t lanes, bool largest = false) {
    const MappedLayer& layer = mapping.layers()[0];
    std::mt19937 random(7);
    std::vector<std::int16_t> inputs(groups * layer.rows * InputGroups::kLanes);
    for (std::int16_t& input : inputs) {
      const auto kept =
          random() % 4 == 0 ? code.bits : static_cast<unsigned>(random()) % (code.bits + 1);
      int value = static_cast<int>(random() & ((1u << kept) - 1));
      if (largest) value = (1 << code.bits) - 1;
      if (code.is_signed && value >> (code.bits - 1) != 0) value -= 1 << code.bits;
      input = static_cast<std::int16_t>(value);
    }
    std::vector<const CellArray*> cells;
    for (const CellArray& array : arrays) cells.push_back(&array);
    BitSerialProducts products(mapping, cells, adc_bits);
    std::vector<std::int64_t> sums;
    products.multiply(0, {inputs.data(), groups, lanes, code}, sums);
    for (std::size_t g = 0; g < groups; ++g) {
      for (std::size_t lane = 0; lane < lanes; ++lane) {
        std::vector<std::int64_t> plain(layer.outputs, 0);
        for (std::size_t a = 0; a < mapping.blocks().size(); ++a) {
          const ArrayBlock& block = mapping.blocks()[a];
          std::vector<std::int32_t> vector;
          for (std::size_t r = 0; r < block.rows; ++r)
            vector.push_back(
                inputs[(g * layer.rows + block.first_row + r) * InputGroups::kLanes + lane]);
          multiply_bit_serial(arrays[a], mapping, a, vector.data(), code,
                              Adc(adc_bits, block.rows, 1u << mapping.config().device_bits),
                              plain.data() + block.first_output);
        }
        for (std::size_t o = 0; o < layer.outputs; ++o)
          ASSERT_EQ(sums[(g * layer.outputs + o) * InputGroups::kLanes + lane], plain[o])
              << "group " << g << ", lane " << lane << ", output " << o;
      }
    }
  }
};

TEST(BitSerialProducts, EqualThePlainLoopForAnyLayer) {
  for (const std::size_t outputs : {1u, 6u, 37u, 70u})
    for (const std::size_t rows : {5u, 9u, 11u, 130u, 300u}) {
      SCOPED_TRACE(testing::Message() << outputs << " outputs, " << rows << " rows");
      Chip(outputs, rows, {128, 128, 2, 4}, 0.3f).expect_plain_products({4, false}, 8, 9, 13);
    }
}

/// Enough inputs that what each pattern of rows comes to is tabulated, padded outputs included.
TEST(BitSerialProducts, EqualThePlainLoopWhereRowsAreFew) {
  for (const std::size_t rows : {1u, 7u, 10u})
    for (const InputCode& code : {InputCode{6, false}, InputCode{6, true}}) {
      SCOPED_TRACE(testing::Message() << rows << " rows" << (code.is_signed ? ", signed" : ""));
      Chip(11, rows, {128, 128, 2, 4}, 0.3f).expect_plain_products(code, 8, 60, 13);
    }
}

TEST(BitSerialProducts, EqualThePlainLoopForAnyConverterAndCode) {
  Chip chip(20, 200, {128, 128, 2, 8}, 0.3f);
  for (const unsigned adc_bits : {1u, 5u, 8u, 9u, 12u})
    for (const InputCode& code : {InputCode{1, false}, InputCode{8, false}, InputCode{1, true},
                                  InputCode{6, true}, InputCode{15, false}, InputCode{16, true}}) {
      SCOPED_TRACE(testing::Message() << adc_bits << " bits, code of " << code.bits
                                      << (code.is_signed ? " signed" : ""));
      chip.expect_plain_products(code, adc_bits, 3, 16);
    }
}

/// Weighted sums of codes that fill 16 bits, or begin with a sign.
TEST(BitSerialProducts, EqualThePlainLoopForTheLargestSums) {
  for (const bool is_signed : {false, true})
    Chip(20, 128, {128, 128, 2, 8}, 0.3f, {}, 1.0f)
        .expect_plain_products({8, is_signed}, 8, 1, 16, true);
}

/// Devices of more levels fill 16 bits sooner, up to cells of which no table can hold four; slices
/// that do not divide the chunk; large arrays whose sums floats cannot tell apart.
TEST(BitSerialProducts, EqualThePlainLoopForAnyDevice) {
  for (const unsigned device_bits : {1u, 2u, 3u, 4u})
    for (const float common : {0.0f, 3.0f, -4.0f, 14.0f}) {
      SCOPED_TRACE(testing::Message() << device_bits << " bits, all off by " << common);
      Chip(11, 140, {128, 128, device_bits, 6}, 0.5f, {}, common)
          .expect_plain_products({5, true}, 8, 3, 16);
    }
  for (const unsigned device_bits : {2u, 4u})
    Chip(3, 700, {1024, 64, device_bits, 4}, 0.2f).expect_plain_products({3, false}, 8, 1, 16);
}

TEST(BitSerialProducts, EqualThePlainLoopWhereRowsStandElsewhere) {
  LayerPlacement placement;
  placement.row_blocks = 5;
  Chip(40, 203, {128, 128, 2, 4}, 0.3f, placement).expect_plain_products({4, false}, 7, 3, 16);
}

TEST(BitSerialProducts, AreTheSameOnEveryInstructionSet) {
  using namespace bit_serial;
  std::mt19937 random(2);
  constexpr std::size_t kRowCount = 94, kBits = 8;
  std::vector<std::int16_t> codes(kRowCount * kLanes), cells(kRowCount * kColumns);
  for (auto& code : codes) code = static_cast<std::int16_t>(random() & random());
  for (const std::size_t part_tables : {4u, 2u, 1u}) {
    const auto span = static_cast<unsigned>(12000 / part_tables);
    for (auto& cell : cells)
      cell = static_cast<std::int16_t>(static_cast<int>(random() % span) - 500);
    const CellRows rows{cells.data(), kRowCount, kColumns, kColumns};
    PartBounds bounds(kRows);
    bounds.add(rows);
    PartSums part;
    ASSERT_TRUE(bounds.find(part));
    EXPECT_EQ(part.shape.part, part_tables);
    BitLists lists;
    lists.make({codes.data(), 1, kLanes, kRowCount, 0}, {8, 8 + kBits}, true, part.shape);
    const auto parts = static_cast<std::int64_t>(lists.longest());
    EXPECT_GT(parts, 1);
    Converters converters{{}, 700, 255, false};
    ASSERT_TRUE(make_division(700 - parts * part.below, 700 + parts * part.above, lists.longest(),
                              1401, converters.division));
    std::vector<std::int16_t> tables(tables_of(kRowCount) * kTable);
    make_tables(rows, tables.data());
    std::vector<std::vector<std::uint16_t>> results;
    for (const bool exact : {false, true})
      for (const Convert version : versions_of_convert()) {
        converters.exact = exact;
        results.emplace_back(kLanes * kColumns, 0);
        version(tables.data(), converters, part, lists, results.back().data());
        EXPECT_EQ(results.back(), results.front());
      }
  }
}

/// Of all sets of as many places, and rows of theirs.
TEST(PartBounds, HoldEverySumAndNotMuchMore) {
  using namespace bit_serial;
  constexpr std::size_t kRowCount = 30;
  std::mt19937 random(6);
  for (const std::size_t rows_of_place : {4u, 2u, 1u})
    for (const int largest : {3000, 9000, 15000}) {
      std::vector<std::int16_t> cells(kRowCount * kColumns);
      for (auto& cell : cells)
        cell = static_cast<std::int16_t>(
            static_cast<int>(random() % static_cast<unsigned>(largest)) - largest / 10);
      PartBounds bounds(rows_of_place);
      bounds.add({cells.data(), kRowCount, kColumns, kColumns});
      PartSums part;
      ASSERT_TRUE(bounds.find(part));
      int above = 0, below = 0, of_one_place = 0;
      for (std::size_t c = 0; c < kColumns; ++c) {
        std::vector<int> positive, negative;
        for (std::size_t r = 0; r < kRowCount; ++r) {
          if (r % rows_of_place == 0) positive.push_back(0), negative.push_back(0);
          const int cell = cells[r * kColumns + c];
          (cell > 0 ? positive : negative).back() += cell;
        }
        std::sort(positive.rbegin(), positive.rend());
        std::sort(negative.begin(), negative.end());
        int most = 0, least = 0;
        for (std::size_t i = 0; i < part.shape.part; ++i) {
          most += positive[i];
          least += negative[i];
        }
        above = std::max(above, most);
        below = std::max(below, -least);
        of_one_place = std::max(of_one_place, -negative.front());
      }
      EXPECT_GE(part.above, above);
      EXPECT_GE(part.below, below);
      EXPECT_LE(part.above + part.below, 65535);
      const int places = static_cast<int>(part.shape.part);
      const int rounding = places * static_cast<int>(rows_of_place) * 8;
      EXPECT_LE(part.above, above + rounding);
      EXPECT_LE(part.below, places * of_one_place + rounding);
    }
  const std::vector<std::int16_t> large(kRowCount * kColumns, 17000);
  for (const std::size_t rows_of_place : {4u, 2u}) {
    PartBounds bounds(rows_of_place);
    bounds.add({large.data(), kRowCount, kColumns, kColumns});
    PartSums part;
    EXPECT_EQ(bounds.find(part), rows_of_place == 2);
  }
}

/// Every bit that a row has is in exactly one list, at the place of its table and entry.
TEST(BitLists, NameTheRowsThatAreDriven) {
  using namespace bit_serial;
  constexpr std::size_t kGroups = 3, kWanted = 13, kRowCount = 150, kPitch = (150 + 7) * kLanes;
  constexpr BitRange kRange{2, 8};
  std::mt19937 random(4);
  std::vector<std::int16_t> codes(kGroups * kPitch);
  for (auto& code : codes) code = static_cast<std::int16_t>(random() & random() & random());
  for (const BitLists::Shape& shape : {BitLists::Shape{1, 4}, BitLists::Shape{2, 2},
                                       BitLists::Shape{4, 4}, BitLists::Shape{1, 1}}) {
    BitLists lists;
    lists.make({codes.data(), kGroups, kWanted, kRowCount, kPitch}, kRange, true, shape);
    std::vector<std::int16_t> found(kGroups * kPitch, 0);
    std::size_t list_number = 0;
    for (const EqualLists& equal : lists.lengths())
      for (; list_number < equal.end; ++list_number) {
        const BitList& list = lists.lists()[list_number];
        const std::size_t group = list.vector / kLanes, lane = list.vector % kLanes;
        ASSERT_LT(lane, kWanted);
        for (std::size_t i = 0; i < shape.part * equal.parts; ++i) {
          const std::size_t place = lists.places()[list.first + i];
          ASSERT_EQ(place % (kColumns / kPlace), 0u);
          const std::size_t entry = place / (kColumns / kPlace) % kEntries;
          const std::size_t table = place / (kColumns / kPlace) / kEntries;
          ASSERT_EQ(entry == 0, place == 0);
          ASSERT_LE(static_cast<std::size_t>(__builtin_popcountll(entry)), shape.rows_of_place);
          for (std::size_t r = 0; r < kRows; ++r)
            if (entry >> r & 1)
              found[group * kPitch + (table * kRows + r) * kLanes + lane] +=
                  static_cast<std::int16_t>(list.weight << kRange.first);
        }
      }
    for (std::size_t g = 0; g < kGroups; ++g)
      for (std::size_t r = 0; r < kRowCount; ++r)
        for (std::size_t lane = 0; lane < kWanted; ++lane) {
          const std::size_t i = g * kPitch + r * kLanes + lane;
          ASSERT_EQ(found[i], (codes[i] & 0x7c) - (codes[i] & 0x80));
        }
  }
}

/// For every sum and anything that the upper bits may have lost in the runs.
TEST(BitSerialProducts, DivideRightOrSayThatTheyCannot) {
  using namespace bit_serial;
  std::size_t done = 0;
  for (const std::int32_t step : {1024, 1542, 3085, 26214, 56174, 60000})
    for (const std::int64_t lowest : {0, -5000, -200000})
      for (const std::int64_t highest : {20000, 400000, 900000})
        for (const std::size_t runs : {1u, 4u, 15u}) {
          Division d;
          if (!make_division(lowest, highest, runs, step, d)) continue;
          ++done;
          for (std::int64_t sum = lowest; sum <= highest; ++sum)
            for (const std::int64_t lost : {std::int64_t{0}, static_cast<std::int64_t>(runs)}) {
              const std::int64_t high = (sum >> d.shift) - lost;
              ASSERT_LE(std::abs(high), 32767);
              std::int64_t quotient = high * d.reciprocal >> 16;
              const auto left = static_cast<std::uint16_t>(sum - quotient * d.step);
              if (left >= d.step) ++quotient;
              const std::int64_t exact = sum >= 0 ? sum / step : 0;
              ASSERT_EQ(std::max<std::int64_t>(quotient, 0), exact)
                  << sum << " / " << step << ", runs " << runs;
            }
        }
  EXPECT_GT(done, 60u);
  Division d;
  EXPECT_FALSE(make_division(0, 400000, 1, 65536, d));
  EXPECT_FALSE(make_division(0, 8000000, 15, 1024, d));
}

/// Every quotient of an ADC: one cell of each value that a sum can have, times input one.
TEST(BitSerialProducts, RoundEverySumAsTheAdcDoes) {
  MappedLayer layer{"a", 32, 1, std::vector<std::int16_t>(32, 1)};
  const Mapping mapping({layer}, {128, 128, 2, 1});
  CellArray cells(128, mapping.pitch());
  for (const unsigned bits : {2u, 3u, 8u}) {
    const Adc adc(bits, 1, 4);
    BitSerialProducts products(mapping, {&cells}, bits);
    std::vector<std::int16_t> inputs(InputGroups::kLanes, 1);
    for (int first = -2000; first < 4 * adc.largest_code + 32000; first += 32) {
      for (std::size_t o = 0; o < 32; ++o)
        cells.row(0)[2 * o] =
            static_cast<std::int16_t>(std::min(first + static_cast<int>(o), 32767));
      std::vector<std::int64_t> sums;
      products.multiply(0, {inputs.data(), 1, 1, {1, false}}, sums);
      for (std::size_t o = 0; o < 32; ++o)
        ASSERT_EQ(sums[o * InputGroups::kLanes], adc.convert(cells.row(0)[2 * o]));
    }
  }
}

}  // namespace
}  // namespace uswim::tiles
