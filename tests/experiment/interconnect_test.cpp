// What does a run say of its bus or mesh, and where a mesh cannot be built?
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "experiment/run.h"

namespace uswim::experiment {
namespace {

using testing::HasSubstr;

const std::string kConfig = USWIM_SOURCE_DIR "/configs/lenet_mnist.yaml";

std::string fault_of(const std::string& override) {
  try {
    load_config(kConfig, {override});
  } catch (const support::ConfigError& error) {
    return error.what();
  }
  return "";
}

TEST(InterconnectConfiguration, NamesTheKeyThatIsWrong) {
  EXPECT_THAT(fault_of("chip.interconnect=ring"),
              HasSubstr("chip.interconnect: 'ring' is not one of bus, mesh"));
  EXPECT_THAT(fault_of("chip.mesh.port_choice=any"), HasSubstr("chip.mesh.port_choice: 'any' is"));
  for (const std::string key : {"link_width", "ports", "concentration"})
    EXPECT_THAT(fault_of("chip.mesh." + key + "=0"),
                HasSubstr("chip.mesh." + key + ": '0' is outside"));
  for (const std::string key : {"columns", "router_latency_cycles"}) {
    EXPECT_EQ(fault_of("chip.mesh." + key + "=0"), "");
    EXPECT_THAT(fault_of("chip.mesh." + key + "=-1"),
                HasSubstr("chip.mesh." + key + ": '-1' is outside"));
  }
  EXPECT_THAT(fault_of("chip.mesh.router_energy=20"), HasSubstr("chip.mesh.router_energy: "));
}

class Interconnect : public testing::Test {
 protected:
  ~Interconnect() override { std::filesystem::remove_all(out_); }
  RunResult run(std::vector<std::string> overrides) {
    overrides.insert(overrides.end(), {"chips=2", "accuracy.images=0", "inference.images=0",
                                       "selection.policies=[none]"});
    return run_experiment(load_config(kConfig, overrides),
                          {1, out_, {}, [](const std::string&, std::size_t, std::size_t) {}});
  }
  std::string file(const std::string& name) const {
    std::ifstream in(out_ / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

 private:
  const std::filesystem::path out_ =
      std::filesystem::temp_directory_path() / ("uswim_interconnect_" + std::to_string(::getpid()));
};

// A row of LeNet takes two words: 32 bytes of levels, 16 of mask, 8 of header.
TEST_F(Interconnect, TellsWhatABusCarried) {
  const RunResult result = run({});
  std::uint64_t rows = 0;
  for (const TileResult& tile : result.monte_carlo.tiles) rows += tile.report.rows;
  std::istringstream in(file("interconnect.csv"));
  std::string header, policy, value;
  std::getline(in, header);
  EXPECT_EQ(header, "policy,fraction,busiest_link_share_mean,hops_mean,energy_J_mean");
  std::getline(in, policy, ',');
  EXPECT_EQ(policy, "none");
  std::vector<double> numbers;
  while (std::getline(in, value, ',')) numbers.push_back(std::stod(value));
  ASSERT_EQ(numbers.size(), 4u);
  const double words = 2.0 * static_cast<double>(rows);
  EXPECT_GT(rows, 34u);
  // Without verifying, all chips take the same time.
  EXPECT_NEAR(numbers[1], words * 1e-9 / result.verify_all.time_s_mean, 1e-9);
  EXPECT_EQ(numbers[2], 1.0);
  EXPECT_NEAR(numbers[3], words * 20.74e-12, 1e-9 * numbers[3]);
}

// LeNet's 34 arrays take nine routers, three by three.
TEST_F(Interconnect, HasNoMorePortsThanRowsOfRouters) {
  EXPECT_NO_THROW(run({"chip.interconnect=mesh", "chip.mesh.ports=3"}));
  try {
    run({"chip.interconnect=mesh", "chip.mesh.ports=4"});
    ADD_FAILURE();
  } catch (const std::exception& error) {
    EXPECT_THAT(error.what(), HasSubstr("chip.mesh.ports: 4 ports, but the mesh of 34 arrays has "
                                        "only 3 rows of 3 routers"));
  }
}

}  // namespace
}  // namespace uswim::experiment
