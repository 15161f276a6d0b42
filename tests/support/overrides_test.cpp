#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "sample_config.h"

namespace {

using namespace uswim::support;
using sample::faults_of;
using sample::good;
using testing::ElementsAre;
using testing::HasSubstr;

const std::string kNetwork = "network: net.onnx\n";

TEST(Overrides, ReplaceValuesAndCreateSections) {
  const sample::Config c =
      good("tile: {adc: {bits: 4}}", {"tile.adc.bits=6", "device.pulse_width=1.5 us",
                                      "fractions=[0, 0.1, 0.5]", "tile.adc.bits=7", "title=a=b"});
  EXPECT_EQ(c.bits, 7);
  EXPECT_EQ(c.pulse_width, Duration::nanoseconds(1500));
  EXPECT_THAT(c.fractions, ElementsAre(0.0, 0.1, 0.5));
  EXPECT_EQ(c.title, "a=b");
  EXPECT_EQ(good("tile:\n", {"tile.adc={bits: 5}"}).bits, 5);
}

TEST(Overrides, TheirFaultsNameThem) {
  EXPECT_THAT(
      faults_of(kNetwork + "seed: x",
                {"tile.adc.bits=99", "tile.adc.bitz=6", "seed=y", "wibbly=1", "wobbly="}),
      ElementsAre("--set tile.adc.bits=99: tile.adc.bits: '99' is outside the range (expected 1 to "
                  "16)",
                  "--set tile.adc.bitz=6: tile.adc.bitz: unknown key (did you mean 'bits'?)",
                  HasSubstr("--set seed=y: seed: 'y' is not a whole number"),
                  HasSubstr("--set wibbly=1: wibbly: unknown key"),
                  HasSubstr("--set wobbly=: wobbly: unknown key")));
}

TEST(Overrides, WithoutAValueTakeAKeyBack) {
  const sample::Config defaults = good("");
  const sample::Config c = good("seed: 3\ntile: {adc: {bits: 4}}\ntitle: of the file",
                                {"seed=", "tile.adc.bits=", "title=", "device.pulse_width="});
  EXPECT_EQ(c.seed, defaults.seed);
  EXPECT_EQ(c.bits, defaults.bits);
  EXPECT_EQ(c.title, defaults.title);
  EXPECT_EQ(good("seed: 3", {"seed=", "seed=5"}).seed, 5u);
  EXPECT_EQ(good("tile: {adc: {bits: 4}}", {"tile="}).bits, defaults.bits);
  EXPECT_EQ(good("", {"tile="}).bits, defaults.bits);
  EXPECT_THAT(faults_of(kNetwork, {"network="}), ElementsAre(HasSubstr("missing required key")));
}

TEST(Overrides, MayEmptyATextThatIsWrittenSo) {
  EXPECT_EQ(good("title: of the file", {"title=\"\""}).title, "");
}

TEST(Overrides, ABadFormOrAPathThroughAValueIsAFault) {
  EXPECT_THAT(
      faults_of(kNetwork + "seed: 3", {"seed", "=3", "a..b=3", "seed.x=3", "fractions.x=1"}),
      ElementsAre("--set seed: is not of the form path.of.key=value",
                  "--set =3: is not of the form path.of.key=value",
                  "--set a..b=3: is not of the form path.of.key=value",
                  "--set seed.x=3: seed.x: 'seed' is a value, not a section that could hold 'x'",
                  HasSubstr("--set fractions.x=1: fractions: a section is not a list")));
  EXPECT_THAT(faults_of(kNetwork, {"fractions=[0"}),
              ElementsAre(HasSubstr("--set fractions=[0: fractions: a key must be text, not a list "
                                    "or a mapping (or a bracket")));
}

}  // namespace
