// What is left of a run that measures no accuracy?
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "experiment/run.h"

namespace uswim::experiment {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

const std::string kConfig = USWIM_SOURCE_DIR "/configs/lenet_mnist.yaml";

class ProgrammingOnly : public testing::Test {
 protected:
  ProgrammingOnly() { fs::create_directories(path_); }
  ~ProgrammingOnly() override { fs::remove_all(path_); }
  RunResult run(const std::string& to, std::vector<std::string> more) {
    std::vector<std::string> overrides{"chips=2", "accuracy.hardware.chips=0",
                                       "selection.fractions=[0, 0.3, 1]", "inference.images=0"};
    overrides.insert(overrides.end(), more.begin(), more.end());
    return run_experiment(load_config(kConfig, overrides),
                          {1, path_ / to, {}, [](const std::string&, std::size_t, std::size_t) {}});
  }
  std::string file(const std::string& name) const {
    std::ifstream in(path_ / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  bool exists(const std::string& name) const { return fs::exists(path_ / name); }

 private:
  fs::path path_ =
      fs::temp_directory_path() / ("uswim_programming_only_" + std::to_string(::getpid()));
};

std::string fault_of(const std::vector<std::string>& overrides) {
  try {
    load_config(kConfig, overrides);
  } catch (const support::ConfigError& error) {
    return error.what();
  }
  return "";
}

TEST_F(ProgrammingOnly, ProgramsAsARunThatMeasuresDoes) {
  const RunResult with = run("with", {"accuracy.images=100"});
  const RunResult without = run("without", {"accuracy.images=0"});
  ASSERT_EQ(with.curve.size(), without.curve.size());
  for (std::size_t i = 0; i < with.curve.size(); ++i) {
    EXPECT_EQ(with.curve[i].nwc_mean, without.curve[i].nwc_mean);
    EXPECT_EQ(with.curve[i].time_s_mean, without.curve[i].time_s_mean);
    EXPECT_EQ(with.curve[i].energy_J_mean, without.curve[i].energy_J_mean);
    EXPECT_TRUE(std::isnan(without.curve[i].accuracy_mean));
  }
  EXPECT_EQ(file("with/programming.csv"), file("without/programming.csv"));
}

TEST_F(ProgrammingOnly, LeavesOutWhatWasNotMeasured) {
  const RunResult result = run("out", {"accuracy.images=0"});
  EXPECT_FALSE(result.ideal_accuracy);
  EXPECT_TRUE(result.cost.empty());
  for (const char* name : {"out/equal_cost.csv", "out/curve.svg", "out/inference.csv"})
    EXPECT_FALSE(exists(name)) << name;
  const auto summary = nlohmann::json::parse(file("out/summary.json"));
  for (const char* key : {"ideal_accuracy", "inference", "cost_to_reach", "speed_up"})
    EXPECT_TRUE(summary.at(key).is_null()) << key;
  EXPECT_GT(summary["programming"]["time_s"].get<double>(), 0);
  // chips.csv ends with the accuracy, which is empty.
  const std::string chips = file("out/chips.csv");
  EXPECT_THAT(chips.substr(chips.find('\n')), HasSubstr(",\n"));
  EXPECT_EQ(chips.find("nan"), std::string::npos);
  EXPECT_EQ(file("out/curve.csv").find("nan"), std::string::npos);
}

TEST_F(ProgrammingOnly, TakesNoTrainingImagesWherePoliciesNeedNone) {
  const RunResult result =
      run("out", {"accuracy.images=0", "selection.policies=[magnitude, random]",
                  "workload.sensitivity.images=/nowhere"});
  EXPECT_GT(result.verify_all.time_s_mean, 0.0);
}

TEST(ImagesOfAConfiguration, AreThereWhereSomethingNeedsThem) {
  const std::vector<std::string> programs{"accuracy.images=0"};
  EXPECT_EQ(fault_of(programs), "");
  EXPECT_THAT(fault_of({"accuracy.images=0", "accuracy.times=[1 s]", "device.preset=pcm_joshi",
                        "device.drift.model=device"}),
              HasSubstr("accuracy.times: needs 'accuracy.images' above 0"));
  EXPECT_THAT(fault_of({"accuracy.images=0", "in_situ.iterations=1"}),
              HasSubstr("accuracy.images: 'selection.iterative' and 'in_situ'"));
  EXPECT_THAT(fault_of({"inference.images=0", "selection.iterative.policies=[uswim]"}),
              HasSubstr("inference.images: 'selection.iterative' and 'in_situ'"));
  EXPECT_THAT(fault_of({"accuracy.images=-1"}), HasSubstr("accuracy.images: '-1' is outside"));
}

std::string fault_of_text(const std::string& workload, const std::string& policy,
                          const std::string& rest) {
  support::ConfigDocument document = support::ConfigDocument::from_text(
      "workload: {" + workload + "}\nselection: {policies: [" + policy + "]}\n" + rest, "text");
  try {
    read_config(document.root());
    document.finish();
  } catch (const support::ConfigError& error) {
    return error.what();
  }
  return "";
}

const std::string kProgrammingOnly = "accuracy: {images: 0}\ninference: {images: 0}\n";

TEST(ImagesOfAConfiguration, AreMissedByName) {
  const auto fault = [](const std::string& policy, const std::string& rest) {
    return fault_of_text("network: net.onnx", policy, rest);
  };
  const std::string& nothing = kProgrammingOnly;
  EXPECT_EQ(fault("random", nothing), "");
  EXPECT_THAT(fault("random", "accuracy: {images: 0}\n"),
              HasSubstr("workload.test.images: missing"));
  EXPECT_THAT(fault("random", "inference: {images: 0}\n"),
              HasSubstr("workload.test.images: missing"));
  for (const char* policy :
       {"uswim", "swim", "hutchinson", "fisher", "gradient", "worth_per_cycle", "row_time"})
    EXPECT_THAT(fault(policy, nothing), HasSubstr("workload.sensitivity.images: missing"));
  EXPECT_THAT(fault("random", nothing + "mapping: {row_order: balanced}\n"),
              HasSubstr("workload.sensitivity.images: missing"));
}

TEST(SyntheticWorkload, IsProgrammedAndNothingElse) {
  const auto fault = [](const std::string& policy, const std::string& rest) {
    return fault_of_text("synthetic: lenet_mnist", policy, rest);
  };
  for (const char* policy : {"magnitude", "random", "all", "none"})
    EXPECT_EQ(fault(policy, kProgrammingOnly), "") << policy;
  for (const char* policy : {"uswim", "swim", "fisher", "row_time"})
    EXPECT_THAT(fault(policy, kProgrammingOnly),
                HasSubstr("workload.synthetic: has no sensitivity"))
        << policy;
  EXPECT_THAT(fault("random", "inference: {images: 0}\n"),
              HasSubstr("workload.synthetic: has no images: it needs 'accuracy.images: 0'"));
  EXPECT_THAT(fault("random", "accuracy: {images: 0}\n"),
              HasSubstr("workload.synthetic: has no images: it needs 'inference.images: 0'"));
  EXPECT_THAT(fault("random", kProgrammingOnly + "mapping: {column_order: balanced}\n"),
              HasSubstr("workload.synthetic: has no sensitivity"));
}

TEST(SyntheticWorkload, StandsInPlaceOfANetwork) {
  EXPECT_THAT(fault_of_text("network: net.onnx, synthetic: lenet_mnist", "all", kProgrammingOnly),
              HasSubstr("workload.synthetic: stands in place of 'network'"));
  EXPECT_THAT(fault_of_text("weight_bits: 4", "all", kProgrammingOnly),
              HasSubstr("workload.network: missing required key"));
  EXPECT_THAT(fault_of_text("synthetic: resnet81", "all", kProgrammingOnly),
              HasSubstr("workload.synthetic: 'resnet81' is not one of none, lenet_mnist"));
}

TEST_F(ProgrammingOnly, OfASyntheticNetworkDependsOnItsSeed) {
  const auto cycles = [&](const char* seed) {
    const fs::path file =
        fs::temp_directory_path() / ("uswim_synthetic_" + std::to_string(::getpid()));
    std::ofstream(file) << "workload: {synthetic: lenet_mnist, weight_bits: 4}\nchips: 1\n"
                           "selection: {policies: [all]}\n"
                        << kProgrammingOnly;
    const RunResult result = run_experiment(
        load_config(file, {seed}),
        {1, fs::path(file.string() + "_out"), {}, [](const std::string&, std::size_t, std::size_t) {
         }});
    fs::remove(file);
    fs::remove_all(file.string() + "_out");
    return result.monte_carlo.seconds.write_cycles;
  };
  EXPECT_GT(cycles("seed=1"), 423672u);
  EXPECT_NE(cycles("seed=1"), cycles("seed=2"));
}

}  // namespace
}  // namespace uswim::experiment
