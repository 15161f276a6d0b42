#include "experiment/chip_picture.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <sstream>
#include <string>
#include <vector>

namespace uswim::experiment {
namespace {

struct Line {
  double time_s = 0, power_W = 0, reserved_W = 0;
};
std::vector<Line> lines_of(const std::string& csv) {
  std::istringstream in(csv);
  std::string text;
  std::getline(in, text);
  std::vector<Line> lines;
  while (std::getline(in, text)) {
    Line l;
    EXPECT_EQ(std::sscanf(text.c_str(), "%lf,%lf,%lf", &l.time_s, &l.power_W, &l.reserved_W), 3);
    lines.push_back(l);
  }
  return lines;
}

struct Sums {
  double energy_J = 0, peak_W = 0;
};
Sums sums_of(const std::vector<Line>& lines) {
  Sums s;
  for (std::size_t i = 0; i + 1 < lines.size(); ++i) {
    s.energy_J += lines[i].power_W * (lines[i + 1].time_s - lines[i].time_s);
    s.peak_W = std::max(s.peak_W, lines[i].reserved_W);
  }
  return s;
}

TEST(PowerOverTime, KeepsEnergyPeakAndEndWhereALineStandsForSeveralChanges) {
  std::vector<sc_models::RowEvent> rows;
  for (std::size_t i = 0; i < 500; ++i) {
    sc_models::RowEvent r;
    r.begin = support::Duration::picoseconds(static_cast<std::int64_t>(100 * i));
    r.end = r.begin + support::Duration::picoseconds(static_cast<std::int64_t>(150 + 7 * (i % 5)));
    r.power = support::Power::from_si(1e-3 * (1.0 + static_cast<double>(i % 3)));
    r.energy = support::Energy::from_si(1e-15 * static_cast<double>(10 + i % 7));
    rows.push_back(r);
  }
  const std::vector<Line> all = lines_of(power_csv(rows, 100000));
  const Sums want = sums_of(all);
  EXPECT_GT(all.size(), 500u);
  double energy_J = 0;
  for (const auto& r : rows) energy_J += support::in_joules(r.energy);
  EXPECT_NEAR(want.energy_J, energy_J, 1e-6 * energy_J);
  for (const std::size_t limit : {2u, 3u, 10u, 257u}) {
    const std::vector<Line> few = lines_of(power_csv(rows, limit));
    EXPECT_LE(few.size(), limit);
    EXPECT_GE(2 * few.size(), std::min(limit, all.size()));
    const Sums got = sums_of(few);
    EXPECT_NEAR(got.energy_J, want.energy_J, 1e-9 * want.energy_J) << limit;
    EXPECT_EQ(got.peak_W, want.peak_W) << limit;
    EXPECT_EQ(few.front().time_s, all.front().time_s);
    EXPECT_EQ(few.back().time_s, all.back().time_s);
    EXPECT_EQ(few.back().power_W, 0.0);
  }
}

}  // namespace
}  // namespace uswim::experiment
