#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "programmer/write_verify/pulse_model.h"
#include "pulse_chain.h"

/// Cycles and residuals of many devices as whole distributions, against closed forms and numerical
/// integration. Seeds are fixed; each bound is exceeded with probability 1e-5 where the model is
/// right.
namespace uswim::programmer {
namespace {

using chain::normal_cdf;

constexpr std::size_t kDevices = 100000;
constexpr double kTolerance = 0.06;

DeviceOutcomes write(const WriteVerifyConfig& config, double sigma,
                     const std::vector<DeviceTarget>& targets, double read_noise = 0.0) {
  DeviceConfig d;
  d.preset = DevicePreset::R1;
  d.sigma = sigma;
  d.read_noise = read_noise;
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

/// Cycles of devices, those given up apart from the others, by chi-square against `expected`.
/// Classes of fewer than 50 devices count as one, with the smallest of the others if need be.
void expect_cycles(const DeviceOutcomes& o, const chain::Distribution& expected) {
  ASSERT_NEAR(expected.total(), 1.0, 1e-6);
  std::map<std::pair<unsigned, bool>, double> seen;
  for (std::size_t i = 0; i < o.devices; ++i) seen[{o.cycles[i], o.converged[i] != 0}] += 1.0;
  const auto n = static_cast<double>(o.devices);
  std::vector<std::pair<double, double>> classes;  // expected, seen
  std::pair<double, double> rest{0.0, n};
  for (const auto& [outcome, p] : expected.outcomes) {
    if (p * n < 50.0) {
      rest.first += p * n;
      continue;
    }
    classes.emplace_back(p * n, seen[outcome]);
    rest.second -= seen[outcome];
  }
  ASSERT_GT(classes.size(), 3u);
  std::sort(classes.begin(), classes.end());
  if (rest.first >= 50.0) {
    classes.push_back(rest);
  } else {
    classes.front().first += rest.first;
    classes.front().second += rest.second;
  }
  double statistic = 0.0;
  for (const auto& [e, s] : classes) statistic += (s - e) * (s - e) / e;
  EXPECT_LT(statistic, chi_square_bound(static_cast<double>(classes.size() - 1)));
}

/// Residuals of the devices that converged, by Kolmogorov and Smirnov against `expected`.
void expect_residuals(const DeviceOutcomes& o, double target, const chain::Distribution& expected) {
  std::vector<double> residual, below{0.0};  // probability up to each border of the cells
  for (std::size_t i = 0; i < o.devices; ++i)
    if (o.converged[i]) residual.push_back(static_cast<double>(o.verified[i]) - target);
  for (const double p : expected.residual) below.push_back(below.back() + p);
  EXPECT_LT(kolmogorov(residual,
                       [&](double x) {
                         const double at = std::clamp((x - expected.first_border) / chain::kCell,
                                                      0.0, chain::kCells - 1.0);
                         const auto cell = static_cast<std::size_t>(at);
                         const double part = at - static_cast<double>(cell);
                         return (below[cell] + part * expected.residual[cell]) / below.back();
                       }),
            kKolmogorovBound);
}

/// Share of the devices that got a RESET pulse.
double share_with_reset(const DeviceOutcomes& o) {
  std::vector<std::uint64_t> reset(o.words());
  for (std::size_t round = 0; round < o.rounds; ++round)
    for (std::size_t w = 0; w < o.words(); ++w) reset[w] |= o.reset[round * o.words() + w];
  double devices = 0.0;
  for (std::size_t i = 0; i < o.devices; ++i) devices += reset[i / 64] >> (i % 64) & 1;
  return devices / static_cast<double>(o.devices);
}

struct IncrementalCase {
  const char* name;
  double target, tolerance, step, noise, sigma, read_noise;
  unsigned max_cycles;
  StartState start;
  double least_reset;  ///< share of the devices that must have a RESET pulse for the case to count
};
class IncrementalChain : public testing::TestWithParam<IncrementalCase> {};

// The defaults; a narrow window that pulses jump over to and fro, where devices come to max_cycles;
// noisy reads, which stop outside the window and pass by inside; the start at the open-loop write,
// from both sides of the target.
TEST_P(IncrementalChain, HasTheIntegratedCyclesAndResiduals) {
  const IncrementalCase& p = GetParam();
  WriteVerifyConfig c;
  c.tolerance = p.tolerance;
  c.step = p.step;
  c.step_noise = p.noise;
  c.max_cycles = p.max_cycles;
  c.start = p.start;
  const bool erased = p.start == StartState::Erased;
  const DeviceOutcomes o = write(
      c, p.sigma, std::vector<DeviceTarget>(kDevices, {true, static_cast<float>(p.target), 1.0f}),
      p.read_noise);
  const chain::Distribution expected = integrate(
      {p.target, p.tolerance, p.read_noise}, {erased ? 0.0 : p.target, p.sigma, erased ? 0u : 1u},
      p.max_cycles, chain::IncrementalPulses{p.step, p.noise});
  expect_cycles(o, expected);
  expect_residuals(o, p.target, expected);
  EXPECT_GE(share_with_reset(o), p.least_reset);
}
INSTANTIATE_TEST_SUITE_P(Cases, IncrementalChain,
                         testing::Values(IncrementalCase{"Defaults", 0.5, 0.06, 0.05, 0.03, 0.1,
                                                         0.0, 100, StartState::Erased, 1e-3},
                                         IncrementalCase{"Overshoot", 0.4, 0.02, 0.06, 0.04, 0.0,
                                                         0.0, 12, StartState::Erased, 0.2},
                                         IncrementalCase{"Reads", 0.5, 0.04, 0.05, 0.03, 0.1, 0.03,
                                                         20, StartState::Erased, 0.05},
                                         IncrementalCase{"OpenLoop", 0.5, 0.06, 0.05, 0.03, 0.2,
                                                         0.0, 100, StartState::OpenLoop, 0.3}),
                         [](const auto& test) { return std::string(test.param.name); });

struct IsppCase {
  const char* name;
  double target, tolerance, gain, noise, sigma, read_noise;
  unsigned max_cycles, pulses_at_end, iterations;
  double least_reset;
  chain::Ramp set = {1.2, 0.1, 3.3}, reset = {1.2, 0.1, 3.3};
};
class IsppChain : public testing::TestWithParam<IsppCase> {
 protected:
  static WriteVerifyConfig config(const IsppCase& p) {
    WriteVerifyConfig c;
    c.pulse_model = PulseModelKind::Ispp;
    c.tolerance = p.tolerance;
    c.max_cycles = p.max_cycles;
    c.ispp.gain = p.gain;
    c.ispp.noise = p.noise;
    const auto ramp = [](const chain::Ramp& r) {
      return PulseRamp{support::volts(r.start), support::volts(r.step), support::volts(r.stop)};
    };
    c.ispp.set = ramp(p.set);
    c.ispp.reset = ramp(p.reset);
    c.ispp.pulses_at_end = p.pulses_at_end;
    c.ispp.direction_iterations = p.iterations;
    return c;
  }
  static chain::IsppPulses pulses(const IsppCase& p) {
    return {p.set,
            p.reset,
            1.1,
            p.gain,
            p.noise,
            static_cast<int>(p.pulses_at_end),
            static_cast<int>(p.iterations)};
  }
};

// The defaults with noise; a narrow window in which ramps turn until the iterations are used up;
// noisy reads; weak pulses that reach the end of their ramp, one pulse there and then given up;
// ramps of their own for SET and RESET.
TEST_P(IsppChain, HasTheIntegratedCyclesAndResiduals) {
  const IsppCase& p = GetParam();
  const DeviceOutcomes o =
      write(config(p), p.sigma,
            std::vector<DeviceTarget>(kDevices, {true, static_cast<float>(p.target), 1.0f}),
            p.read_noise);
  const chain::Distribution expected =
      integrate({p.target, p.tolerance, p.read_noise}, {0.0, p.sigma, 0}, p.max_cycles, pulses(p));
  expect_cycles(o, expected);
  expect_residuals(o, p.target, expected);
  EXPECT_GE(share_with_reset(o), p.least_reset);
}
INSTANTIATE_TEST_SUITE_P(
    Cases, IsppChain,
    testing::Values(IsppCase{"Defaults", 0.5, 0.06, 0.25, 0.2, 0.0, 0.0, 100, 30, 20, 0.05},
                    IsppCase{"Overshoot", 0.4, 0.02, 0.4, 0.2, 0.1, 0.0, 14, 30, 3, 0.3},
                    IsppCase{"Reads", 0.5, 0.05, 0.25, 0.2, 0.1, 0.03, 100, 30, 4, 0.1},
                    IsppCase{"End", 0.9, 0.06, 0.035, 0.3, 0.05, 0.0, 100, 1, 20, 0.0},
                    IsppCase{"Ramps",
                             0.4,
                             0.03,
                             0.4,
                             0.2,
                             0.1,
                             0.0,
                             40,
                             2,
                             6,
                             0.3,
                             {1.3, 0.1, 1.9},
                             {1.15, 0.05, 1.4}}),
    [](const auto& test) { return std::string(test.param.name); });

// Without noise every trajectory is a plain recursion. Targets as above; devices with a read within
// 1e-5 of a border of the window, where float and double may disagree, are left out: of some ten
// reads each, on a full scale, fewer than one in a hundred.
TEST_F(IsppChain, IsExactlyTheRecursionWithoutNoise) {
  const IsppCase p{"NoNoise", 0.0, 0.02, 1.0, 0.0, 0.0, 0.0, 60, 30, 4, 0.0};
  std::vector<DeviceTarget> targets(kDevices, {true, 0.0f, 1.0f});
  for (std::size_t i = 0; i < kDevices; ++i)
    targets[i].target = static_cast<float>(
        0.05 + 0.95 * std::fmod(static_cast<double>(i) * 0.6180339887498949, 1.0));
  const DeviceOutcomes o = write(config(p), 0.0, targets);
  std::size_t left_out = 0, given_up = 0, differ = 0;
  for (std::size_t i = 0; i < kDevices; ++i) {
    const double target = targets[i].target;
    double g = 0.0, nearest = 1.0;
    unsigned cycles = 0;
    bool converged = false;
    chain::Position position;
    for (;; ++cycles) {
      nearest = std::min(nearest, std::fabs(std::fabs(g - target) - p.tolerance));
      converged = std::fabs(g - target) <= p.tolerance;
      if (converged || cycles == p.max_cycles) break;
      const auto pulse = pulses(p).next(position, g < target ? 1 : -1);
      if (!pulse) break;
      g += pulse->mean;
    }
    if (nearest < 1e-5) {
      ++left_out;
      continue;
    }
    given_up += !converged;
    differ += o.cycles[i] != cycles || (o.converged[i] != 0) != converged ||
              std::fabs(static_cast<double>(o.verified[i]) - g) > 3e-6;
  }
  EXPECT_EQ(differ, 0u);
  EXPECT_LT(left_out, kDevices / 100);
  EXPECT_GT(given_up, kDevices / 100);
}

// The same cycles for every device, and an error after them of its own, whatever the first one was.
TEST(StatisticalDistribution, HasItsCyclesAndANormalResidualOfTheLevelsSize) {
  WriteVerifyConfig c;
  c.pulse_model = PulseModelKind::Statistical;
  for (const float factor : {1.0f, 4.0f}) {
    const float target = 2.0f / 3;
    const DeviceOutcomes o =
        write(c, 0.1, std::vector<DeviceTarget>(kDevices, {true, target, factor}));
    std::vector<double> residual;
    for (std::size_t i = 0; i < kDevices; ++i) {
      ASSERT_EQ(o.cycles[i], c.cycles);
      ASSERT_EQ(o.converged[i], 1);
      residual.push_back(static_cast<double>(o.verified[i]) - target);
    }
    EXPECT_LT(
        kolmogorov(residual, [&](double x) { return normal_cdf(x / (c.verified_sigma * factor)); }),
        kKolmogorovBound);
  }
}

}  // namespace
}  // namespace uswim::programmer
