#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "programmer/write_verify/pulse_model.h"

/// Cycles and residuals of many devices as whole distributions, against closed forms. Seeds are
/// fixed; each bound is exceeded with probability 1e-5 where the model is right.
namespace uswim::programmer {
namespace {

constexpr std::size_t kDevices = 100000;
constexpr double kTolerance = 0.06;

double normal_cdf(double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); }

DeviceOutcomes write(const WriteVerifyConfig& config, double sigma,
                     const std::vector<DeviceTarget>& targets) {
  DeviceConfig d;
  d.preset = DevicePreset::R1;
  d.sigma = sigma;
  DeviceOutcomes o;
  make_pulse_model(config, DeviceModel(d))->write(targets, 0, 1, 0, o);
  return o;
}

/// Upper 1e-5 point of chi-square by Wilson and Hilferty: the cube root is nearly normal, whose
/// point is 4.26.
double chi_square_bound(double degrees) {
  const double v = 2.0 / (9.0 * degrees);
  return degrees * std::pow(1.0 - v + 4.26 * std::sqrt(v), 3);
}

/// Largest distance between the sample and a distribution, times sqrt n. P(> x) is about
/// 2 exp(-2 x^2): 1e-5 at 2.47.
constexpr double kKolmogorovBound = 2.47;
template <class Cdf>
double kolmogorov(std::vector<double> sample, const Cdf& cdf) {
  std::sort(sample.begin(), sample.end());
  const auto n = static_cast<double>(sample.size());
  double distance = 0.0;
  for (std::size_t i = 0; i < sample.size(); ++i) {
    const double f = cdf(sample[i]), below = static_cast<double>(i) / n;
    distance = std::max({distance, f - below, below + 1.0 / n - f});
  }
  return distance * std::sqrt(n);
}

class RedrawDistribution : public testing::TestWithParam<double> {};

// Geometric, cut off at the cap: P(k) = p q^(k - 1) below it, q^(cap - 1) at it. Every
// class up to the twelfth expects more than 100 devices.
TEST_P(RedrawDistribution, OfTheCyclesIsGeometricUpToTheCap) {
  const unsigned cap = 12;
  WriteVerifyConfig c;
  c.pulse_model = PulseModelKind::Redraw;
  c.max_cycles = cap;
  const DeviceOutcomes o =
      write(c, GetParam(), std::vector<DeviceTarget>(kDevices, {true, 1.0f / 3, 1.0f}));
  const double p = std::erf(kTolerance / GetParam() / std::sqrt(2.0)), q = 1 - p;
  std::vector<double> seen(cap + 1, 0.0);
  double failures = 0.0;
  for (std::size_t i = 0; i < kDevices; ++i) {
    seen[o.cycles[i]] += 1.0;
    failures += o.converged[i] == 0;
  }
  EXPECT_EQ(seen[0], 0.0);
  double statistic = 0.0, left = 1.0;
  int classes = 0;
  for (unsigned k = 1; k <= cap; ++k) {
    const double share = k < cap ? left * p : left;
    left -= share;
    const double expected = share * kDevices;
    statistic += (seen[k] - expected) * (seen[k] - expected) / expected;
    ++classes;
  }
  EXPECT_LT(statistic, chi_square_bound(classes - 1));
  const double failed = std::pow(q, cap);
  EXPECT_NEAR(failures / kDevices, failed, 4.42 * std::sqrt(failed * (1 - failed) / kDevices));
}

// A normal error cut off at the tolerance.
TEST_P(RedrawDistribution, OfTheResidualIsATruncatedNormal) {
  WriteVerifyConfig c;
  c.pulse_model = PulseModelKind::Redraw;
  c.max_cycles = 1000;
  const float target = 1.0f / 3;
  const DeviceOutcomes o =
      write(c, GetParam(), std::vector<DeviceTarget>(kDevices, {true, target, 1.0f}));
  std::vector<double> residual;
  for (const float g : o.verified) residual.push_back(static_cast<double>(g) - target);
  const double below = normal_cdf(-kTolerance / GetParam());
  EXPECT_LT(kolmogorov(residual,
                       [&](double x) {
                         return (normal_cdf(x / GetParam()) - below) / (1.0 - 2.0 * below);
                       }),
            kKolmogorovBound);
}
INSTANTIATE_TEST_SUITE_P(Sigma, RedrawDistribution, testing::Values(0.1, 0.15, 0.2));

// Without noise the last pulse ends anywhere in the first step inside the window. Targets at
// multiples of the golden ratio are spread evenly, without a pattern.
TEST(IncrementalDistribution, OfTheResidualIsUniformWithoutNoise) {
  WriteVerifyConfig c;
  c.step_noise = 0.0;
  std::vector<DeviceTarget> targets(kDevices, {true, 0.0f, 1.0f});
  for (std::size_t i = 0; i < kDevices; ++i)
    targets[i].target =
        static_cast<float>(0.5 + 0.5 * std::fmod(static_cast<double>(i) * 0.6180339887498949, 1.0));
  const DeviceOutcomes o = write(c, 0.0, targets);
  std::vector<double> residual;
  for (std::size_t i = 0; i < kDevices; ++i) {
    residual.push_back(static_cast<double>(o.verified[i]) - targets[i].target);
    EXPECT_EQ(o.converged[i], 1);
  }
  EXPECT_LT(kolmogorov(residual,
                       [&](double x) { return std::clamp((x + kTolerance) / c.step, 0.0, 1.0); }),
            kKolmogorovBound);
}

}  // namespace
}  // namespace uswim::programmer
