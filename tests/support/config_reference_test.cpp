#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "sample_config.h"

namespace {

using namespace uswim::support;
using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;

ConfigDocument described() {
  ConfigDocument document = ConfigDocument::description();
  sample::read(document.root());
  document.finish();
  return document;
}

TEST(Description, ListsEveryKeyThatTheReaderReads) {
  ConfigDocument document = ConfigDocument::from_text(
      "network: a\nprogrammer: {write_verify: {tolerance: 0.5}}", "x.yaml");
  sample::read(document.root());
  const ConfigDocument description = described();
  ASSERT_EQ(description.keys().size(), document.keys().size());
  for (std::size_t i = 0; i < document.keys().size(); ++i) {
    EXPECT_EQ(description.keys()[i].path, document.keys()[i].path);
    EXPECT_EQ(description.keys()[i].default_value, document.keys()[i].default_value);
  }
}

TEST(Description, SaysWhatAKeyIs) {
  const ConfigDocument document = described();
  const auto key = [&](const std::string& path) {
    for (const KeyDescription& k : document.keys())
      if (k.path == path) return k;
    ADD_FAILURE() << path;
    return KeyDescription();
  };
  const KeyDescription tolerance = key("programmer.write_verify.tolerance");
  EXPECT_EQ(tolerance.type, "number");
  EXPECT_EQ(tolerance.default_value, "0.06");
  EXPECT_EQ(tolerance.source, "Fig. 4");
  ASSERT_TRUE(tolerance.range);
  EXPECT_TRUE(tolerance.range->open_minimum);
  EXPECT_EQ(key("device.pulse_width").type, "duration");
  EXPECT_EQ(key("device.pulse_width").default_value, "100 ns");
  EXPECT_THAT(key("device.preset").words, ElementsAre("R1", "F2", "F3", "R4", "F6"));
  EXPECT_EQ(key("presets").default_value, "[R1, F2]");
  EXPECT_EQ(key("title").default_value, "\"a chip\"");
  EXPECT_TRUE(key("network").required);
  EXPECT_EQ(key("network").default_value, "");
}

TEST(Description, LeavesValuesAndChecksAlone) {
  ConfigDocument document = ConfigDocument::description();
  ConfigReader in = document.root();
  EXPECT_TRUE(in.describing());
  EXPECT_TRUE(in.has("anything"));
  int v = 7;
  in.whole("a", v, closed(0, 9), {""});
  in.check(false, "a", "never");
  EXPECT_EQ(v, 7);
  EXPECT_NO_THROW(document.finish());
  EXPECT_FALSE(ConfigDocument::from_text("", "x").root().describing());
}

/// Faults of `document` against the part of JSON Schema that the generator uses.
void validate(const json& schema, const json& value, const std::string& path,
              std::vector<std::string>& faults) {
  if (schema.value("type", "") == "object") {
    for (const auto& [key, child] : value.items()) {
      if (!schema["properties"].contains(key)) {
        faults.push_back(path + key + " unknown");
      } else {
        validate(schema["properties"][key], child, path + key + ".", faults);
      }
    }
    for (const json& key : schema.value("required", json::array()))
      if (!value.contains(key.get<std::string>()))
        faults.push_back(path + key.get<std::string>() + " missing");
    return;
  }
  if (schema.contains("minimum") && value.is_number() && value < schema["minimum"])
    faults.push_back(path + " too small");
  if (schema.contains("enum") &&
      std::find(schema["enum"].begin(), schema["enum"].end(), value) == schema["enum"].end())
    faults.push_back(path + " not in the list");
}

TEST(JsonSchema, KnowsTheKeysOfAGoodDocument) {
  const json schema = json::parse(described().json_schema("a chip"));
  EXPECT_EQ(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
  EXPECT_EQ(schema["title"], "a chip");
  const auto faults_in = [&](const json& document) {
    std::vector<std::string> faults;
    validate(schema, document, "", faults);
    return faults;
  };
  const json good = {{"network", "a.onnx"},
                     {"seed", 3},
                     {"device", {{"preset", "R4"}, {"pulse_width", "100 ns"}, {"sigma", 0.1}}},
                     {"tile", {{"adc", {{"bits", 6}, {"shared", true}}}}}};
  EXPECT_THAT(faults_in(good), ElementsAre());
  EXPECT_THAT(faults_in({{"device", {{"preset", "R9"}, {"wibbly", 1}}},
                         {"tile", {{"adc", {{"bits", 0}}}}}}),
              ElementsAre("device.preset. not in the list", "device.wibbly unknown",
                          "tile.adc.bits. too small", "network missing"));
}

TEST(JsonSchema, CarriesRangesWordsPatternsDefaultsAndMeanings) {
  const json schema = json::parse(described().json_schema("t"));
  const json& verify = schema["properties"]["programmer"]["properties"]["write_verify"];
  EXPECT_EQ(verify["additionalProperties"], false);
  EXPECT_EQ(verify["description"], "the loop (source: its paper, Fig. 4)");
  const json& tolerance = verify["properties"]["tolerance"];
  EXPECT_EQ(tolerance["type"], "number");
  EXPECT_EQ(tolerance["exclusiveMinimum"], 0.0);
  EXPECT_EQ(tolerance["exclusiveMaximum"], 1.0);
  EXPECT_EQ(tolerance["default"], 0.06);
  EXPECT_EQ(tolerance["description"], "half width | of full scale (source: Fig. 4)");
  const json& device = schema["properties"]["device"]["properties"];
  EXPECT_EQ(device["preset"]["enum"], json({"R1", "F2", "F3", "R4", "F6"}));
  EXPECT_EQ(device["pulse_width"]["default"], "100 ns");
  EXPECT_THAT(device["pulse_width"]["pattern"].get<std::string>(), HasSubstr("s$"));
  EXPECT_FALSE(device["sigma"].contains("default"));
  EXPECT_EQ(device["sigma"]["exclusiveMinimum"], 0.0);
  EXPECT_FALSE(device["sigma"].contains("exclusiveMaximum"));
  const json& bits = schema["properties"]["tile"]["properties"]["adc"]["properties"]["bits"];
  EXPECT_EQ(bits["type"], "integer");
  EXPECT_EQ(bits["minimum"], 1);
  EXPECT_TRUE(bits["minimum"].is_number_integer());
  EXPECT_EQ(schema["properties"]["presets"]["uniqueItems"], true);
  EXPECT_EQ(schema["required"], json({"network"}));
}

TEST(JsonSchema, ASectionIsRequiredWhereSomethingInItIs) {
  ConfigDocument document = ConfigDocument::description();
  ConfigReader in = document.root();
  std::string text;
  in.section("always", {""}).required_text("name", text, {""});
  if (in.has("sometimes")) in.section("sometimes", {""}).required_text("name", text, {""});
  const json schema = json::parse(document.json_schema("t"));
  EXPECT_EQ(schema["required"], json({"always"}));
  EXPECT_EQ(schema["properties"]["sometimes"]["required"], json({"name"}));
}

TEST(Reference, IsATableOfEveryKey) {
  const ConfigDocument document = described();
  const std::string markdown = document.reference_markdown();
  for (const KeyDescription& key : document.keys())
    EXPECT_THAT(markdown, HasSubstr("| `" + key.path + "` | " + key.type + " |"));
  EXPECT_THAT(markdown,
              HasSubstr("### `programmer.write_verify`\n\nthe loop (source: its paper, Fig. 4)\n"));
  EXPECT_THAT(markdown,
              HasSubstr("| `programmer.write_verify.tolerance` | number | `0.06` | above 0 and "
                        "below 1 | half width \\| of full scale | Fig. 4 |\n"));
  EXPECT_THAT(markdown, HasSubstr("| `network` | path | required |"));
  EXPECT_THAT(markdown, HasSubstr("| `device.sigma` | number | not set | above 0 |"));
  EXPECT_THAT(markdown, HasSubstr("| `device.pulse_energy` | energy | `600 fJ` | at least 0 J |"));
}

}  // namespace
