#include <gtest/gtest.h>

#include <cmath>

#include "programmer/device/device_model.h"

namespace uswim::programmer {
namespace {

DeviceModel device(DevicePreset preset, double sigma = 0.01) {
  DeviceConfig c;
  c.preset = preset;
  c.sigma = sigma;
  return DeviceModel(c);
}

// Table of the U-SWIM devices at sigma 0.01, four decimals.
TEST(LevelDependentDevice, HasThePublishedErrorAtEveryLevel) {
  struct Row {
    DevicePreset preset;
    double outer, middle;
  };
  for (const Row& row :
       {Row{DevicePreset::R1, 0.0100, 0.0100}, Row{DevicePreset::F2, 0.0067, 0.0135},
        Row{DevicePreset::F3, 0.0049, 0.0146}, Row{DevicePreset::R4, 0.0038, 0.0151},
        Row{DevicePreset::F6, 0.0026, 0.0155}}) {
    const DeviceModel d = device(row.preset);
    for (const unsigned level : {0u, 3u}) EXPECT_NEAR(d.sigma(level, 0.5), row.outer, 5e-5);
    for (const unsigned level : {1u, 2u}) EXPECT_NEAR(d.sigma(level, 0.5), row.middle, 5e-5);
  }
}

TEST(LevelDependentDevice, FollowsTheFormula) {
  const DeviceModel d = device(DevicePreset::R4, 0.2);
  const double base = 0.2 / std::sqrt(0.4 * 16 + 0.6);
  EXPECT_DOUBLE_EQ(d.sigma(0, 0), base);
  EXPECT_DOUBLE_EQ(d.sigma(1, 0), 4 * base);
}

TEST(LevelDependentDevice, TakesTheLevelOfTheWholeWeightWhereAsked) {
  DeviceConfig c;
  c.preset = DevicePreset::R4;
  c.level_of = LevelOf::Weight;
  const DeviceModel d(c);
  EXPECT_DOUBLE_EQ(d.sigma(0, 0.5), d.sigma(3, 0.5));
  EXPECT_DOUBLE_EQ(d.sigma(0, 0.5), 4 * d.sigma(0, 0.2));
  EXPECT_DOUBLE_EQ(d.sigma(0, 0.25), d.sigma(0, 0.9));  // the bounds belong outside
}

TEST(SigmaUnit, LevelStepDiffersFromFullScaleByTheNumberOfSteps) {
  DeviceConfig c;
  c.preset = DevicePreset::R1;
  c.sigma = 0.3;
  c.sigma_unit = SigmaUnit::LevelStep;
  EXPECT_DOUBLE_EQ(DeviceModel(c).sigma(0, 0), 0.1);
  c.bits = 1;
  EXPECT_DOUBLE_EQ(DeviceModel(c).sigma(0, 0), 0.3);
}

}  // namespace
}  // namespace uswim::programmer
