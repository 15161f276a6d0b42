#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>

#include "programmer/device/device_model.h"
#include "programmer/write_verify/pulse_model.h"

namespace uswim::programmer {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

DeviceConfig read(const std::string& yaml, std::string* resolved = nullptr) {
  auto document = support::ConfigDocument::from_text(yaml, "x.yaml");
  const DeviceConfig c = read_device(document.root());
  document.finish();
  if (resolved != nullptr) *resolved = document.resolved_yaml();
  return c;
}

std::string fault_of(const std::string& yaml) {
  try {
    read(yaml);
  } catch (const support::ConfigError& error) {
    return error.what();
  }
  return "";
}

TEST(DeviceFiles, AreExactlyThePresets) {
  std::set<std::string_view> files, presets;
  for (const auto& [name, text] : built_in_device_files()) files.insert(name);
  for (const auto& [name, preset] : kDevicePresets) {
    presets.insert(name);
    EXPECT_NO_THROW(device_data(preset)) << name;
  }
  EXPECT_EQ(files, presets);
}

TEST(DeviceFiles, HoldTheRatiosOfTheStudy) {
  EXPECT_EQ(device_data(DevicePreset::R1).level_ratio, 1.0);
  EXPECT_EQ(device_data(DevicePreset::F2).level_ratio, 2.0);
  EXPECT_EQ(device_data(DevicePreset::F3).level_ratio, 3.0);
  EXPECT_EQ(device_data(DevicePreset::R4).level_ratio, 4.0);
  EXPECT_EQ(device_data(DevicePreset::F6).level_ratio, 6.0);
}

// Figures of the parameter sheet at conductances that are no nodes of the tables, where it has a
// formula, and by hand between the nodes where it has points.
TEST(MeasuredErrors, FollowTheirSources) {
  const DeviceData& milo = device_data(DevicePreset::RramMilo);
  for (const double g : {50.0, 100.0, 170.0, 225.0})
    EXPECT_NEAR(milo.sigma_at(g), 4.78 - 0.0091 * g, 1e-9);
  const DeviceData& joshi = device_data(DevicePreset::PcmJoshi);
  for (double g = 0.0; g <= 25.0; g += 0.5) {
    const double x = g / 25;
    // A chord of a parabola over 0.1 of x is at most 1.173 * 0.1^2 / 4 below it.
    EXPECT_NEAR(joshi.sigma_at(g), 0.263 + 1.965 * x - 1.173 * x * x, 0.003);
  }
  EXPECT_NEAR(device_data(DevicePreset::RramNeurram).sigma_at(12.5), 2.26 - 0.24 / 4, 1e-12);
  EXPECT_NEAR(device_data(DevicePreset::PcmHermes).sigma_at(10.35), 1.01, 1e-12);
}

TEST(MeasuredErrors, AreFractionsOfTheRangeInUse) {
  const DeviceModel whole(read("preset: rram_neurram"));
  EXPECT_NEAR(whole.sigma(0, 0.5), 0.35 / 40, 1e-12);
  EXPECT_NEAR(whole.sigma(1, 0.5), (2.26 - 0.24 / 3) / 40, 1e-12);  // 13.33 uS
  EXPECT_NEAR(whole.sigma(3, 0.5), 1.10 / 40, 1e-12);
  const DeviceModel part(
      read("preset: rram_neurram\nbits: 1\nlowest_level: 5 uS\nhighest_level: 20 uS"));
  EXPECT_NEAR(part.sigma(0, 0.5), 1.75 / 15, 1e-12);
  EXPECT_NEAR(part.sigma(1, 0.5), 2.02 / 15, 1e-12);
}

TEST(MeasuredErrors, AreWhatOpenLoopWritesShow) {
  const DeviceModel device(read("preset: pcm_hermes\nbits: 1"));
  const std::size_t n = 100000;
  DeviceOutcomes o;
  for (const unsigned level : {0u, 1u}) {
    const auto target = static_cast<float>(device.target(level));
    make_pulse_model({}, device)
        ->write(std::vector<DeviceTarget>(
                    n, {true, target, static_cast<float>(device.level_factor(level, 0.0))}),
                0, 1, 0, o);
    double squares = 0;
    for (const float g : o.open_loop)
      squares += (g - target) * (g - target) / static_cast<double>(n);
    const double want = (level == 0 ? 0.16 : 1.01) / 10.35;
    // The standard error of a normal sample's rms is rms / sqrt(2 n).
    EXPECT_NEAR(std::sqrt(squares), want, 4.5 * want / std::sqrt(2.0 * static_cast<double>(n)));
  }
}

TEST(MeasuredErrors, HoldOnlyInTheirRange) {
  EXPECT_THAT(
      fault_of("preset: rram_milo\nlowest_level: 40 uS"),
      HasSubstr(
          "x.yaml:2:15: lowest_level: lies outside the valid range of the device, 50 to 225 uS"));
  EXPECT_THAT(fault_of("preset: rram_milo\nhighest_level: 226 uS"), HasSubstr("highest_level"));
  EXPECT_THAT(fault_of("preset: rram_milo\nlowest_level: 80 uS\nhighest_level: 70 uS"),
              HasSubstr("must lie above"));
  EXPECT_THAT(fault_of("preset: rram_milo\nsigma: 0.1"), HasSubstr("measured errors"));
  EXPECT_THAT(fault_of("preset: R4\nlowest_level: 80 uS"), HasSubstr("lowest_level"));
  EXPECT_THAT(fault_of("preset: R4\nbits: 3\nlevel_of: device"), HasSubstr("four device levels"));
}

TEST(MeasuredErrors, ResolveToAConfigurationThatReadsBack) {
  for (const auto& [name, preset] : kDevicePresets) {
    std::string resolved, again;
    const DeviceModel a(read("preset: " + std::string(name), &resolved));
    const DeviceModel b(read(resolved, &again));
    EXPECT_EQ(again, resolved);
    for (unsigned l = 0; l < 4; ++l) EXPECT_DOUBLE_EQ(a.sigma(l, 0.5), b.sigma(l, 0.5)) << name;
  }
}

class OwnDeviceFile : public testing::Test {
 protected:
  OwnDeviceFile()
      : file_(std::filesystem::temp_directory_path() /
              ("uswim_device_" +
               std::string(testing::UnitTest::GetInstance()->current_test_info()->name()) +
               ".yaml")) {}
  ~OwnDeviceFile() override { std::filesystem::remove(file_); }
  void write(const std::string& rest) {
    std::ofstream(file_) << "technology: t\nsource: s\nfigure: f\nvalid_range: v\ndeviation: d\n"
                         << rest;
  }
  std::string config() const { return "file: " + file_.string(); }
  std::filesystem::path file_;
};

TEST_F(OwnDeviceFile, StandsInForThePreset) {
  write("level_ratio: 2.5\n");
  const DeviceModel d(read(config() + "\nsigma: 0.2"));
  EXPECT_DOUBLE_EQ(d.sigma(0, 0.5), 0.2 / std::sqrt(0.4 * 2.5 * 2.5 + 0.6));
  EXPECT_DOUBLE_EQ(d.sigma(1, 0.5), 2.5 * d.sigma(0, 0.5));
  write("lowest: 1 uS\nhighest: 3 uS\nconductance_uS: [1, 3]\nsigma_uS: [0.1, 0.2]\n");
  EXPECT_NEAR(DeviceModel(read(config())).sigma(3, 0.5), 0.1, 1e-12);
}

TEST_F(OwnDeviceFile, IsReadStrictly) {
  EXPECT_THAT(fault_of(config()), HasSubstr(file_.filename().string()));  // not there
  write("level_ratio: 2\nlevel_ration: 3\n");
  EXPECT_THAT(fault_of(config()), HasSubstr("level_ration: unknown key"));
  write("lowest: 1 uS\nhighest: 4 uS\nconductance_uS: [1, 3]\nsigma_uS: [0.1, 0.2]\n");
  EXPECT_THAT(fault_of(config()), HasSubstr("must reach from 'lowest' to 'highest'"));
  write("lowest: 1 uS\nhighest: 3 uS\nconductance_uS: [1, 3]\nsigma_uS: [0.1]\n");
  EXPECT_THAT(fault_of(config()), HasSubstr("as many entries"));
  write("lowest: 1 uS\nhighest: 3 uS\nconductance_uS: [1, 2, 2, 3]\nsigma_uS: [1, 1, 1, 1]\n");
  EXPECT_THAT(fault_of(config()), HasSubstr("must ascend"));
}

// Where the file is wrong the file is named, with all that is wrong in it.
TEST_F(OwnDeviceFile, StatesFiguresThatLieInItsOwnRanges) {
  write("conductance_uS: [3, 1]\nsigma_uS: [0.1]\n");
  EXPECT_THAT(fault_of(config()),
              AllOf(HasSubstr("needs 'lowest' and 'highest'"), HasSubstr("as many entries"),
                    HasSubstr("must ascend"), Not(HasSubstr("must lie above"))));
  const std::string reset = "reset: {voltage: 2 V, width: 10 ns, energy: 1 pJ}\n";
  write("level_ratio: 1\n" + reset +
        "set: {voltage: 2 V, lowest_voltage: 3 V, highest_voltage: 4 V, width: 10 ns, energy: 1 "
        "pJ}\n");
  EXPECT_THAT(fault_of(config()), HasSubstr("set.voltage: lies outside the range beside it"));
  write("level_ratio: 1\n" + reset +
        "set: {voltage: 2 V, width: 10 ns, longest: 5 ns, energy: 1 pJ}\n");
  EXPECT_THAT(fault_of(config()), HasSubstr("set.width: lies outside the range beside it"));
  write("level_ratio: 1\n" + reset + "set: {voltage: 2 V, width: 10 ns, ohmic: false}\n");
  EXPECT_THAT(fault_of(config()), HasSubstr("set.ohmic: 'false' needs an 'energy'"));
  write("level_ratio: 1\nread: {voltage: 0.2 V, lowest_voltage: 0.3 V}\n");
  EXPECT_THAT(fault_of(config()), HasSubstr("read.voltage: lies outside the range beside it"));
}

}  // namespace
}  // namespace uswim::programmer
