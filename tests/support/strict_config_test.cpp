#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "sample_config.h"
#include "temporary_directory.h"

namespace {

using namespace uswim::support;
using sample::faults_of;
using sample::good;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Lines = std::vector<std::string>;

const std::string kNetwork = "network: net.onnx\n";

TEST(StrictConfig, NamesEveryFaultWithItsPlaceInTheOrderOfTheFile) {
  EXPECT_THAT(
      faults_of("programmer:\n"
                "  write_verify: {tolerence: 0.1, max_cycles: many}\n"
                "tile:\n"
                "  adc:\n"
                "    sample_rate: 1.2\n"
                "device: {preset: R5}\n"),
      ElementsAre(
          "x.yaml:1:1: network: missing required key",
          "x.yaml:2:18: programmer.write_verify.tolerence: unknown key (did you mean 'tolerance'?)",
          "x.yaml:2:46: programmer.write_verify.max_cycles: 'many' is not a whole number (expected "
          "1 to 1000000)",
          "x.yaml:5:18: tile.adc.sample_rate: '1.2' has no unit (expected a frequency such as '1.2 "
          "GHz')",
          "x.yaml:6:18: device.preset: 'R5' is not one of R1, F2, F3, R4, F6 (did you mean "
          "'R4'?)"));
}

TEST(StrictConfig, TheMessageHoldsOneFaultALine) {
  const ConfigError error({"one", "two"});
  EXPECT_STREQ(error.what(), "one\ntwo");
  const ConfigError many(std::vector<std::string>(60, "x"));
  EXPECT_THAT(many.what(), HasSubstr("x\nand 10 more faults"));
  EXPECT_EQ(many.faults().size(), 60u);
}

TEST(StrictConfig, ReadsEveryKind) {
  const sample::Config c = good(
      "seed: -3\n"
      "title: 'it''s'\n"
      "scores: /abs/scores.npy\n"
      "fractions: [0, 0.25, 1e-3]\n"
      "layers: [conv1, \"2\"]\n"
      "presets: [F6]\n"
      "programmer: {write_verify: {tolerance: .5, max_cycles: 1000000}}\n"
      "device: {preset: R4, sigma: 1e-2, pulse_width: 1.5us, pulse_energy: 1.5 pJ,\n"
      "         pulse_voltage: -300 mV, on_conductance: 25 µS}\n"
      "tile: {power: 2 W, adc: {bits: 6, sample_rate: 40 MHz, shared: true}}\n");
  EXPECT_EQ(c.seed, -3);
  EXPECT_EQ(c.title, "it's");
  EXPECT_EQ(c.scores, "/abs/scores.npy");
  EXPECT_EQ(c.network, "net.onnx");
  EXPECT_THAT(c.fractions, ElementsAre(0.0, 0.25, 1e-3));
  EXPECT_THAT(c.layers, ElementsAre("conv1", "2"));
  EXPECT_THAT(c.presets, ElementsAre(sample::Preset::F6));
  EXPECT_EQ(c.tolerance, 0.5);
  EXPECT_EQ(c.max_cycles, 1000000u);
  EXPECT_EQ(c.preset, sample::Preset::R4);
  EXPECT_EQ(c.sigma, 1e-2);
  EXPECT_EQ(c.pulse_width, Duration::nanoseconds(1500));
  EXPECT_EQ(c.pulse_energy.in_si(), 1.5e-12);
  EXPECT_EQ(c.pulse_voltage.in_si(), -300e-3);
  EXPECT_EQ(c.on_conductance.in_si(), 25e-6);
  EXPECT_EQ(c.power.in_si(), 2.0);
  EXPECT_EQ(c.bits, 6);
  EXPECT_EQ(c.sample_rate.in_si(), 40e6);
  EXPECT_TRUE(c.shared);
}

TEST(StrictConfig, AnAbsentKeyKeepsTheDefaultOfTheStruct) {
  const sample::Config c = good("");
  const sample::Config d;
  EXPECT_EQ(c.tolerance, d.tolerance);
  EXPECT_EQ(c.sigma, std::nullopt);
  EXPECT_EQ(c.pulse_width, d.pulse_width);
  EXPECT_EQ(c.presets, d.presets);
  EXPECT_EQ(c.title, d.title);
}

TEST(StrictConfig, AFaultyKeyKeepsTheDefaultUntilFinish) {
  ConfigDocument document =
      ConfigDocument::from_text("tile: {adc: {bits: 17}}\nnetwork: a", "x.yaml");
  const sample::Config c = sample::read(document.root());
  EXPECT_EQ(c.bits, 8);
  EXPECT_THROW(document.finish(), ConfigError);
}

TEST(StrictConfig, AMissingRequiredKeyIsReportedAtItsSection) {
  ConfigDocument document = ConfigDocument::from_text("a: 1\nouter:\n  inner: {b: 2}\n", "x.yaml");
  ConfigReader in = document.root();
  int v = 0;
  std::string text;
  in.whole("a", v, closed(0, 9), {""});
  ConfigReader outer = in.section("outer", {""});
  ConfigReader inner = outer.section("inner", {""});
  inner.whole("b", v, closed(0, 9), {""});
  inner.required_text("name", text, {""});
  outer.section("absent", {""}).required_text("name", text, {""});
  Lines lines;
  try {
    document.finish();
  } catch (const ConfigError& e) {
    lines = e.faults();
  }
  EXPECT_THAT(lines, ElementsAre("x.yaml:2:1: outer.absent.name: missing required key",
                                 "x.yaml:3:3: outer.inner.name: missing required key"));
}

TEST(StrictConfig, ARequiredKeyMustNotBeEmpty) {
  EXPECT_THAT(faults_of("network: ''"), ElementsAre("x.yaml:1:10: network: is empty"));
}

TEST(StrictConfig, ARepeatedKeyIsAFaultAtEveryDepth) {
  EXPECT_THAT(faults_of(kNetwork + "seed: 1\ntile: {adc: {bits: 3, bits: 3}}\nseed: 2\n"),
              ElementsAre("x.yaml:3:23: tile.adc.bits: repeated key (it stands at 3:14 already)",
                          "x.yaml:4:1: seed: repeated key (it stands at 2:1 already)"));
}

TEST(StrictConfig, AKeyOfAnotherSectionIsSentThere) {
  EXPECT_THAT(faults_of(kNetwork + "device: {sample_rate: 1 GHz}"),
              ElementsAre("x.yaml:2:10: device.sample_rate: unknown key (belongs to 'tile.adc')"));
  EXPECT_THAT(faults_of(kNetwork + "tile: {seed: 4}"),
              ElementsAre("x.yaml:2:8: tile.seed: unknown key (belongs to the top level)"));
}

TEST(StrictConfig, AnUnlikeUnknownKeyListsTheKnownOnes) {
  EXPECT_THAT(faults_of(kNetwork + "tile: {adc: {wibbly: 4}}"),
              ElementsAre("x.yaml:2:14: tile.adc.wibbly: unknown key (known here: bits, "
                          "sample_rate, shared)"));
}

TEST(StrictConfig, AnUnknownSectionIsOneFault) {
  EXPECT_EQ(faults_of(kNetwork + "colour: {a: 1, b: {c: 2}}").size(), 1u);
}

TEST(StrictConfig, MergeKeysAreExplained) {
  EXPECT_THAT(faults_of(kNetwork + "device: &d {preset: R1}\ntile: {<<: *d}"),
              ElementsAre(HasSubstr("merging is not supported")));
}

TEST(StrictConfig, AKeyWithoutAValueIsAFault) {
  EXPECT_THAT(faults_of("network:\nseed: ~\ntile:\nfractions: [0, ]\nlayers: [a, ~]"),
              ElementsAre("x.yaml:1:1: network: has no value", "x.yaml:2:1: seed: has no value",
                          "x.yaml:3:1: tile: has no value (expected a section)",
                          "x.yaml:5:13: layers[1]: has no value (expected text)"));
}

TEST(StrictConfig, AValueOfTheWrongShapeIsAFault) {
  EXPECT_THAT(
      faults_of(kNetwork + "seed: [1]\ntitle: {a: 1}\nfractions: 3\npresets: R1\ntile: 4\n"),
      ElementsAre(
          "x.yaml:2:7: seed: a list stands here (expected -9000000000000000 to 9000000000000000)",
          "x.yaml:3:8: title: a section stands here (expected text)",
          "x.yaml:4:12: fractions: '3' is not a list (expected a list such as [0, 0.5])",
          "x.yaml:5:10: presets: 'R1' is not a list (expected a list of R1, F2, F3, R4, "
          "F6)",
          "x.yaml:6:7: tile: expected a section, found '4'"));
}

TEST(StrictConfig, NothingIsMissingInsideAFaultySection) {
  ConfigDocument document = ConfigDocument::from_text("part: 3", "x.yaml");
  std::string text;
  document.root().section("part", {""}).section("inner", {""}).required_text("name", text, {""});
  try {
    document.finish();
    FAIL();
  } catch (const ConfigError& e) {
    EXPECT_THAT(e.faults(), ElementsAre("x.yaml:1:7: part: expected a section, found '3'"));
  }
}

TEST(StrictConfig, NumbersOutsideTheirRangeAreFaults) {
  const auto tolerance = [](const std::string& text) {
    return faults_of(kNetwork + "programmer: {write_verify: {tolerance: " + text + "}}");
  };
  EXPECT_THAT(tolerance("0.5"), IsEmpty());
  for (const char* bad : {"0", "1", "-0.1", "1.5", "1e300"})
    EXPECT_THAT(tolerance(bad), ElementsAre(HasSubstr("is outside the range (expected above 0 and "
                                                      "below 1)")))
        << bad;
  for (const char* good_one : {"0", "1", "0.5"})
    EXPECT_THAT(faults_of(kNetwork + "fractions: [" + good_one + "]"), IsEmpty()) << good_one;
  EXPECT_THAT(faults_of(kNetwork + "fractions: [0, 1.01]"),
              ElementsAre("x.yaml:2:16: fractions[1]: '1.01' is outside the range (expected 0 to "
                          "1)"));
  EXPECT_THAT(faults_of(kNetwork + "device: {sigma: 0}"),
              ElementsAre(HasSubstr("(expected above 0)")));
  EXPECT_THAT(faults_of(kNetwork + "tile: {adc: {bits: 0}}"), ElementsAre(HasSubstr("1 to 16")));
}

TEST(StrictConfig, NotANumberAndInfinityAreRefused) {
  for (const char* bad : {".nan", ".NaN", ".inf", "-.inf", "nan", "inf", "-Infinity"}) {
    EXPECT_THAT(faults_of(kNetwork + "device: {sigma: " + bad + "}"),
                ElementsAre(HasSubstr("is not a finite number (expected above 0)")))
        << bad;
    EXPECT_THAT(faults_of(kNetwork + "seed: " + bad),
                ElementsAre(HasSubstr("is not a finite number")))
        << bad;
    EXPECT_THAT(faults_of(kNetwork + "device: {pulse_width: " + std::string(bad) + "}"),
                ElementsAre(HasSubstr("is not a finite quantity")))
        << bad;
  }
}

TEST(StrictConfig, NumbersAreReadWholeAndInDecimal) {
  for (const char* bad : {"1.0", "1e3", "0x10", "0o7", "1_000", "ten", "1 2", "+-1", "''"})
    EXPECT_THAT(faults_of(kNetwork + "seed: " + bad), ElementsAre(HasSubstr("whole number")))
        << bad;
  for (const char* bad : {"0x10", "1.2.3", "5%", "3 ns", "1e", "e3", ".", "1,5"})
    EXPECT_THAT(faults_of(kNetwork + "device:\n  sigma: " + bad).at(0), HasSubstr("sigma: '"))
        << bad;
  EXPECT_EQ(good("seed: 010").seed, 10);
  EXPECT_EQ(good("seed: +7").seed, 7);
  EXPECT_THAT(faults_of(kNetwork + "seed: 99999999999999999999"),
              ElementsAre(HasSubstr("is out of range")));
}

TEST(StrictConfig, ANumberInQuotesIsText) {
  EXPECT_THAT(faults_of(kNetwork + "seed: '3'"),
              ElementsAre(HasSubstr("'3' is text in quotes, not a whole number")));
  EXPECT_THAT(faults_of(kNetwork + "device: {sigma: '0.5'}"),
              ElementsAre(HasSubstr("'0.5' is text in quotes, not a number")));
  EXPECT_EQ(good("title: 2024").title, "2024");
}

TEST(StrictConfig, AWholeNumberMustFitItsType) {
  ConfigDocument document = ConfigDocument::from_text("a: 4294967296\nb: -1", "x.yaml");
  std::uint32_t a = 1;
  std::size_t b = 1;
  document.root().whole("a", a, at_least(1), {""});
  document.root().whole("b", b, closed(-5, 5), {""});
  try {
    document.finish();
    FAIL();
  } catch (const ConfigError& e) {
    EXPECT_THAT(e.faults(), ElementsAre(HasSubstr("a: '4294967296' is outside the range"),
                                        HasSubstr("b: '-1' is outside the range")));
  }
}

TEST(StrictConfig, OnlyTrueAndFalseAreTruthValues) {
  EXPECT_FALSE(good("tile: {adc: {shared: false}}").shared);
  for (const char* bad : {"yes", "no", "on", "True", "1", "'true'"})
    EXPECT_THAT(faults_of(kNetwork + "tile: {adc: {shared: " + std::string(bad) + "}}"),
                ElementsAre(HasSubstr("expected true or false")))
        << bad;
}

TEST(StrictConfig, AWrongWordGetsTheRightOnes) {
  EXPECT_THAT(faults_of(kNetwork + "device: {preset: r4}"),
              ElementsAre(HasSubstr("'r4' is not one of R1, F2, F3, R4, F6 (did you mean 'R4'?)")));
  EXPECT_THAT(faults_of(kNetwork + "device: {preset: transistor}"),
              ElementsAre("x.yaml:2:18: device.preset: 'transistor' is not one of R1, F2, F3, R4, "
                          "F6"));
}

TEST(StrictConfig, AListOfWordsHoldsEachOnce) {
  EXPECT_THAT(faults_of(kNetwork + "presets: [R1, F2, R1]"),
              ElementsAre("x.yaml:2:19: presets[2]: 'R1' stands twice in the list"));
}

TEST(StrictConfig, AQuantityNeedsItsUnit) {
  const auto width = [](const std::string& text) {
    return faults_of(kNetwork + "device: {pulse_width: " + text + "}");
  };
  EXPECT_THAT(width("100"), ElementsAre(HasSubstr("'100' has no unit (expected a duration such as "
                                                  "'100 ns')")));
  EXPECT_THAT(width("100 nS"), ElementsAre(HasSubstr("'100 nS' is not a duration")));
  EXPECT_THAT(width("100 pJ"), ElementsAre(HasSubstr("is not a duration")));
  EXPECT_THAT(width("long"), ElementsAre(HasSubstr("is not a duration")));
  EXPECT_THAT(width("-1 ns"), ElementsAre(HasSubstr("(expected at least 0 s)")));
  EXPECT_THAT(width("0.5 ps"), ElementsAre(HasSubstr("is not a whole number of picoseconds")));
  EXPECT_THAT(width("9e9 s"), ElementsAre(HasSubstr("104 days")));
  EXPECT_THAT(faults_of(kNetwork + "device: {pulse_energy: -1 pJ}"),
              ElementsAre(HasSubstr("is outside the range (expected at least 0 J)")));
  EXPECT_THAT(faults_of(kNetwork + "tile: {adc: {sample_rate: 0 Hz}}"),
              ElementsAre(HasSubstr("is outside the range (expected 1 uHz to 1000 GHz)")));
}

TEST(StrictConfig, ChecksAcrossKeysAreReportedWhereTheKeyStands) {
  ConfigDocument document = ConfigDocument::from_text("a: 1\nb: {c: 2}\n", "x.yaml");
  int v = 0;
  ConfigReader in = document.root();
  in.whole("a", v, closed(0, 9), {""});
  ConfigReader b = in.section("b", {""});
  b.whole("c", v, closed(0, 9), {""});
  b.check(true, "c", "never seen");
  b.check(false, "c", "must be odd");
  b.check(false, "", "does not fit");
  b.check(false, "absent", "is needed here");
  try {
    document.finish();
    FAIL();
  } catch (const ConfigError& e) {
    EXPECT_THAT(e.faults(),
                ElementsAre("x.yaml:2:1: b: does not fit", "x.yaml:2:1: b.absent: is needed here",
                            "x.yaml:2:8: b.c: must be odd"));
  }
}

TEST(StrictConfig, AFaultThatShowsLaterNamesThePlaceToo) {
  const ConfigDocument document =
      ConfigDocument::from_text("a: 1\nb:\n  c: 5\n", "x.yaml", {"b.d=7"});
  EXPECT_STREQ(document.fault("b.c", "is odd").what(), "x.yaml:3:6: b.c: is odd");
  EXPECT_STREQ(document.fault("b.d", "is odd").what(), "--set b.d=7: b.d: is odd");
  EXPECT_STREQ(document.fault("b.e.f", "is odd").what(), "x.yaml:3:3: b.e.f: is odd");
  EXPECT_STREQ(document.fault("z", "is odd").what(), "x.yaml:1:1: z: is odd");
}

TEST(StrictConfig, HasDoesNotCountAsReading) {
  ConfigDocument document = ConfigDocument::from_text("a: 1", "x.yaml");
  EXPECT_TRUE(document.root().has("a"));
  EXPECT_FALSE(document.root().has("b"));
  EXPECT_THROW(document.finish(), ConfigError);
}

TEST(StrictConfig, ReadingAKeyTwiceIsAProgrammingError) {
  ConfigDocument document = ConfigDocument::from_text("", "x.yaml");
  ConfigReader in = document.root();
  int v = 0;
  in.whole("a", v, closed(0, 9), {""});
  EXPECT_THROW(in.whole("a", v, closed(0, 9), {""}), std::logic_error);
  EXPECT_THROW(in.section("a", {""}), std::logic_error);
  in.section("s", {""});
  EXPECT_THROW(in.section("s", {""}), std::logic_error);
}

TEST(StrictConfig, ADefaultOutsideItsRangeIsAProgrammingError) {
  ConfigDocument document = ConfigDocument::from_text("", "x.yaml");
  double v = 2.0;
  EXPECT_THROW(document.root().number("a", v, closed(0, 1), {""}), std::logic_error);
}

TEST(Suggestions, NameANearKeyOnly) {
  const auto known = [](const std::string& key) {
    ConfigDocument document = ConfigDocument::from_text(key + ": 1", "x.yaml");
    int v = 0;
    ConfigReader in = document.root();
    for (const char* name : {"tolerance", "max_cycles", "on", "seed"})
      in.whole(name, v, closed(0, 9), {""});
    return message_of<ConfigError>([&] { document.finish(); });
  };
  EXPECT_THAT(known("tolerence"), HasSubstr("did you mean 'tolerance'?"));
  EXPECT_THAT(known("tolernace"), HasSubstr("did you mean 'tolerance'?"));
  EXPECT_THAT(known("Tolerance"), HasSubstr("did you mean 'tolerance'?"));
  EXPECT_THAT(known("maxcycles"), HasSubstr("did you mean 'max_cycles'?"));
  EXPECT_THAT(known("sed"), HasSubstr("did you mean 'seed'?"));
  EXPECT_THAT(known("no"), HasSubstr("did you mean 'on'?"));
  EXPECT_THAT(known("zz"), testing::Not(HasSubstr("did you mean")));
  EXPECT_THAT(known("xyz"), HasSubstr("known here: max_cycles, on, seed, tolerance"));
}

}  // namespace
