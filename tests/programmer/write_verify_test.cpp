#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <tuple>
#include <vector>

#include "programmer/write_verify/pulse_model.h"

namespace uswim::programmer {
namespace {

constexpr std::size_t kDevices = 100000;

double phi(double x) { return std::exp(-x * x / 2) / std::sqrt(2 * M_PI); }
double cdf(double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); }

DeviceModel uniform_device(double sigma, double read_noise = 0.0) {
  DeviceConfig c;
  c.preset = DevicePreset::R1;
  c.sigma = sigma;
  c.read_noise = read_noise;
  return DeviceModel(c);
}

WriteVerifyConfig model(PulseModelKind kind, unsigned max_cycles = 1000) {
  WriteVerifyConfig c;
  c.pulse_model = kind;
  c.max_cycles = max_cycles;
  return c;
}

std::vector<DeviceTarget> targets(std::size_t n, float target) {
  return std::vector<DeviceTarget>(n, {true, target, 1.0f});
}

std::vector<DeviceTarget> mixed_targets(std::size_t n) {
  std::vector<DeviceTarget> t(n);
  for (std::size_t i = 0; i < n; ++i)
    t[i] = {i % 7 != 3, static_cast<float>(i % 4) / 3.0f, i % 4 == 0 || i % 4 == 3 ? 0.4f : 1.5f};
  return t;
}

struct Moments {
  double mean_cycles = 0, sd_cycles = 0, mean_residual = 0, rms_residual = 0;
  std::size_t failures = 0;
};

Moments moments(const DeviceOutcomes& o, const std::vector<DeviceTarget>& t) {
  Moments m;
  double squares = 0, cycle_squares = 0;
  const auto n = static_cast<double>(o.devices);
  for (std::size_t i = 0; i < o.devices; ++i) {
    const double residual = o.verified[i] - t[i].target;
    m.mean_cycles += o.cycles[i] / n;
    cycle_squares += static_cast<double>(o.cycles[i]) * o.cycles[i] / n;
    m.mean_residual += residual / n;
    squares += residual * residual / n;
    m.failures += o.converged[i] == 0;
  }
  m.sd_cycles = std::sqrt(cycle_squares - m.mean_cycles * m.mean_cycles);
  m.rms_residual = std::sqrt(squares);
  return m;
}

Moments run(const WriteVerifyConfig& config, const DeviceModel& device, float target) {
  DeviceOutcomes o;
  const auto t = targets(kDevices, target);
  make_pulse_model(config, device)->write(t, 0, 1, 0, o);
  return moments(o, t);
}

class IndependentRewrite : public testing::TestWithParam<double> {};

TEST_P(IndependentRewrite, TakesTheGeometricNumberOfCycles) {
  const double sigma = GetParam(), eps = 0.06, a = eps / sigma;
  const double p = std::erf(a / std::sqrt(2.0)), q = 1 - p;
  const Moments m = run(model(PulseModelKind::Redraw), uniform_device(sigma), 1.0f / 3);
  // 4.5 standard errors: exceeded with probability 7e-6 per comparison; the seed is fixed.
  EXPECT_NEAR(m.mean_cycles, 1 / p, 4.5 * std::sqrt(q) / p / std::sqrt(kDevices));
  // The fourth moment of a geometric variable bounds the error of the standard deviation by about 3
  // sd / sqrt n.
  EXPECT_NEAR(m.sd_cycles, std::sqrt(q) / p, 4.5 * 3 * std::sqrt(q) / p / std::sqrt(kDevices));
  const double truncated = sigma * std::sqrt(1 - 2 * a * phi(a) / (2 * cdf(a) - 1));
  // |residual| <= eps, so its square has a standard deviation of at most eps^2 / 2.
  EXPECT_NEAR(m.rms_residual * m.rms_residual, truncated * truncated,
              4.5 * eps * eps / 2 / std::sqrt(kDevices));
  EXPECT_EQ(m.failures, 0u);
}
INSTANTIATE_TEST_SUITE_P(Sigma, IndependentRewrite, testing::Values(0.1, 0.15, 0.2));

TEST(IndependentRewriteCap, StopsAndCountsWhatDidNotConverge) {
  const unsigned cap = 4;
  const double p = std::erf(0.06 / 0.2 / std::sqrt(2.0)), q = 1 - p, failed = std::pow(q, cap);
  const Moments m = run(model(PulseModelKind::Redraw, cap), uniform_device(0.2), 1.0f);
  EXPECT_NEAR(m.mean_cycles, (1 - failed) / p, 4.5 * cap / 2.0 / std::sqrt(kDevices));
  EXPECT_NEAR(static_cast<double>(m.failures) / kDevices, failed,
              4.5 * std::sqrt(failed * (1 - failed) / kDevices));
}

// By simulation of 10^8 devices in another program: r = 0.03 gives 2.30 writes and a true residual
// of 0.0423.
TEST(VerifyReadNoise, LengthensWriteVerifyAndWidensTheResidual) {
  const Moments m = run(model(PulseModelKind::Redraw), uniform_device(0.1, 0.03), 1.0f / 3);
  EXPECT_NEAR(m.mean_cycles, 2.30, 0.005 + 4.5 * 1.73 / std::sqrt(kDevices));
  EXPECT_NEAR(m.rms_residual, 0.0423, 0.00005 + 4.5 * 0.03 / std::sqrt(kDevices));
}

// A rewrite is accepted where the nearest step lies in the window: the normal's mass over the
// intervals of those steps, and its second moment there.
TEST(VerifySteps, AcceptWhatTheNearestStepAccepts) {
  const double sigma = 0.15, target = 1.0 / 3, tolerance = 0.06;
  for (const unsigned bits : {4u, 5u, 8u}) {
    const double step = std::ldexp(1.0, -static_cast<int>(bits));
    double low = 10.0, high = -10.0;
    for (int n = -100; n <= 400; ++n)
      if (std::fabs(n * step - target) <= tolerance) {
        low = std::min(low, (n - 0.5) * step - target);
        high = std::max(high, (n + 0.5) * step - target);
      }
    const double a = low / sigma, b = high / sigma, p = cdf(b) - cdf(a);
    const double second = sigma * sigma * (1 + (a * phi(a) - b * phi(b)) / p);
    WriteVerifyConfig c = model(PulseModelKind::Redraw);
    c.read_bits = bits;
    const Moments m = run(c, uniform_device(sigma), static_cast<float>(target));
    EXPECT_NEAR(m.mean_cycles, 1 / p, 4.5 * std::sqrt(1 - p) / p / std::sqrt(kDevices)) << bits;
    // Squares of at most max(a, b)^2.
    const double most = std::max(low * low, high * high);
    EXPECT_NEAR(m.rms_residual * m.rms_residual, second, 4.5 * most / std::sqrt(kDevices)) << bits;
  }
}

/// Probability that a rewritten device is accepted by the mean of three reads, each with an error
/// of its own and rounded to `step`: the integral over its conductance of the sum over their codes.
double accepted_by_three_reads(double target, double sigma, double noise, double step,
                               double tolerance) {
  constexpr int kIntervals = 4000;
  constexpr double kWidest = 6.0;
  double p = 0.0;
  for (int k = 0; k < kIntervals; ++k) {
    const double x = kWidest * (2.0 * (k + 0.5) / kIntervals - 1.0), g = target + sigma * x;
    const auto code = [&](int n) {
      return cdf(((n + 0.5) * step - g) / noise) - cdf(((n - 0.5) * step - g) / noise);
    };
    const int nearest = static_cast<int>(std::lround(g / step));
    double of_code[9], all = 0.0;
    for (int a = 0; a < 9; ++a) of_code[a] = code(nearest - 4 + a);
    for (int a = 0; a < 9; ++a)
      for (int b = 0; b < 9; ++b)
        for (int c = 0; c < 9; ++c) {
          const double mean = step * (nearest - 4 + (a + b + c) / 3.0);
          if (std::fabs(mean - target) <= tolerance) all += of_code[a] * of_code[b] * of_code[c];
        }
    p += phi(x) * 2.0 * kWidest / kIntervals * all;
  }
  return p;
}

// Rewriting is independent, and so are the reads of every round: 1 / p cycles. Steps of 1/16 and
// an error of half a step per read: of the codes only that of the target is in the window, of
// their means the thirds beside it too.
TEST(VerifySteps, RoundEachReadBeforeTheirMeanIsTaken) {
  const double sigma = 0.15, noise = 0.03, target = 1.0, tolerance = 0.06;
  DeviceConfig d;
  d.preset = DevicePreset::R1;
  d.sigma = sigma;
  d.read_noise = noise;
  d.verify_reads = 3;
  WriteVerifyConfig c = model(PulseModelKind::Redraw);
  c.read_bits = 4;
  c.rounded_reads = 3;
  const double p = accepted_by_three_reads(target, sigma, noise, 1.0 / 16, tolerance);
  const Moments m = run(c, DeviceModel(d), static_cast<float>(target));
  const double error = 4.5 * std::sqrt(1 - p) / p / std::sqrt(kDevices);
  EXPECT_NEAR(m.mean_cycles, 1 / p, error);
  // The mean rounded as a whole is another read.
  c.rounded_reads = 1;
  EXPECT_GT(std::fabs(run(c, DeviceModel(d), static_cast<float>(target)).mean_cycles - 1 / p),
            2 * error);
}

TEST(VerifySteps, OfOneReadOrWithoutNoiseAreTheReadAsAWhole) {
  for (const auto& [bits, reads, noise] :
       {std::tuple{5u, 1u, 0.03}, {0u, 4u, 0.03}, {5u, 4u, 0.0}}) {
    WriteVerifyConfig c = model(PulseModelKind::Incremental), plain = c;
    c.read_bits = plain.read_bits = bits;
    c.rounded_reads = reads;
    DeviceOutcomes with, without;
    const DeviceModel device = uniform_device(0.2, noise);
    make_pulse_model(c, device)->write(mixed_targets(500), 0, 1, 0, with);
    make_pulse_model(plain, device)->write(mixed_targets(500), 0, 1, 0, without);
    EXPECT_EQ(with.verified, without.verified);
    EXPECT_EQ(with.cycles, without.cycles);
    EXPECT_EQ(with.reset, without.reset);
  }
}

TEST(VerifySteps, OfManyBitsChangeNothingThatIsNotAtTheEdge) {
  WriteVerifyConfig c = model(PulseModelKind::Incremental), fine = c;
  fine.read_bits = 16;
  const Moments exact = run(c, uniform_device(0.1), 2.0f / 3),
                steps = run(fine, uniform_device(0.1), 2.0f / 3);
  EXPECT_NEAR(steps.mean_cycles, exact.mean_cycles, 0.01);
  EXPECT_NEAR(steps.rms_residual, exact.rms_residual, 1e-4);
}

TEST(IncrementalPulses, WithoutNoiseTakeTheDistanceOverTheStep) {
  WriteVerifyConfig c = model(PulseModelKind::Incremental);
  c.step_noise = 0.0;
  const DeviceModel exact = uniform_device(0.0);
  for (const float target : {0.05f, 0.2f, 0.41f, 0.77f, 1.0f}) {
    DeviceOutcomes o;
    const auto t = targets(1, target);
    make_pulse_model(c, exact)->write(t, 0, 1, 0, o);
    const double distance = target - c.tolerance;
    EXPECT_EQ(o.cycles[0], std::max(0.0, std::ceil(distance / c.step))) << target;
    EXPECT_GE(o.verified[0], target - static_cast<float>(c.tolerance) - 1e-6f);
  }
}

TEST(IncrementalPulses, LeaveAUniformBiasedResidual) {
  WriteVerifyConfig c = model(PulseModelKind::Incremental);
  c.step_noise = 0.0;
  // Starts spread widely against the step make the place within the last step uniform.
  const double eps = 0.06, mu = c.step;
  std::vector<DeviceTarget> t(kDevices);
  for (std::size_t i = 0; i < kDevices; ++i)
    t[i] = {true, 0.5f + 0.4f * static_cast<float>(i) / kDevices, 1.0f};
  DeviceOutcomes o;
  make_pulse_model(c, uniform_device(0.0))->write(t, 0, 1, 0, o);
  const Moments m = moments(o, t);
  const double sd = mu / std::sqrt(12.0);
  EXPECT_NEAR(m.mean_residual, -eps + mu / 2,
              1e-4);  // a regular grid: no sampling error, only its ends
  EXPECT_NEAR(std::sqrt(m.rms_residual * m.rms_residual - m.mean_residual * m.mean_residual), sd,
              1e-4);
}

TEST(IncrementalPulses, ReverseAfterAnOvershoot) {
  WriteVerifyConfig c = model(PulseModelKind::Incremental);
  c.step = 0.3;  // wider than the window: the first pulse from 0 may jump over it
  c.step_noise = 0.03;
  DeviceOutcomes o;
  const auto t = targets(1000, 0.2f);
  make_pulse_model(c, uniform_device(0.0))->write(t, 0, 1, 0, o);
  std::size_t resets = 0;
  for (std::size_t r = 1; r < o.rounds; ++r)
    for (std::size_t w = 0; w < o.words(); ++w)
      resets += static_cast<std::size_t>(__builtin_popcountll(o.reset[r * o.words() + w]));
  EXPECT_GT(resets, 0u);
  for (std::size_t i = 0; i < 1000; ++i)
    if (o.converged[i]) {
      EXPECT_LE(std::fabs(o.verified[i] - 0.2f), 0.06f);
    }
}

// The reason for offering both models: independent rewriting at sigma = 0.1 takes 2.2 cycles, never
// ten.
TEST(IncrementalPulses, ComeCloseToTenCyclesAndAResidualOfThreePercent) {
  std::vector<DeviceTarget> t(kDevices);
  for (std::size_t i = 0; i < kDevices; ++i) t[i] = {true, static_cast<float>(i % 4) / 3.0f, 1.0f};
  DeviceOutcomes o;
  make_pulse_model(model(PulseModelKind::Incremental), uniform_device(0.1))->write(t, 0, 1, 0, o);
  const Moments m = moments(o, t);
  EXPECT_NEAR(m.mean_cycles, 10.0, 0.5);
  EXPECT_NEAR(m.rms_residual, 0.036, 0.001);
}

TEST(StatisticalModel, SwapsTheErrorForASmallerOneAtFixedCycles) {
  const Moments m = run(model(PulseModelKind::Statistical), uniform_device(0.1), 2.0f / 3);
  EXPECT_NEAR(m.mean_cycles, 10.0, 1e-9);  // a sum of 100,000 doubles
  // The standard error of a normal sample's rms is rms / sqrt(2 n).
  EXPECT_NEAR(m.rms_residual, 0.03, 4.5 * 0.03 / std::sqrt(2.0 * kDevices));
}

TEST(OpenLoopWrite, LeavesTheNominalErrorOfTheLevel) {
  DeviceOutcomes o;
  auto t = targets(kDevices, 1.0f / 3);
  for (auto& device : t) device.level_factor = 1.5f;
  make_pulse_model(model(PulseModelKind::Redraw), uniform_device(0.1))->write(t, 0, 1, 0, o);
  double squares = 0;
  for (const float g : o.open_loop) squares += std::pow(g - 1.0 / 3, 2) / kDevices;
  EXPECT_NEAR(std::sqrt(squares), 0.15, 4.5 * 0.15 / std::sqrt(2.0 * kDevices));
}

struct FastPathCase {
  PulseModelKind kind;
  StartState start;
  double read_noise;
  double stuck = 0.0;
  double device_to_device = 0.0;
  double relaxation = 0.0;
  unsigned read_bits = 0;
  unsigned rounded_reads = 1;
};
class FastPath : public testing::TestWithParam<FastPathCase> {};

TEST_P(FastPath, EqualsThePlainLoopBitForBit) {
  WriteVerifyConfig c = model(GetParam().kind, 25);
  c.start = GetParam().start;
  c.ispp.noise = 0.3;
  c.read_bits = GetParam().read_bits;
  c.rounded_reads = GetParam().rounded_reads;
  DeviceConfig d;
  d.preset = DevicePreset::R1;
  d.sigma = 0.2;
  d.read_noise = GetParam().read_noise;
  d.stuck_low = d.stuck_high = GetParam().stuck;
  d.device_to_device = GetParam().device_to_device;
  d.relaxation_sigma = GetParam().relaxation;
  const DeviceModel device(d);
  const auto t = mixed_targets(1000);
  DeviceOutcomes fast, plain;
  make_pulse_model(c, device)->write(t, 123456789012ull, 42, 3, fast);
  write_plainly(c, device, t, 123456789012ull, 42, 3, plain);
  EXPECT_EQ(fast.rounds, plain.rounds);
  EXPECT_EQ(fast.open_loop, plain.open_loop);
  EXPECT_EQ(fast.verified, plain.verified);
  EXPECT_EQ(fast.cycles, plain.cycles);
  EXPECT_EQ(fast.converged, plain.converged);
  EXPECT_EQ(fast.open_loop_set, plain.open_loop_set);
  EXPECT_EQ(fast.open_loop_reset, plain.open_loop_reset);
  EXPECT_EQ(fast.first_set, plain.first_set);
  EXPECT_EQ(fast.reset, plain.reset);
}
INSTANTIATE_TEST_SUITE_P(
    Models, FastPath,
    testing::Values(
        FastPathCase{PulseModelKind::Redraw, StartState::Erased, 0.0},
        FastPathCase{PulseModelKind::Redraw, StartState::Erased, 0.03},
        FastPathCase{PulseModelKind::Incremental, StartState::Erased, 0.0},
        FastPathCase{PulseModelKind::Incremental, StartState::Erased, 0.03},
        FastPathCase{PulseModelKind::Incremental, StartState::OpenLoop, 0.0},
        FastPathCase{PulseModelKind::Incremental, StartState::OpenLoop, 0.03},
        FastPathCase{PulseModelKind::Redraw, StartState::Erased, 0.03, 0.1},
        FastPathCase{PulseModelKind::Incremental, StartState::Erased, 0.03, 0.1, 0.4},
        FastPathCase{PulseModelKind::Incremental, StartState::OpenLoop, 0.0, 0.1, 0.4},
        FastPathCase{PulseModelKind::Redraw, StartState::Erased, 0.0, 0.1, 0.0, 0.02},
        FastPathCase{PulseModelKind::Incremental, StartState::OpenLoop, 0.0, 0.0, 0.0, 0.02},
        FastPathCase{PulseModelKind::Ispp, StartState::Erased, 0.0},
        FastPathCase{PulseModelKind::Ispp, StartState::Erased, 0.03, 0.1, 0.4, 0.02},
        FastPathCase{PulseModelKind::Redraw, StartState::Erased, 0.0, 0, 0, 0, 5},
        FastPathCase{PulseModelKind::Redraw, StartState::Erased, 0.03, 0, 0, 0, 5},
        FastPathCase{PulseModelKind::Incremental, StartState::Erased, 0.0, 0, 0, 0, 4},
        FastPathCase{PulseModelKind::Incremental, StartState::Erased, 0.03, 0.1, 0.4, 0.02, 6},
        FastPathCase{PulseModelKind::Ispp, StartState::Erased, 0.0, 0, 0, 0, 5},
        FastPathCase{PulseModelKind::Ispp, StartState::Erased, 0.03, 0, 0, 0, 5},
        FastPathCase{PulseModelKind::Incremental, StartState::Erased, 0.03, 0.1, 0.4, 0.02, 6, 3},
        FastPathCase{PulseModelKind::Ispp, StartState::Erased, 0.03, 0, 0, 0, 5, 4}));

TEST(Outcomes, OfADeviceDoNotDependOnItsNeighbours) {
  const WriteVerifyConfig c = model(PulseModelKind::Incremental);
  const DeviceModel device = uniform_device(0.1);
  const auto t = mixed_targets(300);
  DeviceOutcomes all, part;
  make_pulse_model(c, device)->write(t, 0, 5, 1, all);
  make_pulse_model(c, device)->write(std::vector<DeviceTarget>(t.begin() + 100, t.begin() + 150),
                                     100, 5, 1, part);
  for (std::size_t i = 0; i < 50; ++i) {
    EXPECT_EQ(part.verified[i], all.verified[100 + i]);
    EXPECT_EQ(part.cycles[i], all.cycles[100 + i]);
  }
}

TEST(Outcomes, CountTheirPulses) {
  DeviceOutcomes o;
  make_pulse_model(model(PulseModelKind::Incremental, 30), uniform_device(0.2))
      ->write(mixed_targets(500), 0, 9, 0, o);
  const std::vector<std::uint64_t> set = o.set_by_round();
  for (std::size_t i = 0; i < o.devices; ++i) {
    unsigned pulses = 0;
    for (std::size_t r = 0; r < o.rounds; ++r) {
      const std::size_t w = r * o.words() + i / 64;
      pulses += static_cast<unsigned>((set[w] >> (i % 64) & 1) + (o.reset[w] >> (i % 64) & 1));
    }
    EXPECT_EQ(pulses, o.cycles[i]);
  }
}

}  // namespace
}  // namespace uswim::programmer
