// Open-loop writes of other weights on a programmed chip: what in-situ training does.
#include <gtest/gtest.h>

#include <cmath>

#include "small_system.h"

namespace uswim::sc_models {
namespace {

using programmer::device_mask;
using programmer::DeviceMask;
using programmer::PulseModelKind;
using Codes = std::vector<std::vector<std::int16_t>>;

/// Other weights: every code moved by one, the largest one down.
Codes moved(const SmallSystem& s) {
  Codes codes{s.weights[0].code};
  for (std::int16_t& c : codes[0]) c = static_cast<std::int16_t>(c == 15 ? 14 : c + 1);
  return codes;
}

TEST(Rewrite, PulsesEachDeviceOnceInTheDirectionOfItsLevel) {
  SmallSystem s(150, 40, PulseModelKind::Incremental);
  s.system->program(DeviceMask(*s.mapping));
  const Codes codes = moved(s);
  DeviceMask changed(*s.mapping);
  std::uint64_t rising = 0, falling = 0;
  for (std::size_t a = 0; a < s.mapping->blocks().size(); ++a)
    for (std::size_t r = 0; r < s.mapping->blocks()[a].rows; ++r)
      for (std::size_t c = 0; c < s.mapping->columns(a); ++c) {
        const unsigned before = s.mapping->level(a, r, c);
        const unsigned now = s.mapping->level_of_code(codes[0][s.mapping->weight_of(a, r, c)], c);
        if (now == before) continue;
        changed.set(a, r, c);
        (now > before ? rising : falling) += 1;
      }
  const ProgrammingReport report = s.system->rewrite(changed, codes);
  std::uint64_t set = 0, reset = 0;
  for (const TileReport& t : report.tiles) {
    set += t.work.set_pulses;
    reset += t.work.reset_pulses;
  }
  EXPECT_EQ(set, rising);
  EXPECT_EQ(reset, falling);
  EXPECT_EQ(report.write_pulses, changed.count());
  EXPECT_EQ(report.verify_reads, 0u);
  // Back again: the levels in memory are those that were written last.
  const ProgrammingReport back = s.system->rewrite(changed, {s.weights[0].code});
  set = reset = 0;
  for (const TileReport& t : back.tiles) {
    set += t.work.set_pulses;
    reset += t.work.reset_pulses;
  }
  EXPECT_EQ(set, falling);
  EXPECT_EQ(reset, rising);
}

// Every cell ends at its new level with the open-loop error of that level, a new one each time.
TEST(Rewrite, LeavesTheOpenLoopErrorOfTheNewLevel) {
  SmallSystem s(150, 40, PulseModelKind::Incremental);
  s.system->program(device_mask(*s.mapping, s.every_nth(1)));
  const Codes codes = moved(s);
  const DeviceMask everything = device_mask(*s.mapping, s.every_nth(1));
  double squares[2][4] = {}, product = 0.0;
  std::vector<double> first;
  std::size_t count[4] = {};
  for (int time = 0; time < 2; ++time) {
    s.system->rewrite(everything, codes);
    std::size_t device = 0;
    for (std::size_t a = 0; a < s.mapping->blocks().size(); ++a)
      for (std::size_t r = 0; r < s.mapping->blocks()[a].rows; ++r)
        for (std::size_t c = 0; c < s.mapping->columns(a); ++c, ++device) {
          const unsigned level =
              s.mapping->level_of_code(codes[0][s.mapping->weight_of(a, r, c)], c);
          const double g = s.system->cells(a).row(r)[c] / (3.0 * tiles::kUnitsPerLevel);
          const double z = (g - s.device->target(level)) / s.device->sigma(level, 0.0);
          squares[time][level] += z * z;
          if (time == 0) {
            first.push_back(z);
            ++count[level];
          } else {
            product += first[device] * z;
          }
        }
  }
  for (int time = 0; time < 2; ++time)
    for (unsigned level = 0; level < 4; ++level) {
      const auto n = static_cast<double>(count[level]);
      ASSERT_GT(n, 500);
      EXPECT_NEAR(squares[time][level] / n, 1.0, 4.5 * std::sqrt(2.0 / n)) << level;
    }
  const auto n = static_cast<double>(first.size());
  EXPECT_NEAR(product / n, 0.0, 4.5 / std::sqrt(n));
}

TEST(Rewrite, TakesOnePhaseOfEachPolarityARowAndLeavesTheOthers) {
  SmallSystem s(40, 8, PulseModelKind::Redraw);
  s.system->program(DeviceMask(*s.mapping));
  const std::int16_t untouched = s.system->cells(0).row(1)[3];
  DeviceMask mask(*s.mapping);
  for (std::size_t c = 0; c < 32; ++c) mask.set(0, 7, c);
  const ProgrammingReport report = s.system->rewrite(mask, moved(s));
  EXPECT_EQ(report.tiles[0].rows, 1u);
  EXPECT_EQ(s.system->cells(0).row(1)[3], untouched);
  const support::Duration period = s.chip.period();
  const std::size_t bytes =
      s.mapping->pitch() * 2 / 8 + s.mapping->pitch() / 8 + kCommandHeaderBytes;
  const auto bus = static_cast<std::int64_t>((bytes * 8 + s.chip.bus_width - 1) / s.chip.bus_width);
  const support::Duration want = period * (s.chip.buffer_latency_cycles + bus) +
                                 s.tile.set.width.rounded_up_to(period) +
                                 s.tile.reset.width.rounded_up_to(period) + s.chip.host_link_time;
  EXPECT_EQ(report.time.in_picoseconds(), want.in_picoseconds());
  // Afterwards a programming has its own levels again.
  EXPECT_NO_THROW(s.system->program(DeviceMask(*s.mapping)));
}

}  // namespace
}  // namespace uswim::sc_models
