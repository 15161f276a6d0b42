#include "tiles/packed_levels.h"

#include <gtest/gtest.h>

#include <random>

namespace uswim::tiles {
namespace {

TEST(PackedLevels, StandFirstInTheLowestBits) {
  const std::uint8_t levels[8] = {1, 2, 3, 0, 0, 0, 0, 1};
  std::uint8_t packed[2];
  pack_levels(levels, 8, 2, packed);
  EXPECT_EQ(packed[0], 1 | 2 << 2 | 3 << 4);
  EXPECT_EQ(packed[1], 1 << 6);
}

TEST(PackedLevels, AreFoundAgain) {
  for (const unsigned bits : {1u, 2u, 3u, 4u}) {
    std::mt19937 random(bits);
    std::vector<std::uint8_t> levels(64);
    for (std::uint8_t& level : levels) level = static_cast<std::uint8_t>(random() % (1u << bits));
    std::vector<std::uint8_t> packed(levels.size() * bits_per_packed_level(bits) / 8);
    pack_levels(levels.data(), levels.size(), bits, packed.data());
    std::vector<std::uint8_t> found(levels.size());
    unpack_levels(packed.data(), found.size(), bits, found.data());
    EXPECT_EQ(found, levels) << bits << " bits";
  }
}

TEST(PackedLevels, OfABlockAreThoseOfItsMapping) {
  for (const unsigned device_bits : {1u, 2u, 3u, 4u})
    for (const unsigned weight_bits : {4u, 5u, 6u, 8u}) {
      MappedLayer layer{"a", 25, 7, {}};
      const int largest = (1 << weight_bits) - 1;
      for (int i = 0; i < 175; ++i)
        layer.weight_code.push_back(
            static_cast<std::int16_t>(i * 7919 % (2 * largest + 1) - largest));
      LayerPlacement placement;
      placement.row_order = {6, 0, 2, 1, 5, 4, 3};
      const Mapping mapping({layer}, {5, 100, device_bits, weight_bits}, {placement});
      for (std::size_t block = 0; block < mapping.blocks().size(); ++block) {
        const std::vector<std::uint8_t> packed = packed_levels(mapping, block);
        const std::vector<std::uint8_t> wanted = mapping.levels(block);
        ASSERT_EQ(packed.size(), mapping.blocks()[block].rows * packed_row_bytes(mapping));
        std::vector<std::uint8_t> levels(wanted.size());
        unpack_levels(packed.data(), levels.size(), device_bits, levels.data());
        EXPECT_EQ(levels, wanted) << device_bits << ' ' << weight_bits;
      }
    }
}

}  // namespace
}  // namespace uswim::tiles
