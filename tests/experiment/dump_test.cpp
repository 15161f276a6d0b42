#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>

#include "../support/temporary_directory.h"
#include "experiment/run.h"
#include "experiment/workload.h"
#include "programmer/device/device_model.h"
#include "programmer/write_verify/pulse_model.h"
#include "support/results.h"

/// The file of `uswim run --dump`.
namespace uswim::experiment {
namespace {

using testing::HasSubstr;

class Dump : public testing::Test {
 protected:
  /// LeNet without accuracy, with devices that are given up.
  Dump()
      : loaded_(load_config(
            USWIM_SOURCE_DIR "/configs/lenet_mnist.yaml",
            {"chips=1", "accuracy.images=0", "accuracy.hardware.chips=0", "inference.images=0",
             "selection.policies=[magnitude]", "selection.fractions=[0, 1]",
             "device.stuck_high=0.02", "programming.max_cycles=15"})) {}
  void run(const std::filesystem::path& output, const std::filesystem::path& dump,
           std::size_t limit) {
    run_experiment(
        loaded_, {1, output, {}, [](const std::string&, std::size_t, std::size_t) {}, dump, limit});
  }
  std::string fault_of(const std::filesystem::path& dump) {
    try {
      run(directory_ / "results", dump, 10);
    } catch (const support::FileError& fault) {
      return fault.what();
    }
    return "";
  }
  TemporaryDirectory directory_;
  LoadedConfig loaded_;
};

// Array by array and row by row: the level that the mapping puts there and what the plain reference
// makes of it.
TEST_F(Dump, HoldsThePlainOutcomesOfEveryDevice) {
  const std::size_t limit = 40000;  // more than two arrays
  run(directory_ / "results", directory_ / "devices.csv", limit);
  std::ifstream in(directory_ / "devices.csv");
  std::string line;
  std::getline(in, line);
  EXPECT_EQ(line, "tile,row,column,level,cycles,residual,converged");

  const Config& config = loaded_.config;
  const Workload workload = load_workload(config.workload);
  const tiles::Mapping mapping = map_workload(workload, config);
  const programmer::DeviceModel device(config.device);
  std::size_t lines = 0, given_up = 0, below = 0;
  for (std::size_t a = 0; a < mapping.blocks().size() && lines < limit; ++a) {
    const std::vector<std::uint8_t> levels = mapping.levels(a);
    for (std::size_t r = 0; r < mapping.blocks()[a].rows && lines < limit; ++r) {
      std::vector<programmer::DeviceTarget> targets(mapping.columns(a));
      for (std::size_t c = 0; c < targets.size(); ++c) {
        const unsigned level = levels[r * mapping.pitch() + c];
        targets[c] = {true, static_cast<float>(device.target(level)),
                      static_cast<float>(device.level_factor(level, 0.0))};
      }
      programmer::DeviceOutcomes o;
      programmer::write_plainly(config.programming, device, targets, mapping.device_index(a, r, 0),
                                config.seed, 0, o);
      for (std::size_t c = 0; c < targets.size() && lines < limit; ++c, ++lines) {
        ASSERT_TRUE(std::getline(in, line)) << lines;
        std::size_t tile = 0, row = 0, column = 0;
        unsigned level = 0, cycles = 0, converged = 0;
        double residual = 0;
        ASSERT_EQ(std::sscanf(line.c_str(), "%zu,%zu,%zu,%u,%u,%lf,%u", &tile, &row, &column,
                              &level, &cycles, &residual, &converged),
                  7)
            << line;
        ASSERT_EQ(tile, a);
        ASSERT_EQ(row, r);
        ASSERT_EQ(column, c);
        ASSERT_EQ(level, levels[r * mapping.pitch() + c]);
        ASSERT_EQ(cycles, o.cycles[c]) << line;
        ASSERT_EQ(converged, o.converged[c]) << line;
        ASSERT_EQ(residual,
                  static_cast<double>(o.verified[c]) - static_cast<double>(targets[c].target))
            << line;
        below += residual < 0;
        given_up += converged == 0;
      }
    }
  }
  EXPECT_FALSE(std::getline(in, line));
  EXPECT_EQ(lines, limit);
  // 2 % are stuck at the highest level, at which a quarter or so of the devices is to stand.
  EXPECT_GT(given_up, limit / 100);
  EXPECT_GT(below, limit / 100);
  EXPECT_LT(below, lines - limit / 100);
}

TEST_F(Dump, HasAPlaceOfItsOwnAndReplacesOnlyADump) {
  EXPECT_THAT(fault_of(directory_ / "results/devices.csv"),
              HasSubstr("lies in the directory of the results"));
  EXPECT_THAT(fault_of(directory_ / "results"), HasSubstr("lies in the directory"));
  EXPECT_THAT(fault_of(directory_ / "results.checkpoint"), HasSubstr("checkpoint"));
  const auto mine = directory_ / "mine.yaml";
  std::ofstream(mine) << "seed: 1\n";
  EXPECT_THAT(fault_of(mine), HasSubstr("is a file of something else"));
  EXPECT_EQ(std::filesystem::file_size(mine), 8u);
  EXPECT_FALSE(std::filesystem::exists(directory_ / "results"));
  EXPECT_EQ(fault_of(directory_ / "devices.csv"), "");
  EXPECT_EQ(fault_of(directory_ / "devices.csv"), "");
}

}  // namespace
}  // namespace uswim::experiment
