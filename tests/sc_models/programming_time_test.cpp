#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "small_system.h"
#include "tiles/cell_array.h"

namespace uswim::sc_models {
namespace {

using programmer::PulseModelKind;
using programmer::SelectionMask;
using support::Duration;

/// The closed sum for one tile: per row the buffer's latency, the command on the bus, then the
/// row's phases.
Duration closed_sum(const SmallSystem& s, const ProgrammingReport& report) {
  const programmer::RowWork& w = report.tiles[0].work;
  const Duration period = s.chip.period();
  const std::size_t bytes =
      s.mapping->pitch() * 2 / 8 + s.mapping->pitch() / 8 + kCommandHeaderBytes;
  const auto bus = static_cast<std::int64_t>((bytes * 8 + s.chip.bus_width - 1) / s.chip.bus_width);
  Duration t = period * (static_cast<std::int64_t>(report.tiles[0].rows) *
                         (s.chip.buffer_latency_cycles + bus));
  t += s.tile.set.width.rounded_up_to(period) * w.set_phases;
  t += s.tile.reset.width.rounded_up_to(period) * w.reset_phases;
  t += s.tile.verify_read_time.rounded_up_to(period) * w.verify_rounds;
  t += support::period_of(s.tile.adc.sample_rate).rounded_up_to(period) * w.serial_conversions;
  return t;
}

class OneTile : public testing::TestWithParam<PulseModelKind> {};

TEST_P(OneTile, TakesTheClosedSumOfItsRows) {
  SmallSystem s(40, 8, GetParam());
  for (const std::size_t n : {1u, 3u, 1000u}) {
    const ProgrammingReport r = s.system->program(s.every_nth(n));
    // The doorbell's own trip over the host link comes before the controller's first row.
    EXPECT_EQ(r.time.in_picoseconds(), (closed_sum(s, r) + s.chip.host_link_time).in_picoseconds());
    EXPECT_EQ(r.tiles[0].rows, 40u);
  }
}
INSTANTIATE_TEST_SUITE_P(Models, OneTile,
                         testing::Values(PulseModelKind::Redraw, PulseModelKind::Incremental,
                                         PulseModelKind::Statistical));

TEST(ProgrammingTime, OfTheStatisticalModelIsKnownInAdvance) {
  SmallSystem s(10, 4, PulseModelKind::Statistical);
  const ProgrammingReport r = s.system->program(SelectionMask(40, 1));
  // Ten cycles of every device; each row holds devices at level 0 (RESET) and above (SET), so both
  // phases occur.
  EXPECT_EQ(r.write_cycles, 10u * 40 * 4);
  EXPECT_EQ(r.tiles[0].work.set_phases, 100u);
  EXPECT_EQ(r.tiles[0].work.reset_phases, 100u);
  EXPECT_EQ(r.tiles[0].work.verify_rounds, 100u);
}

TEST(ProgrammingTime, RoundsDurationsUpToTheClock) {
  tiles::TileConfig tile;
  tile.set.width = Duration::picoseconds(10001);
  SmallSystem s(10, 4, PulseModelKind::Incremental, tile);
  const ProgrammingReport r = s.system->program(SelectionMask(40, 0));
  EXPECT_EQ(r.time.in_picoseconds(), (closed_sum(s, r) + s.chip.host_link_time).in_picoseconds());
  EXPECT_EQ(tile.set.width.rounded_up_to(s.chip.period()).in_picoseconds(), 11000);
}

/// Time of all phases by hand, for schemes other than the default; one tile.
Duration scheme_sum(const SmallSystem& s, const ProgrammingReport& report) {
  const Duration period = s.chip.period();
  const programmer::RowWork& w = report.tiles[0].work;
  const auto cycles = [&](Duration d) { return d.rounded_up_to(period); };
  Duration t = cycles(s.tile.write.row_setup) * static_cast<std::int64_t>(report.tiles[0].rows);
  t += cycles(s.tile.set.width) * w.set_slots + cycles(s.tile.reset.width) * w.reset_slots +
       cycles(std::max(s.tile.set.width, s.tile.reset.width)) * w.mixed_slots;
  const Duration conversions =
      s.tile.verify.mode == tiles::VerifyMode::Compare
          ? cycles(s.tile.verify.compare_time) * w.verify_rounds
          : cycles(support::period_of(s.tile.adc.sample_rate)) * w.serial_conversions;
  t += ((cycles(s.tile.verify.settle) + cycles(s.tile.verify_read_time)) * w.verify_rounds +
        conversions) *
       s.tile.verify.reads;
  return t;
}

tiles::TileConfig uneven_pulses() {
  tiles::TileConfig tile;
  tile.set.width = Duration::nanoseconds(20);
  tile.reset.width = Duration::nanoseconds(30);
  return tile;
}

TEST(WriteScheme, OfOneDriverTakesAPulseAfterTheOther) {
  tiles::TileConfig tile = uneven_pulses();
  tile.write.drivers = 1;
  tile.write.row_setup = Duration::picoseconds(4500);  // five clock cycles
  SmallSystem s(40, 8, PulseModelKind::Incremental, tile);
  const ProgrammingReport r = s.system->program(s.every_nth(3));
  const programmer::RowWork& w = r.tiles[0].work;
  const Duration verify =
      Duration::nanoseconds(10) * w.verify_rounds + Duration::nanoseconds(1) * w.serial_conversions;
  EXPECT_EQ(r.tiles[0].busy.in_picoseconds(),
            (Duration::nanoseconds(5) * 40 + Duration::nanoseconds(20) * w.set_pulses +
             Duration::nanoseconds(30) * w.reset_pulses + verify)
                .in_picoseconds());
}

TEST(WriteScheme, WithMixedPhasesTakesTheLongerPulseWhereBothOccur) {
  tiles::TileConfig tile = uneven_pulses();
  tile.write.phases = tiles::WritePhases::Mixed;
  SmallSystem s(40, 8, PulseModelKind::Incremental, tile);
  const ProgrammingReport r = s.system->program(s.every_nth(2));
  const programmer::RowWork& w = r.tiles[0].work;
  EXPECT_EQ(w.set_phases, w.set_slots + w.mixed_slots);
  EXPECT_EQ(w.reset_phases, w.reset_slots + w.mixed_slots);
  EXPECT_GT(w.mixed_slots, 0u);
  EXPECT_GT(w.set_slots, 0u);
  const Duration verify =
      Duration::nanoseconds(10) * w.verify_rounds + Duration::nanoseconds(1) * w.serial_conversions;
  const Duration separate = Duration::nanoseconds(20) * w.set_phases +
                            Duration::nanoseconds(30) * w.reset_phases + verify;
  EXPECT_EQ((separate - r.tiles[0].busy).in_picoseconds(),
            (Duration::nanoseconds(20) * w.mixed_slots).in_picoseconds());
}

TEST(VerifyMode, CompareNeedsNoConversion) {
  tiles::TileConfig tile;
  tile.verify.mode = tiles::VerifyMode::Compare;
  tile.verify.settle = Duration::nanoseconds(7);
  SmallSystem s(40, 8, PulseModelKind::Incremental, tile);
  const ProgrammingReport r = s.system->program(s.every_nth(2));
  EXPECT_EQ(r.tiles[0].busy.in_picoseconds(), scheme_sum(s, r).in_picoseconds());
  EXPECT_EQ(r.energy.of(Component::Adc), support::Energy{});
  const double want = (0.1e-12 + 0.0032e-12) * static_cast<double>(r.verify_reads);
  EXPECT_NEAR(support::in_joules(r.energy.of(Component::VerifyRead)), want, 1e-12 * want);
}

TEST(VerifyMode, AveragedReadsMultiplyTimeAndEnergyOfVerifying) {
  tiles::TileConfig tile;
  tile.verify.reads = 5;
  SmallSystem s(40, 8, PulseModelKind::Incremental, tile);
  const ProgrammingReport r = s.system->program(s.every_nth(2));
  const programmer::RowWork& w = r.tiles[0].work;
  EXPECT_EQ(r.tiles[0].busy.in_picoseconds(),
            (Duration::nanoseconds(10) * (w.set_phases + w.reset_phases) +
             5 * (Duration::nanoseconds(10) * w.verify_rounds +
                  Duration::nanoseconds(1) * w.serial_conversions))
                .in_picoseconds());
  const auto expect = [&](Component c, double joules) {
    EXPECT_NEAR(support::in_joules(r.energy.of(c)), joules, 1e-12 * joules);
  };
  expect(Component::VerifyRead, 5 * 0.1e-12 * w.verify_reads);
  expect(Component::Adc, 5 * 1.67e-12 * w.verify_reads);
  expect(Component::Dac, 5 * 0.417e-12 * w.verify_rounds);
}

TEST(ProgrammingTime, GrowsWithNestedMasks) {
  SmallSystem s(300, 40, PulseModelKind::Incremental);
  Duration last;
  SelectionMask mask(s.mapping->weights(), 0);
  for (std::size_t n = 0; n <= 10; ++n) {
    for (std::size_t i = 0; i < mask.size(); ++i)
      if (i * 7919 % 10 < n) mask[i] = 1;
    const ProgrammingReport r = s.system->program(mask);
    // A row that gains verified devices can lose its open-loop pulses' phase; what a tenth of the
    // devices adds outweighs it.
    EXPECT_GE(r.time, last);
    last = r.time;
  }
}

// Every other device converges, so those that keep a conductance beyond their target's window are
// the ones given up.
TEST(Programming, CountsStuckDevicesThatItGaveUp) {
  SmallSystem s(300, 40, PulseModelKind::Incremental, {}, {}, 0.02);
  const ProgrammingReport r = s.system->program(s.every_nth(1));
  std::uint64_t stuck = 0;
  for (std::size_t a = 0; a < s.mapping->blocks().size(); ++a)
    for (std::size_t row = 0; row < s.mapping->blocks()[a].rows; ++row)
      for (std::size_t c = 0; c < s.mapping->columns(a); ++c) {
        const int cell = s.system->cells(a).row(row)[c];
        const unsigned level = s.mapping->level(a, row, c);
        stuck += (cell == 0 && level > 0) || (cell == 3 * 1024 && level < 3);
      }
  EXPECT_EQ(r.not_converged, stuck);
  EXPECT_GT(stuck, 0u);
  EXPECT_GE(r.tiles[0].work.most_pulses, 100u);                            // max_cycles
  EXPECT_EQ(s.system->program(s.every_nth(1'000'000)).not_converged, 0u);  // but for one weight
}

TEST(ProgrammingTime, DoesNotDependOnWhatRanBefore) {
  SmallSystem s(300, 40, PulseModelKind::Incremental);  // six tiles that queue for the bus
  const ProgrammingReport first = s.system->program(s.every_nth(3));
  s.system->program(s.every_nth(1));
  s.system->new_chip(1, 5);
  s.system->program(s.every_nth(2));
  s.system->new_chip(1, 0);
  const ProgrammingReport again = s.system->program(s.every_nth(3));
  EXPECT_EQ(first.time.in_picoseconds(), again.time.in_picoseconds());
  EXPECT_EQ(first.write_pulses, again.write_pulses);
  EXPECT_EQ(first.energy.total(), again.energy.total());
}

// Devices that are drawn when their row is programmed, and again for the next mask.
TEST(ProgrammingTime, DoesNotDependOnWhatIsExpectedOfTheChip) {
  tiles::TileConfig tile;
  tile.write.pulse_energy = tile.verify.cell_energy = tiles::CellEnergy::Conductance;
  tile.write.erase = tiles::EraseRows::Counted;
  ChipConfig chip;
  chip.granularity = Granularity::Pulse;
  SmallSystem s(300, 40, PulseModelKind::Incremental, tile, chip);
  const ProgrammingReport first = s.system->program(s.every_nth(3));
  const std::uint64_t all = s.system->all_write_cycles();
  for (const unsigned threads : {1u, 2u}) {
    s.system->set_threads(threads);
    s.system->new_chip(1, 0, {false, false});
    EXPECT_EQ(s.system->program(s.every_nth(1)).write_cycles, all);
    const ProgrammingReport again = s.system->program(s.every_nth(3));
    EXPECT_EQ(s.system->all_write_cycles(), all);
    EXPECT_EQ(first.time.in_picoseconds(), again.time.in_picoseconds());
    EXPECT_EQ(first.write_pulses, again.write_pulses);
    EXPECT_EQ(first.energy.total(), again.energy.total());
    EXPECT_EQ(first.energy.of(Component::Erase), again.energy.of(Component::Erase));
  }
}

TEST(ProgrammingTime, OfTilesInParallelIsThatOfTheSlowestAndTheBus) {
  SmallSystem s(300, 40, PulseModelKind::Incremental);  // 3 x 2 arrays
  const ProgrammingReport r = s.system->program(s.every_nth(1));
  ASSERT_EQ(r.tiles.size(), 6u);
  Duration busy_sum, slowest;
  for (const TileReport& t : r.tiles) {
    busy_sum += t.busy;
    slowest = std::max(slowest, t.finished_after);
    EXPECT_GE(t.finished_after.in_picoseconds(), t.busy.in_picoseconds());
  }
  EXPECT_EQ(r.time.in_picoseconds(), (slowest + s.chip.host_link_time).in_picoseconds());
  EXPECT_LT(r.time.in_picoseconds(), busy_sum.in_picoseconds());
}

// On a narrow bus, commands queue: it is never idle, and never carries two at once.
TEST(ProgrammingTime, OnANarrowBusIsThatOfItsTransfers) {
  ChipConfig chip;
  chip.bus_width = 32;
  SmallSystem s(300, 40, PulseModelKind::Incremental, {}, chip);
  const ProgrammingReport r = s.system->program(SelectionMask(s.mapping->weights(), 0));
  std::int64_t rows = 0;
  for (const TileReport& t : r.tiles) rows += static_cast<std::int64_t>(t.rows);
  const std::int64_t transfer =
      (48 + kCommandHeaderBytes) * 8 / 32;  // ns: 32 bytes of levels, 16 of mask
  // Before the first and after the last transfer: doorbell, buffer, the last row's own write.
  const std::int64_t ends = 5 + 2 + 10;
  EXPECT_GE(r.time.in_picoseconds(), rows * transfer * 1000);
  EXPECT_LE(r.time.in_picoseconds(), (rows * transfer + ends) * 1000);
}

TEST(ProgrammingEnergy, IsTheSumOfItsPartsAndFollowsTheCounts) {
  SmallSystem s(300, 40, PulseModelKind::Incremental);
  const ProgrammingReport r = s.system->program(s.every_nth(2));
  support::Energy sum;
  for (const support::Energy e : r.energy.parts()) sum += e;
  EXPECT_EQ(r.energy.total(), sum);
  std::uint64_t set = 0, reset = 0, reads = 0;
  for (const TileReport& t : r.tiles) {
    set += t.work.set_pulses;
    reset += t.work.reset_pulses;
    reads += t.work.verify_reads;
  }
  const double tolerance = 1e-12;  // of sums of doubles
  const auto expect = [&](Component c, double joules) {
    EXPECT_NEAR(support::in_joules(r.energy.of(c)), joules, tolerance * joules);
  };
  expect(Component::WriteSet, 0.6e-12 * static_cast<double>(set));
  expect(Component::WriteReset, 0.6e-12 * static_cast<double>(reset));
  expect(Component::VerifyRead, 0.1e-12 * static_cast<double>(reads));
  expect(Component::Adc, 1.67e-12 * static_cast<double>(reads));
  EXPECT_EQ(r.write_pulses, set + reset);
  EXPECT_EQ(r.verify_reads, reads);
}

// V^2 G t summed over the devices: what write-verify drew where selected, else the open-loop pulse.
TEST(ProgrammingEnergy, ByConductanceIsThatOfThePulsesOfEveryDevice) {
  tiles::TileConfig tile;
  tile.write.pulse_energy = tiles::CellEnergy::Conductance;
  tile.set.width = Duration::nanoseconds(15);
  tile.reset.width =
      Duration::picoseconds(20500);  // the pulse itself, not the clock cycles it takes
  tile.reset.voltage = support::volts(3.0);
  SmallSystem s(300, 40, PulseModelKind::Incremental, tile);
  const SelectionMask mask = s.every_nth(3);
  const ProgrammingReport r = s.system->program(mask);
  double set_W = 0, reset_W = 0;
  for (std::size_t a = 0; a < s.mapping->blocks().size(); ++a) {
    const programmer::DeviceOutcomes o = s.system->draw_outcomes(a);
    for (std::size_t row = 0; row < s.mapping->blocks()[a].rows; ++row)
      for (std::size_t c = 0; c < s.mapping->columns(a); ++c) {
        const std::size_t device = row * s.mapping->pitch() + c;
        const bool selected = mask[s.mapping->weight_of(a, row, c)] != 0;
        set_W += selected ? o.set_power_W[device] : o.open_loop_power_W[device];  // SET, if any
        reset_W += selected ? o.reset_power_W[device] : 0.0f;
      }
  }
  const double set_J = set_W * 15e-9, reset_J = reset_W * 20.5e-9;
  EXPECT_GT(reset_J, 0.0);
  EXPECT_NEAR(support::in_joules(r.energy.of(Component::WriteSet)), set_J, 1e-10 * set_J);
  EXPECT_NEAR(support::in_joules(r.energy.of(Component::WriteReset)), reset_J, 1e-10 * reset_J);
  support::Energy sum;
  for (const support::Energy e : r.energy.parts()) sum += e;
  EXPECT_EQ(r.energy.total(), sum);
}

// V^2 G t summed over the reads of the selected devices; pulses keep their figure.
TEST(ProgrammingEnergy, OfVerifyReadsByConductanceIsThatOfEveryRead) {
  tiles::TileConfig tile;
  tile.verify.cell_energy = tiles::CellEnergy::Conductance;
  tile.verify.read_voltage = support::volts(0.2);
  tile.verify.reads = 3;
  tile.verify.settle = Duration::nanoseconds(4);
  tile.verify_read_time = Duration::picoseconds(10300);  // itself, not the clock cycles it takes
  SmallSystem s(300, 40, PulseModelKind::Incremental, tile);
  const SelectionMask mask = s.every_nth(3);
  const ProgrammingReport r = s.system->program(mask);
  double read_W = 0;
  for (std::size_t a = 0; a < s.mapping->blocks().size(); ++a) {
    const programmer::DeviceOutcomes o = s.system->draw_outcomes(a);
    for (std::size_t row = 0; row < s.mapping->blocks()[a].rows; ++row)
      for (std::size_t c = 0; c < s.mapping->columns(a); ++c)
        if (mask[s.mapping->weight_of(a, row, c)] != 0)
          read_W += double{o.read_power_W[row * s.mapping->pitch() + c]};
  }
  const double read_J = read_W * 3 * 10.3e-9;
  EXPECT_GT(read_J, 0.0);
  EXPECT_NEAR(support::in_joules(r.energy.of(Component::VerifyRead)), read_J, 1e-10 * read_J);
  // The pulses keep their figure.
  std::uint64_t set = 0;
  for (const TileReport& t : r.tiles) set += t.work.set_pulses;
  EXPECT_NEAR(support::in_joules(r.energy.of(Component::WriteSet)),
              0.6e-12 * static_cast<double>(set), 1e-20);
}

TEST(Mask, OfNoneIsTheOpenLoopWriteAndOfAllVerifiesEverything) {
  SmallSystem s(60, 10, PulseModelKind::Incremental);
  const ProgrammingReport none = s.system->program(SelectionMask(600, 0));
  EXPECT_EQ(none.write_cycles, 0u);
  EXPECT_EQ(none.verify_reads, 0u);
  const programmer::DeviceOutcomes o = s.system->draw_outcomes(0);
  const auto cell = [&](std::size_t r, std::size_t c) { return s.system->cells(0).row(r)[c]; };
  const std::size_t pitch = s.mapping->pitch();
  for (std::size_t c = 0; c < 40; ++c)
    EXPECT_EQ(cell(7, c), tiles::cell_units(o.open_loop[7 * pitch + c], 4));
  const ProgrammingReport all = s.system->program(SelectionMask(600, 1));
  std::uint64_t cycles = 0;
  for (const std::uint16_t n : o.cycles) cycles += n;
  EXPECT_EQ(all.write_cycles, cycles);
  for (std::size_t c = 0; c < 40; ++c)
    EXPECT_EQ(cell(7, c), tiles::cell_units(o.verified[7 * pitch + c], 4));
}

TEST(Inference, WaitsForTheArrayOnceForEveryInputBit) {
  SmallSystem s(100, 20, PulseModelKind::Incremental);  // one array, one input vector, 4 input bits
  s.system->program(SelectionMask(2000, 1));
  const InferenceReport r = s.system->infer(std::vector<std::uint8_t>(100, 255), 1);
  const std::int64_t per_bit = 100 + 8;  // array read, eight columns per ADC at a cycle each
  const std::int64_t command = 2 + (100 + 8 + 31) / 32, sums = (20 * 8 + 8 + 31) / 32, digital = 1;
  EXPECT_EQ(r.latency.in_picoseconds(), (4 * per_bit + command + sums + digital) * 1000);
}

TEST(Inference, OfAStreamIsPacedByItsSlowestLayer) {
  SmallSystem s(100, 20, PulseModelKind::Incremental);  // one layer: the next image waits for it
  s.system->program(SelectionMask(2000, 1));
  const InferenceReport r = s.system->infer(std::vector<std::uint8_t>(500, 255), 5);
  EXPECT_NEAR(r.images_per_second * r.latency.in_seconds(), 1.0, 1e-9);
}

}  // namespace
}  // namespace uswim::sc_models
