// Write-verify of single devices on a chip that was programmed open loop before.
#include <gtest/gtest.h>

#include <algorithm>

#include "small_system.h"

namespace uswim::sc_models {
namespace {

using programmer::device_mask;
using programmer::DeviceMask;
using programmer::PulseModelKind;

std::vector<std::int16_t> cells_of(const SmallSystem& s) {
  std::vector<std::int16_t> all;
  for (std::size_t a = 0; a < s.mapping->blocks().size(); ++a)
    for (std::size_t r = 0; r < s.mapping->blocks()[a].rows; ++r) {
      const std::int16_t* row = s.system->cells(a).row(r);
      all.insert(all.end(), row, row + s.mapping->pitch());
    }
  return all;
}

class LaterVerify : public testing::TestWithParam<PulseModelKind> {};

TEST_P(LaterVerify, InPartsTakesTheWriteCyclesOfOneProgrammingAndEndsInTheSameCells) {
  SmallSystem s(150, 40, GetParam());
  DeviceMask third = device_mask(*s.mapping, s.every_nth(3));
  DeviceMask rest = device_mask(*s.mapping, s.every_nth(2));
  rest.remove(third);
  DeviceMask both = third;
  both.add(rest);

  const ProgrammingReport one_shot = s.system->program(both);
  const std::vector<std::int16_t> want = cells_of(s);
  s.system->program(DeviceMask(*s.mapping));
  EXPECT_NE(cells_of(s), want);
  const ProgrammingReport first = s.system->verify(third), second = s.system->verify(rest);
  EXPECT_EQ(first.write_cycles + second.write_cycles, one_shot.write_cycles);
  EXPECT_EQ(first.not_converged + second.not_converged, one_shot.not_converged);
  EXPECT_EQ(first.verify_reads + second.verify_reads, one_shot.verify_reads);
  EXPECT_EQ(cells_of(s), want);
}

// The first pulse of an independent rewrite is the open-loop pulse, which has been given; where
// write-verify starts from the erased state, a device above it is erased first.
TEST_P(LaterVerify, PulsesWhatTheOpenLoopWriteHasNotDone) {
  SmallSystem s(150, 40, GetParam());
  const DeviceMask mask = device_mask(*s.mapping, s.every_nth(3));
  s.system->program(DeviceMask(*s.mapping));
  const ProgrammingReport r = s.system->verify(mask);
  std::uint64_t above_erased = 0;
  for (std::size_t a = 0; a < s.mapping->blocks().size(); ++a)
    for (std::size_t row = 0; row < s.mapping->blocks()[a].rows; ++row)
      for (std::size_t c = 0; c < s.mapping->columns(a); ++c)
        above_erased += s.mapping->weight_of(a, row, c) % 3 == 0 && s.mapping->level(a, row, c) > 0;
  const bool erases = GetParam() == PulseModelKind::Incremental;
  EXPECT_EQ(r.write_pulses, erases ? r.write_cycles + above_erased : r.write_cycles - mask.count());
}
INSTANTIATE_TEST_SUITE_P(Models, LaterVerify,
                         testing::Values(PulseModelKind::Redraw, PulseModelKind::Incremental,
                                         PulseModelKind::Statistical));

TEST(LaterVerify, PassesOverRowsWithoutWork) {
  SmallSystem s(40, 8, PulseModelKind::Redraw);
  s.system->program(DeviceMask(*s.mapping));
  DeviceMask mask(*s.mapping);
  for (const std::size_t row : {3u, 17u, 18u}) mask.set(0, row, 5);
  const ProgrammingReport some = s.system->verify(mask);
  EXPECT_EQ(some.tiles[0].rows, 3u);
  // The closed sum of three rows: latency and transfer, then their phases; no pulse in round 0.
  const programmer::RowWork& w = some.tiles[0].work;
  const support::Duration period = s.chip.period();
  const std::size_t bytes =
      s.mapping->pitch() * 2 / 8 + s.mapping->pitch() / 8 + kCommandHeaderBytes;
  const auto bus = static_cast<std::int64_t>((bytes * 8 + s.chip.bus_width - 1) / s.chip.bus_width);
  support::Duration t = period * (3 * (s.chip.buffer_latency_cycles + bus));
  t += s.tile.set.width.rounded_up_to(period) * w.set_phases;
  t += s.tile.reset.width.rounded_up_to(period) * w.reset_phases;
  t += s.tile.verify_read_time.rounded_up_to(period) * w.verify_rounds;
  t += support::period_of(s.tile.adc.sample_rate).rounded_up_to(period) * w.serial_conversions;
  EXPECT_EQ(some.time.in_picoseconds(), (t + s.chip.host_link_time).in_picoseconds());
  EXPECT_EQ(w.verify_rounds, w.set_phases + w.reset_phases + 3);

  const ProgrammingReport nothing = s.system->verify(DeviceMask(*s.mapping));
  EXPECT_EQ(nothing.tiles[0].rows, 0u);
  EXPECT_EQ(nothing.time.in_picoseconds(), s.chip.host_link_time.in_picoseconds());
  EXPECT_EQ(nothing.write_pulses, 0u);
}

TEST(LaterVerify, IsRefusedBeforeTheFirstProgramming) {
  SmallSystem s(40, 8, PulseModelKind::Redraw);
  EXPECT_THROW(s.system->verify(DeviceMask(*s.mapping)), std::runtime_error);
}

}  // namespace
}  // namespace uswim::sc_models
