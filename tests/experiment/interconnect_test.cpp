// What does a run say of its bus or mesh, and where a mesh cannot be built?
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "experiment/run.h"
#include "experiment/workload.h"

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

std::string fault_with_network(const std::vector<std::string>& overrides) {
  try {
    check_with_network(load_config(kConfig, overrides));
  } catch (const support::ConfigError& error) {
    return error.what();
  }
  return "";
}

// LeNet's 34 arrays take nine routers, three by three.
TEST_F(Interconnect, HasNoMorePortsThanRowsOfRouters) {
  EXPECT_NO_THROW(run({"chip.interconnect=mesh", "chip.mesh.ports=3"}));
  EXPECT_EQ(fault_with_network({"chip.interconnect=mesh", "chip.mesh.ports=3"}), "");
  const std::vector<std::string> four{"chip.interconnect=mesh", "chip.mesh.ports=4"};
  const std::string fault = fault_with_network(four);
  EXPECT_EQ(fault,
            "--set chip.mesh.ports=4: chip.mesh.ports: 4 ports, but the mesh of 34 arrays has "
            "only 3 rows of 3 routers (expected 1 to 3, or other 'chip.mesh.columns', "
            "'chip.mesh.concentration')");
  try {
    run(four);
    ADD_FAILURE();
  } catch (const support::ConfigError& error) {
    EXPECT_EQ(error.what(), fault);
  }
  // A bus has no ports, and other meshes have more rows.
  EXPECT_EQ(fault_with_network({"chip.mesh.ports=4"}), "");
  EXPECT_EQ(fault_with_network({four[0], four[1], "chip.mesh.columns=2"}), "");
  EXPECT_EQ(fault_with_network({four[0], four[1], "chip.mesh.concentration=2"}), "");
}

// With up to three arrays more there may be a tenth router and a fourth row. How many there are
// shows when rows are placed.
TEST_F(Interconnect, MayGetRowsOfRoutersFromPlacedRows) {
  const std::vector<std::string> balanced{"chip.interconnect=mesh", "chip.mesh.ports=4",
                                          "mapping.row_order=balanced"};
  const auto with_extra = [&](const std::string& extra) {
    std::vector<std::string> all = balanced;
    all.push_back("mapping.extra_arrays=" + extra);
    return all;
  };
  EXPECT_THAT(fault_with_network(with_extra("2")), HasSubstr("the mesh of 36 arrays"));
  EXPECT_EQ(fault_with_network(with_extra("3")), "");
  EXPECT_EQ(run(with_extra("3")).monte_carlo.chips.size(), 2u);
}

// Arrays beyond those that the layers' rows can be cut into are not there.
TEST_F(Interconnect, IsRefusedWherePlacedRowsLeaveItTooFewRowsOfRouters) {
  try {
    run({"chip.interconnect=mesh", "chip.mesh.ports=100", "mapping.row_order=balanced",
         "mapping.extra_arrays=100000"});
    ADD_FAILURE();
  } catch (const support::ConfigError& error) {
    EXPECT_THAT(error.what(), HasSubstr("chip.mesh.ports: 100 ports, but the mesh of "));
  }
}

}  // namespace
}  // namespace uswim::experiment
