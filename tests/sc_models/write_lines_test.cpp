// Charge pumps, level shifters, word lines and half-selected cells.
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "row_recorder.h"
#include "sc_models/charge_pumps.h"
#include "small_system.h"

namespace uswim::sc_models {
namespace {

using programmer::PulseModelKind;
using support::Duration;

Duration ns(std::int64_t n) { return Duration::nanoseconds(n); }

ChargePumpConfig two_pumps() {
  ChargePumpConfig c;
  c.count = 2;
  c.tiles_per_pump = 2;
  c.start_time = ns(100);
  c.hold_time = ns(50);
  return c;
}

TEST(PumpPool, PrefersPumpsThatServeThenWarmOnesThenColdOnes) {
  PumpPool pool(two_pumps());
  const auto a = pool.attach(ns(0));
  EXPECT_EQ(a.pump, 0u);
  EXPECT_TRUE(a.started);
  EXPECT_EQ(a.ready.in_picoseconds(), 100'000);
  const auto b = pool.attach(ns(30));  // joins while the pump starts
  EXPECT_EQ(b.pump, 0u);
  EXPECT_FALSE(b.started);
  EXPECT_EQ(b.ready.in_picoseconds(), 100'000);
  const auto c = pool.attach(ns(200));  // the first is full
  EXPECT_EQ(c.pump, 1u);
  EXPECT_TRUE(c.started);
  pool.detach(0, ns(300));
  pool.detach(0, ns(310));
  pool.detach(1, ns(340));
  const auto d = pool.attach(ns(361));  // one is cold since 360, the other still warm
  EXPECT_EQ(d.pump, 1u);
  EXPECT_FALSE(d.started);
  EXPECT_EQ(d.ready.in_picoseconds(), 361'000);
  pool.detach(1, ns(400));
  const auto e = pool.attach(ns(450));  // warm to the last instant
  EXPECT_FALSE(e.started);
  pool.detach(1, ns(500));
  EXPECT_TRUE(pool.attach(ns(551)).started);
  pool.reset();
  EXPECT_TRUE(pool.attach(ns(551)).started);
}

ChipConfig with_pumps(const ChargePumpConfig& pumps) {
  ChipConfig chip;
  chip.charge_pumps = pumps;
  chip.charge_pumps.start_energy = support::picojoules(7);
  return chip;
}

tiles::TileConfig columns_64() {
  tiles::TileConfig tile;
  tile.columns = 64;
  return tile;
}

/// Alternations of polarity over a tile's phases, from the outcomes of its rows, cell by cell.
std::uint32_t plain_changes(const SmallSystem& s, std::size_t tile, std::size_t n) {
  const programmer::DeviceOutcomes o = s.system->draw_outcomes(tile);
  const programmer::DeviceMask mask = programmer::device_mask(*s.mapping, s.every_nth(n));
  const std::size_t pitch = s.mapping->pitch();
  const std::vector<std::uint64_t> set = o.set_by_round();
  std::uint32_t changes = 0;
  int last = 0;
  for (std::size_t r = 0; r < s.mapping->blocks()[tile].rows; ++r)
    for (std::size_t round = 0; round < o.rounds; ++round)
      for (const int polarity : {1, -1}) {
        bool any = false;
        for (std::size_t c = 0; c < s.mapping->columns(tile); ++c) {
          const std::size_t i = r * pitch + c;
          const auto bit = [i](const std::vector<std::uint64_t>& bits, std::size_t first) {
            return (bits[first + i / 64] >> (i % 64) & 1) != 0;
          };
          const bool verified = (mask.row(tile, r)[c / 64] >> (c % 64) & 1) != 0;
          const std::size_t at = round * o.words();
          if (verified)
            any |= bit(polarity > 0 ? set : o.reset, at);
          else if (round == 0)
            any |= bit(polarity > 0 ? o.open_loop_set : o.open_loop_reset, 0);
        }
        if (!any) continue;
        changes += last != 0 && last != polarity;
        last = polarity;
      }
  return changes;
}

class OnePump : public testing::TestWithParam<std::int64_t> {};

TEST_P(OnePump, StartsWhenColdAndForEveryChangeOfPolarity) {
  ChargePumpConfig pumps;
  pumps.count = 1;
  pumps.start_time = Duration::picoseconds(19'500);  // twenty clock cycles
  pumps.hold_time = ns(GetParam());
  SmallSystem s(40, 8, PulseModelKind::Incremental, {}, with_pumps(pumps));
  const ProgrammingReport r = s.system->program(s.every_nth(3));
  const std::uint32_t changes = plain_changes(s, 0, 3);
  ASSERT_GT(changes, 20u);
  EXPECT_EQ(r.tiles[0].work.polarity.count, changes);
  // Between rows the pump serves no one for as long as the next command takes: 2 + 2 ns.
  const std::int64_t starts = GetParam() < 4 ? 40 : 1;
  const programmer::RowWork& w = r.tiles[0].work;
  const Duration phases = ns(10) * w.set_phases + ns(10) * w.reset_phases +
                          ns(10) * w.verify_rounds + ns(1) * w.serial_conversions;
  EXPECT_EQ(r.tiles[0].busy.in_picoseconds(), (phases + ns(20) * changes).in_picoseconds());
  EXPECT_EQ(
      r.time.in_picoseconds(),
      (r.tiles[0].busy + ns(20) * starts + ns(4 * 40) + s.chip.host_link_time).in_picoseconds());
  const double want = 7e-12 * static_cast<double>(starts + changes);
  EXPECT_NEAR(support::in_joules(r.energy.of(Component::ChargePump)), want, 1e-12 * want);
}
INSTANTIATE_TEST_SUITE_P(HoldTimes, OnePump, testing::Values(0, 3, 4, 1000));

class ManyTiles : public testing::TestWithParam<unsigned> {};

TEST_P(ManyTiles, NeverExceedThePumpsPlacesAndNeverWaitWhileOneIsFree) {
  ChargePumpConfig pumps;
  pumps.count = GetParam();
  pumps.tiles_per_pump = 2;
  pumps.hold_time = ns(1'000'000);
  SmallSystem s(300, 30, PulseModelKind::Incremental, columns_64(), with_pumps(pumps));
  Recorder recorder;
  s.system->add_observer(recorder);
  s.system->program(s.every_nth(2));
  ASSERT_EQ(recorder.rows.size(), 600u);
  const std::size_t places = std::size_t{pumps.count} * 2;
  std::size_t most = 0, waited = 0;
  std::vector<Duration> free_since(6);
  for (const RowEvent& row : recorder.rows) {
    most = std::max(most, recorder.rows_at(row.begin));
    // With six tiles at the bus the command of a row is there 8 ns after the row before.
    if (row.begin > free_since[row.tile] + ns(8)) {
      ++waited;
      EXPECT_TRUE(std::any_of(recorder.rows.begin(), recorder.rows.end(),
                              [&](const RowEvent& other) { return other.end == row.begin; }));
      EXPECT_EQ(recorder.rows_at(row.begin - Duration::picoseconds(1)), places);
    }
    free_since[row.tile] = row.end;
  }
  EXPECT_EQ(most, places);
  EXPECT_GT(waited, 100u);
}
INSTANTIATE_TEST_SUITE_P(Pumps, ManyTiles, testing::Values(1u, 2u));

TEST(ChargePumps, WithPlacesForAllTilesOnlyStartOnce) {
  ChargePumpConfig pumps;
  pumps.count = 2;
  pumps.tiles_per_pump = 3;
  pumps.hold_time = ns(1'000'000);
  SmallSystem s(300, 30, PulseModelKind::Incremental, columns_64(), with_pumps(pumps));
  const ProgrammingReport first = s.system->program(s.every_nth(2));
  std::uint64_t changes = 0;
  for (const TileReport& t : first.tiles) changes += t.work.polarity.count;
  const double want = 7e-12 * static_cast<double>(2 + changes);
  EXPECT_NEAR(support::in_joules(first.energy.of(Component::ChargePump)), want, 1e-12 * want);
  // Cold again with every programming.
  const ProgrammingReport again = s.system->program(s.every_nth(2));
  EXPECT_EQ(again.time.in_picoseconds(), first.time.in_picoseconds());
  EXPECT_EQ(again.energy.total(), first.energy.total());
}

tiles::TileConfig every_line() {
  tiles::TileConfig tile;
  tile.write.row_setup = ns(3);
  tile.write.word_line_energy = support::picojoules(2);
  tile.write.level_shifter_time = Duration::picoseconds(1500);  // two clock cycles
  tile.write.level_shifter_energy = support::picojoules(0.25);
  tile.write.half_select = tiles::HalfSelect::Half;
  tile.reset.energy = support::picojoules(1.2);
  tile.verify.reads = 2;
  tile.verify.settle_energy = support::picojoules(0.03);
  return tile;
}

TEST(WriteLines, CostTimePerPhaseAndEnergyPerRowPulseAndHalfSelectedCell) {
  SmallSystem s(40, 8, PulseModelKind::Incremental, every_line());
  const ProgrammingReport r = s.system->program(s.every_nth(3));
  const programmer::RowWork& w = r.tiles[0].work;
  EXPECT_EQ(w.phases, w.set_phases + w.reset_phases);
  EXPECT_EQ(
      r.tiles[0].busy.in_picoseconds(),
      (ns(3) * 40 + ns(10 + 2) * w.phases + ns(20) * w.verify_rounds + ns(2) * w.serial_conversions)
          .in_picoseconds());
  const auto expect = [&](Component c, double picojoules) {
    EXPECT_NEAR(support::in_picojoules(r.energy.of(c)), picojoules, 1e-9 * picojoules);
  };
  expect(Component::WordLine, 2.0 * 40);
  expect(Component::BitLine, 0.03 * 2 * w.verify_reads);
  expect(Component::LevelShifter, 0.25 * (w.set_pulses + w.reset_pulses));
  // 128 x 128 cells; in a phase the row's other cells and 127 cells of each pulsed column.
  const auto half = [](std::uint32_t phases, std::uint32_t pulses) {
    return 128.0 * phases - pulses + 127.0 * pulses;
  };
  expect(Component::HalfSelect,
         0.15 * half(w.set_phases, w.set_pulses) + 0.3 * half(w.reset_phases, w.reset_pulses));
  EXPECT_EQ(r.energy.of(Component::ChargePump), support::Energy());
  support::Energy sum;
  for (const support::Energy e : r.energy.parts()) sum += e;
  EXPECT_EQ(r.energy.total(), sum);
}

TEST(WriteLines, ShiftLevelsOnceForMixedPhases) {
  tiles::TileConfig tile = every_line();
  tile.write.half_select = tiles::HalfSelect::None;
  tile.write.phases = tiles::WritePhases::Mixed;
  ChargePumpConfig pumps = two_pumps();
  SmallSystem s(40, 8, PulseModelKind::Incremental, tile, with_pumps(pumps));
  const ProgrammingReport r = s.system->program(s.every_nth(2));
  const programmer::RowWork& w = r.tiles[0].work;
  EXPECT_EQ(w.phases, w.set_slots + w.reset_slots + w.mixed_slots);
  EXPECT_LT(w.phases, w.set_phases + w.reset_phases);
  EXPECT_EQ(w.polarity.count, 0u);
}

}  // namespace
}  // namespace uswim::sc_models
