#include <gtest/gtest.h>

#include <cmath>

#include "tiles/bit_serial.h"

/// Noise of reading cells, as the ADCs of a bit-serial product see it.
namespace uswim::tiles {
namespace {

constexpr std::size_t kLanes = InputGroups::kLanes;

/// Cells of one value, whose sums lie far from both ends of the ADC's range.
struct Chip {
  Mapping mapping;
  std::vector<CellArray> arrays;
  Chip(std::size_t outputs, std::size_t rows)
      : mapping({{"a", outputs, rows, std::vector<std::int16_t>(outputs * rows, 1)}},
                {64, 64, 2, 4}) {
    for (std::size_t a = 0; a < mapping.blocks().size(); ++a) {
      arrays.emplace_back(64, mapping.pitch());
      for (std::size_t r = 0; r < mapping.blocks()[a].rows; ++r)
        for (std::size_t c = 0; c < mapping.columns(a); ++c) arrays.back().row(r)[c] = 1536;
    }
  }
  std::vector<const CellArray*> cells() const {
    std::vector<const CellArray*> list;
    for (const CellArray& array : arrays) list.push_back(&array);
    return list;
  }
};

// Variance of a product: over slices and signs, bits and arrays the square of what a step counts,
// times that of the driven cells and of the ADC's rounding, which such noise makes uniform.
TEST(AdcNoise, HasTheVarianceOfTheDrivenCells) {
  constexpr std::size_t kRows = 100, kGroups = 400, kVectors = kGroups * kLanes;
  const Chip chip(2, kRows);  // 64 and 36 rows
  const InputCode code{3, false};
  // Bit 0 in 40 rows of the first array and 10 of the second, bit 2 in 60 and 30, bit 1 in none.
  std::vector<std::int16_t> inputs(kGroups * kRows * kLanes, 0);
  for (std::size_t g = 0; g < kGroups; ++g)
    for (std::size_t r = 0; r < kRows; ++r)
      for (std::size_t lane = 0; lane < kLanes; ++lane) {
        const std::size_t in_array = r < 64 ? r : r - 64;
        const bool low = in_array < (r < 64 ? 40u : 10u), high = in_array < (r < 64 ? 60u : 30u);
        inputs[(g * kRows + r) * kLanes + lane] = static_cast<std::int16_t>(low + 4 * high);
      }
  std::vector<std::uint64_t> numbers(kVectors);
  for (std::size_t v = 0; v < kVectors; ++v) numbers[v] = v;
  const float sigma = 400.0f;
  const AdcNoise noise{sigma, 3, 1, numbers.data()};
  BitSerialProducts products(chip.mapping, chip.cells(), 16);
  std::vector<std::int64_t> exact, noisy;
  products.multiply(0, {inputs.data(), kGroups, kLanes, code}, exact);
  products.multiply(0, {inputs.data(), kGroups, kLanes, code}, noisy, &noise);
  double want = 0.0;
  const double of_devices = 2 * (4 * 4 + 1);
  for (const double driven : {40.0, 10.0})
    want += of_devices * (driven * sigma * sigma + 1024.0 * 1024.0 / 12);
  for (const double driven : {60.0, 30.0})
    want += of_devices * 16 * (driven * sigma * sigma + 1024.0 * 1024.0 / 12);
  for (std::size_t o = 0; o < 2; ++o) {
    double sum = 0.0, squares = 0.0;
    for (std::size_t v = 0; v < kVectors; ++v) {
      const std::size_t i = (v / kLanes * 2 + o) * kLanes + v % kLanes;
      const auto error = static_cast<double>(noisy[i] - exact[i]);
      sum += error;
      squares += error * error;
    }
    EXPECT_NEAR(sum / kVectors, 0.0, 4.5 * std::sqrt(want / kVectors));
    EXPECT_NEAR(squares / kVectors, want, 4.5 * std::sqrt(2.0 / kVectors) * want);
  }
}

TEST(AdcNoise, DoesNotDependOnWhatElseIsMultiplied) {
  constexpr std::size_t kRows = 70, kGroups = 3;
  const Chip chip(9, kRows);
  std::vector<std::int16_t> inputs(kGroups * kRows * kLanes);
  for (std::size_t i = 0; i < inputs.size(); ++i)
    inputs[i] = static_cast<std::int16_t>(static_cast<int>(i * 7919 % 64) - 32);
  std::vector<std::uint64_t> numbers(kGroups * kLanes);
  for (std::size_t v = 0; v < numbers.size(); ++v) numbers[v] = 1000 + 3 * v;
  const InputCode code{6, true};
  AdcNoise noise{300.0f, 3, 1, numbers.data()};
  BitSerialProducts products(chip.mapping, chip.cells(), 8);
  std::vector<std::int64_t> together, alone, other;
  products.multiply(0, {inputs.data(), kGroups, kLanes, code}, together, &noise);
  const std::size_t per_group = kLanes * 9;
  for (std::size_t g = 0; g < kGroups; ++g) {
    noise.vector = &numbers[g * kLanes];
    products.multiply(0, {&inputs[g * kRows * kLanes], 1, kLanes, code}, alone, &noise);
    for (std::size_t i = 0; i < per_group; ++i) EXPECT_EQ(alone[i], together[g * per_group + i]);
  }
  noise.chip = 2;
  products.multiply(0, {&inputs[2 * kRows * kLanes], 1, kLanes, code}, other, &noise);
  EXPECT_NE(other, alone);
}

TEST(AdcNoise, LeavesConversionsWithoutADrivenCellAlone) {
  const Chip chip(3, 20);
  const std::vector<std::int16_t> inputs(20 * kLanes, 0);
  const std::vector<std::uint64_t> numbers(kLanes, 5);
  const AdcNoise noise{1000.0f, 1, 0, numbers.data()};
  BitSerialProducts products(chip.mapping, chip.cells(), 8);
  std::vector<std::int64_t> sums;
  products.multiply(0, {inputs.data(), 1, kLanes, {4, false}}, sums, &noise);
  for (const std::int64_t sum : sums) EXPECT_EQ(sum, 0);
}

}  // namespace
}  // namespace uswim::tiles
