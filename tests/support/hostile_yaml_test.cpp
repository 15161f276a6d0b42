#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "sample_config.h"
#include "support/config/yaml_tree.h"

namespace {

using namespace uswim::support;
using testing::HasSubstr;

/// What refuses `text`; "" if nothing does.
std::string refusal(const std::string& text) {
  try {
    ConfigDocument::from_text(text, "x.yaml");
  } catch (const ConfigError& e) {
    return e.what();
  }
  return "";
}

std::string repeated(const std::string& unit, std::size_t bytes) {
  std::string text;
  while (text.size() + unit.size() <= bytes) text += unit;
  return text;
}

TEST(HostileYaml, DeepNestingIsRefusedInEveryForm) {
  for (const char* unit :
       {"[", "{", "[a: ", "{a: ", "- ", "[[", "[{a: ", "- [", "[\n", "{x, y: "}) {
    EXPECT_NE(refusal(repeated(unit, config::kMaxFileBytes)), "") << unit;
    EXPECT_NE(refusal("k: " + repeated(unit, 100'000)), "") << unit;
  }
  for (const char* unit : {"? ", "? ? ? - ", "&a [", "!t [", "-\n"})
    EXPECT_NO_FATAL_FAILURE(refusal(repeated(unit, config::kMaxFileBytes))) << unit;

  std::string staircase;
  for (std::size_t i = 0; i < 1000; ++i) staircase += std::string(i, ' ') + "a:\n";
  EXPECT_THAT(refusal(staircase), HasSubstr("nested deeper than 32 levels"));

  // Closed, so that nothing but the depth is wrong.
  const auto nested = [](std::size_t levels) {
    return "a: " + std::string(levels, '[') + std::string(levels, ']');
  };
  EXPECT_EQ(refusal(nested(config::kMaxDepth - 1)), "");
  EXPECT_THAT(refusal(nested(config::kMaxDepth)), HasSubstr("nested deeper than 32 levels"));
}

TEST(HostileYaml, AliasBombIsRefused) {
  std::string bomb = "a: &a [x, x, x, x, x, x, x, x, x, x]\n";
  for (char c = 'b'; c < 'k'; ++c) {
    const std::string before = std::string("*") + static_cast<char>(c - 1);
    bomb += std::string(1, c) + ": &" + c + " [" + before;
    for (int i = 1; i < 10; ++i) bomb += ", " + before;
    bomb += "]\n";
  }
  EXPECT_THAT(refusal(bomb), HasSubstr("more than 100000 values, aliases expanded"));
}

TEST(HostileYaml, AliasesOfALongTextAreCounted) {
  std::string bomb = "a: &a \"" + std::string(500'000, 'x') + "\"\nb: [*a";
  for (int i = 1; i < 5'000; ++i) bomb += ", *a";
  EXPECT_THAT(refusal(bomb + "]"), HasSubstr("bytes of text, aliases expanded"));
}

TEST(HostileYaml, AliasesCannotDeepenTheTree) {
  std::string text = "a0: &a0 [[[[[x]]]]]\n";
  for (int i = 1; i < 10; ++i) {
    const std::string n = std::to_string(i), before = std::to_string(i - 1);
    text += "a" + n + ": &a" + n + " [[[[[*a" + before + "]]]]]\n";
  }
  EXPECT_THAT(refusal(text), HasSubstr("nested deeper than 32 levels, aliases expanded"));
}

TEST(HostileYaml, CyclicAnchorsAreRefused) {
  EXPECT_THAT(refusal("a: &a [*a]"), HasSubstr("x.yaml:1:8: this alias contains itself"));
  EXPECT_THAT(refusal("a: &a {b: {c: *a}}"), HasSubstr("this alias contains itself"));
  EXPECT_THAT(refusal("&a\nb: *a"), HasSubstr("this alias contains itself"));
}

TEST(HostileYaml, UnknownAliasesAreRefused) {
  EXPECT_THAT(refusal("a: *b"), HasSubstr("anchor is not defined"));
  EXPECT_THAT(refusal("a: *b\nb: &b 1"), HasSubstr("anchor is not defined"));
}

TEST(HostileYaml, AnAliasIsACopyOfItsAnchor) {
  ConfigDocument document = ConfigDocument::from_text(
      "network: &n net.onnx\nscores: *n\nprogrammer: {write_verify: &w {tolerance: 0.25}}\n"
      "tile: {power: 2 W}\n",
      "x.yaml");
  const sample::Config c = sample::read(document.root());
  document.finish();
  EXPECT_EQ(c.network, c.scores);
  EXPECT_EQ(c.tolerance, 0.25);
}

TEST(HostileYaml, TooManyValuesAreRefused) {
  EXPECT_EQ(refusal("a: [" + repeated("1, ", 270'000) + "1]"), "");
  EXPECT_THAT(refusal("a: [" + repeated("1, ", 330'000) + "1]"),
              HasSubstr("more than 100000 values"));
  EXPECT_THAT(refusal(repeated("? a\n", config::kMaxFileBytes)), HasSubstr("more than 100000"));
}

TEST(HostileYaml, ALargeFileIsRefused) {
  EXPECT_THAT(refusal(std::string(config::kMaxFileBytes + 1, ' ')), HasSubstr("larger than"));
  EXPECT_THROW(ConfigDocument::from_file("/dev/zero"), ConfigError);
}

TEST(HostileYaml, SeveralDocumentsAreRefused) {
  EXPECT_THAT(refusal("a: 1\n---\nb: 2\n"), HasSubstr("x.yaml:2:1: a second document starts here"));
}

TEST(HostileYaml, TagsAreRefused) {
  EXPECT_THAT(refusal("a: !foo 3"), HasSubstr("the tag '!foo' is not supported"));
  EXPECT_THAT(refusal("a: !!python/object:os.system [x]"), HasSubstr("is not supported"));
  EXPECT_THAT(refusal("!foo\na: 1"), HasSubstr("is not supported"));
  EXPECT_EQ(refusal("a: 'quoted'\nb: \"quoted\"\nc: |\n  block\n"), "");
}

TEST(HostileYaml, KeysMustBePlainText) {
  EXPECT_THAT(refusal("[1, 2]: 3"), HasSubstr("a key must be text"));
  EXPECT_THAT(refusal("{a: 1}: 3"), HasSubstr("a key must be text"));
  EXPECT_THAT(refusal("? [a]\n: 3"), HasSubstr("a key must be text"));
  EXPECT_THAT(refusal("~: 3"), HasSubstr("a key has no name"));
  EXPECT_THAT(refusal("a: &a b\n*a : 3"), HasSubstr("a key cannot be an alias"));
  EXPECT_THAT(refusal("&a b: 3"), HasSubstr("a key cannot have an anchor"));
}

TEST(HostileYaml, BytesThatAreNoTextAreRefused) {
  const std::string no_text = "neither UTF-8 text nor YAML";
  EXPECT_THAT(refusal(std::string("a: 1\nb: x\0y", 11)), HasSubstr("x.yaml:2:5: " + no_text));
  for (const char* bad :
       {"a: \x04", "a: \x1b[31m", "a: \x7f", "a: \xff", "a: \xc3", "a: \xc0\xaf", "a: \xed\xa0\x80",
        "a: \xf5\x80\x80\x80", "a: \xc2\x85", "a: \xe0\x9f\xbf", "a: \xf0\x8f\xbf\xbf"})
    EXPECT_THAT(refusal(bad), HasSubstr(no_text));
  EXPECT_THAT(refusal(std::string("\xff\xfe"
                                  "a\0:\0 \0001\0",
                                  10)),
              HasSubstr(no_text));
  EXPECT_EQ(refusal("a: \xc2\xb5\xe2\x82\xac\xf0\x9f\x98\x80"), "");
}

TEST(HostileYaml, ControlCharactersDoNotComeInThroughEscapes) {
  const auto faults = sample::faults_of("network: \"a\\x00b\"\ntitle: \"\\e[31m\"\n");
  EXPECT_THAT(faults, testing::ElementsAre(HasSubstr("holds a control character"),
                                           HasSubstr("holds a control character")));
  for (const std::string& line : faults)
    EXPECT_EQ(config::first_unprintable(line), std::string::npos) << line;
}

TEST(HostileYaml, MessagesStayShortAndPrintable) {
  const auto faults = sample::faults_of("network: n\nseed: \"" + std::string(10'000, 'x') +
                                        "\"\n\"\\e]0;t\\a" + std::string(900, 'k') + "\": 1\n");
  ASSERT_EQ(faults.size(), 2u);
  for (const std::string& line : faults) {
    EXPECT_LT(line.size(), 300u);
    EXPECT_EQ(config::first_unprintable(line), std::string::npos);
  }
}

TEST(HostileYaml, SyntaxErrorsNameTheirPlaceAndARemedy) {
  EXPECT_THAT(refusal("a: 1\nb: c: d\n"),
              HasSubstr("x.yaml:2:5: not valid YAML: illegal map value (check the indentation"));
  EXPECT_THAT(refusal("a: [1, 2\nb: 3\n"), HasSubstr("closing ']' is missing"));
  EXPECT_THAT(refusal("a: {b: 1\n"), HasSubstr("closing '}' is missing"));
  EXPECT_THAT(refusal("  a: 1\nb: 2\n"), HasSubstr("x.yaml:2:1: does not belong"));
  EXPECT_THAT(refusal("a: @x\n"), HasSubstr("needs quotes"));
}

TEST(HostileYaml, AQuoteThatIsNotClosedSwallowsNothing) {
  for (const char* text :
       {"a: \"x\nb: 1\n", "a: \"x", "a: \"x\n", "a: 'x\n", "a: 'x''\n", "a: \"x\\\"\n",
        "a: &q \"x\n", "a: ! \"x\n", "a: &q # c\n  \"x\n", "\"a: 1\n", "[\"x\n", "µ: 'é\r\n"})
    EXPECT_THAT(refusal(text), testing::Not("")) << text;
  EXPECT_EQ(
      refusal("a: \"x\n  y\"\nb: 'it''s\n  z'\nc: \"\\\"\"\nd: ''\ne: &x \"\"\n\"f\": |\n  'x\n"),
      "");
}

TEST(HostileYaml, RepeatedListElementsOfOneKindAreReadInLinearTime) {
  // Quadratic behaviour anywhere would run into the time limit of the test.
  EXPECT_NE(refusal(repeated("k: 1\n", config::kMaxFileBytes)), "");
  std::string keys;
  for (int i = 0; i < 90'000; ++i) keys += "k" + std::to_string(i) + ": 1\n";
  EXPECT_EQ(sample::faults_of(keys).size(), 90'001u);
}

}  // namespace
