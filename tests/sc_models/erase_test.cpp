#include <gtest/gtest.h>

#include "small_system.h"

/// Rows that are erased by pulses of their own before they are written.
namespace uswim::sc_models {
namespace {

using programmer::PulseModelKind;
using support::Duration;

struct Scheme {
  unsigned drivers = 0, rows = 1;
};

tiles::TileConfig tile_of(const Scheme& scheme) {
  tiles::TileConfig tile;
  tile.write.drivers = scheme.drivers;
  tile.write.rows = scheme.rows;
  tile.write.erase = tiles::EraseRows::Counted;
  tile.write.level_shifter_time = Duration::nanoseconds(1);
  tile.write.level_shifter_energy = support::picojoules(0.1);
  tile.reset = {Duration::nanoseconds(30), support::picojoules(1.5)};
  return tile;
}

/// The work of all rows where none is erased.
programmer::RowWork work_without(const SmallSystem& s, const programmer::SelectionMask& mask,
                                 const Scheme& scheme) {
  programmer::ArrayProgrammer array(*s.mapping, 0, *s.device, *s.pulses, {8, scheme.drivers});
  array.new_chip(1, 0);
  programmer::DeviceMask devices = programmer::device_mask(*s.mapping, mask);
  programmer::RowWork sum;
  for (std::size_t r = 0; r < 40; r += scheme.rows)
    sum.append(array.program_rows(r, scheme.rows, devices.row(0, r)));
  return sum;
}

class Erasing : public testing::TestWithParam<Scheme> {};

// 40 rows of 32 devices: a RESET pulse each, one slot per group of drivers and of rows together.
TEST_P(Erasing, AddsAPulsePerDeviceAndASlotPerGroup) {
  const Scheme scheme = GetParam();
  SmallSystem s(40, 8, PulseModelKind::Incremental, tile_of(scheme));
  const programmer::SelectionMask mask = s.every_nth(3);
  const ProgrammingReport r = s.system->program(mask);
  const programmer::RowWork without = work_without(s, mask, scheme), &with = r.tiles[0].work;
  const std::uint32_t devices = 40 * 32;
  const std::uint32_t slots = (scheme.drivers == 0 ? 1 : 32 / scheme.drivers) * 40 / scheme.rows;
  EXPECT_EQ(with.erase_pulses, devices);
  EXPECT_EQ(with.reset_pulses, without.reset_pulses + devices);
  EXPECT_EQ(with.reset_slots, without.reset_slots + slots);
  EXPECT_EQ(with.phases, without.phases + 40 / scheme.rows);
  EXPECT_EQ(with.set_pulses, without.set_pulses);
  EXPECT_EQ(with.set_slots, without.set_slots);
  EXPECT_EQ(with.write_cycles, without.write_cycles);
  EXPECT_EQ(with.verify_reads, without.verify_reads);
  EXPECT_EQ(with.most_pulses, without.most_pulses + 1);
  EXPECT_EQ(r.write_pulses, std::uint64_t{without.set_pulses} + without.reset_pulses + devices);
  const auto ns = [](std::uint32_t n) { return std::int64_t{n} * 1000; };
  EXPECT_EQ(r.tiles[0].busy.in_picoseconds(),
            10 * ns(without.set_slots) + 30 * ns(without.reset_slots + slots) +
                ns(without.phases + 40 / scheme.rows) + 10 * ns(without.verify_rounds) +
                ns(without.serial_conversions));
  const auto expect = [&](Component c, double joules) {
    EXPECT_NEAR(support::in_joules(r.energy.of(c)), joules, 1e-12 * joules);
  };
  expect(Component::Erase, 1.5e-12 * devices);
  expect(Component::WriteSet, 0.6e-12 * without.set_pulses);
  expect(Component::WriteReset, 1.5e-12 * without.reset_pulses);
  expect(Component::LevelShifter, 0.1e-12 * (without.set_pulses + without.reset_pulses + devices));
  const double writing_J =
      0.6e-12 * without.set_pulses + 1.5e-12 * (without.reset_pulses + devices);
  EXPECT_NEAR(r.average_power.in_si(), writing_J / r.time.in_seconds(), 1e-9);
}
INSTANTIATE_TEST_SUITE_P(Schemes, Erasing,
                         testing::Values(Scheme{}, Scheme{1}, Scheme{16}, Scheme{8, 4}));

TEST(Erasing, DrawsThePowerOfAllDriversAtOnce) {
  tiles::TileConfig tile = tile_of({8});
  tile.reset.energy = support::picojoules(3);  // 100 uW; a SET pulse draws 60
  SmallSystem s(40, 8, PulseModelKind::Incremental, tile);
  const ProgrammingReport r = s.system->program(s.every_nth(1000));
  EXPECT_NEAR(r.peak_power.in_si(), 8 * 100e-6, 1e-12);
}

TEST(Erasing, IsNotRepeatedByLaterWriteVerify) {
  SmallSystem s(40, 8, PulseModelKind::Incremental, tile_of({}));
  s.system->program(s.every_nth(1'000'000));
  const ProgrammingReport later =
      s.system->verify(programmer::device_mask(*s.mapping, s.every_nth(2)));
  EXPECT_EQ(support::in_joules(later.energy.of(Component::Erase)), 0.0);
}

}  // namespace
}  // namespace uswim::sc_models
