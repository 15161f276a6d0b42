#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "sample_config.h"
#include "temporary_directory.h"

namespace {

using namespace uswim::support;
using testing::HasSubstr;

struct Resolved {
  sample::Config config;
  std::string yaml;
};

Resolved resolve(const std::string& text) {
  ConfigDocument document = ConfigDocument::from_text(text, "x.yaml");
  Resolved r;
  r.config = sample::read(document.root());
  document.finish();
  r.yaml = document.resolved_yaml();
  return r;
}

TEST(ResolvedConfig, HoldsEveryKeyDefaultsIncluded) {
  EXPECT_EQ(resolve("network: net.onnx\ntile: {adc: {bits: 6}}\n").yaml,
            "seed: 1\n"
            "title: \"a chip\"\n"
            "network: net.onnx\n"
            "scores: \"\"\n"
            "fractions: [0, 0.1]\n"
            "layers: []\n"
            "presets: [R1, F2]\n"
            "programmer:\n"
            "  write_verify:\n"
            "    tolerance: 0.06\n"
            "    max_cycles: 100\n"
            "device:\n"
            "  preset: R1\n"
            "  # sigma: not set\n"
            "  pulse_width: 100 ns\n"
            "  pulse_energy: 600 fJ\n"
            "  pulse_voltage: -2 V\n"
            "  on_conductance: 40 uS\n"
            "tile:\n"
            "  power: 1.5 mW\n"
            "  adc:\n"
            "    bits: 6\n"
            "    sample_rate: 1.2 GHz\n"
            "    shared: false\n");
}

double random_positive(std::mt19937_64& engine) {
  for (;;) {
    const std::uint64_t bits = engine() >> 1;
    double v;
    std::memcpy(&v, &bits, sizeof v);
    if (std::isfinite(v) && v > 0) return v;
  }
}

std::string random_text(std::mt19937_64& engine) {
  static const std::vector<std::string> kPieces = {
      "a",  "Z",  "0", " ", "  ", ":", ": ", "#",  " #",  "-",   "- ",   "'",   "\"",  "\\",
      "\n", "\t", "[", "]", "{",  "}", ",",  "&",  "*",   "!",   "|",    ">",   "%",   "@",
      "`",  "?",  "~", "µ", "€",  "😀", "=",  "<<", "...", "---", "null", "yes", "1e3", "\r"};
  std::string text;
  for (std::size_t n = engine() % 8; n > 0; --n) text += kPieces[engine() % kPieces.size()];
  return text;
}

TEST(ResolvedConfig, ReadingItAgainGivesTheSame) {
  std::mt19937_64 engine(4);
  for (int i = 0; i < 2'000; ++i) {
    // The struct's defaults carry the random values: what is written is what no file said.
    sample::Config c;
    c.seed = static_cast<std::int64_t>(engine() % 9'000'000'000'000'000);
    c.title = random_text(engine);
    c.layers = {random_text(engine), random_text(engine)};
    c.fractions.clear();
    for (std::size_t n = engine() % 5; n > 0; --n)
      c.fractions.push_back(static_cast<double>(engine()) / 18446744073709551616.0);
    c.sigma = random_positive(engine);
    c.pulse_width =
        Duration::picoseconds(static_cast<std::int64_t>(engine() >> (1 + engine() % 62)) / 2);
    c.pulse_energy = Energy::from_si(random_positive(engine));
    c.pulse_voltage = Voltage::from_si(-random_positive(engine));
    c.on_conductance = Conductance::from_si(random_positive(engine));
    c.sample_rate =
        Frequency::from_si(std::pow(10.0, static_cast<double>(engine() % 1800) / 100 - 6));
    const auto write = [](sample::Config v, const ConfigDocument& document) {
      ConfigReader in = ConfigDocument(document).root();
      in.whole("seed", v.seed, closed(-9e15, 9e15), {""});
      in.text("title", v.title, {""});
      in.texts("layers", v.layers, {""});
      in.numbers("fractions", v.fractions, closed(0, 1), {""});
      ConfigReader device = in.section("device", {""});
      device.number("sigma", v.sigma, positive(), {""});
      device.duration("pulse_width", v.pulse_width, {""});
      device.energy("pulse_energy", v.pulse_energy, {""});
      device.voltage("pulse_voltage", v.pulse_voltage, {""});
      device.conductance("on_conductance", v.on_conductance, {""});
      device.frequency("sample_rate", v.sample_rate, {""});
      return v;
    };
    const ConfigDocument first = ConfigDocument::from_text("", "first.yaml");
    write(c, first);
    const std::string yaml = first.resolved_yaml();

    ConfigDocument second = ConfigDocument::from_text(yaml, "second.yaml");
    const sample::Config d = write(sample::Config(), second);
    ASSERT_NO_THROW(second.finish()) << yaml;
    ASSERT_EQ(second.resolved_yaml(), yaml);
    ASSERT_EQ(d.seed, c.seed);
    ASSERT_EQ(d.title, c.title);
    ASSERT_EQ(d.layers, c.layers);
    ASSERT_EQ(d.fractions, c.fractions);
    ASSERT_EQ(d.sigma, c.sigma);
    ASSERT_EQ(d.pulse_width, c.pulse_width);
    ASSERT_EQ(d.pulse_energy, c.pulse_energy);
    ASSERT_EQ(d.pulse_voltage, c.pulse_voltage);
    ASSERT_EQ(d.on_conductance, c.on_conductance);
    ASSERT_EQ(d.sample_rate, c.sample_rate);
  }
}

TEST(ResolvedConfig, TextsThatLookLikeSomethingElseComeBackAsTexts) {
  for (const char* text :
       {"true", "no", "null", "~",    "12",  "1e3", ".nan", "",       " ", "a: b", "- a", "# a",
        "'",    "\"", "\\n",  "a\nb", "...", "---", "./a",  "../a b", ".", "x:",   "a #b"}) {
    ConfigDocument first = ConfigDocument::from_text("", "x.yaml");
    std::string value = text;
    first.root().text("t", value, {""});
    ConfigDocument second = ConfigDocument::from_text(first.resolved_yaml(), "y.yaml");
    std::string back = "other";
    second.root().text("t", back, {""});
    ASSERT_NO_THROW(second.finish());
    EXPECT_EQ(back, text);
  }
}

TEST(ResolvedConfig, PathsResolveFromWhereItIsWritten) {
  namespace fs = std::filesystem;
  const TemporaryDirectory directory;
  fs::create_directories(directory / "configs/nets");
  fs::create_directories(directory / "results/run");
  const fs::path file =
      directory.file("configs/c.yaml", "network: nets/a.onnx\nscores: /abs/s.npy\n");

  ConfigDocument document = ConfigDocument::from_file(file);
  sample::read(document.root());
  document.finish();
  const std::string yaml = document.resolved_yaml(directory / "results/run");
  EXPECT_THAT(yaml, HasSubstr("network: ../../configs/nets/a.onnx\n"));
  EXPECT_THAT(yaml, HasSubstr("scores: /abs/s.npy\n"));

  ConfigDocument again = ConfigDocument::from_file(directory.file("results/run/config.yaml", yaml));
  const sample::Config c = sample::read(again.root());
  again.finish();
  EXPECT_EQ(fs::weakly_canonical(c.network),
            fs::weakly_canonical(directory / "configs/nets/a.onnx"));
  EXPECT_EQ(again.resolved_yaml(directory / "results/run"), yaml);
  EXPECT_EQ(again.resolved_settings(), document.resolved_settings());
  EXPECT_THAT(document.resolved_settings(), HasSubstr("network: a.onnx\n"));
}

TEST(ResolvedConfig, AnEmptyPathStaysEmpty) {
  const TemporaryDirectory directory;
  const auto file = directory.file("c.yaml", "network: a\nscores: \"\"\n");
  ConfigDocument document = ConfigDocument::from_file(file);
  EXPECT_TRUE(sample::read(document.root()).scores.empty());
  EXPECT_THAT(document.resolved_yaml(directory.path()), HasSubstr("scores: \"\"\n"));
}

TEST(ResolvedConfig, PathsResolveThroughLinks) {
  namespace fs = std::filesystem;
  const TemporaryDirectory directory;
  fs::create_directories(directory / "far/away/run");
  directory.file("net.onnx", "x");
  fs::create_directory_symlink(directory / "far/away/run", directory / "results");
  const fs::path file = directory.file("c.yaml", "network: net.onnx");
  ConfigDocument document = ConfigDocument::from_file(file);
  sample::read(document.root());
  const std::string yaml = document.resolved_yaml(directory / "results");
  ConfigDocument again = ConfigDocument::from_file(directory.file("results/config.yaml", yaml));
  EXPECT_EQ(bytes_of(sample::read(again.root()).network), "x") << yaml;
}

TEST(ResolvedConfig, WithoutKeysIsAnEmptyMapping) {
  ConfigDocument document = ConfigDocument::from_text("part: {}", "x.yaml");
  document.root().section("part", {""});
  document.root().section("absent", {""});
  document.finish();
  EXPECT_EQ(document.resolved_yaml(), "part: {}\n");
  EXPECT_EQ(ConfigDocument::from_text("", "x.yaml").resolved_yaml(), "{}\n");
}

}  // namespace
