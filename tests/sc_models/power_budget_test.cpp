#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <stdexcept>
#include <vector>

#include "row_recorder.h"
#include "sc_models/power_arbiter.h"
#include "small_system.h"

namespace uswim::sc_models {
namespace {

using programmer::PulseModelKind;
using support::Duration;

ChipConfig with_budget(double milliwatts, Queueing queueing = Queueing::Fifo) {
  ChipConfig chip;
  chip.power_queue = queueing;
  chip.power_budget = support::milliwatts(milliwatts);
  return chip;
}

// 64 pulsed columns of 60 uW each are 3.84 mW; six tiles want more than 8 mW together.
constexpr double kBudget = 8.0;
// From a row's end to the arrival of the next row's command, which takes one bus word, with six
// tiles at the bus.
const Duration kFastestCommand = Duration::nanoseconds(2 + 1);
const Duration kSlowestCommand = Duration::nanoseconds(2 + 6);
tiles::TileConfig columns_64() {
  tiles::TileConfig tile;
  tile.columns = 64;
  return tile;
}

/// The rows that waited for power: which row of the recorder, and since when at the latest.
std::vector<std::pair<std::size_t, Duration>> waiting(const Recorder& recorder) {
  std::vector<std::pair<std::size_t, Duration>> list;
  std::vector<Duration> free_since(6);
  for (std::size_t i = 0; i < recorder.rows.size(); ++i) {
    const RowEvent& row = recorder.rows[i];
    const Duration ready = free_since[row.tile] + kSlowestCommand;
    free_since[row.tile] = row.end;
    if (row.begin > ready) list.emplace_back(i, ready);
  }
  return list;
}

TEST(PowerBudget, HoldsHalfSelectedCells) {
  tiles::TileConfig tile = columns_64();
  tile.write.half_select = tiles::HalfSelect::Half;
  // 64 pulsed cells of 60 uW, 127 others of 15 uW in each of their columns: 125.8 mW.
  EXPECT_THROW(SmallSystem(300, 30, PulseModelKind::Incremental, tile, with_budget(125.7)),
               std::invalid_argument);
  SmallSystem s(300, 30, PulseModelKind::Incremental, tile, with_budget(125.8));
  Recorder recorder;
  s.system->add_observer(recorder);
  s.system->program(s.every_nth(2));
  EXPECT_LE(recorder.peak(), in_picowatts(s.chip.power_budget));
  EXPECT_GT(recorder.peak(), in_picowatts(s.chip.power_budget) / 4);  // half of the devices hold 0
}

TEST(PowerBudget, IsNeverExceededAndWithFirstFitNeverLeftIdle) {
  SmallSystem s(300, 30, PulseModelKind::Incremental, columns_64(),
                with_budget(kBudget, Queueing::FirstFit));
  Recorder recorder;
  s.system->add_observer(recorder);
  const ProgrammingReport r = s.system->program(s.every_nth(2));
  ASSERT_EQ(r.tiles.size(), 6u);
  ASSERT_EQ(recorder.rows.size(), 600u);
  const std::int64_t budget = in_picowatts(s.chip.power_budget);
  EXPECT_LE(recorder.peak(), budget);
  EXPECT_EQ(recorder.peak(), in_picowatts(r.peak_power));
  EXPECT_LT(r.average_power, r.peak_power);

  // While a row waited, what others drew left no room for it at any moment. Only where a row begins
  // or ends does that change.
  for (const auto& [i, ready] : waiting(recorder)) {
    const RowEvent& row = recorder.rows[i];
    EXPECT_GT(recorder.picowatts_at(ready) + in_picowatts(row.power), budget);
    for (const RowEvent& other : recorder.rows)
      if (ready < other.end && other.end < row.begin) {
        EXPECT_GT(recorder.picowatts_at(other.end) + in_picowatts(row.power), budget);
      }
  }
  EXPECT_GT(waiting(recorder).size(), 100u);
}

// Of the rows that had waited and begin at the same time, one was at the head of the queue: what
// was drawn just before left no room for it.
TEST(PowerBudget, WithFifoIsNotLeftIdleByTheFirstInTheQueue) {
  SmallSystem s(300, 30, PulseModelKind::Incremental, columns_64(), with_budget(kBudget));
  Recorder recorder;
  s.system->add_observer(recorder);
  const ProgrammingReport r = s.system->program(s.every_nth(2));
  EXPECT_LE(recorder.peak(), in_picowatts(s.chip.power_budget));
  std::map<std::int64_t, std::int64_t> largest;  // by begin
  for (const auto& [i, ready] : waiting(recorder)) {
    std::int64_t& power = largest[recorder.rows[i].begin.in_picoseconds()];
    power = std::max(power, in_picowatts(recorder.rows[i].power));
  }
  for (const auto& [begin, power] : largest)
    EXPECT_GT(recorder.picowatts_at(Duration::picoseconds(begin - 1)) + power,
              in_picowatts(s.chip.power_budget));
  EXPECT_GT(largest.size(), 100u);
}

TEST(PowerBudget, WithFifoServesRowsInTheOrderInWhichTheyCome) {
  SmallSystem s(300, 30, PulseModelKind::Incremental, columns_64(), with_budget(4.0));
  Recorder recorder;
  s.system->add_observer(recorder);
  s.system->program(s.every_nth(2));
  std::vector<Duration> before(recorder.rows.size()), end(6);
  for (std::size_t i = 0; i < before.size(); ++i) {
    before[i] = end[recorder.rows[i].tile];
    end[recorder.rows[i].tile] = recorder.rows[i].end;
  }
  std::size_t ordered = 0;
  for (std::size_t i = 0; i < before.size(); ++i)
    for (std::size_t j = 0; j < before.size(); ++j)
      if (before[i] + kSlowestCommand < before[j] + kFastestCommand) {
        ++ordered;
        ASSERT_LE(recorder.rows[i].begin.in_picoseconds(), recorder.rows[j].begin.in_picoseconds());
      }
  EXPECT_GT(ordered, before.size());
}

TEST(PowerBudget, WithoutOneRowsBeginWhenTheirCommandHasArrived) {
  SmallSystem s(300, 30, PulseModelKind::Incremental, columns_64());
  Recorder recorder;
  s.system->add_observer(recorder);
  const ProgrammingReport r = s.system->program(s.every_nth(2));
  EXPECT_EQ(recorder.peak(), in_picowatts(r.peak_power));
  EXPECT_GT(recorder.peak(), in_picowatts(support::milliwatts(kBudget)));
  std::vector<Duration> end(6);
  for (const RowEvent& row : recorder.rows) {
    EXPECT_LE((row.begin - end[row.tile]).in_picoseconds(), kSlowestCommand.in_picoseconds());
    end[row.tile] = row.end;
  }
}

TEST(PowerBudget, OfOneTileDoesNotSlowItDown) {
  SmallSystem s(40, 8, PulseModelKind::Incremental, columns_64(), with_budget(3.84));
  Recorder recorder;
  s.system->add_observer(recorder);
  const ProgrammingReport r = s.system->program(s.every_nth(2));
  const Duration commands = Duration::nanoseconds((2 + 1) * 40);
  EXPECT_EQ(r.time.in_picoseconds(),
            (r.tiles[0].busy + commands + s.chip.host_link_time).in_picoseconds());
}

TEST(PowerBudget, SmallerThanARowIsRefused) {
  EXPECT_THROW(SmallSystem(40, 8, PulseModelKind::Incremental, columns_64(), with_budget(3.8)),
               std::invalid_argument);
}

TEST(LargestRowPower, IsOfAsManyPulsesAsThereAreDrivers) {
  tiles::TileConfig tile;
  EXPECT_EQ(in_picowatts(largest_row_power(tile)), 128 * 60'000'000ll);
  tile.write.drivers = 4;
  tile.reset.energy = support::picojoules(1.2);
  EXPECT_EQ(in_picowatts(largest_row_power(tile)), 4 * 120'000'000ll);
  tile.write.rows = 3;
  EXPECT_EQ(in_picowatts(largest_row_power(tile)), 12 * 120'000'000ll);
}

struct Phases {
  std::size_t every_nth;
  programmer::RowClosing closing = {};
  tiles::EraseRows erase = tiles::EraseRows::NotCounted;
};
class Granularities : public testing::TestWithParam<Phases> {};

TEST_P(Granularities, GiveTheSumOfTheRowsPhases) {
  ChipConfig chip;
  chip.granularity = Granularity::Pulse;
  tiles::TileConfig tile;
  tile.write.drivers = 16;
  tile.write.row_setup = Duration::nanoseconds(3);
  tile.verify.settle = Duration::nanoseconds(2);
  tile.write.level_shifter_time = Duration::nanoseconds(1);
  tile.write.erase = GetParam().erase;
  chip.charge_pumps.count = 1;
  chip.charge_pumps.start_time = Duration::nanoseconds(5);
  chip.charge_pumps.hold_time = Duration::nanoseconds(100);
  SmallSystem s(40, 8, PulseModelKind::Incremental, tile, chip, 0.0, GetParam().closing);
  Recorder recorder;
  s.system->add_observer(recorder);
  const ProgrammingReport r = s.system->program(s.every_nth(GetParam().every_nth));
  // A row's event says how long it lasts as a whole; the process got there phase by phase.
  const Duration commands = Duration::nanoseconds((2 + 2) * 40);
  EXPECT_EQ(r.time.in_picoseconds(),
            (r.tiles[0].busy + commands + chip.charge_pumps.start_time + s.chip.host_link_time)
                .in_picoseconds());
  for (std::size_t i = 1; i < recorder.rows.size(); ++i)
    EXPECT_EQ((recorder.rows[i].begin - recorder.rows[i - 1].end).in_picoseconds(), 4000);
}
INSTANTIATE_TEST_SUITE_P(Masks, Granularities,
                         testing::Values(Phases{1}, Phases{2}, Phases{7}, Phases{1000},
                                         Phases{1, {6, 0.0}}, Phases{2, {0, 0.2}},
                                         Phases{2, {}, tiles::EraseRows::Counted}));

}  // namespace
}  // namespace uswim::sc_models
