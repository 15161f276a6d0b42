#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "experiment/run.h"
#include "support/results.h"

namespace uswim::experiment {
namespace {

namespace fs = std::filesystem;

struct TemporaryDirectory {
  fs::path path = fs::temp_directory_path() / ("uswim_test_" + std::to_string(::getpid()));
  TemporaryDirectory() { fs::create_directories(path); }
  ~TemporaryDirectory() { fs::remove_all(path); }
};

std::string read(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::map<std::string, std::string> all_files(const fs::path& directory) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::directory_iterator(directory))
    files[entry.path().filename()] = read(entry.path());
  return files;
}

/// A run of LeNet that takes a second: few chips and images.
RunResult small_run(const fs::path& out, unsigned jobs, std::vector<std::string> more = {}) {
  std::vector<std::string> overrides{"chips=3", "accuracy.images=300",
                                     "accuracy.hardware.images=32",
                                     "selection.fractions=[0, 0.1, 0.3, 1]", "inference.images=2"};
  overrides.insert(overrides.end(), more.begin(), more.end());
  const LoadedConfig loaded = load_config(USWIM_SOURCE_DIR "/configs/lenet_mnist.yaml", overrides);
  return run_experiment(loaded,
                        {jobs, out, {}, [](const std::string&, std::size_t, std::size_t) {}});
}

TEST(Run, GivesTheSameBytesWhateverTheNumberOfProcesses) {
  TemporaryDirectory t;
  small_run(t.path / "a", 1);
  const auto one = all_files(t.path / "a");
  small_run(t.path / "a", 2);  // the same place, since the resolved paths are relative to it
  EXPECT_EQ(one, all_files(t.path / "a"));
  EXPECT_EQ(one.size(), 13u);
}

TEST(Run, DrawsOneProgrammingOfChipZeroWhereAsked) {
  TemporaryDirectory t;
  const LoadedConfig loaded = load_config(
      USWIM_SOURCE_DIR "/configs/lenet_mnist.yaml",
      {"chips=2", "accuracy.images=100", "accuracy.hardware.chips=0", "selection.policies=[uswim]",
       "selection.fractions=[0, 0.1, 0.3, 1]", "inference.images=2", "output.timeline=true"});
  const RunResult result =
      run_experiment(loaded, {2,
                              t.path / "a",
                              {},
                              [](const std::string&, std::size_t, std::size_t) {},
                              t.path / "devices.csv",
                              1000});
  const auto files = all_files(t.path / "a");
  EXPECT_EQ(files.size(), 18u);
  const auto lines = [](const std::string& text) {
    return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) - 1;
  };
  // Sums of the last column.
  const auto total = [](const std::string& text) {
    std::istringstream in(text);
    std::string line;
    std::getline(in, line);
    std::uint64_t sum = 0;
    while (std::getline(in, line)) sum += std::stoull(line.substr(line.rfind(',') + 1));
    return sum;
  };
  EXPECT_EQ(lines(read(t.path / "devices.csv")), 1000u);
  EXPECT_EQ(total(files.at("cycles_histogram.csv")), 423672u);
  // 0.3 of the weights, each of four devices.
  EXPECT_EQ(total(files.at("selected_devices.csv")), 4u * 31775);
  // The same cell by cell: what a row of the table counts.
  const auto map = support::read_npy<std::uint8_t>(t.path / "a" / "selected_devices.npy");
  ASSERT_EQ(map.shape.size(), 3u);
  EXPECT_EQ(map.shape[1] * map.shape[2], 128u * 128u);
  std::istringstream per_row(files.at("selected_devices.csv"));
  std::string of_row;
  std::getline(per_row, of_row);
  while (std::getline(per_row, of_row)) {
    std::size_t tile = 0, row = 0;
    long selected = 0;
    ASSERT_EQ(std::sscanf(of_row.c_str(), "%zu,%zu,%ld", &tile, &row, &selected), 3);
    const auto* cells = &map.values[(tile * 128 + row) * 128];
    EXPECT_EQ(std::count(cells, cells + 128, 1), selected);
  }
  EXPECT_EQ(std::count(map.values.begin(), map.values.end(), 1) +
                std::count(map.values.begin(), map.values.end(), 0),
            423672);  // the rest holds no device
  EXPECT_EQ(std::count(map.values.begin(), map.values.end(), 255) + 423672,
            static_cast<long>(map.values.size()));
  const auto timeline = nlohmann::json::parse(files.at("timeline.json"));
  std::uint64_t rows = 0, pulses = 0;
  double end_us = 0;
  for (const auto& event : timeline["traceEvents"])
    if (event["ph"] == "X") {
      ++rows;
      pulses += event["args"]["pulses"].get<std::uint64_t>();
      end_us = std::max(end_us, event["ts"].get<double>() + event["dur"].get<double>());
    }
  EXPECT_EQ(rows, lines(files.at("selected_devices.csv")));
  const ChipResult* chip = nullptr;
  for (const ChipResult& r : result.monte_carlo.chips)
    if (r.chip == 0 && r.evaluation == 2) chip = &r;
  ASSERT_NE(chip, nullptr);
  EXPECT_EQ(pulses, chip->write_pulses);
  EXPECT_NEAR(end_us, static_cast<double>(chip->time_ps) * 1e-6, 0.006);  // the doorbell's way
  double peak = 0, power = 0, reserved = 0, time = 0, energy = 0;
  std::istringstream in(files.at("power.csv"));
  std::string line;
  std::getline(in, line);
  while (std::getline(in, line)) {
    const double since = time, before = power;
    ASSERT_EQ(std::sscanf(line.c_str(), "%lf,%lf,%lf", &time, &power, &reserved), 3);
    energy += before * (time - since);
    peak = std::max(peak, reserved);
  }
  EXPECT_EQ(power, 0.0);
  EXPECT_EQ(reserved, 0.0);
  using sc_models::Component;
  double of_tiles = 0.0;
  for (const Component c : {Component::WriteSet, Component::WriteReset, Component::VerifyRead,
                            Component::Dac, Component::Adc})
    of_tiles += chip->energy_J[static_cast<std::size_t>(c)];
  EXPECT_NEAR(energy, of_tiles, 1e-6 * of_tiles);  // the way over the bus is in no row
  EXPECT_NEAR(peak, chip->peak_power_W, 1e-12);
}

TEST(Run, RepeatsFromItsResultDirectory) {
  TemporaryDirectory t;
  small_run(t.path / "a", 2);
  const auto first = all_files(t.path / "a");
  const LoadedConfig again = load_config(t.path / "a" / "config.yaml", {});
  run_experiment(again, {2, t.path / "b", {}, [](const std::string&, std::size_t, std::size_t) {}});
  const auto second = all_files(t.path / "b");
  EXPECT_EQ(first.size(), second.size());
  for (const auto& [name, bytes] : first) EXPECT_EQ(bytes, second.at(name)) << name;
}

TEST(Run, WritesAPageThatHoldsTheResultsAndNeedsNothingElse) {
  TemporaryDirectory t;
  const RunResult result = small_run(t.path / "a", 2);
  const auto files = all_files(t.path / "a");
  const std::string& page = files.at("report.html");
  const auto count = [&](const std::string& what) {
    std::size_t n = 0;
    for (std::size_t at = page.find(what); at != std::string::npos; at = page.find(what, at + 1))
      ++n;
    return n;
  };
  for (const char* tag : {"html", "head", "body", "style", "table", "tr", "td", "th", "svg", "p"})
    EXPECT_EQ(count(fmt::format("<{}>", tag)) + count(fmt::format("<{} ", tag)),
              count(fmt::format("</{}>", tag)))
        << tag;
  for (const auto& [name, bytes] : files)
    EXPECT_EQ(count(fmt::format("href='{0}'", name)), name == "report.html" ? 0u : 1u) << name;
  EXPECT_EQ(count("href="), files.size() - 1);
  EXPECT_EQ(count("src="), 0u);
  EXPECT_EQ(count("http"), count("xmlns='http"));
  EXPECT_EQ(count("nan") + count("inf "), 0u);
  for (const CurvePoint& p : result.curve)
    EXPECT_GE(count(fmt::format("<td>{}</td><td>{:.3g}</td><td>{:.3f}</td>", p.policy, p.fraction,
                                p.nwc_mean)),
              1u);
  // The bars of both breakdowns are 400 pixels together.
  double pixels = 0.0;
  const std::size_t begin = page.find("Energy of programming"),
                    end = page.find("Tiles that finish");
  for (std::size_t at = page.find("width:", begin); at < end; at = page.find("width:", at + 1))
    pixels += std::stod(page.substr(at + 6));
  EXPECT_NEAR(pixels, 800.0, 1.5);
}

TEST(Run, WritesTheKeysThatScriptsRelyOn) {
  TemporaryDirectory t;
  const RunResult result = small_run(t.path / "a", 2);
  const auto files = all_files(t.path / "a");
  EXPECT_EQ(files.at("curve.csv").substr(0, files.at("curve.csv").find('\n')),
            "policy,device,fraction,chips,nwc_mean,nwc_sd,programming_time_s_mean,programming_"
            "energy_J_mean,"
            "write_pulses_mean,verify_reads_mean,not_converged_mean,accuracy_mean,accuracy_sd,"
            "peak_power_W_mean,average_power_W_mean,pulses_per_device_mean,pulses_per_device_max,"
            "rated_life_used,programmings_to_rated_life");
  const auto j = nlohmann::json::parse(files.at("summary.json"));
  EXPECT_EQ(j["weights"], 105918);
  EXPECT_EQ(j["devices"], 423672);
  EXPECT_EQ(j["seed"], 1);
  EXPECT_EQ(j["config_hash"].get<std::string>().size(), 32u);
  EXPECT_GT(j["ideal_accuracy"].get<double>(), 0.97);
  EXPECT_GT(j["inference"]["latency_s"].get<double>(), 0);
  EXPECT_GT(j["inference"]["energy_J"].get<double>(), 0);
  EXPECT_GT(j["inference"]["throughput_images_per_s"].get<double>(), 0);
  double sum = 0;
  for (const auto& part : j["programming"]["energy_breakdown_J"]) sum += part.get<double>();
  EXPECT_DOUBLE_EQ(sum, j["programming"]["energy_J"].get<double>());
  EXPECT_NEAR(sum, result.verify_all.energy_J_mean, 1e-12 * sum);
}

TEST(NormalizedWriteCycles, AreZeroWithoutAndOneWithEveryWeightVerified) {
  TemporaryDirectory t;
  const RunResult result = small_run(t.path / "a", 2);
  for (const CurvePoint& p : result.curve) {
    if (p.fraction == 0) {
      EXPECT_EQ(p.nwc_mean, 0.0);
    } else if (p.fraction == 1) {
      EXPECT_EQ(p.nwc_mean, 1.0);
    }
    EXPECT_EQ(p.chips, 3u);
  }
}

TEST(Policies, MeetWhereNothingOrEverythingIsVerified) {
  TemporaryDirectory t;
  const RunResult result = small_run(t.path / "a", 2);
  std::map<double, std::vector<const CurvePoint*>> ends;
  for (const CurvePoint& p : result.curve)
    if (p.fraction == 0 || p.fraction == 1) ends[p.fraction].push_back(&p);
  for (const auto& [fraction, points] : ends) {
    EXPECT_EQ(points.size(), 4u);
    for (const CurvePoint* p : points) {
      EXPECT_EQ(p->accuracy_mean, points[0]->accuracy_mean);
      EXPECT_EQ(p->time_s_mean, points[0]->time_s_mean);
      EXPECT_EQ(p->energy_J_mean, points[0]->energy_J_mean);
    }
  }
}

// U-SWIM at or above every other policy within the spread; far above a random choice.
TEST(Policies, RankAsTheSensitivityPredicts) {
  TemporaryDirectory t;
  const RunResult result =
      small_run(t.path / "a", 2, {"chips=6", "accuracy.images=1000", "selection.fractions=[0.1]"});
  std::map<std::string, CurvePoint> at;
  for (const CurvePoint& p : result.curve) at[p.policy] = p;
  for (const std::string other : {"swim", "magnitude", "random"}) {
    const double spread =
        std::hypot(at["uswim"].accuracy_sd, at[other].accuracy_sd) / std::sqrt(6.0);
    EXPECT_GE(at["uswim"].accuracy_mean, at[other].accuracy_mean - spread) << other;
  }
  EXPECT_GT(at["uswim"].accuracy_mean, at["random"].accuracy_mean + 0.05);
}

TEST(ImportedMask, RunsLikeTheFractionThatItCameFrom) {
  TemporaryDirectory t;
  const LoadedConfig loaded =
      load_config(USWIM_SOURCE_DIR "/configs/lenet_mnist.yaml", {"selection.fractions=[0.1]"});
  const auto written = export_sensitivity(loaded, t.path / "scores.npy", {},
                                          [](const std::string&, std::size_t, std::size_t) {});
  ASSERT_EQ(written.size(), 2u);
  // The authors' polarity: one where the weight is not verified.
  auto mask = support::read_npy<std::uint8_t>(written[1]).values;
  for (auto& m : mask) m = m == 0;
  support::write_file_atomically(t.path / "authors.npy",
                                 support::npy_bytes({mask.size()}, mask, false));
  const RunResult result =
      small_run(t.path / "a", 2,
                {"selection.mask=" + (t.path / "authors.npy").string(),
                 "selection.mask_polarity=zero_is_verified", "selection.policies=[uswim, imported]",
                 "selection.scores=" + (t.path / "scores.npy").string()});
  const CurvePoint* uswim = nullptr;
  const CurvePoint* imported = nullptr;
  const CurvePoint* scores = nullptr;
  for (const CurvePoint& p : result.curve) {
    if (p.policy == "uswim" && p.fraction == 0.1) uswim = &p;
    if (p.policy == "imported" && p.fraction == 0.1) scores = &p;
    if (p.policy == "imported_mask") imported = &p;
  }
  ASSERT_TRUE(uswim && imported && scores);
  EXPECT_NEAR(imported->fraction, 0.1, 1e-5);
  EXPECT_EQ(imported->accuracy_mean, uswim->accuracy_mean);
  EXPECT_EQ(imported->time_s_mean, uswim->time_s_mean);
  EXPECT_EQ(imported->nwc_mean, uswim->nwc_mean);
  EXPECT_EQ(scores->accuracy_mean, uswim->accuracy_mean);
}

TEST(ImportedMask, MustStateItsPolarity) {
  EXPECT_THROW(
      load_config(USWIM_SOURCE_DIR "/configs/lenet_mnist.yaml", {"selection.mask=mask.npy"}),
      support::ConfigError);
}

TEST(SensitivityCache, SurvivesDamage) {
  TemporaryDirectory t;
  const LoadedConfig loaded =
      load_config(USWIM_SOURCE_DIR "/configs/lenet_mnist.yaml", {"selection.fractions=[0.1]"});
  std::size_t images_seen = 0;
  const Progress count = [&](const std::string& stage, std::size_t, std::size_t) {
    images_seen += stage == "sensitivity";
  };
  export_sensitivity(loaded, t.path / "a.npy", t.path / "cache", count);
  const std::string first = read(t.path / "a.npy");
  EXPECT_GT(images_seen, 0u);
  images_seen = 0;
  export_sensitivity(loaded, t.path / "b.npy", t.path / "cache", count);
  EXPECT_EQ(images_seen, 0u);
  EXPECT_EQ(read(t.path / "b.npy"), first);
  for (const auto& entry : fs::directory_iterator(t.path / "cache"))
    fs::resize_file(entry.path(), 100);
  export_sensitivity(loaded, t.path / "c.npy", t.path / "cache", count);
  EXPECT_GT(images_seen, 0u);
  EXPECT_EQ(read(t.path / "c.npy"), first);
}

TEST(Run, LeavesNothingBehindWhenItFails) {
  TemporaryDirectory t;
  const LoadedConfig loaded = load_config(USWIM_SOURCE_DIR "/configs/lenet_mnist.yaml",
                                          {"workload.network=/nowhere/net.onnx"});
  EXPECT_ANY_THROW(run_experiment(
      loaded, {1, t.path / "out", {}, [](const std::string&, std::size_t, std::size_t) {}}));
  EXPECT_TRUE(fs::is_empty(t.path));
}

}  // namespace
}  // namespace uswim::experiment
