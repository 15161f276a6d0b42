// Rows whose write-verify ends before their slowest device is done.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "programmer/array_programmer.h"

namespace uswim::programmer {
namespace {

constexpr std::size_t kDevices = 6400;
constexpr OpenAtClose kLeave = OpenAtClose::Leave, kWrite = OpenAtClose::WriteOpenLoop;

struct Devices {
  DeviceModel device;
  WriteVerifyConfig config;
  std::unique_ptr<PulseModel> pulses;
  std::vector<DeviceTarget> targets;
  DeviceOutcomes outcomes;
  DevicePulses packed;

  explicit Devices(PulseModelKind kind, const RowClosing& closing = {}) : device(device_config()) {
    config.pulse_model = kind;
    config.closing = closing;
    config.max_cycles = 1000;
    pulses = make_pulse_model(config, device);
    for (std::size_t i = 0; i < kDevices; ++i)
      targets.push_back({true, static_cast<float>(device.target(i % 4)),
                         static_cast<float>(device.level_factor(i % 4, 0.0))});
    pulses->write(targets, 0, 1, 0, outcomes);
    packed.append(outcomes);
  }
  static DeviceConfig device_config() {
    DeviceConfig c;
    c.sigma = 0.2;
    return c;
  }
  /// 64 devices from 64 * row on, all of them selected.
  RowWork work(std::size_t row, const RowClosing& closing) const {
    const std::uint64_t all = ~std::uint64_t{0};
    return row_work(RowView{packed, row, 1, &all, {8, 0, false, false, closing}, 64});
  }
};

// With independent rewriting a cycle is a round: at most n cycles each, and those that need more
// are left.
TEST(RowClosing, AfterNRoundsLeavesWhatNeedsMore) {
  const Devices d(PulseModelKind::Redraw);
  for (const unsigned n : {1u, 3u, 8u}) {
    std::uint64_t cycles = 0, left = 0, want_cycles = 0, want_left = 0;
    for (std::size_t row = 0; row < kDevices / 64; ++row) {
      const RowWork w = d.work(row, {n, 0.0, kLeave});
      EXPECT_LE(w.verify_rounds, n);
      cycles += w.write_cycles;
      left += w.not_converged;
    }
    for (const std::uint16_t c : d.outcomes.cycles) {
      want_cycles += std::min<unsigned>(c, n);
      want_left += c > n;
    }
    EXPECT_EQ(cycles, want_cycles);
    EXPECT_EQ(left, want_left);
  }
}

// E[min(N, n)] = (1 - q^n) / p and failures q^n, level by level.
TEST(RowClosing, AfterNRoundsFollowsTheClosedForm) {
  const Devices d(PulseModelKind::Redraw);
  const unsigned n = 4;
  double want_cycles = 0.0, want_left = 0.0;
  for (unsigned level = 0; level < 4; ++level) {
    const double p = std::erf(0.06 / d.device.sigma(level, 0.0) / std::sqrt(2.0)), q = 1 - p;
    want_cycles += kDevices / 4 * (1 - std::pow(q, n)) / p;
    want_left += kDevices / 4 * std::pow(q, n);
  }
  double cycles = 0.0, left = 0.0;
  for (std::size_t row = 0; row < kDevices / 64; ++row) {
    const RowWork w = d.work(row, {n, 0.0, kLeave});
    cycles += w.write_cycles;
    left += w.not_converged;
  }
  // A capped count varies by less than 1.5, a failure by less than a half.
  EXPECT_NEAR(cycles, want_cycles, 4.5 * 1.5 * std::sqrt(kDevices));
  EXPECT_NEAR(left, want_left, 4.5 * 0.5 * std::sqrt(kDevices));
}

TEST(RowClosing, AtAnOpenPartEndsAtTheFirstRoundWithSoFewOpen) {
  const Devices d(PulseModelKind::Redraw);
  for (const double part : {0.02, 0.1, 0.5})
    for (std::size_t row = 0; row < kDevices / 64; ++row) {
      const auto first = d.outcomes.cycles.begin() + static_cast<std::ptrdiff_t>(64 * row);
      unsigned rounds = 1;
      const auto open = [&] {
        return std::count_if(first, first + 64, [&](unsigned c) { return c > rounds; });
      };
      while (static_cast<double>(open()) > part * 64) ++rounds;
      const RowWork w = d.work(row, {0, part, kLeave});
      EXPECT_EQ(w.verify_rounds, rounds);
      EXPECT_EQ(w.not_converged, open());
    }
}

TEST(RowClosing, OfFewDevicesWaitsForAllOfThem) {
  const Devices d(PulseModelKind::Incremental);
  const std::uint64_t one = 1u << 5;
  const RowWork open =
      row_work(RowView{d.packed, 3, 1, &one, {8, 0, false, false, {0, 0.5, kLeave}}, 64});
  const RowWork without = row_work(RowView{d.packed, 3, 1, &one, {}, 64});
  EXPECT_EQ(open.write_cycles, without.write_cycles);
  EXPECT_EQ(open.not_converged, 0u);
}

// A device that starts from the erased state has had n pulses after n + 1 rounds, one that is
// rewritten after n: what a cap of its cycles leaves.
TEST(RowClosing, LeavesTheConductanceOfThatRound) {
  for (const auto kind :
       {PulseModelKind::Redraw, PulseModelKind::Incremental, PulseModelKind::Ispp}) {
    const Devices d(kind, {0, 0.0, kLeave});
    for (const unsigned n : {1u, 2u, 7u}) {
      WriteVerifyConfig capped = d.config;
      capped.max_cycles = n;
      DeviceOutcomes want;
      write_plainly(capped, d.device, d.targets, 0, 1, 0, want);
      for (std::size_t i = 0; i < 200; ++i)
        EXPECT_EQ(d.pulses->closed_after(d.targets[i], i, 1, 0,
                                         kind == PulseModelKind::Redraw ? n : n + 1),
                  want.verified[i]);
    }
  }
}

TEST(RowClosing, OfAnArrayWritesWhatWasReachedIntoItsCells) {
  const Devices d(PulseModelKind::Incremental, {6, 0.0, kLeave});
  const tiles::Mapping mapping({{"fc", 16, 3, std::vector<std::int16_t>(48, 10)}}, {64, 64, 2, 4});
  ArrayProgrammer array(mapping, 0, d.device, *d.pulses, {8, 0, false, false, {6, 0.0, kLeave}});
  array.new_chip(1, 0);
  const std::uint64_t all = ~std::uint64_t{0};
  for (std::size_t r = 0; r < 3; ++r) {
    std::vector<std::uint8_t> levels;
    for (std::size_t c = 0; c < 64; ++c)
      levels.push_back(static_cast<std::uint8_t>(mapping.level(0, r, c)));
    const RowWork w = array.program_rows(r, 1, &all);
    // 10 = 2 * 4 + 2: two devices of level 2 a weight, 13 pulses away, and two erased ones.
    EXPECT_GE(w.not_converged, 20u);
    for (std::size_t c = 0; c < 64; ++c) {
      const DeviceTarget t{true, static_cast<float>(d.device.target(levels[c])),
                           static_cast<float>(d.device.level_factor(levels[c], 0.0))};
      EXPECT_EQ(
          array.cells().row(r)[c],
          tiles::cell_units(d.pulses->closed_after(t, mapping.device_index(0, r, c), 1, 0, 6), 4));
    }
  }
}

// The write adds, per device that is open, one pulse in the direction of the one that it would have
// had next: no read, no cycle.
TEST(ClosingWrite, IsOneMorePulseOfWhatIsOpen) {
  for (const auto kind :
       {PulseModelKind::Redraw, PulseModelKind::Incremental, PulseModelKind::Ispp}) {
    const Devices d(kind);
    const std::vector<std::uint64_t> set = d.outcomes.set_by_round();
    for (const unsigned n : {1u, 3u, 8u})
      for (std::size_t row = 0; row < kDevices / 64; ++row) {
        const RowWork left = d.work(row, {n, 0.0, kLeave}), w = d.work(row, {n, 0.0, kWrite});
        EXPECT_EQ(
            w.set_pulses + w.reset_pulses,
            left.set_pulses + left.reset_pulses +
                static_cast<unsigned>(std::count_if(
                    d.outcomes.cycles.begin() + static_cast<int>(64 * row),
                    d.outcomes.cycles.begin() + static_cast<int>(64 * row + 64),
                    [&](unsigned c) { return c > (kind == PulseModelKind::Redraw ? n : n - 1); })));
        EXPECT_EQ(w.write_cycles, left.write_cycles);
        EXPECT_EQ(w.not_converged, left.not_converged);
        EXPECT_EQ(w.verify_reads, left.verify_reads);
        EXPECT_EQ(w.verify_rounds, left.verify_rounds);
        EXPECT_EQ(w.serial_conversions, left.serial_conversions);
        const unsigned next_set =
            static_cast<unsigned>(__builtin_popcountll(set[n * d.outcomes.words() + row]));
        EXPECT_EQ(w.set_pulses, left.set_pulses + next_set);
        EXPECT_EQ(w.set_phases, left.set_phases + (next_set > 0));
        EXPECT_EQ(w.most_pulses, left.most_pulses + (left.not_converged > 0));
      }
  }
}

TEST(ClosingWrite, AddsNothingWhereEveryDeviceIsDone) {
  const Devices d(PulseModelKind::Incremental);
  const RowWork w = d.work(2, {1000, 0.0, kWrite}), without = d.work(2, {});
  EXPECT_EQ(w.set_pulses, without.set_pulses);
  EXPECT_EQ(w.reset_pulses, without.reset_pulses);
  EXPECT_EQ(w.phases, without.phases);
  EXPECT_EQ(w.most_pulses, without.most_pulses);
}

// Mean 0 and variance sigma^2 of the level, whatever the device was before; draws of its own.
TEST(ClosingWrite, HasTheErrorOfAnOpenLoopWrite) {
  const Devices d(PulseModelKind::Redraw, {2, 0.0, kWrite});
  for (unsigned level = 0; level < 4; ++level) {
    const double sigma = d.device.sigma(level, 0.0);
    double sum = 0.0, squares = 0.0, with_first = 0.0;
    for (std::size_t i = level; i < kDevices; i += 4) {
      const double error =
          double{d.pulses->closed_after(d.targets[i], i, 1, 0, 2)} - d.device.target(level);
      EXPECT_EQ(error, double{d.pulses->closed_after(d.targets[i], i, 1, 0, 9)} -
                           d.device.target(level));  // one draw, whenever it is
      sum += error;
      squares += error * error;
      with_first += error * (double{d.outcomes.open_loop[i]} - d.device.target(level));
    }
    const double n = kDevices / 4;
    EXPECT_NEAR(sum / n, 0.0, 4.5 * sigma / std::sqrt(n));
    EXPECT_NEAR(squares / n, sigma * sigma, 4.5 * std::sqrt(2.0 / n) * sigma * sigma);
    EXPECT_NEAR(with_first / n, 0.0, 4.5 * sigma * sigma / std::sqrt(n));
  }
}

TEST(ClosingWrite, OfAnArrayGoesToTheOpenDevicesAlone) {
  const RowClosing closing{6, 0.0, kWrite};
  const Devices d(PulseModelKind::Incremental, closing);
  const tiles::Mapping mapping({{"fc", 16, 3, std::vector<std::int16_t>(48, 10)}}, {64, 64, 2, 4});
  ArrayProgrammer array(mapping, 0, d.device, *d.pulses, {8, 0, false, false, closing});
  array.new_chip(1, 0);
  const DeviceOutcomes outcomes = array.draw_outcomes();
  const std::uint64_t all = ~std::uint64_t{0};
  const std::vector<std::uint8_t> levels = mapping.levels(0);
  const RowWork w = array.program_rows(1, 1, &all);
  unsigned written = 0;
  for (std::size_t c = 0; c < 64; ++c) {
    const DeviceTarget t{true, static_cast<float>(d.device.target(levels[64 + c])),
                         static_cast<float>(d.device.level_factor(levels[64 + c], 0.0))};
    const bool open = outcomes.cycles[64 + c] > 5;  // round 0 only reads
    written += open;
    EXPECT_EQ(
        array.cells().row(1)[c],
        tiles::cell_units(open ? d.pulses->closed_after(t, mapping.device_index(0, 1, c), 1, 0, 6)
                               : outcomes.verified[64 + c],
                          4));
  }
  EXPECT_EQ(w.not_converged, written);
  EXPECT_GE(written, 20u);
}

TEST(ClosingWrite, LeavesStuckDevicesAndRelaxesOthers) {
  DeviceConfig c = Devices::device_config();
  c.stuck_low = c.stuck_high = 0.1;
  WriteVerifyConfig config;
  config.closing = {3, 0.0, kWrite};
  const auto closed = [&](double relaxation, std::size_t i) {
    c.relaxation_sigma = relaxation;
    const DeviceModel device(c);
    return make_pulse_model(config, device)->closed_after({true, 0.5f, 1.0f}, i, 1, 0, 3);
  };
  unsigned stuck = 0;
  for (std::size_t i = 0; i < 1000; ++i) {
    const float g = closed(0.0, i), relaxed = closed(0.05, i);
    if (g == 0.0f || g == 1.0f) {
      ++stuck;
      EXPECT_EQ(g, relaxed);
    } else {
      EXPECT_EQ(relaxed - g,
                g + 0.05f * support::device_normal({1, 0, support::Stream::Relaxation}, i) - g);
    }
  }
  EXPECT_NEAR(stuck, 200, 4.5 * std::sqrt(160.0));
}

}  // namespace
}  // namespace uswim::programmer
