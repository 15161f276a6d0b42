#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "programmer/write_verify/row_work.h"
#include "support/random.h"

namespace uswim::programmer {
namespace {

constexpr std::size_t kWords = 2, kColumns = kWords * 64, kRows = 12;

/// Write-verify from the open-loop write, so that both polarities occur in every round.
DeviceOutcomes outcomes() {
  DeviceConfig d;
  d.preset = DevicePreset::R1;
  d.sigma = 0.2;
  WriteVerifyConfig c;
  c.start = StartState::OpenLoop;
  DeviceOutcomes o;
  make_pulse_model(c, DeviceModel(d))
      ->write(std::vector<DeviceTarget>(kRows * kColumns, {true, 2.0f / 3, 1.0f}), 0, 1, 0, o);
  return o;
}

/// Sparse in some rows, empty in one, dense in others.
std::vector<std::uint64_t> masks() {
  std::vector<std::uint64_t> words;
  for (std::size_t r = 0; r < kRows; ++r)
    for (std::size_t w = 0; w < kWords; ++w) {
      const auto draw = [&](std::uint64_t i) {
        return support::uniform_word({9, 0, support::Stream::RandomPolicy},
                                     i * 64 + r * kWords + w);
      };
      words.push_back(r == 3 ? 0 : r % 3 == 0 ? draw(0) & draw(1) & draw(2) : draw(0));
    }
  return words;
}

struct Group {
  std::size_t first, rows;
};
const std::vector<Group> kGroups{{0, 1}, {0, 2}, {2, 2}, {3, 1}, {1, 5}, {0, kRows}};

class RowsTogether : public testing::TestWithParam<RowScheme> {
 protected:
  RowView view(std::size_t first, std::size_t rows) const {
    return {pulses_, first * kWords,        kWords, &masks_[first * kWords], GetParam(),
            100,     RowOperation::Program, rows};
  }
  DeviceOutcomes outcomes_ = outcomes();
  std::vector<std::uint64_t> set_ = outcomes_.set_by_round();
  DevicePulses pulses_{outcomes_};
  std::vector<std::uint64_t> masks_ = masks();
};

TEST_P(RowsTogether, GoOnUntilTheSlowestRow) {
  for (const Group& g : kGroups) {
    std::size_t slowest = 0;
    for (std::size_t r = 0; r < g.rows; ++r)
      slowest = std::max(slowest, rounds_of(view(g.first + r, 1)));
    EXPECT_EQ(rounds_of(view(g.first, g.rows)), slowest);
  }
}

// What is counted per device or per read is the sum over the rows; a driver serves its group of
// columns in all rows at once, so a slot is there where any row has a pulse.
TEST_P(RowsTogether, SharePhasesAndAddTheirPulsesAndReads) {
  const RowScheme scheme = GetParam();
  const std::size_t drivers = scheme.drivers == 0 ? kColumns : scheme.drivers;
  for (const Group& g : kGroups)
    for (std::size_t round = 0; round < rounds_of(view(g.first, g.rows)); ++round) {
      RoundWork sum;
      std::vector<std::uint32_t> set(kColumns, 0), reset(kColumns, 0);
      for (std::size_t r = 0; r < g.rows; ++r) {
        const RowView row = view(g.first + r, 1);
        const RoundWork one = round_work(row, round);
        sum.set_pulses += one.set_pulses;
        sum.reset_pulses += one.reset_pulses;
        sum.read_rows += one.verify_reads > 0;
        sum.verify_reads += one.verify_reads;
        sum.serial_conversions += one.serial_conversions;
        for (std::size_t c = 0; c < kColumns; ++c) {
          const auto bit = [&](const std::vector<std::uint64_t>& bits, std::size_t from) {
            return (bits[from + row.word + c / 64] >> (c % 64) & 1) != 0;
          };
          const bool selected = (row.mask[c / 64] >> (c % 64) & 1) != 0;
          set[c] += selected ? bit(set_, round * outcomes_.words())
                             : round == 0 && bit(outcomes_.open_loop_set, 0);
          reset[c] += selected ? bit(outcomes_.reset, round * outcomes_.words())
                               : round == 0 && bit(outcomes_.open_loop_reset, 0);
        }
      }
      std::uint32_t set_slots = 0, reset_slots = 0, both_slots = 0, fullest = 0;
      for (std::size_t at = 0; at < kColumns; at += drivers) {
        std::uint32_t s = 0, r = 0;
        for (std::size_t c = at; c < std::min(at + drivers, kColumns); ++c) {
          s += set[c];
          r += reset[c];
        }
        set_slots += s > 0;
        reset_slots += r > 0;
        both_slots += s > 0 && r > 0;
        fullest = std::max(fullest, s);
      }
      const RoundWork w = round_work(view(g.first, g.rows), round);
      EXPECT_EQ(w.set_pulses, sum.set_pulses);
      EXPECT_EQ(w.reset_pulses, sum.reset_pulses);
      EXPECT_EQ(w.read_rows, sum.read_rows);
      EXPECT_EQ(w.verify_reads, sum.verify_reads);
      EXPECT_EQ(w.serial_conversions, sum.serial_conversions);
      const std::uint32_t mixed = scheme.mixed_phases ? both_slots : 0;
      EXPECT_EQ(w.mixed_slots, mixed);
      EXPECT_EQ(w.set_slots, set_slots - mixed);
      EXPECT_EQ(w.reset_slots, reset_slots - mixed);
      EXPECT_EQ(w.fullest_set, fullest);
    }
}

TEST_P(RowsTogether, WithADriverAtEveryColumnHaveThePhasesOfTheMaximumOverRows) {
  if (GetParam().drivers != 0 || GetParam().mixed_phases) return;
  for (const Group& g : kGroups) {
    const RowWork w = row_work(view(g.first, g.rows));
    std::uint32_t set = 0, reset = 0, cycles = 0;
    for (std::size_t round = 0; round < rounds_of(view(g.first, g.rows)); ++round) {
      bool any_set = false, any_reset = false;
      for (std::size_t r = 0; r < g.rows; ++r) {
        const RoundWork one = round_work(view(g.first + r, 1), round);
        any_set |= one.set_slots > 0;
        any_reset |= one.reset_slots > 0;
      }
      set += any_set;
      reset += any_reset;
    }
    for (std::size_t r = 0; r < g.rows; ++r) cycles += row_work(view(g.first + r, 1)).write_cycles;
    EXPECT_EQ(w.set_slots, set);
    EXPECT_EQ(w.reset_slots, reset);
    EXPECT_EQ(w.write_cycles, cycles);
  }
}
INSTANTIATE_TEST_SUITE_P(Schemes, RowsTogether,
                         testing::Values(RowScheme{8}, RowScheme{8, 16}, RowScheme{4, 24},
                                         RowScheme{8, 1}, RowScheme{8, 0, true},
                                         RowScheme{8, 10, true}, RowScheme{8, 0, false, true}));

}  // namespace
}  // namespace uswim::programmer
