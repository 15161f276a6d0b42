#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "tiles/tile_config.h"

namespace uswim::tiles {
namespace {

/// Cells that see a part of the voltage while `pulsed` columns of row 1 are pulsed, cell by cell.
std::uint64_t plain_count(const TileConfig& tile, const std::vector<bool>& pulsed) {
  std::uint64_t count = 0;
  for (unsigned r = 0; r < tile.rows; ++r)
    for (unsigned c = 0; c < tile.columns; ++c) {
      const bool on_row = r == 1, on_column = pulsed[c];
      if (on_row && on_column) continue;
      switch (tile.write.half_select) {
        case HalfSelect::Half:
          count += on_row || on_column;
          break;
        case HalfSelect::Third:
          ++count;
          break;
        default:
          break;
      }
    }
  return count;
}

class HalfSelectedCells : public testing::TestWithParam<HalfSelect> {};

TEST_P(HalfSelectedCells, AreThoseOnTheLinesOfPulsedOnesInEverySlot) {
  TileConfig tile;
  tile.rows = 5;
  tile.columns = 12;
  tile.write.half_select = GetParam();
  for (const unsigned drivers : {1u, 4u, 5u, 12u}) {
    // A pulse in every column whose number has a bit in common with the pattern.
    for (unsigned pattern = 1; pattern < 16; ++pattern) {
      std::uint64_t want = 0, slots = 0, pulses = 0;
      for (unsigned first = 0; first < tile.columns; first += drivers) {
        std::vector<bool> pulsed(tile.columns, false);
        unsigned in_slot = 0;
        for (unsigned c = first; c < std::min(first + drivers, tile.columns); ++c)
          if ((c & pattern) != 0) {
            pulsed[c] = true;
            ++in_slot;
          }
        if (in_slot == 0) continue;
        ++slots;
        pulses += in_slot;
        want += plain_count(tile, pulsed);
      }
      EXPECT_EQ(half_selected_cells(tile, slots, pulses), want) << drivers << ' ' << pattern;
    }
  }
}
INSTANTIATE_TEST_SUITE_P(Schemes, HalfSelectedCells,
                         testing::Values(HalfSelect::None, HalfSelect::Half, HalfSelect::Third));

TEST(HalfSelectEnergy, IsThatOfALinearCellByTheSquareOfTheVoltage) {
  TileConfig tile;
  PulseConfig pulse;
  pulse.energy = support::picojoules(3.6);
  tile.write.half_select = HalfSelect::Half;
  EXPECT_NEAR(support::in_picojoules(half_select_energy(tile, pulse, 0.0, 0.0)), 0.9, 1e-12);
  tile.write.half_select = HalfSelect::Third;
  EXPECT_NEAR(support::in_picojoules(half_select_energy(tile, pulse, 0.0, 0.0)), 0.4, 1e-12);
  tile.write.half_select_nonlinearity = 10.0;
  EXPECT_NEAR(support::in_picojoules(half_select_energy(tile, pulse, 0.0, 0.0)), 0.04, 1e-12);
}

TEST(HalfSelectEnergy, ByConductanceIsThatOfTheMeanCellAtTheMeanSquare) {
  TileConfig tile;
  tile.write.half_select = HalfSelect::Half;
  tile.write.pulse_energy = CellEnergy::Conductance;
  tile.lowest_level = support::Conductance::from_si(2e-6);
  tile.highest_level = support::Conductance::from_si(42e-6);
  PulseConfig pulse;
  pulse.width = support::Duration::nanoseconds(10);
  // (2 V)^2 and (4 V)^2: their mean is 10 V^2; a quarter of the way up: 12 uS.
  EXPECT_NEAR(support::in_picojoules(half_select_energy(tile, pulse, 10.0, 0.25)),
              10.0 / 4 * 12e-6 * 10e-9 * 1e12, 1e-12);
}

TEST(SlotPower, IsThatOfPulsedAndOfHalfSelectedCells) {
  TileConfig tile;
  tile.rows = 5;
  tile.columns = 12;
  PulseConfig pulse;
  pulse.energy = support::picojoules(3.6);
  pulse.width = support::Duration::nanoseconds(10);  // 360 uW
  const auto microwatts = [&](unsigned pulses) {
    return slot_power(tile, pulse, pulses).in_si() * 1e6;
  };
  EXPECT_NEAR(microwatts(3), 3 * 360.0, 1e-9);
  tile.write.half_select = HalfSelect::Half;  // 9 columns without a pulse, 4 rows of 3 columns
  EXPECT_NEAR(microwatts(3), 3 * 360.0 + (9 + 12) * 90.0, 1e-9);
  tile.write.half_select = HalfSelect::Third;
  EXPECT_NEAR(microwatts(3), 3 * 360.0 + (60 - 3) * 40.0, 1e-9);
  EXPECT_EQ(microwatts(0), 0.0);
}

}  // namespace
}  // namespace uswim::tiles
