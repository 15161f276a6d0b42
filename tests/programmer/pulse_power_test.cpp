#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "programmer/array_programmer.h"
#include "programmer/write_verify/pulse_model.h"
#include "programmer/write_verify/pulse_rules.h"
#include "programmer/write_verify/row_work.h"

/// V^2 G of write pulses and verify reads, for energy by the actual conductance.
namespace uswim::programmer {
namespace {

using support::Stream;

constexpr double kLowest_S = 1e-6, kHighest_S = 40e-6;

WriteVerifyConfig powered(PulseModelKind kind, double volts = 2.0) {
  WriteVerifyConfig c;
  c.pulse_model = kind;
  c.power = {support::volts(volts), support::volts(volts + 0.5), support::volts(0.3),
             support::Conductance::from_si(kLowest_S), support::Conductance::from_si(kHighest_S)};
  return c;
}

DeviceModel device(double sigma, double read_noise = 0.0, double stuck = 0.0,
                   double device_to_device = 0.0) {
  DeviceConfig d;
  d.preset = DevicePreset::R1;
  d.sigma = sigma;
  d.read_noise = read_noise;
  d.stuck_low = d.stuck_high = stuck;
  d.device_to_device = device_to_device;
  return DeviceModel(d);
}

double conductance_S(double part) { return kLowest_S + part * (kHighest_S - kLowest_S); }

// Exact steps from 0: pulse k of K goes from (k - 1) step to k step, so the powers add up to
// V^2 (K G_low + (G_high - G_low) step K^2 / 2).
TEST(PulsePower, OfExactStepsIsTheirClosedSum) {
  WriteVerifyConfig c = powered(PulseModelKind::Incremental);
  c.step_noise = 0.0;
  DeviceOutcomes o;
  const std::vector<DeviceTarget> t(1, {true, 2.0f / 3, 1.0f});
  make_pulse_model(c, device(0.0))->write(t, 0, 1, 0, o);
  const double k = std::ceil((2.0 / 3 - c.tolerance) / c.step);
  EXPECT_EQ(o.cycles[0], k);
  const double want = 4.0 * (k * kLowest_S + (kHighest_S - kLowest_S) * c.step * k * k / 2);
  EXPECT_NEAR(o.set_power_W[0], want, 1e-6 * want);
  EXPECT_EQ(o.reset_power_W[0], 0.0f);
  // Read before the first pulse and after every one of them.
  const double reads =
      0.09 * ((k + 1) * kLowest_S + (kHighest_S - kLowest_S) * c.step * k * (k + 1) / 2);
  EXPECT_NEAR(o.read_power_W[0], reads, 1e-6 * reads);
  // The open-loop pulse goes from the erased level to the target at once.
  const double open_loop = 4.0 * conductance_S(1.0 / 3);
  EXPECT_NEAR(o.open_loop_power_W[0], open_loop, 1e-6 * open_loop);
}

// NeuRRAM: 1.75 V for 1 us at 10 uS takes 31 pJ (the parameter sheet's figure).
TEST(PulsePower, OfANeurramPulseIsThePublishedOne) {
  WriteVerifyConfig c = powered(PulseModelKind::Redraw, 1.75);
  c.power->lowest = support::Conductance();
  DeviceOutcomes o;
  std::vector<DeviceTarget> t(1, {true, 0.25f, 1.0f});
  t[0].programmed = true;
  t[0].start = 0.24999f;  // SET, and 10 uS all the way
  make_pulse_model(c, device(0.0))->write(t, 0, 1, 0, o);
  EXPECT_NEAR(o.open_loop_power_W[0] * 1e-6, 30.6e-12, 0.05e-12);
}

/// The same by one plain loop per device, one draw at a time, which decides from reads of its own
/// when a device is done instead of following recorded pulses. A device that is open after `rounds`
/// gets its closing write. Returns whether it is.
struct Powers {
  double set = 0, reset = 0, read = 0;
  double excess_V2[2] = {};  ///< of RESET and SET pulses
};
bool plain_powers(const WriteVerifyConfig& config, const DeviceModel& model, const DeviceTarget& t,
                  std::uint64_t index, Powers& sum, std::uint32_t rounds = 1000) {
  const PulseConstants c = pulse_constants(config, model);
  const IsppRule ispp(config.ispp);
  const auto draw = [&](Stream stream, std::uint32_t n) {
    return support::normal({7, 3, stream}, index, n);
  };
  const Stuck stuck = stuck_state(c, 7, 3, index);
  const auto device_draw = [&](Stream stream) {
    return support::device_normal({7, 3, stream}, index);
  };
  const FirstRound first = first_round(t, device_draw(Stream::ProgrammingError), stuck, c);
  const float factor =
      step_factor(c, c.device_to_device > 0 ? device_draw(Stream::DeviceStep) : 0.0f);
  const double set_V = config.power->set.in_si(), reset_V = config.power->reset.in_si();
  const auto book = [&](bool up, double volts, float before, float after) {
    sum.excess_V2[up] += volts * volts - std::pow(up ? set_V : reset_V, 2);
    const double g = std::max(0.0, conductance_S(0.5 * (double{before} + double{after})));
    (up ? sum.set : sum.reset) += volts * volts * g;
  };
  if (first.verify_set() || first.verify_reset())
    book(first.verify_set(), first.verify_set() ? set_V : reset_V, first.before, first.start);
  float g = first.start;
  int cycles = first.cycles();
  IsppState ramps;
  for (std::uint32_t round = 0;; ++round) {
    const float error = round == 0 ? device_draw(Stream::VerifyReadNoise)
                                   : draw(Stream::VerifyReadNoise, round - 1);
    const float read = g + (c.read_noise > 0 ? c.read_noise * error : 0.0f);
    sum.read += 0.3 * 0.3 * std::max(0.0, conductance_S(double{g}));
    if (is_inside(read, t.target, c.tolerance) || cycles >= c.max_cycles) return false;
    const bool up = read < t.target;
    if (round + 1 == rounds) {
      if (c.kind == PulseModelKind::Ispp && !ispp.prepare(ramps, up)) return false;
      const float written =
          stuck == Stuck::High ? 1.0f
          : stuck == Stuck::Low
              ? 0.0f
              : t.target + c.nominal_sigma * t.level_factor * device_draw(Stream::ClosingWrite);
      if (config.closing.writes()) book(up, up ? set_V : reset_V, g, written);
      return true;
    }
    const float z = draw(Stream::WriteCycle, round), before = g;
    double volts = up ? set_V : reset_V;
    float after;
    if (c.kind == PulseModelKind::Ispp) {
      if (!ispp.prepare(ramps, up)) return false;
      volts = std::min(3.3, 1.2 + 0.1 * ramps.pulse);
      after = ispp.after_pulse(ramps, g, factor, z);
    } else if (c.kind == PulseModelKind::Redraw) {
      after = t.target + c.nominal_sigma * t.level_factor * z;
    } else {
      after = g + ((up ? c.step * factor : -(c.step * factor)) + c.step_noise * z);
    }
    if (stuck == Stuck::No) g = after;
    ++cycles;
    book(up, volts, before, g);
  }
}

struct PowerCase {
  PulseModelKind kind;
  StartState start;
  bool programmed;
};
class PulsePowers : public testing::TestWithParam<PowerCase> {};

TEST_P(PulsePowers, AreTheSumsOverThePlainLoopsPulses) {
  WriteVerifyConfig c = powered(GetParam().kind);
  c.start = GetParam().start;
  c.max_cycles = 40;
  c.ispp.noise = 0.2;
  const DeviceModel model = device(0.2, 0.02, 0.05, 0.3);
  std::vector<DeviceTarget> t(500);
  for (std::size_t i = 0; i < t.size(); ++i) {
    t[i] = {i % 9 != 4, static_cast<float>(i % 4) / 3.0f, i % 3 == 0 ? 0.5f : 1.4f};
    t[i].programmed = GetParam().programmed;
    t[i].start = static_cast<float>(i % 5) / 4.0f;
  }
  DeviceOutcomes o;
  make_pulse_model(c, model)->write(t, 1000, 7, 3, o);
  EXPECT_GT(*std::max_element(o.set_power_W.begin(), o.set_power_W.end()), 0.0f);
  for (std::size_t i = 0; i < t.size(); ++i) {
    Powers sum;
    if (t[i].present) plain_powers(c, model, t[i], 1000 + i, sum);
    // Sums of at most 40 single-precision numbers.
    EXPECT_NEAR(o.set_power_W[i], sum.set, 1e-5 * sum.set) << i;
    EXPECT_NEAR(o.reset_power_W[i], sum.reset, 1e-5 * sum.reset) << i;
    EXPECT_NEAR(o.read_power_W[i], sum.read, 1e-5 * sum.read) << i;
    const bool ramps = !o.set_excess_V2.empty();
    EXPECT_NEAR(ramps ? o.set_excess_V2[i] : 0.0f, sum.excess_V2[1], 1e-3) << i;
    EXPECT_NEAR(ramps ? o.reset_excess_V2[i] : 0.0f, sum.excess_V2[0], 1e-3) << i;
  }
  c.power.reset();
  DeviceOutcomes without = o;  // memory that powers were in
  make_pulse_model(c, model)->write(t, 1000, 7, 3, without);
  EXPECT_EQ(o.verified, without.verified);
  EXPECT_EQ(o.cycles, without.cycles);
  EXPECT_EQ(o.reset, without.reset);
  EXPECT_TRUE(without.set_power_W.empty());
}
// The closing write goes from where the last of these rounds left the device.
TEST_P(PulsePowers, EndWhereTheRowIsClosedAndWithItsLastWrite) {
  for (const OpenAtClose then : {OpenAtClose::Leave, OpenAtClose::WriteOpenLoop}) {
    WriteVerifyConfig c = powered(GetParam().kind);
    c.start = GetParam().start;
    c.max_cycles = 40;
    c.ispp.noise = 0.2;
    c.closing = {3, 0.0, then};
    const DeviceModel model = device(0.2, 0.02, 0.05, 0.3);
    const auto pulses = make_pulse_model(c, model);
    std::vector<DeviceTarget> t(300);
    for (std::size_t i = 0; i < t.size(); ++i) {
      t[i] = {true, static_cast<float>(i % 4) / 3.0f, i % 3 == 0 ? 0.5f : 1.4f};
      t[i].programmed = GetParam().programmed;
      t[i].start = static_cast<float>(i % 5) / 4.0f;
    }
    DeviceOutcomes o;
    pulses->write(t, 1000, 7, 3, o);
    const std::vector<std::uint64_t> set = o.set_by_round();
    unsigned closed = 0;
    for (const std::uint32_t rounds : {1u, 3u, 8u})
      for (std::size_t i = 0; i < t.size(); ++i) {
        if (rounds >= o.rounds) continue;
        const auto next = [&](const std::vector<std::uint64_t>& bits) {
          return (bits[rounds * o.words() + i / 64] >> (i % 64) & 1) != 0;
        };
        Powers sum;
        const bool open = plain_powers(c, model, t[i], 1000 + i, sum, rounds);
        EXPECT_EQ(open, next(set) || next(o.reset));
        if (!open) continue;
        ++closed;
        const PulseModel::ClosedPower power =
            pulses->power_when_closed(t[i], 1000 + i, 7, 3, rounds, next(set));
        EXPECT_NEAR(power.set_W, sum.set, 1e-5 * sum.set) << i;
        EXPECT_NEAR(power.reset_W, sum.reset, 1e-5 * sum.reset) << i;
        EXPECT_NEAR(power.read_W, sum.read, 1e-5 * sum.read) << i;
        EXPECT_NEAR(power.set_excess_V2, sum.excess_V2[1], 1e-3) << i;
        EXPECT_NEAR(power.reset_excess_V2, sum.excess_V2[0], 1e-3) << i;
      }
    EXPECT_GT(closed, 100u);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Models, PulsePowers,
    testing::Values(PowerCase{PulseModelKind::Redraw, StartState::Erased, false},
                    PowerCase{PulseModelKind::Incremental, StartState::Erased, false},
                    PowerCase{PulseModelKind::Incremental, StartState::OpenLoop, false},
                    PowerCase{PulseModelKind::Ispp, StartState::Erased, false},
                    PowerCase{PulseModelKind::Redraw, StartState::Erased, true},
                    PowerCase{PulseModelKind::Incremental, StartState::Erased, true}));

TEST(PulsePower, OfARowFollowsItsMask) {
  DeviceOutcomes o;
  std::vector<DeviceTarget> t(128, {true, 1.0f / 3, 1.0f});
  make_pulse_model(powered(PulseModelKind::Incremental), device(0.1))->write(t, 0, 1, 0, o);
  const std::uint64_t mask[2] = {0x00ff00ff00ff00ffull, 0x1ull};
  const RowWork w = row_work(RowView{DevicePulses(o), 0, 2, mask, {}});
  double set = 0, reset = 0, read = 0;
  for (std::size_t i = 0; i < 128; ++i) {
    const bool selected = mask[i / 64] >> (i % 64) & 1;
    if (selected) read += double{o.read_power_W[i]};
    set += selected ? o.set_power_W[i] : o.open_loop_power_W[i];  // targets above 0: SET alone
    reset += selected ? o.reset_power_W[i] : 0.0f;
  }
  EXPECT_DOUBLE_EQ(w.set_power_W, set);
  EXPECT_DOUBLE_EQ(w.reset_power_W, reset);
  EXPECT_DOUBLE_EQ(w.read_power_W, read);
}

// Open loop first, then write-verify of the selected devices: where they start erased, a RESET
// pulse takes each back through the conductances of its open-loop pulse.
TEST(PulsePower, OfALaterVerifyCountsTheErasingPulse) {
  for (const auto start : {StartState::Erased, StartState::OpenLoop}) {
    WriteVerifyConfig c = powered(PulseModelKind::Incremental);
    c.start = start;
    DeviceOutcomes o;
    make_pulse_model(c, device(0.1))
        ->write(std::vector<DeviceTarget>(64, {true, 1.0f / 3, 1.0f}), 0, 1, 0, o);
    const std::uint64_t mask = 0x00ff00ff00ff00ffull;
    const RowWork w = row_work(RowView{DevicePulses(o), 0, 1, &mask, {}, 0, RowOperation::Verify});
    double set = 0, reset = 0;
    std::uint32_t most = 0;
    for (std::size_t i = 0; i < 64; ++i) {
      if (!(mask >> i & 1)) continue;
      set += o.set_power_W[i];
      reset += o.reset_power_W[i];
      if (start == StartState::OpenLoop)
        set -= o.open_loop_power_W[i];  // at 2 V; erasing takes 2.5 V
      else
        reset += o.open_loop_power_W[i] * (2.5 * 2.5 / 4);
      most = std::max<std::uint32_t>(most, o.cycles[i] + (start == StartState::Erased ? 1u : 0u) -
                                               (start == StartState::OpenLoop ? 1u : 0u));
    }
    EXPECT_NEAR(w.set_power_W, set, 1e-6 * set);
    EXPECT_NEAR(w.reset_power_W, reset, 1e-6 * reset);
    EXPECT_EQ(w.most_pulses, most);
  }
}

/// An array of 48 weights whose rows are closed after three rounds.
struct ClosedArray {
  WriteVerifyConfig config;
  DeviceModel model = device(0.2, 0.02, 0.05);
  std::unique_ptr<PulseModel> pulses;
  tiles::Mapping mapping;
  ArrayProgrammer array;
  explicit ClosedArray(PulseModelKind kind)
      : config(closed(kind)),
        pulses(make_pulse_model(config, model)),
        mapping({{"fc", 16, 3, codes()}}, {64, 64, 2, 4}),
        array(mapping, 0, model, *pulses, {8, 0, false, false, config.closing}) {
    array.new_chip(7, 3);
  }
  static WriteVerifyConfig closed(PulseModelKind kind) {
    WriteVerifyConfig c = powered(kind);
    c.closing = {3, 0.0, OpenAtClose::WriteOpenLoop};
    return c;
  }
  static std::vector<std::int16_t> codes() {
    std::vector<std::int16_t> list(48);
    for (std::size_t i = 0; i < list.size(); ++i)
      list[i] = static_cast<std::int16_t>(static_cast<int>(i * 7 % 31) - 15);
    return list;
  }
};

// From what each cell holds to what it then holds, at the amplitude of its direction.
TEST(PulsePower, OfRewritingIsThatOfTheCellsBeforeAndAfter) {
  ClosedArray a(PulseModelKind::Incremental);
  const std::vector<std::uint8_t> levels = a.mapping.levels(0);
  const std::uint64_t all = ~std::uint64_t{0}, mask = 0x0fff00ff0f0ff0ffull;
  for (std::size_t row = 0; row < 3; ++row) a.array.program_rows(row, 1, &all);
  std::vector<std::uint8_t> other(64);
  for (std::size_t c = 0; c < 64; ++c) other[c] = static_cast<std::uint8_t>((levels[c] + c) % 4);
  const std::vector<std::int16_t> before(a.array.cells().row(0), a.array.cells().row(0) + 64);
  const RowWork w = a.array.rewrite_row(0, other.data(), &mask);
  const std::int16_t* const after = a.array.cells().row(0);
  double set = 0, reset = 0;
  for (std::size_t c = 0; c < 64; ++c) {
    if (!(mask >> c & 1)) continue;
    const double g =
        std::max(0.0, conductance_S((before[c] + after[c]) / (2.0 * 3 * tiles::kUnitsPerLevel)));
    const bool up = other[c] > levels[c] || (other[c] == levels[c] && other[c] > 0);
    (up ? set : reset) += (up ? 4.0 : 6.25) * g;
  }
  EXPECT_GT(set, 0.0);
  EXPECT_GT(reset, 0.0);
  // A cell is rounded to a unit: half of it, halved in the mean, for each of 64 devices at most.
  const double rounding = 64 * 6.25 * (kHighest_S - kLowest_S) * 0.25 / (3 * tiles::kUnitsPerLevel);
  EXPECT_NEAR(w.set_power_W, set, rounding);
  EXPECT_NEAR(w.reset_power_W, reset, rounding);
  EXPECT_LT(rounding, 0.02 * std::min(set, reset));
}

TEST(PulsePower, OfAClosedRowIsThatOfItsDevicesPulses) {
  for (const auto kind :
       {PulseModelKind::Redraw, PulseModelKind::Incremental, PulseModelKind::Ispp}) {
    ClosedArray a(kind);
    const std::vector<std::uint8_t> levels = a.mapping.levels(0);
    const std::uint64_t mask = 0x0fff00ff0f0ff0ffull;
    const DeviceOutcomes o = a.array.draw_outcomes();
    unsigned closed = 0;
    for (std::size_t row = 0; row < 3; ++row) {
      const RowWork w = a.array.program_rows(row, 1, &mask);
      Powers sum;
      for (std::size_t c = 0; c < 64; ++c) {
        const std::size_t place = 64 * row + c;
        const unsigned level = levels[place];
        const DeviceTarget t{true, static_cast<float>(a.model.target(level)),
                             static_cast<float>(a.model.level_factor(level, 0.0))};
        if (mask >> c & 1)
          closed += plain_powers(a.config, a.model, t, a.mapping.device_index(0, row, c), sum, 3);
        else
          (o.open_loop_set[row] >> c & 1 ? sum.set : sum.reset) +=
              double{o.open_loop_power_W[place]};
      }
      EXPECT_NEAR(w.set_power_W, sum.set, 1e-5 * sum.set);
      EXPECT_NEAR(w.reset_power_W, sum.reset, 1e-5 * sum.reset);
      EXPECT_NEAR(w.read_power_W, sum.read, 1e-5 * sum.read);
      EXPECT_NEAR(w.set_excess_V2, sum.excess_V2[1], 1e-3);
      EXPECT_NEAR(w.reset_excess_V2, sum.excess_V2[0], 1e-3);
      EXPECT_GT(w.set_power_W, 0.0);
    }
    EXPECT_GT(closed, 5u);
  }
}

// From the erased state of each device, with the spread of the lowest level, to itself.
TEST(PulsePower, OfErasingIsThatOfTheErasedState) {
  const ClosedArray a(PulseModelKind::Incremental);
  double all = 0.0;
  for (std::size_t row = 0; row < 3; ++row) {
    double want = 0.0;
    for (std::size_t c = 0; c < 64; ++c) {
      const std::uint64_t index = a.mapping.device_index(0, row, c);
      const Stuck stuck = stuck_state(pulse_constants(a.config, a.model), 7, 3, index);
      const double part = stuck == Stuck::High ? 1.0
                          : stuck == Stuck::Low
                              ? 0.0
                              : a.model.sigma(0, 0.0) *
                                    support::device_normal({7, 3, Stream::ProgrammingError}, index);
      want += 2.5 * 2.5 * std::max(0.0, conductance_S(part));
    }
    EXPECT_NEAR(a.array.erase_power_W(row, 1), want, 1e-5 * want);
    all += want;
  }
  EXPECT_NEAR(a.array.erase_power_W(0, 3), all, 1e-5 * all);
}

TEST(PulsePower, IsRefusedWhereNoPulseHasAConductance) {
  EXPECT_THROW(make_pulse_model(powered(PulseModelKind::Statistical), device(0.1)),
               std::invalid_argument);
}

}  // namespace
}  // namespace uswim::programmer
