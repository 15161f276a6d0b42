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
  MappedLayer layer{"a", 5, 7, {}};
  for (int i = 0; i < 35; ++i) layer.weight_code.push_back(static_cast<std::int16_t>(i % 31 - 15));
  const Mapping mapping({layer}, {128, 128, 2, 4});
  const std::vector<std::uint8_t> packed = packed_levels(mapping, 0);
  std::vector<std::uint8_t> levels(packed.size() * 4);
  unpack_levels(packed.data(), levels.size(), 2, levels.data());
  EXPECT_EQ(levels, mapping.levels(0));
}

}  // namespace
}  // namespace uswim::tiles
