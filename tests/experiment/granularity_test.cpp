// Many tiles that share bus or mesh, pumps and power, simulated phase by phase or on two threads:
// the same as row by row on one.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "experiment/run.h"

namespace uswim::experiment {
namespace {

namespace fs = std::filesystem;

class ManyTiles : public testing::TestWithParam<std::vector<std::string>> {
 protected:
  ManyTiles() { fs::create_directories(path_); }
  ~ManyTiles() override { fs::remove_all(path_); }
  void run(const std::string& to, unsigned jobs, std::vector<std::string> overrides) {
    overrides.insert(overrides.end(),
                     {"chips=1", "accuracy.images=0", "inference.images=0", "output.timeline=true",
                      "selection.policies=[magnitude]", "selection.fractions=[0, 0.3, 1]"});
    run_experiment(load_config(USWIM_SOURCE_DIR "/configs/lenet_mnist.yaml", overrides),
                   {jobs, path_ / to, {}, [](const std::string&, std::size_t, std::size_t) {}});
  }
  std::string file(const std::string& name) const {
    std::ifstream in(path_ / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void expect_same(const std::string& a, const std::string& b) const {
    for (const std::string name : {"/chips.csv", "/programming.csv", "/curve.csv",
                                   "/interconnect.csv", "/timeline.json", "/power.csv"}) {
      EXPECT_FALSE(file(a + name).empty()) << name;
      EXPECT_TRUE(file(a + name) == file(b + name)) << name;
    }
  }

 private:
  fs::path path_ = fs::temp_directory_path() / ("uswim_many_tiles_" + std::to_string(::getpid()));
};

TEST_P(ManyTiles, TakeTheSameByPulseAndOnTwoThreads) {
  run("row", 1, GetParam());
  run("threads", 2, GetParam());
  std::vector<std::string> by_pulse = GetParam();
  by_pulse.push_back("chip.granularity=pulse");
  run("pulse", 1, by_pulse);
  expect_same("row", "pulse");
  expect_same("row", "threads");
}

using OneRouter = ManyTiles;

// All arrays at one router that takes no time: a bus, however commands reach the tiles.
TEST_P(OneRouter, IsABus) {
  std::vector<std::string> over_mesh = GetParam();
  run("bus", 1, over_mesh);
  over_mesh.insert(over_mesh.end(),
                   {"chip.interconnect=mesh", "chip.mesh.concentration=100",
                    "chip.mesh.router_latency_cycles=0", "chip.mesh.link_width=32"});
  run("mesh", 1, over_mesh);
  expect_same("bus", "mesh");
}
INSTANTIATE_TEST_SUITE_P(Buses, OneRouter,
                         testing::Values(std::vector<std::string>{"chip.bus.width=32"},
                                         std::vector<std::string>{"chip.bus.width=32",
                                                                  "chip.power_budget=100 mW",
                                                                  "chip.controller.look_ahead=2"}));

const std::vector<std::string> kPumps{
    "chip.charge_pumps.count=7", "chip.charge_pumps.tiles_per_pump=3",
    "chip.charge_pumps.start_time=50 ns", "chip.charge_pumps.hold_time=20 ns",
    "chip.charge_pumps.start_energy=3 pJ"};
std::vector<std::string> with_pumps(std::vector<std::string> others) {
  others.insert(others.end(), kPumps.begin(), kPumps.end());
  return others;
}
INSTANTIATE_TEST_SUITE_P(
    Shared, ManyTiles,
    testing::Values(
        std::vector<std::string>{}, std::vector<std::string>{"chip.power_budget=100 mW"},
        std::vector<std::string>{"chip.interconnect=mesh", "chip.mesh.ports=3"},
        std::vector<std::string>{"chip.interconnect=mesh", "chip.mesh.columns=4",
                                 "chip.mesh.concentration=1", "chip.mesh.ports=3",
                                 "chip.mesh.port_choice=interleaved", "chip.power_budget=100 mW",
                                 "chip.controller.look_ahead=2"},
        std::vector<std::string>{"chip.power_budget=100 mW", "chip.power_queue=first_fit",
                                 "chip.controller.look_ahead=2"},
        with_pumps({"tile.write.rows=2", "chip.mask_encoding=smallest"}),
        with_pumps({"chip.power_budget=100 mW", "chip.bus.width=32",
                    "chip.controller.look_ahead=1"})));

}  // namespace
}  // namespace uswim::experiment
