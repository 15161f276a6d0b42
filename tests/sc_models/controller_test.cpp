// The order of rows and tiles, rows sent ahead, rows driven together.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <vector>

#include "row_recorder.h"
#include "sc_models/row_schedule.h"
#include "small_system.h"

namespace uswim::sc_models {
namespace {

using programmer::PulseModelKind;
using support::Duration;

Duration ns(std::int64_t n) { return Duration::nanoseconds(n); }

TEST(RowSequences, AreWhatTheirNamesSay) {
  const std::vector<std::uint64_t> selected{3, 0, 7, 3, 0, 9};
  using Order = std::vector<std::size_t>;
  EXPECT_EQ(row_sequence(RowSequence::Natural, selected), (Order{0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(row_sequence(RowSequence::LongestFirst, selected), (Order{5, 2, 0, 3, 1, 4}));
  EXPECT_EQ(row_sequence(RowSequence::Grouped, selected), (Order{1, 4, 0, 2, 3, 5}));
  EXPECT_EQ(tile_sequence(TileSequence::Natural, selected), (Order{5, 4, 3, 2, 1, 0}));
  EXPECT_EQ(tile_sequence(TileSequence::LongestFirst, selected), (Order{5, 2, 0, 3, 1, 4}));
}

ChipConfig with_look_ahead(unsigned rows, unsigned bus_width = 256) {
  ChipConfig chip;
  chip.controller.look_ahead = rows;
  chip.bus_width = bus_width;
  return chip;
}

class LookAhead : public testing::TestWithParam<unsigned> {};

// One tile. A row is sent when the one before has arrived and there is room in the queue; it begins
// when it has arrived and the one before has ended.
TEST_P(LookAhead, OfOneTileFollowsTheRecurrenceOfAQueue) {
  const unsigned n = GetParam();
  // 8 bits a cycle: a command of 56 bytes takes 56 ns on the bus, as long as a short row.
  SmallSystem s(40, 8, PulseModelKind::Incremental, {}, with_look_ahead(n, 8));
  Recorder recorder;
  s.system->add_observer(recorder);
  const ProgrammingReport r =
      s.system->program(s.every_nth(40));  // many rows have nothing to verify
  const Duration transfer = ns(2 + 56);
  std::vector<Duration> begin(40), arrived(40), end(40);
  bool bus_waits = false, tile_waits = false;
  for (std::size_t k = 0; k < 40; ++k) {
    Duration sent;
    if (k > 0) sent = std::max(arrived[k - 1], k >= n ? begin[k - n] : Duration());
    arrived[k] = sent + transfer;
    begin[k] = std::max(arrived[k], k > 0 ? end[k - 1] : Duration());
    end[k] = begin[k] + recorder.rows[k].end - recorder.rows[k].begin;
    EXPECT_EQ(recorder.rows[k].begin.in_picoseconds(), begin[k].in_picoseconds()) << k;
    if (k > 0) (arrived[k] > end[k - 1] ? tile_waits : bus_waits) = true;
  }
  EXPECT_TRUE(tile_waits && bus_waits);
  EXPECT_EQ(r.time.in_picoseconds(), (end.back() + s.chip.host_link_time).in_picoseconds());
}
INSTANTIATE_TEST_SUITE_P(Rows, LookAhead, testing::Values(1u, 2u, 3u, 100u));

TEST(LookAhead, OfOneRowHidesTheShorterOfTransferAndWrite) {
  SmallSystem s(40, 8, PulseModelKind::Incremental, {}, with_look_ahead(1, 8));
  Recorder recorder;
  s.system->add_observer(recorder);
  const ProgrammingReport r = s.system->program(s.every_nth(40));
  const std::int64_t transfer = 2 + 56;
  std::int64_t hidden = 0, one_after_the_other = 40 * transfer;
  for (std::size_t k = 0; k < 40; ++k) {
    const std::int64_t row =
        (recorder.rows[k].end - recorder.rows[k].begin).in_picoseconds() / 1000;
    one_after_the_other += row;
    if (k + 1 < 40) hidden += std::min(transfer, row);
  }
  EXPECT_EQ(r.time.in_picoseconds(),
            (ns(one_after_the_other - hidden) + s.chip.host_link_time).in_picoseconds());
}

class SaturatedBus : public testing::TestWithParam<unsigned> {};

TEST_P(SaturatedBus, BoundsProgrammingWhateverTheLookAhead) {
  SmallSystem s(300, 40, PulseModelKind::Incremental, {}, with_look_ahead(GetParam(), 32));
  const ProgrammingReport r = s.system->program(programmer::SelectionMask(s.mapping->weights(), 0));
  std::int64_t rows = 0;
  for (const TileReport& t : r.tiles) rows += static_cast<std::int64_t>(t.rows);
  const std::int64_t transfers = rows * (48 + kCommandHeaderBytes) * 8 / 32;
  EXPECT_GE(r.time.in_picoseconds(), transfers * 1000);
  EXPECT_LE(r.time.in_picoseconds(), (transfers + 5 + 2 + 10) * 1000);
}
INSTANTIATE_TEST_SUITE_P(Rows, SaturatedBus, testing::Values(0u, 1u, 4u));

struct Choice {
  RowSequence rows;
  TileSequence tiles;
  unsigned look_ahead;
  unsigned rows_together;
  unsigned pumps;
};

class Schedules : public testing::TestWithParam<Choice> {};

// Six tiles under a budget. Whatever the schedule: the same devices in the same state with the same
// pulses, the budget kept, nothing left of the run before.
TEST_P(Schedules, WriteTheSameWithinTheBudget) {
  ChipConfig chip;
  chip.controller = {GetParam().rows, GetParam().tiles, GetParam().look_ahead};
  chip.charge_pumps.count = GetParam().pumps;
  chip.charge_pumps.tiles_per_pump = 2;
  chip.charge_pumps.start_time = ns(20);
  tiles::TileConfig tile;
  tile.columns = 64;
  tile.write.rows = GetParam().rows_together;
  chip.power_budget = support::milliwatts(8.0 * tile.write.rows);
  SmallSystem s(300, 30, PulseModelKind::Incremental, tile, chip);
  Recorder recorder;
  s.system->add_observer(recorder);
  const programmer::DeviceMask mask = programmer::device_mask(*s.mapping, s.every_nth(7));
  const ProgrammingReport r = s.system->program(mask);
  std::uint64_t pulses = 0, rows = 0;
  for (std::size_t t = 0; t < 6; ++t) {
    const std::size_t words = s.mapping->pitch() / 64;
    const programmer::DeviceOutcomes o = s.system->draw_outcomes(t);
    for (std::size_t row = 0; row < s.mapping->blocks()[t].rows; ++row) {
      const programmer::RowWork w = programmer::row_work(
          programmer::RowView{s.system->pulses(t), row * words, words, mask.row(t, row), {8}});
      pulses += std::uint64_t{w.set_pulses} + w.reset_pulses;
      for (std::size_t c = 0; c < s.mapping->columns(t); ++c) {
        const bool selected = (mask.row(t, row)[c / 64] >> (c % 64) & 1) != 0;
        const std::size_t i = row * s.mapping->pitch() + c;
        ASSERT_EQ(s.system->cells(t).row(row)[c],
                  tiles::cell_units(selected ? o.verified[i] : o.open_loop[i], 4));
      }
    }
  }
  EXPECT_EQ(r.write_pulses, pulses);
  for (const RowEvent& row : recorder.rows) rows += row.rows;
  EXPECT_EQ(rows, 600u);
  EXPECT_LE(recorder.peak(), in_picowatts(chip.power_budget));
  EXPECT_EQ(recorder.peak(), in_picowatts(r.peak_power));
  s.system->program(s.every_nth(2));
  const ProgrammingReport again = s.system->program(mask);
  EXPECT_EQ(again.time.in_picoseconds(), r.time.in_picoseconds());
  EXPECT_EQ(again.energy.total(), r.energy.total());
}
INSTANTIATE_TEST_SUITE_P(
    All, Schedules,
    testing::Values(Choice{RowSequence::Natural, TileSequence::Natural, 0, 1, 0},
                    Choice{RowSequence::Natural, TileSequence::Natural, 2, 1, 0},
                    Choice{RowSequence::LongestFirst, TileSequence::LongestFirst, 0, 1, 2},
                    Choice{RowSequence::Grouped, TileSequence::LongestFirst, 1, 3, 1},
                    Choice{RowSequence::LongestFirst, TileSequence::Natural, 3, 4, 2}));

TEST(RowOrder, LongestFirstWritesRowsByWhatTheyHaveToVerify) {
  ChipConfig chip;
  chip.controller.row_order = RowSequence::LongestFirst;
  SmallSystem s(40, 8, PulseModelKind::Incremental, {}, chip);
  Recorder recorder;
  s.system->add_observer(recorder);
  const programmer::DeviceMask mask = programmer::device_mask(*s.mapping, s.every_nth(7));
  s.system->program(mask);
  std::vector<int> selected;
  for (const RowEvent& row : recorder.rows)
    selected.push_back(__builtin_popcountll(mask.row(0, row.row)[0]));
  EXPECT_TRUE(std::is_sorted(selected.rbegin(), selected.rend()));
  EXPECT_GT(selected.front(), selected.back());
}

TEST(TileOrder, LongestFirstLetsTheTileWithMostToVerifyBeginFirst) {
  ChipConfig chip;
  chip.controller.tile_order = TileSequence::LongestFirst;
  chip.mask_encoding = programmer::MaskEncoding::Smallest;
  SmallSystem s(300, 40, PulseModelKind::Incremental, {}, chip);
  Recorder recorder;
  s.system->add_observer(recorder);
  programmer::SelectionMask weights(s.mapping->weights(), 0);
  for (std::size_t i = 0; i < weights.size(); ++i) weights[i] = i * 7919 % 12000 < i;
  const programmer::DeviceMask mask = programmer::device_mask(*s.mapping, weights);
  s.system->program(mask);
  std::vector<std::uint64_t> selected;
  for (std::size_t i = 0; i < 6; ++i) {
    const std::size_t tile = recorder.rows[i].tile;
    std::uint64_t n = 0;
    for (std::size_t r = 0; r < s.mapping->blocks()[tile].rows; ++r)
      for (std::size_t w = 0; w < 2; ++w)
        n += static_cast<std::uint64_t>(__builtin_popcountll(mask.row(tile, r)[w]));
    selected.push_back(n);
    EXPECT_EQ(recorder.rows[i].begin.in_picoseconds(), (2 + 2 * (i + 1)) * 1000);
  }
  EXPECT_TRUE(std::is_sorted(selected.rbegin(), selected.rend()));
}

TEST(RowsTogether, TakeACommandARowSetupAndTheirSlowestRowsRounds) {
  tiles::TileConfig tile;
  tile.write.rows = 3;
  tile.write.row_setup = ns(7);
  tile.write.word_line_energy = support::picojoules(2);
  SmallSystem s(40, 8, PulseModelKind::Incremental, tile);
  const programmer::DeviceMask mask = programmer::device_mask(*s.mapping, s.every_nth(5));
  const ProgrammingReport r = s.system->program(mask);
  Duration phases, commands;
  for (std::size_t first = 0; first < 40; first += 3) {
    const std::size_t rows = std::min<std::size_t>(3, 40 - first);
    const programmer::RowWork w =
        programmer::row_work(programmer::RowView{s.system->pulses(0),
                                                 first * 2,
                                                 2,
                                                 mask.row(0, first),
                                                 {8},
                                                 0,
                                                 programmer::RowOperation::Program,
                                                 rows});
    phases += ns(7) + ns(10) * (w.set_phases + w.reset_phases + w.verify_rounds) +
              ns(1) * w.serial_conversions;
    commands += ns(2 + (static_cast<std::int64_t>(rows) * 48 + 8 + 31) / 32);
  }
  EXPECT_EQ(r.tiles[0].busy.in_picoseconds(), phases.in_picoseconds());
  EXPECT_EQ(r.time.in_picoseconds(), (phases + commands + s.chip.host_link_time).in_picoseconds());
  EXPECT_EQ(r.tiles[0].rows, 40u);
  EXPECT_NEAR(support::in_picojoules(r.energy.of(Component::WordLine)), 80.0, 1e-9);
}

}  // namespace
}  // namespace uswim::sc_models
