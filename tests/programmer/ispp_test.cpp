#include "programmer/write_verify/ispp.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "programmer/write_verify/pulse_model.h"

namespace uswim::programmer {
namespace {

WriteVerifyConfig ispp() {
  WriteVerifyConfig c;
  c.pulse_model = PulseModelKind::Ispp;
  return c;
}

DeviceOutcomes write(const WriteVerifyConfig& config, float target, double stuck_high = 0.0,
                     double device_sigma = 0.0) {
  DeviceConfig d;
  d.preset = DevicePreset::R1;
  d.sigma = device_sigma;
  d.stuck_high = stuck_high;
  DeviceOutcomes o;
  make_pulse_model(config, DeviceModel(d))
      ->write(std::vector<DeviceTarget>{{true, target, 1.0f}}, 0, 1, 0, o);
  return o;
}

// n pulses of a ramp from V0 by dV move gain * (n (V0 - Vth) + dV n (n - 1) / 2); the device stops
// at the first n that covers the distance D to the window:
// n = ceil((-b + sqrt(b^2 + 2 a D)) / a), a = gain dV, b = gain (V0 - Vth - dV / 2).
TEST(IsppPulses, WithoutNoiseSolveTheSumOfTheRamp) {
  WriteVerifyConfig c = ispp();
  c.ispp.gain = 0.05;  // no overshoot: the largest step stays below the width of the window
  for (const float target : {0.07f, 0.2f, 0.41f, 0.77f, 0.95f}) {
    const double distance = target - c.tolerance;
    const double a = c.ispp.gain * 0.1, b = c.ispp.gain * (1.2 - 1.1 - 0.05);
    const double n = std::ceil((-b + std::sqrt(b * b + 2 * a * distance)) / a);
    const DeviceOutcomes o = write(c, target);
    EXPECT_EQ(o.cycles[0], n) << target;
    EXPECT_EQ(o.converged[0], 1);
    EXPECT_NEAR(o.verified[0], n * b + a * n * n / 2, 1e-6) << target;
  }
}

// Beyond the end voltage every pulse is the same: 21 of the ramp, then 2.2 V above the threshold.
TEST(IsppPulses, StayAtTheEndVoltage) {
  WriteVerifyConfig c = ispp();
  c.ispp.gain = 0.02;
  const double ramp = c.ispp.gain * 0.1 * 21 * 22 / 2, end = c.ispp.gain * 2.2;
  const double n = 21 + std::ceil((1.0 - c.tolerance - ramp) / end);
  const DeviceOutcomes o = write(c, 1.0f);
  EXPECT_EQ(o.cycles[0], n);
  EXPECT_NEAR(o.verified[0], ramp + (n - 21) * end, 1e-6);
}

TEST(IsppPulses, GiveUpAfterThePulsesAtTheEnd) {
  // RESET pulses on a device stuck high: 21 amplitudes below 3.3 V and 30 pulses there.
  const DeviceOutcomes o = write(ispp(), 0.5f, 1.0);
  EXPECT_EQ(o.cycles[0], 51u);
  EXPECT_EQ(o.converged[0], 0);
  WriteVerifyConfig short_of_cycles = ispp();
  short_of_cycles.max_cycles = 13;
  EXPECT_EQ(write(short_of_cycles, 0.5f, 1.0).cycles[0], 13u);
}

// A gain of 2 moves 0.2 by the first pulse of either ramp, 0.4 by the second. Target 0.1, window
// +-0.06: 0 -> SET 0.2 -> RESET 0.0 -> SET 0.2 ... for ever, since every ramp starts anew. The k-th
// iteration is one RESET and one SET pulse; the first has no RESET.
TEST(IsppPulses, ReverseWithARampThatStartsAnewUntilTheIterationsAreUsedUp) {
  WriteVerifyConfig c = ispp();
  c.ispp.gain = 2.0;
  c.ispp.direction_iterations = 5;
  const DeviceOutcomes o = write(c, 0.1f);
  EXPECT_EQ(o.cycles[0], 1 + 2 * (5 - 1));
  EXPECT_EQ(o.converged[0], 0);
  EXPECT_NEAR(o.verified[0], 0.2, 1e-6);
  for (std::size_t round = 1; round < o.rounds; ++round) {
    EXPECT_EQ(o.set_by_round()[round], round % 2);
    EXPECT_EQ(o.reset[round], 1 - round % 2);
  }
}

TEST(IsppPulses, BelowTheThresholdMoveNothing) {
  WriteVerifyConfig c = ispp();
  c.ispp.threshold = support::volts(1.55);
  c.ispp.gain = 0.1;
  // Amplitudes 1.2 ... 1.5 V do nothing, 1.6 V moves 0.005, 1.7 V 0.015, 1.8 V 0.025.
  EXPECT_EQ(write(c, 0.1f).cycles[0], 7u);
}

// The k-th pulse's change has the mean m_k and the standard deviation noise * m_k; the start is
// exact, and three pulses are given whatever they do.
TEST(IsppPulses, SpreadInProportionToTheirMean) {
  WriteVerifyConfig c = ispp();
  c.ispp.noise = 0.2;
  c.max_cycles = 3;
  DeviceConfig d;
  d.preset = DevicePreset::R1;
  d.sigma = 0.0;
  const std::size_t n = 100000;
  DeviceOutcomes o;
  make_pulse_model(c, DeviceModel(d))
      ->write(std::vector<DeviceTarget>(n, {true, 1.0f, 1.0f}), 0, 1, 0, o);
  double mean = 0, squares = 0;
  for (const float g : o.verified) mean += g / static_cast<double>(n);
  for (const float g : o.verified) squares += (g - mean) * (g - mean) / static_cast<double>(n);
  const double m = 0.25 * 0.1, sd = 0.2 * m * std::sqrt(1.0 + 4.0 + 9.0);
  EXPECT_NEAR(mean, 6 * m, 4.5 * sd / std::sqrt(static_cast<double>(n)));
  EXPECT_NEAR(std::sqrt(squares), sd, 4.5 * sd / std::sqrt(2.0 * static_cast<double>(n)));
}

}  // namespace
}  // namespace uswim::programmer
