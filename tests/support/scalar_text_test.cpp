#include "support/config/scalar_text.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <random>
#include <regex>
#include <string>
#include <utility>

namespace {

using namespace uswim::support::config;

std::uint64_t bits_of(double v) {
  std::uint64_t bits;
  std::memcpy(&bits, &v, sizeof bits);
  return bits;
}

double random_double(std::mt19937_64& engine) {
  for (;;) {
    const std::uint64_t bits = engine();
    double v;
    std::memcpy(&v, &bits, sizeof v);
    if (std::isfinite(v)) return v;
  }
}

constexpr std::array<std::pair<const char*, int>, 11> kPrefixes{{{"f", -15},
                                                                 {"p", -12},
                                                                 {"n", -9},
                                                                 {"u", -6},
                                                                 {"µ", -6},
                                                                 {"μ", -6},
                                                                 {"m", -3},
                                                                 {"", 0},
                                                                 {"k", 3},
                                                                 {"M", 6},
                                                                 {"G", 9}}};

TEST(QuantityText, GivesTheDoubleOfTheLiteral) {
  EXPECT_EQ(read_quantity("0.6 pJ", kJoule).value, 0.6e-12);
  EXPECT_EQ(read_quantity("600fJ", kJoule).value, 0.6e-12);
  EXPECT_EQ(read_quantity("40 uS", kSiemens).value, 40e-6);
  EXPECT_EQ(read_quantity("0.1 µS", kSiemens).value, 0.1e-6);
  EXPECT_EQ(read_quantity("0.1 μS", kSiemens).value, 0.1e-6);
  EXPECT_EQ(read_quantity("1.2 GHz", kHertz).value, 1.2e9);
  EXPECT_EQ(read_quantity("-.3 V", kVolt).value, -0.3);
  EXPECT_EQ(read_quantity("1.1e3 mW", kWatt).value, 1.1);
  EXPECT_EQ(read_quantity("3. MHz", kHertz).value, 3e6);
  EXPECT_EQ(read_quantity("0e999999999 V", kVolt).value, 0.0);
}

TEST(QuantityText, EveryDecimalAndPrefixGiveTheNearestDouble) {
  // Multiplying 0.1 by 1e-6 misses the double nearest to 0.1e-6; the C library's own conversion of
  // the whole decimal is the oracle.
  std::mt19937_64 engine(1);
  for (int i = 0; i < 20'000; ++i) {
    std::string number = std::to_string(engine() >> (engine() % 64));
    number.insert(engine() % number.size(), i % 2 == 0 ? "." : "");
    const int power = static_cast<int>(engine() % 40) - 20;
    const auto& [prefix, exponent] = kPrefixes[engine() % kPrefixes.size()];
    const std::string text = number + "e" + std::to_string(power) + " " + prefix + "J";
    const double expected =
        std::strtod((number + "e" + std::to_string(power + exponent)).c_str(), nullptr);
    EXPECT_EQ(read_quantity(text, kJoule).value, expected) << text;
  }
}

TEST(QuantityText, RefusesEverythingElse) {
  for (const char* bad : {"",      " ",     "J",     "1",      "1 ",       "1 j",     "1 TJ",
                          "1 mmJ", "1 pJ ", " 1 pJ", "1 p J",  "1.2.3 pJ", "1,5 pJ",  "1 pJ/bit",
                          "pJ",    "e3 pJ", "1e pJ", "0x1 pJ", "--1 pJ",   "1 pW",    "1 JJ",
                          ". pJ",  "1\tpJ", "nan J", ".inf J", "1e400 J",  "1e-400 J"})
    EXPECT_FALSE(read_quantity(bad, kJoule).value) << bad;
  EXPECT_EQ(read_quantity("1", kJoule).fault, "has no unit");
  EXPECT_EQ(read_quantity("1 ns", kJoule).fault, "is not an energy");
  EXPECT_EQ(read_quantity("1e400 J", kJoule).fault, "is too large or too small for a double");
}

TEST(QuantityText, IsWrittenWithAMantissaFromOneToAThousand) {
  EXPECT_EQ(write_quantity(0.6e-12, kJoule), "600 fJ");
  EXPECT_EQ(write_quantity(1.5e-12, kJoule), "1.5 pJ");
  EXPECT_EQ(write_quantity(999.0, kVolt), "999 V");
  EXPECT_EQ(write_quantity(1000.0, kVolt), "1 kV");
  EXPECT_EQ(write_quantity(-0.25, kVolt), "-250 mV");
  EXPECT_EQ(write_quantity(1.2e9, kHertz), "1.2 GHz");
  EXPECT_EQ(write_quantity(1e12, kHertz), "1000 GHz");
  EXPECT_EQ(write_quantity(1.5e-17, kJoule), "0.015 fJ");
  EXPECT_EQ(write_quantity(1.5e-30, kJoule), "15e-31 J");
  EXPECT_EQ(write_quantity(0.0, kJoule), "0 J");
  EXPECT_EQ(write_quantity(0.1 + 0.2, kVolt), "300.00000000000004 mV");
}

TEST(QuantityText, ReadsBackTheSameDouble) {
  std::mt19937_64 engine(2);
  std::uniform_real_distribution<double> exponent(-18.0, 15.0);
  for (int i = 0; i < 100'000; ++i) {
    const double v = i % 2 == 0 ? random_double(engine)
                                : std::pow(10.0, exponent(engine)) * (i % 4 == 1 ? 1 : -1);
    const std::string text = write_quantity(v, kSiemens);
    const Reading<double> back = read_quantity(text, kSiemens);
    ASSERT_TRUE(back.value) << text;
    ASSERT_EQ(bits_of(*back.value), bits_of(v)) << text;
    const double number = *read_number(write_number(v)).value;
    ASSERT_EQ(bits_of(number), bits_of(v));
  }
}

TEST(QuantityText, ThePatternAcceptsWhatTheReaderReads) {
  const std::regex pattern(quantity_pattern(kJoule, false));
  for (const char* text : {"0.6 pJ", "600fJ", "1e-3 J", ".5 mJ", "3. J", "+2   GJ", "2 kJ"}) {
    EXPECT_TRUE(std::regex_search(text, pattern)) << text;
    EXPECT_TRUE(read_quantity(text, kJoule).value) << text;
  }
  for (const char* text : {"1", "1 pW", "pJ", "1 TJ", "x1 J", "1 J x", "-1 J", "1,5 J"})
    EXPECT_FALSE(std::regex_search(text, pattern)) << text;
  EXPECT_TRUE(std::regex_search("-1 V", std::regex(quantity_pattern(kVolt, true))));
}

TEST(DurationText, IsExactToThePicosecond) {
  EXPECT_EQ(read_picoseconds("100 ns").value, 100'000);
  EXPECT_EQ(read_picoseconds("100ns").value, 100'000);
  EXPECT_EQ(read_picoseconds("0.001 ns").value, 1);
  EXPECT_EQ(read_picoseconds("1000 fs").value, 1);
  EXPECT_EQ(read_picoseconds("0 s").value, 0);
  EXPECT_EQ(read_picoseconds("9000000 s").value, 9'000'000'000'000'000'000);
  // Beyond what a double resolves.
  EXPECT_EQ(read_picoseconds("8999999.123456789013 s").value, 8'999'999'123'456'789'013);
}

TEST(DurationText, RefusesWhatIsNoWholePicosecondOrTooLong) {
  for (const char* bad : {"0.5 ps", "1 fs", "1.0001 ns", "1e-13 s"})
    EXPECT_EQ(read_picoseconds(bad).fault,
              "is not a whole number of picoseconds, the resolution of simulated time")
        << bad;
  for (const char* bad : {"9000000.000000000001 s", "1e7 s", "1e99999 s", "-1e7 s"})
    EXPECT_FALSE(read_picoseconds(bad).value && *read_picoseconds(bad).value >= 0) << bad;
}

TEST(DurationText, ReadsBackTheSamePicoseconds) {
  std::mt19937_64 engine(3);
  for (int i = 0; i < 100'000; ++i) {
    const auto v =
        static_cast<std::int64_t>((engine() >> (engine() % 64)) % 9'000'000'000'000'000'001);
    ASSERT_EQ(read_picoseconds(write_picoseconds(v)).value, v) << write_picoseconds(v);
  }
  EXPECT_EQ(write_picoseconds(100'000), "100 ns");
  EXPECT_EQ(write_picoseconds(1), "1 ps");
  EXPECT_EQ(write_picoseconds(1'500'000), "1.5 us");
}

TEST(NumberText, WholeNumbersKeepAll64Bits) {
  EXPECT_EQ(read_whole("9223372036854775807").value, std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(read_whole("-9223372036854775808").value, std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(read_whole("9223372036854775808").fault, "is out of range");
}

TEST(NumberText, TheExtremesOfADoubleAreRead) {
  EXPECT_EQ(read_number("1.7976931348623157e308").value, std::numeric_limits<double>::max());
  EXPECT_EQ(read_number("5e-324").value, std::numeric_limits<double>::denorm_min());
  EXPECT_FALSE(read_number("1e309").value);
  EXPECT_FALSE(read_number("1e-400").value);
  EXPECT_EQ(read_number(std::string(100'000, '0') + "1").value, 1.0);
  EXPECT_EQ(read_number("1" + std::string(200, '0') + "e-200").value, 1.0);
}

}  // namespace
