// What does a run say where its mesh cannot be built?
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

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

TEST(MeshConfiguration, NamesTheKeyThatIsWrong) {
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

// LeNet's 34 arrays take nine routers, three by three.
TEST(MeshConfiguration, HasNoMorePortsThanRowsOfRouters) {
  const std::filesystem::path out =
      std::filesystem::temp_directory_path() / ("uswim_mesh_config_" + std::to_string(::getpid()));
  const auto run = [&](const std::string& ports) {
    run_experiment(
        load_config(kConfig, {"chips=1", "accuracy.images=0", "inference.images=0",
                              "selection.policies=[none]", "chip.interconnect=mesh", ports}),
        {1, out, {}, [](const std::string&, std::size_t, std::size_t) {}});
  };
  EXPECT_NO_THROW(run("chip.mesh.ports=3"));
  try {
    run("chip.mesh.ports=4");
    ADD_FAILURE();
  } catch (const std::exception& error) {
    EXPECT_THAT(error.what(), HasSubstr("chip.mesh.ports: 4 ports, but the mesh of 34 arrays has "
                                        "only 3 rows of 3 routers"));
  }
  std::filesystem::remove_all(out);
}

}  // namespace
}  // namespace uswim::experiment
