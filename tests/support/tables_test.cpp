#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "support/results.h"
#include "temporary_directory.h"

namespace {

using namespace uswim::support;
using testing::HasSubstr;

TEST(CsvTable, WritesNumbersThatReadBackTheSame) {
  CsvTable table({"layer", "energy_pJ", "count"});
  table.cell("conv1").cell(0.1 + 0.2).cell(std::uint64_t{18446744073709551615u}).end_row();
  table.cell("fc").cell(1.0).cell(-3).end_row();
  EXPECT_EQ(table.bytes(),
            "layer,energy_pJ,count\n"
            "conv1,0.30000000000000004,18446744073709551615\n"
            "fc,1,-3\n");
  std::mt19937_64 engine(5);
  for (int i = 0; i < 1'000; ++i) {
    const double v =
        std::ldexp(static_cast<double>(engine()), static_cast<int>(engine() % 2000) - 1000);
    if (!std::isfinite(v)) continue;
    CsvTable one({"v"});
    one.cell(v).end_row();
    EXPECT_EQ(std::strtod(one.bytes().c_str() + 2, nullptr), v);
  }
}

TEST(CsvTable, QuotesTextsThatHoldSeparators) {
  CsvTable table({"a, b", "c"});
  table.cell("x \"y\"").cell("two\nlines").end_row();
  EXPECT_EQ(table.bytes(), "\"a, b\",c\n\"x \"\"y\"\"\",\"two\nlines\"\n");
}

TEST(CsvTable, ANumberThatIsNoneNamesItsColumn) {
  for (const double bad : {std::nan(""), std::numeric_limits<double>::infinity()}) {
    CsvTable table({"layer", "energy_pJ"});
    table.cell("a");
    EXPECT_THAT(message_of<std::invalid_argument>([&] { table.cell(bad); }),
                HasSubstr("'energy_pJ'"));
  }
}

TEST(CsvTable, ARowHasOneValuePerColumn) {
  CsvTable table({"a", "b"});
  EXPECT_THROW(table.cell(1).end_row(), std::logic_error);
  table.cell(2).end_row();
  EXPECT_THROW(table.cell(1).cell(2).cell(3).end_row(), std::logic_error);
}

TEST(Prefixes, LeaveOneToThreeDigitsBeforeThePoint) {
  EXPECT_EQ(with_prefix(105'918, "B"), "106 kB");
  EXPECT_EQ(with_prefix(999'400, "B"), "999 kB");
  EXPECT_EQ(with_prefix(999'600, "B"), "1 MB");
  EXPECT_EQ(with_prefix(-0.000'999'9, "s"), "-1 ms");
  EXPECT_EQ(with_prefix(5e12, "J"), "5e+03 GJ");
}

TEST(RunningStatistics, IsTheMeanAndTheSampleDeviation) {
  RunningStatistics s;
  EXPECT_EQ(s.standard_deviation(), 0.0);
  s.add(2.0);
  EXPECT_EQ(s.standard_deviation(), 0.0);
  // 2 4 4 4 5 5 7 9: mean 5, sum of squares 32, deviation sqrt(32 / 7).
  for (const double v : {4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0}) s.add(v);
  EXPECT_EQ(s.count(), 8u);
  EXPECT_DOUBLE_EQ(s.mean(), 5.0);
  EXPECT_DOUBLE_EQ(s.standard_deviation(), std::sqrt(32.0 / 7.0));
}

TEST(RunningStatistics, SurvivesALargeOffset) {
  // A sum of squares would lose every digit: 1e9^2 has an ulp of 128.
  RunningStatistics s;
  for (const double v : {1e9 + 4, 1e9 + 7, 1e9 + 13, 1e9 + 16}) s.add(v);
  EXPECT_DOUBLE_EQ(s.mean(), 1e9 + 10);
  EXPECT_DOUBLE_EQ(s.standard_deviation(), std::sqrt(30.0));
}

}  // namespace
