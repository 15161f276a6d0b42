#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "programmer/write_verify/pulse_model.h"

/// What differs from device to device: stuck ones, how far a pulse moves each, how it relaxes.
namespace uswim::programmer {
namespace {

constexpr std::size_t kDevices = 100000;

DeviceConfig exact_device() {
  DeviceConfig c;
  c.preset = DevicePreset::R1;
  c.sigma = 0.0;
  return c;
}

DeviceOutcomes write(const WriteVerifyConfig& config, const DeviceConfig& device, float target,
                     std::size_t n = kDevices) {
  DeviceOutcomes o;
  make_pulse_model(config, DeviceModel(device))
      ->write(std::vector<DeviceTarget>(n, {true, target, 1.0f}), 0, 1, 0, o);
  return o;
}

class StuckDevices : public testing::TestWithParam<PulseModelKind> {};

// The number of stuck devices is binomial.
TEST_P(StuckDevices, AreTheAskedFractionAndKeepTheirConductance) {
  DeviceConfig d = exact_device();
  d.stuck_low = 0.02;
  d.stuck_high = 0.05;
  WriteVerifyConfig c;
  c.pulse_model = GetParam();
  c.step_noise = c.verified_sigma = 0.0;
  const DeviceOutcomes o = write(c, d, 0.5f);
  double low = 0, high = 0, failed = 0;
  for (std::size_t i = 0; i < kDevices; ++i) {
    low += o.verified[i] == 0.0f;
    high += o.verified[i] == 1.0f;
    failed += o.converged[i] == 0;
    if (o.verified[i] == 0.0f || o.verified[i] == 1.0f) {
      EXPECT_EQ(o.open_loop[i], o.verified[i]);
    } else {
      EXPECT_FLOAT_EQ(o.open_loop[i], 0.5f);
    }
  }
  const auto bound = [](double p) { return 4.5 * std::sqrt(p * (1 - p) / kDevices); };
  EXPECT_NEAR(low / kDevices, d.stuck_low, bound(d.stuck_low));
  EXPECT_NEAR(high / kDevices, d.stuck_high, bound(d.stuck_high));
  EXPECT_EQ(failed, low + high);
}
INSTANTIATE_TEST_SUITE_P(Models, StuckDevices,
                         testing::Values(PulseModelKind::Redraw, PulseModelKind::Incremental,
                                         PulseModelKind::Statistical));

TEST(StuckDevice, IsPulsedUntilItIsGivenUp) {
  DeviceConfig d = exact_device();
  d.stuck_low = 1.0;
  for (const PulseModelKind kind : {PulseModelKind::Redraw, PulseModelKind::Incremental}) {
    WriteVerifyConfig c;
    c.pulse_model = kind;
    c.max_cycles = 37;
    const DeviceOutcomes o = write(c, d, 0.5f, 100);
    for (std::size_t i = 0; i < 100; ++i) {
      EXPECT_EQ(o.cycles[i], 37u);
      EXPECT_EQ(o.converged[i], 0);
    }
  }
}

TEST(StuckDevice, ConvergesWhereItsConductanceIsAcceptable) {
  DeviceConfig d = exact_device();
  d.stuck_high = 1.0;
  const DeviceOutcomes o = write({}, d, 0.95f, 100);  // tolerance 0.06
  for (std::size_t i = 0; i < 100; ++i) {
    EXPECT_EQ(o.cycles[i], 0u);
    EXPECT_EQ(o.converged[i], 1);
    EXPECT_EQ(o.verified[i], 1.0f);
  }
}

// Noise-free: a device of step s takes ceil(D / s) pulses, s = mu (1 + v z). The distribution of
// the count follows from the normal one: P(N <= n) = P(s >= D / n) = Phi((1 - D / (n mu)) / v).
TEST(DeviceToDevice, SpreadsTheNumberOfPulsesAsTheStepSays) {
  DeviceConfig d = exact_device();
  d.device_to_device = 0.2;
  WriteVerifyConfig c;
  c.step_noise = 0.0;
  const double distance = 1.0 - c.tolerance;
  const DeviceOutcomes o = write(c, d, 1.0f);
  for (const int n : {14, 17, 19, 22, 30}) {
    const double want =
        0.5 * std::erfc(-(1 - distance / (n * c.step)) / d.device_to_device / std::sqrt(2.0));
    double got = 0;
    for (const std::uint16_t cycles : o.cycles) got += cycles <= n;
    EXPECT_NEAR(got / kDevices, want, 4.5 * std::sqrt(want * (1 - want) / kDevices)) << n;
  }
}

class Relaxation : public testing::TestWithParam<PulseModelKind> {};

// Against the same devices without it: an independent Gaussian addition of standard deviation s has
// mean 0 (standard error s / sqrt n) and variance s^2 (relative standard error sqrt(2 / n)), and
// changes nothing that write-verify sees.
TEST_P(Relaxation, AddsItsVarianceAfterTheLastRead) {
  DeviceConfig d = exact_device();
  d.sigma = 0.1;
  WriteVerifyConfig c;
  c.pulse_model = GetParam();
  const DeviceOutcomes before = write(c, d, 2.0f / 3);
  d.relaxation_sigma = 0.02;
  const DeviceOutcomes after = write(c, d, 2.0f / 3);
  EXPECT_EQ(after.cycles, before.cycles);
  EXPECT_EQ(after.converged, before.converged);
  EXPECT_EQ(after.reset, before.reset);
  double mean = 0, squares = 0, product = 0;
  const double n = kDevices, s = d.relaxation_sigma;
  for (std::size_t i = 0; i < kDevices; ++i) {
    const double move = static_cast<double>(after.verified[i]) - before.verified[i];
    mean += move / n;
    squares += move * move / n;
    product += move * (before.verified[i] - 2.0 / 3) / n;
    EXPECT_NEAR(static_cast<double>(after.open_loop[i]) - before.open_loop[i], move, 1e-6);
  }
  EXPECT_NEAR(mean, 0.0, 4.5 * s / std::sqrt(n));
  EXPECT_NEAR(squares, s * s, 4.5 * s * s * std::sqrt(2 / n));
  // Residuals before it have an rms of at most 0.06, the window; independent of the move, their
  // mean product with it has that times s as its standard deviation.
  EXPECT_NEAR(product, 0.0, 4.5 * s * 0.06 / std::sqrt(n));
}
INSTANTIATE_TEST_SUITE_P(Models, Relaxation,
                         testing::Values(PulseModelKind::Redraw, PulseModelKind::Incremental,
                                         PulseModelKind::Statistical, PulseModelKind::Ispp));

TEST(RelaxationOfStuckDevices, IsNone) {
  DeviceConfig d = exact_device();
  d.stuck_high = 1.0;
  d.relaxation_sigma = 0.02;
  const DeviceOutcomes o = write({}, d, 0.5f, 100);
  for (std::size_t i = 0; i < 100; ++i) {
    EXPECT_EQ(o.verified[i], 1.0f);
    EXPECT_EQ(o.open_loop[i], 1.0f);
  }
}

}  // namespace
}  // namespace uswim::programmer
