#include "tiles/cell_array.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace uswim::tiles {
namespace {

struct Fixture {
  Mapping mapping;
  CellArray cells;
  std::vector<std::int32_t> inputs;

  Fixture(std::size_t outputs, std::size_t rows, unsigned input_bits, bool noisy)
      : mapping(make(outputs, rows)), cells(rows, mapping.pitch()), inputs(rows) {
    std::mt19937 random(5);
    std::normal_distribution<float> noise(0.0f, 0.1f);
    for (std::size_t r = 0; r < rows; ++r) {
      inputs[r] = static_cast<std::int32_t>(random() % (1u << input_bits));
      for (std::size_t c = 0; c < mapping.columns(0); ++c)
        cells.row(r)[c] = cell_units(
            static_cast<float>(mapping.level(0, r, c)) / 3.0f + (noisy ? noise(random) : 0), 4);
    }
  }
  static Mapping make(std::size_t outputs, std::size_t rows) {
    std::mt19937 random(3);
    MappedLayer l{"a", outputs, rows, {}};
    for (std::size_t i = 0; i < outputs * rows; ++i)
      l.weight_code.push_back(static_cast<std::int16_t>(static_cast<int>(random() % 31) - 15));
    return Mapping({l}, {128, 128, 2, 4});
  }
};

TEST(LosslessAdc, NeedsNineBitsFor128RowsOfTwoBitCells) {
  EXPECT_EQ(Adc(9, 128, 4).step, kUnitsPerLevel);
  EXPECT_GT(Adc(8, 128, 4).step, kUnitsPerLevel);
  EXPECT_EQ(static_cast<int>(std::ceil(std::log2(128 * 3 * 1 + 1))), 9);
}

TEST(Adc, RoundsToTheNearestStepAndSaturates) {
  const Adc adc(2, 1, 4);  // codes 0 to 3, one level each
  EXPECT_EQ(adc.convert(0), 0);
  EXPECT_EQ(adc.convert(511), 0);
  EXPECT_EQ(adc.convert(512), 1024);
  EXPECT_EQ(adc.convert(99999), 3 * 1024);
  EXPECT_EQ(adc.convert(-5000), 0);
}

// A uniform quantiser of step D leaves an error of D / sqrt 12.
TEST(Adc, LeavesAUniformError) {
  const Adc adc(8, 128, 4);
  double squares = 0;
  const int n = 250 * 1024;
  for (int sum = 0; sum < n; ++sum) squares += std::pow(adc.convert(sum) - sum, 2) / n;
  EXPECT_NEAR(std::sqrt(squares), adc.step / std::sqrt(12.0), 0.01 * adc.step);
}

TEST(BitSerialProduct, OfIdealCellsIsTheIntegerProductWhereTheAdcIsLossless) {
  Fixture f(8, 100, 4, false);
  std::vector<std::int64_t> sums(8, 0);
  multiply_bit_serial(f.cells, f.mapping, 0, f.inputs.data(), {4}, Adc(9, 100, 4), sums.data());
  for (std::size_t o = 0; o < 8; ++o) {
    std::int64_t want = 0;
    for (std::size_t r = 0; r < 100; ++r)
      want += std::int64_t{f.mapping.layers()[0].weight_code[o * 100 + r]} * f.inputs[r];
    EXPECT_EQ(sums[o], want * kUnitsPerLevel);
  }
}

TEST(BitSerialProduct, EqualsAPlainDoubleLoop) {
  Fixture f(8, 100, 4, true);
  const Adc adc(6, 100, 4);
  std::vector<std::int64_t> sums(8, 7);  // products are added to what is there
  multiply_bit_serial(f.cells, f.mapping, 0, f.inputs.data(), {4}, adc, sums.data());
  for (std::size_t o = 0; o < 8; ++o) {
    double want = 7;
    for (int bit = 0; bit < 4; ++bit)
      for (unsigned s = 0; s < 2; ++s)
        for (int sign : {0, 1}) {
          double column = 0;
          for (std::size_t r = 0; r < 100; ++r)
            if (f.inputs[r] & (1 << bit))
              column += f.cells.row(r)[(o * 2 + s) * 2 + static_cast<unsigned>(sign)];
          const double code =
              std::min(63.0, std::max(0.0, std::floor((column + adc.step / 2) / adc.step)));
          want +=
              (sign ? -1 : 1) * std::pow(4, 1 - static_cast<int>(s)) * (1 << bit) * code * adc.step;
        }
    EXPECT_EQ(static_cast<double>(sums[o]), want);
  }
}

TEST(EffectiveWeights, OfIdealCellsAreTheCodes) {
  Fixture f(8, 100, 4, false);
  std::vector<float> weights(800);
  read_effective_weights(f.cells, f.mapping, 0, weights.data());
  for (std::size_t i = 0; i < weights.size(); ++i)
    EXPECT_EQ(weights[i], f.mapping.layers()[0].weight_code[i]);
}

// sigma sqrt(sum 4^(iK)) in units of the lowest slice, times sqrt 2 for the pair: K = 2, two
// slices.
TEST(EffectiveWeights, CarryTheErrorOfSlicesAndPair) {
  const std::size_t rows = 128, outputs = 32;
  Mapping m({MappedLayer{"a", outputs, rows, std::vector<std::int16_t>(outputs * rows, 0)}},
            {128, 128, 2, 4});
  CellArray cells(rows, m.pitch());
  std::mt19937 random(1);
  const double sigma = 0.1;
  std::normal_distribution<float> noise(0.0f, static_cast<float>(sigma));
  for (std::size_t r = 0; r < rows; ++r)
    for (std::size_t c = 0; c < 128; ++c) cells.row(r)[c] = cell_units(noise(random), 4);
  std::vector<float> weights(outputs * rows);
  read_effective_weights(cells, m, 0, weights.data());
  double squares = 0;
  for (const float w : weights)
    squares += static_cast<double>(w) * w / static_cast<double>(weights.size());
  const double want = sigma * 3 * std::sqrt(1.0 + 16.0) * std::sqrt(2.0);
  EXPECT_NEAR(std::sqrt(squares), want,
              4.5 * want / std::sqrt(2.0 * static_cast<double>(weights.size())));
}

}  // namespace
}  // namespace uswim::tiles
