#include "tiles/mapping.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

namespace uswim::tiles {
namespace {

MappedLayer layer(const std::string& name, std::size_t outputs, std::size_t rows, int largest) {
  MappedLayer l{name, outputs, rows, {}};
  for (std::size_t i = 0; i < outputs * rows; ++i)
    l.weight_code.push_back(
        static_cast<std::int16_t>(static_cast<int>(i * 7919 % (2 * largest + 1)) - largest));
  return l;
}

/// LeNet of the paper: 105,918 weights.
Mapping lenet() {
  return Mapping({layer("conv1", 6, 9, 15), layer("conv2", 16, 54, 15), layer("fc1", 120, 784, 15),
                  layer("fc2", 84, 120, 15), layer("fc3", 10, 84, 15)},
                 {128, 128, 2, 4});
}

TEST(Mapping, CountsLenetsWeightsDevicesAndArrays) {
  const Mapping m = lenet();
  EXPECT_EQ(m.weights(), 105918u);
  EXPECT_EQ(m.devices(), 423672u);  // two slices, a pair each
  // 32 outputs fit an array: 1 + 1 + 7 x 4 + 1 x 3 + 1
  EXPECT_EQ(m.blocks().size(), 34u);
}

TEST(Mapping, LevelsGiveBackEveryWeight) {
  for (const unsigned device_bits : {1u, 2u, 3u, 4u}) {
    const Mapping m({layer("a", 37, 200, 255), layer("b", 3, 5, 255)}, {64, 48, device_bits, 8});
    std::vector<int> code(m.weights(), 0);
    for (std::size_t a = 0; a < m.blocks().size(); ++a)
      for (std::size_t r = 0; r < m.blocks()[a].rows; ++r)
        for (std::size_t c = 0; c < m.columns(a); ++c) {
          const auto slice = static_cast<unsigned>(c % m.devices_per_weight() / 2);
          const int value = m.slice_weight(slice) * static_cast<int>(m.level(a, r, c));
          code[m.weight_of(a, r, c)] += c % 2 == 0 ? value : -value;
        }
    std::size_t at = 0;
    for (const MappedLayer& l : m.layers())
      for (const std::int16_t want : l.weight_code)
        EXPECT_EQ(code[at++], want) << device_bits << " bits";
  }
}

TEST(Mapping, PlacesEveryWeightOnce) {
  const Mapping m = lenet();
  std::vector<unsigned> cells(m.weights(), 0);
  std::set<std::uint64_t> devices;
  for (std::size_t a = 0; a < m.blocks().size(); ++a)
    for (std::size_t r = 0; r < m.blocks()[a].rows; ++r)
      for (std::size_t c = 0; c < m.columns(a); ++c) {
        ++cells[m.weight_of(a, r, c)];
        devices.insert(m.device_index(a, r, c));
      }
  for (const unsigned n : cells) EXPECT_EQ(n, m.devices_per_weight());
  EXPECT_EQ(devices.size(), m.devices());
}

TEST(Mapping, ReportsUtilisation) {
  const Mapping m({layer("a", 16, 64, 15)}, {128, 128, 2, 4});
  EXPECT_DOUBLE_EQ(m.utilisation(0), 0.25);  // 64 of 128 rows, 64 of 128 columns
}

TEST(Placement, MovesRowsAndLosesNone) {
  std::vector<MappedLayer> layers{layer("a", 10, 100, 15)};
  LayerPlacement p;
  p.row_blocks = 3;
  for (std::uint32_t r = 0; r < 100; ++r) p.row_order.push_back(r * 37 % 100);
  const Mapping natural(layers, {64, 64, 2, 4}), moved(layers, {64, 64, 2, 4}, {p});
  ASSERT_EQ(moved.blocks().size(), 3u);  // 10 outputs of 4 devices fit 64 columns
  EXPECT_EQ(moved.blocks()[0].rows, 34u);
  EXPECT_EQ(moved.blocks()[2].rows, 33u);
  for (std::size_t a = 0; a < 3; ++a)
    for (std::size_t r = 0; r < moved.blocks()[a].rows; ++r) {
      const std::size_t row = (moved.blocks()[a].first_row + r) * 37 % 100;
      for (std::size_t c = 0; c < moved.columns(a); ++c) {
        EXPECT_EQ(moved.weight_of(a, r, c), c / 4 * 100 + row);
        EXPECT_EQ(moved.level(a, r, c), natural.level(row / 64, row % 64, c));
      }
    }
}

TEST(Placement, MovesOutputsAndLosesNone) {
  std::vector<MappedLayer> layers{layer("a", 20, 30, 15)};
  LayerPlacement p;
  p.column_blocks = 3;  // 16 outputs fit, so two would do
  for (std::uint32_t o = 0; o < 20; ++o) p.output_order.push_back(o * 7 % 20);
  const Mapping natural(layers, {64, 64, 2, 4}), moved(layers, {64, 64, 2, 4}, {p});
  ASSERT_EQ(moved.blocks().size(), 3u);
  EXPECT_EQ(moved.blocks()[0].outputs, 7u);
  EXPECT_EQ(moved.blocks()[2].outputs, 6u);
  EXPECT_EQ(moved.blocks()[2].first_output, 14u);
  for (std::size_t a = 0; a < 3; ++a)
    for (std::size_t r = 0; r < 30; ++r)
      for (std::size_t c = 0; c < moved.columns(a); ++c) {
        const std::size_t output = (moved.blocks()[a].first_output + c / 4) * 7 % 20;
        EXPECT_EQ(moved.matrix_output(0, moved.blocks()[a].first_output + c / 4), output);
        EXPECT_EQ(moved.weight_of(a, r, c), output * 30 + r);
        EXPECT_EQ(moved.level(a, r, c), natural.level(output / 16, r, output % 16 * 4 + c % 4));
      }
}

TEST(Placement, RefusesWhatIsNoPermutationOrDoesNotFit) {
  const std::vector<MappedLayer> layers{layer("a", 10, 100, 15)};
  EXPECT_THROW(Mapping(layers, {64, 64, 2, 4}, {{0, {0, 1, 2}}}), std::invalid_argument);
  EXPECT_THROW(Mapping(layers, {64, 64, 2, 4}, {{0, std::vector<std::uint32_t>(100, 7)}}),
               std::invalid_argument);
  EXPECT_THROW(Mapping(layers, {64, 64, 2, 4}, {{1, {}}}), std::invalid_argument);
  EXPECT_THROW(Mapping(layers, {64, 64, 2, 4}, {{0, {}, 0, std::vector<std::uint32_t>(10, 7)}}),
               std::invalid_argument);
  EXPECT_THROW(Mapping(layers, {64, 64, 2, 4}, {{0, {}, 11, {}}}), std::invalid_argument);
}

/// Three layers on three arrays of 64 rows: the rows of "c" below blocks of "a" and "b".
std::vector<LayerPlacement> shared() {
  return {{2, {}, 0, {}, {0, 1}}, {0, {}, 0, {}, {2}}, {3, {}, 0, {}, {1, 2, 0}}};
}

TEST(Placement, PutsRowsOfSeveralLayersOnOneArray) {
  const std::vector<MappedLayer> layers{layer("a", 10, 100, 15), layer("b", 4, 40, 15),
                                        layer("c", 7, 31, 15)};
  const Mapping own(layers, {64, 64, 2, 4}, {{2, {}}, {0, {}}, {3, {}}});
  const Mapping m(layers, {64, 64, 2, 4}, shared());
  EXPECT_EQ(own.array_count(), 6u);
  EXPECT_EQ(m.array_count(), 3u);
  EXPECT_EQ(m.chip_rows(), 3u * 64);
  EXPECT_EQ(m.blocks_of_arrays()[1], (std::vector<std::uint32_t>{1, 3}));
  std::set<std::uint64_t> devices;
  ASSERT_EQ(m.blocks().size(), own.blocks().size());
  for (std::size_t b = 0; b < m.blocks().size(); ++b) {
    const ArrayBlock& block = m.blocks()[b];
    EXPECT_EQ(block.array_row, block.layer < 2 ? 0 : block.array == 2 ? 40u : 50u);
    for (std::size_t r = 0; r < block.rows; ++r)
      for (std::size_t c = 0; c < m.columns(b); ++c) {
        EXPECT_EQ(m.weight_of(b, r, c), own.weight_of(b, r, c));
        EXPECT_EQ(m.level(b, r, c), own.level(b, r, c));
        const std::uint64_t device = m.device_index(b, r, c);
        EXPECT_EQ(device, (block.array * 64 + block.array_row + r) * 64 + c);
        devices.insert(device);
      }
  }
  EXPECT_EQ(devices.size(), m.devices());
}

TEST(Placement, RefusesArraysThatDoNotHoldWhatTheyAreGiven) {
  const std::vector<MappedLayer> layers{layer("a", 10, 100, 15), layer("b", 4, 40, 15),
                                        layer("c", 7, 31, 15)};
  const auto fault = [&](std::size_t l, std::vector<std::uint32_t> arrays) {
    std::vector<LayerPlacement> placements = shared();
    placements[l].arrays = std::move(arrays);
    try {
      Mapping(layers, {64, 64, 2, 4}, placements);
    } catch (const std::invalid_argument& e) {
      return std::string(e.what());
    }
    return std::string();
  };
  EXPECT_EQ(fault(0, {0, 1}), "");
  EXPECT_EQ(fault(1, {0}), "layer 'b': its block does not fit on array 0");
  EXPECT_EQ(fault(2, {1, 2, 1}), "layer 'c': two of its blocks are on array 1");
  EXPECT_EQ(fault(2, {1, 2, 4}), "array 3 holds nothing");
  EXPECT_EQ(fault(2, {1, 2, 9}), "layer 'c': there is no array 9");
  EXPECT_EQ(fault(2, {1, 2}), "layer 'c': has 3 blocks, not 2");
  EXPECT_EQ(fault(1, {}), "layer 'b': has 1 blocks, not 0");
}

TEST(Mapping, RefusesAnArrayNarrowerThanAWeight) {
  EXPECT_THROW(Mapping({layer("a", 1, 1, 15)}, {128, 3, 2, 4}), std::invalid_argument);
}

}  // namespace
}  // namespace uswim::tiles
