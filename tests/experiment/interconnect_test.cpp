// What does a run say of its bus or mesh, and where a mesh cannot be built?
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
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
  RunResult run(std::vector<std::string> overrides,
                const std::string& inference = "inference.images=0") {
    overrides.insert(overrides.end(),
                     {"chips=2", "accuracy.images=0", inference, "selection.policies=[none]"});
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

/// A CSV file of one row, by column.
std::map<std::string, double> one_row(const std::string& csv) {
  std::istringstream in(csv);
  std::string names, values, name, value;
  std::getline(in, names);
  std::getline(in, values);
  std::istringstream each_name(names), each_value(values);
  std::map<std::string, double> row;
  while (std::getline(each_name, name, ',') && std::getline(each_value, value, ','))
    row[name] = std::stod(value);
  return row;
}

/// Flits of 256 bits that LeNet's tiles get for an image, and send back.
struct ImageFlits {
  double inputs = 0.0, sums = 0.0;
  double hops = 0.0;  ///< all of them, over 3 x 3 routers of four arrays, a port in the middle row
};
ImageFlits flits_of_an_image() {
  const auto flits = [](std::size_t bytes) {
    return std::ceil(static_cast<double>(8 + bytes) / 32.0);
  };
  const Config config = load_config(kConfig, {}).config;
  const Workload workload = load_workload(config.workload);
  const tiles::Mapping mapping = map_workload(workload, config);
  ImageFlits sum;
  for (const workloads::Node& node : workload.network.nodes) {
    if (node.operation != workloads::Operation::Matrix) continue;
    const auto vectors = static_cast<double>(node.shape.height * node.shape.width);
    for (std::size_t a = 0; a < mapping.blocks().size(); ++a) {
      const tiles::ArrayBlock& block = mapping.blocks()[a];
      if (block.layer != node.layer) continue;
      // Codes of at most 8 bits, sums of 8 bytes.
      const double in = vectors * flits(block.rows), out = vectors * flits(8 * block.outputs);
      const std::size_t column = a / 4 % 3, row = a / 4 / 3;
      sum.inputs += in;
      sum.sums += out;
      sum.hops += (in + out) * (1.0 + static_cast<double>(column) + (row == 1 ? 0.0 : 1.0));
    }
  }
  return sum;
}

// With one image latency and stream are the same.
TEST_F(Interconnect, TellsWhatABusCarriedInInference) {
  run({}, "inference.images=1");
  const std::map<std::string, double> row = one_row(file("inference.csv"));
  const ImageFlits flits = flits_of_an_image();
  const double all = flits.inputs + flits.sums;
  EXPECT_GT(all, 1000.0);
  EXPECT_NEAR(row.at("busiest_link_share"), all * 1e-9 / row.at("latency_s"), 1e-9);
  EXPECT_EQ(row.at("hops"), 1.0);
  EXPECT_NEAR(row.at("energy_bus_per_image_J"), all * 20.74e-12, 1e-9 * all * 20.74e-12);
}

// All goes over the port's link, inputs one way and sums the other.
TEST_F(Interconnect, TellsWhatAMeshCarriedInInference) {
  run({"chip.interconnect=mesh"}, "inference.images=1");
  const std::map<std::string, double> row = one_row(file("inference.csv"));
  const ImageFlits flits = flits_of_an_image();
  EXPECT_NEAR(row.at("busiest_link_share"),
              std::max(flits.inputs, flits.sums) * 1e-9 / row.at("latency_s"), 1e-9);
  EXPECT_NEAR(row.at("hops"), flits.hops / (flits.inputs + flits.sums), 1e-9);
}

// Of a stream the links carry as much per image, in less time.
TEST_F(Interconnect, CarriesAStreamInTheTimeToItsLastImage) {
  run({}, "inference.images=4");
  const std::map<std::string, double> row = one_row(file("inference.csv"));
  const ImageFlits flits = flits_of_an_image();
  const double time = row.at("latency_s") + 3.0 / row.at("throughput_images_per_s");
  // The first image of a stream meets others on the bus: the stream ends somewhat later.
  EXPECT_LE(row.at("busiest_link_share"), 4.0 * (flits.inputs + flits.sums) * 1e-9 / time);
  EXPECT_GT(row.at("busiest_link_share"), 0.9 * 4.0 * (flits.inputs + flits.sums) * 1e-9 / time);
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
