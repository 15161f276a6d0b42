#include "programmer/selection/mask_encoding.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "support/random.h"

namespace uswim::programmer {
namespace {

constexpr std::array<MaskEncoding, 4> kAll{MaskEncoding::Bitmap, MaskEncoding::IndexList,
                                           MaskEncoding::RunLengths, MaskEncoding::Smallest};

/// Rows of every kind: empty, full, single columns at the ends, and random ones whose columns come
/// alone or in groups, from sparse to dense.
std::vector<std::vector<std::uint64_t>> rows(std::size_t columns) {
  const std::size_t words = columns / 64;
  std::vector<std::vector<std::uint64_t>> list{
      std::vector<std::uint64_t>(words, 0), std::vector<std::uint64_t>(words, ~0ull),
      std::vector<std::uint64_t>(words, 0x5555555555555555), std::vector<std::uint64_t>(words, 0)};
  list.back().front() = 1;
  list.back().back() |= 1ull << 63;
  std::uint64_t draw = 0;
  for (const std::size_t group : {1u, 4u, 8u})
    for (const double fraction : {0.01, 0.05, 0.1, 0.3, 0.5, 0.9})
      for (int repeat = 0; repeat < 5; ++repeat) {
        std::vector<std::uint64_t> row(words, 0);
        for (std::size_t c = 0; c < columns; ++c) {
          const std::uint64_t word =
              support::uniform_word({5, 0, support::Stream::RandomPolicy}, draw + c / group);
          if (static_cast<double>(word) < fraction * 18446744073709551616.0)
            row[c / 64] |= 1ull << (c % 64);
        }
        draw += columns;
        list.push_back(row);
      }
  return list;
}

/// Sizes by the definition, column by column.
std::size_t plain_bytes(const std::vector<std::uint64_t>& row, MaskEncoding encoding) {
  const std::size_t columns = row.size() * 64, number = columns <= 256 ? 1 : 2;
  std::size_t selected = 0, runs = 0;
  bool before = false;
  for (std::size_t c = 0; c < columns; ++c) {
    const bool now = (row[c / 64] >> (c % 64) & 1) != 0;
    selected += now;
    runs += now && !before;
    before = now;
  }
  const std::size_t bitmap = 2 + columns / 8, list = 2 + selected * number,
                    lengths = 2 + 2 * runs * number;
  switch (encoding) {
    case MaskEncoding::Bitmap:
      return bitmap;
    case MaskEncoding::IndexList:
      return list;
    case MaskEncoding::RunLengths:
      return lengths;
    default:
      return std::min({bitmap, list, lengths});
  }
}

class MaskRecord : public testing::TestWithParam<std::size_t> {};

TEST_P(MaskRecord, HasTheSizeOfItsFormulaAndGivesTheRowBack) {
  const std::size_t columns = GetParam();
  for (const auto& row : rows(columns))
    for (const MaskEncoding e : kAll) {
      std::vector<std::uint8_t> bytes;
      append_record(row.data(), columns, e, bytes);
      EXPECT_EQ(bytes.size(), plain_bytes(row, e));
      EXPECT_EQ(record_bytes(row.data(), columns, e), bytes.size());
      EXPECT_LE(bytes.size(), largest_record_bytes(columns, e));
      bytes.push_back(0xa5);  // of the next record
      EXPECT_EQ(record_length(bytes.data(), bytes.size(), columns), bytes.size() - 1);
      std::vector<std::uint64_t> back(row.size(), ~0ull);
      ASSERT_TRUE(decode_record(bytes.data(), bytes.size() - 1, columns, back.data()));
      EXPECT_EQ(back, row);
    }
}

TEST_P(MaskRecord, ThatIsCutOffIsRefused) {
  const std::size_t columns = GetParam();
  for (const auto& row : rows(columns))
    for (const MaskEncoding e : kAll) {
      std::vector<std::uint8_t> bytes;
      append_record(row.data(), columns, e, bytes);
      std::vector<std::uint64_t> back(row.size());
      for (const std::size_t n : {std::size_t{0}, std::size_t{1}, bytes.size() - 1}) {
        if (n == bytes.size()) continue;
        EXPECT_FALSE(record_length(bytes.data(), n, columns).has_value());
        EXPECT_FALSE(decode_record(bytes.data(), n, columns, back.data()));
      }
    }
}
INSTANTIATE_TEST_SUITE_P(Columns, MaskRecord, testing::Values(64u, 128u, 256u, 320u, 1024u));

TEST(MaskRecord, ThatNamesNoColumnIsRefused) {
  std::uint64_t row[2];
  const auto refused = [&](std::vector<std::uint8_t> bytes) {
    return !decode_record(bytes.data(), bytes.size(), 128, row);
  };
  EXPECT_FALSE(refused({1, 1 << 6, 127}));     // index list: the last column
  EXPECT_TRUE(refused({1, 1 << 6, 128}));      // out of range
  EXPECT_TRUE(refused({2, 1 << 6, 5, 5}));     // twice the same
  EXPECT_FALSE(refused({1, 2 << 6, 0, 127}));  // run lengths: the whole row
  EXPECT_TRUE(refused({1, 2 << 6, 1, 127}));   // beyond it
  EXPECT_TRUE(refused({1, 3 << 6, 0}));        // no such encoding
  EXPECT_TRUE(refused({15, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}));  // short bitmap
}

/// Two layers, the first of several arrays with unused columns.
tiles::Mapping mapping() {
  const auto layer = [](const char* name, std::size_t outputs, std::size_t inputs) {
    tiles::MappedLayer l{name, outputs, inputs, {}};
    for (std::size_t i = 0; i < outputs * inputs; ++i)
      l.weight_code.push_back(static_cast<std::int16_t>(static_cast<int>(i * 7919 % 31) - 15));
    return l;
  };
  return tiles::Mapping({layer("a", 40, 150), layer("b", 5, 12)}, {128, 128, 2, 4});
}

DeviceMask every_nth(const tiles::Mapping& m, std::size_t n) {
  SelectionMask weights(m.weights(), 0);
  for (std::size_t i = 0; i < weights.size(); i += n) weights[i] = 1;
  return device_mask(m, weights);
}

TEST(MaskStream, HoldsEveryRowAndIsAsLongAsItsRecords) {
  const tiles::Mapping m = mapping();
  for (const std::size_t n : {1u, 3u, 20u, 100000u}) {
    const DeviceMask mask = every_nth(m, n);
    const MaskBytes sizes = mask_bytes(mask, m);
    for (std::size_t e = 0; e < kAll.size(); ++e) {
      const std::vector<std::uint8_t> stream = encode_mask(mask, m, kAll[e]);
      EXPECT_EQ(stream.size(), 4 * m.blocks().size() + sizes[e]);
      const auto begin = find_records(stream, m);
      ASSERT_TRUE(begin.has_value());
      DeviceMask back(m);
      for (std::size_t a = 0; a < m.blocks().size(); ++a)
        for (std::size_t r = 0; r < m.blocks()[a].rows; ++r) {
          const std::size_t at = (*begin)[a * 128 + r];
          const auto length = record_length(&stream[at], stream.size() - at, m.pitch());
          ASSERT_TRUE(length.has_value());
          ASSERT_TRUE(decode_record(&stream[at], *length, m.pitch(), back.row(a, r)));
        }
      EXPECT_EQ(back.words(), mask.words());
    }
    EXPECT_EQ(sizes[3] <= std::min({sizes[0], sizes[1], sizes[2]}), true);
  }
}

TEST(MaskStream, ThatIsCutOffIsRefused) {
  const tiles::Mapping m = mapping();
  std::vector<std::uint8_t> stream = encode_mask(every_nth(m, 3), m, MaskEncoding::RunLengths);
  stream.pop_back();
  EXPECT_FALSE(find_records(stream, m).has_value());
  stream.resize(7);
  EXPECT_FALSE(find_records(stream, m).has_value());
}

TEST(EveryDevice, IsOfEveryWeight) {
  const tiles::Mapping m = mapping();
  EXPECT_EQ(every_device(m).words(), every_nth(m, 1).words());
  EXPECT_EQ(every_device(m).count(), m.devices());
}

TEST(VerifiedSlices, AreTheMostSignificantOnesOfBothSigns) {
  const tiles::Mapping m = mapping();
  for (unsigned slices = 0; slices <= 2; ++slices) {
    const DeviceMask all = every_nth(m, 3);
    DeviceMask kept = every_nth(m, 3);
    keep_slices(kept, m, slices);
    std::size_t left = 0;
    for (std::size_t a = 0; a < m.blocks().size(); ++a)
      for (std::size_t r = 0; r < m.blocks()[a].rows; ++r)
        for (std::size_t c = 0; c < m.columns(a); ++c) {
          const auto is = [&](const DeviceMask& mask) {
            return (mask.row(a, r)[c / 64] >> (c % 64) & 1) != 0;
          };
          const std::size_t slice = c % m.devices_per_weight() / 2;
          EXPECT_EQ(is(kept), is(all) && slice < slices);
          left += is(kept);
        }
    EXPECT_EQ(left, all.count() / 2 * slices);
    EXPECT_EQ(kept.count(), left);
  }
}

}  // namespace
}  // namespace uswim::programmer
