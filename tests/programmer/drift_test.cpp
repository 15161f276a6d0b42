#include "programmer/device/drift.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <vector>

#include "programmer/device/device_model.h"

namespace uswim::programmer {
namespace {

using testing::HasSubstr;

constexpr std::size_t kDevices = 100000;

DeviceConfig read(const std::string& yaml) {
  auto document = support::ConfigDocument::from_text(yaml, "x.yaml");
  const DeviceConfig c = read_device(document.root());
  document.finish();
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

struct Moments {
  double mean = 0, sd = 0;
};

/// Of devices that all had `programmed`, `seconds` after programming.
Moments moments(const DeviceConfig& device, float programmed, double seconds) {
  std::vector<float> g(kDevices, programmed);
  DriftModel(device).age(seconds, 1, 0, 0, g);
  Moments m;
  for (const float x : g) m.mean += x / double{kDevices};
  for (const float x : g) m.sd += (x - m.mean) * (x - m.mean) / double{kDevices};
  m.sd = std::sqrt(m.sd);
  return m;
}

double cdf(double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); }

/// E[exp(-a |X|)] of a normal X: the moment generating function of the folded normal distribution.
double folded(double mean, double sd, double a) {
  return std::exp(sd * sd * a * a / 2 - mean * a) * cdf(mean / sd - sd * a) +
         std::exp(sd * sd * a * a / 2 + mean * a) * cdf(-mean / sd - sd * a);
}

TEST(PowerLawDrift, HasTheMeanAndSpreadOfItsClosedForm) {
  const DeviceConfig d =
      read("preset: R4\ndrift: {model: power_law, t0: 10 s, nu: 0.06, nu_sd: 0.03}");
  for (const double seconds : {60.0, 3600.0, 1e7}) {
    const double log_ratio = std::log(seconds / 10.0);
    const double mean = 0.7 * folded(0.06, 0.03, log_ratio);
    const double square = 0.49 * folded(0.06, 0.03, 2 * log_ratio);
    const double sd = std::sqrt(square - mean * mean);
    const Moments m = moments(d, 0.7f, seconds);
    // 4.5 standard errors: of the mean, and of the standard deviation with the kurtosis of at most
    // 6 that a bounded factor of this spread has. Draws end at 5.77 sd, which moves both by less.
    EXPECT_NEAR(m.mean, mean, 4.5 * sd / std::sqrt(double{kDevices}));
    EXPECT_NEAR(m.sd, sd, 4.5 * sd * std::sqrt(5.0 / 4 / kDevices));
  }
}

TEST(LogDrift, MovesByItsRatePerDecade) {
  const DeviceConfig d =
      read("preset: R4\ndrift: {model: log, t0: 1 s, rate: -0.01, rate_sd: 0.004}");
  const Moments m = moments(d, 0.5f, 1e5);
  EXPECT_NEAR(m.mean, 0.5 - 0.05, 4.5 * 0.02 / std::sqrt(double{kDevices}));
  EXPECT_NEAR(m.sd, 0.02, 4.5 * 0.02 / std::sqrt(2.0 * kDevices));
}

// NeuRRAM: what is added to the spread at 1 s brings it to that of two days; half of the variance
// after half of the decades.
TEST(SpreadDrift, GrowsFromTheProgrammedSpreadToTheLaterOne) {
  const DeviceConfig d = read("preset: rram_neurram\ndrift: {model: device}");
  for (const auto& [uS, before, later] :
       {std::array{5.0, 1.75, 2.71}, std::array{20.0, 2.02, 3.93}, std::array{40.0, 1.1, 2.68}}) {
    const double added = std::sqrt(later * later - before * before) / 40.0;
    const Moments whole = moments(d, static_cast<float>(uS / 40), 172800);
    EXPECT_NEAR(whole.mean, uS / 40, 4.5 * added / std::sqrt(double{kDevices}));
    EXPECT_NEAR(whole.sd, added, 4.5 * added / std::sqrt(2.0 * kDevices));
    const Moments half = moments(d, static_cast<float>(uS / 40), std::sqrt(172800.0));
    EXPECT_NEAR(half.sd, added / std::sqrt(2.0), 4.5 * added / std::sqrt(2.0 * kDevices));
  }
}

// The source's formulas at conductances that are no nodes of the tables. Between the nodes the
// logarithm bends away from its chord by at most 0.004.
TEST(PcmDrift, FollowsItsSources) {
  const DriftData& joshi = *device_data(DevicePreset::PcmJoshi).drift;
  EXPECT_EQ(joshi.t0_s, 20.0);
  const DriftModel model(read("preset: pcm_joshi\ndrift: {model: device}"));
  // The exponent from the ratio of conductances after e times t0.
  const auto nu = [&](const DriftModel& m, double part, float z) {
    const auto g = static_cast<float>(part);
    return -std::log(double{m.aged(g, m.first_s() * std::exp(1.0), z)} / double{g});
  };
  for (double x = 0.005; x < 1.0; x += 0.021) {
    const double mean = std::clamp(-0.0155 * std::log(x) + 0.0244, 0.049, 0.1);
    const double sd = std::clamp(-0.0125 * std::log(x) - 0.0059, 0.008, 0.045);
    EXPECT_NEAR(nu(model, x, 0.0f), mean, 0.004) << x;
    EXPECT_NEAR(nu(model, x, 1.0f) - nu(model, x, 0.0f), sd, 0.004) << x;
  }
  const DriftModel hermes(read("preset: pcm_hermes\ndrift: {model: device}"));
  EXPECT_EQ(hermes.first_s(), 200.0);
  for (double x = 0.1; x < 1.0; x += 0.023)
    EXPECT_NEAR(nu(hermes, x, 0.0f), -0.0436 * x * x - 0.0126 * x + 0.0736, 0.0005) << x;
}

class EveryLaw : public testing::TestWithParam<const char*> {};

TEST_P(EveryLaw, LeavesTheProgrammedStateAtItsBeginningAndGoesOneWay) {
  const DeviceConfig d = read(GetParam());
  const DriftModel model(d);
  const std::size_t rows = 40, pitch = 64;
  tiles::CellArray programmed(rows, pitch), cells(rows, pitch);
  for (std::size_t i = 0; i < rows * pitch; ++i)
    programmed.row(0)[i] = static_cast<std::int16_t>(static_cast<int>(i * 37 % 3500) - 200);
  cells = programmed;
  model.age(model.first_s(), 1, 2, 3, rows, pitch, 4, cells);
  for (std::size_t i = 0; i < rows * pitch; ++i) ASSERT_EQ(cells.row(0)[i], programmed.row(0)[i]);
  for (const float z : {-2.0f, 0.0f, 1.0f}) {
    float last = 0.8f, direction = 0.0f;
    for (double t = model.first_s() * 2; t < std::min(model.last_s(), 1e8); t *= 2) {
      const float now = model.aged(0.8f, t, z);
      if (direction == 0.0f) direction = now - last;
      EXPECT_GE((now - last) * direction, 0.0f) << t;
      last = now;
    }
  }
}
INSTANTIATE_TEST_SUITE_P(Laws, EveryLaw,
                         testing::Values("preset: pcm_joshi\ndrift: {model: device}",
                                         "preset: pcm_hermes\ndrift: {model: device}",
                                         "preset: rram_neurram\ndrift: {model: device}",
                                         "drift: {model: power_law, nu: 0.05, nu_sd: 0.01}",
                                         "drift: {model: log, rate: 0.01, rate_sd: 0.1}"));

TEST(Drift, LeavesStuckDevicesAlone) {
  const DeviceConfig d = read("stuck_high: 0.1\ndrift: {model: log, rate: -0.01}");
  std::vector<float> g(kDevices, 1.0f);
  DriftModel(d).age(1000, 1, 0, 0, g);
  const auto kept = std::count(g.begin(), g.end(), 1.0f);
  EXPECT_NEAR(static_cast<double>(kept) / kDevices, 0.1, 4.5 * std::sqrt(0.09 / kDevices));
}

TEST(Drift, OfTheDeviceNeedsAFileThatStatesIt) {
  EXPECT_THAT(fault_of("preset: rram_milo\ndrift: {model: device}"), HasSubstr("states no drift"));
  EXPECT_THAT(fault_of("drift: {model: log, t0: 0 s}"), HasSubstr("must be above 0 s"));
}

}  // namespace
}  // namespace uswim::programmer
