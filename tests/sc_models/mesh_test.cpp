// When are packets at the other end of the mesh?
#include "sc_models/mesh.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <ostream>
#include <random>
#include <stdexcept>
#include <utility>

namespace uswim::sc_models {
namespace {

using support::Duration;
using Way = Mesh::Way;

constexpr Duration ns(std::int64_t v) { return Duration::nanoseconds(v); }
const Duration kPeriod = ns(1);

MeshConfig mesh_config(unsigned columns, unsigned ports, unsigned concentration = 1,
                       unsigned latency = 3, PortChoice choice = PortChoice::Nearest) {
  MeshConfig config;
  config.columns = columns;
  config.ports = ports;
  config.concentration = concentration;
  config.router_latency_cycles = latency;
  config.port_choice = choice;
  return config;
}

std::int64_t send(Mesh& mesh, Way way, std::size_t array, std::uint64_t flits, std::int64_t ready) {
  return mesh.send(way, array, flits, ns(ready)).in_picoseconds() / 1000;
}

// 4 x 5 routers, one port at row 2: array 13 is at row 2, column 3; array 4 at row 0, column 4.
TEST(Packet, TakesTheRoutersLatencyPerHopAndItsFlits) {
  for (const Way way : {Way::ToArray, Way::FromArray}) {
    Mesh mesh(mesh_config(5, 1), kPeriod, 20);
    EXPECT_EQ(mesh.hops(10), 1u);
    EXPECT_EQ(mesh.hops(13), 4u);
    EXPECT_EQ(mesh.hops(4), 7u);
    EXPECT_EQ(mesh.hops(19), 6u);
    EXPECT_EQ(send(mesh, way, 10, 6, 100), 100 + 1 * 3 + 6);
    EXPECT_EQ(send(mesh, way, 13, 6, 200), 200 + 4 * 3 + 6);
    EXPECT_EQ(send(mesh, way, 4, 2, 300), 300 + 7 * 3 + 2);
    EXPECT_EQ(send(mesh, way, 19, 1, 400), 400 + 6 * 3 + 1);
  }
}

TEST(Packet, WaitsForTheOneBeforeOnASharedLink) {
  for (const Way way : {Way::ToArray, Way::FromArray}) {
    Mesh mesh(mesh_config(5, 1), kPeriod, 20);
    EXPECT_EQ(send(mesh, way, 13, 6, 0), 12 + 6);
    // Over the same links: a packet behind.
    EXPECT_EQ(send(mesh, way, 13, 6, 0), 12 + 6 + 6);
    // The same port alone.
    EXPECT_EQ(send(mesh, way, 10, 4, 0), way == Way::ToArray ? 12 + 3 + 4 : 3 * 3 + 12 + 3 + 4);
  }
}

// What comes back meets on its way to the port: array 13 sends over three links before the port's,
// array 14 over four, and joins it behind the first.
TEST(Packet, MeetsOthersOnTheWayBack) {
  Mesh mesh(mesh_config(5, 1), kPeriod, 20);
  EXPECT_EQ(send(mesh, Way::FromArray, 14, 10, 0), 5 * 3 + 10);
  // Its head is at router 13 after 3 ns, whose link is held until 13 ns.
  EXPECT_EQ(send(mesh, Way::FromArray, 13, 2, 5), 13 + 4 * 3 + 2);
}

TEST(Packet, IsNotHeldUpOnOtherLinks) {
  Mesh mesh(mesh_config(5, 2), kPeriod, 20);  // ports at rows 1 and 3
  EXPECT_EQ(send(mesh, Way::ToArray, 5, 100, 0), 3 + 100);
  EXPECT_EQ(send(mesh, Way::ToArray, 15, 6, 0), 3 + 6);   // from the other port
  EXPECT_EQ(send(mesh, Way::FromArray, 5, 6, 0), 3 + 6);  // the other direction
  EXPECT_EQ(send(mesh, Way::ToArray, 0, 6, 0), 106 + 6);  // the same port
  // Row 2 is as near to both: the first serves it, whose link is free again in time.
  EXPECT_EQ(send(mesh, Way::FromArray, 12, 6, 0), 4 * 3 + 6);
}

/// The mesh once more, plainly: a map of links by the nodes at their ends, and routes found by
/// going from node to node.
class PlainMesh {
 public:
  using Node = std::pair<int, int>;  ///< row, column; column -1: the buffer's side of a port
  PlainMesh(const MeshConfig& config, std::size_t arrays) : config_(config) {
    const int routers =
        static_cast<int>((arrays + config.concentration - 1) / config.concentration);
    columns_ = config.columns > 0 ? static_cast<int>(config.columns)
                                  : static_cast<int>(std::lround(std::sqrt(routers)));
    while (rows_ * columns_ < routers) ++rows_;
  }
  std::vector<Node> route(std::size_t array) const {
    const int router = static_cast<int>(array / config_.concentration);
    const Node to{router / columns_, router % columns_};
    const int ports = static_cast<int>(config_.ports);
    int row = -1;
    for (int p = 0; p < ports; ++p) {
      const int of_port = static_cast<int>((p + 0.5) * rows_ / ports);
      const bool serves = config_.port_choice == PortChoice::Interleaved
                              ? router % ports == p
                              : row < 0 || std::abs(of_port - to.first) < std::abs(row - to.first);
      if (serves) row = of_port;
    }
    std::vector<Node> nodes{{row, -1}};
    while (nodes.back().second < to.second) nodes.emplace_back(row, nodes.back().second + 1);
    while (nodes.back().first != to.first)
      nodes.emplace_back(nodes.back().first + (to.first > row ? 1 : -1), to.second);
    return nodes;
  }
  std::int64_t send(Way way, std::size_t array, std::int64_t flits, std::int64_t ready) {
    std::vector<Node> nodes = route(array);
    if (way == Way::FromArray) std::reverse(nodes.begin(), nodes.end());
    std::int64_t head = ready;
    for (std::size_t i = 0; i + 1 < nodes.size(); ++i) {
      Link& link = links[{nodes[i], nodes[i + 1]}];
      head = std::max(head, link.free_at);
      link.free_at = head + flits;
      link.flits += flits;
      head += config_.router_latency_cycles;
    }
    hop_flits += static_cast<std::int64_t>(nodes.size() - 1) * flits;
    all_flits += flits;
    return head + flits;
  }

  struct Link {
    std::int64_t free_at = 0, flits = 0;
  };
  std::map<std::pair<Node, Node>, Link> links;
  std::int64_t hop_flits = 0, all_flits = 0;

 private:
  MeshConfig config_;
  int columns_ = 0, rows_ = 0;
};

struct Shape {
  std::size_t arrays;
  MeshConfig config;
};
void PrintTo(const Shape& s, std::ostream* out) {
  *out << s.arrays << " arrays, " << s.config.columns << " columns, " << s.config.ports
       << " ports, " << s.config.concentration << " a router"
       << (s.config.port_choice == PortChoice::Interleaved ? ", interleaved" : "");
}

class RandomTraffic : public testing::TestWithParam<Shape> {};

TEST_P(RandomTraffic, ArrivesAsOnAPlainMapOfLinks) {
  const auto& [arrays, config] = GetParam();
  Mesh mesh(config, kPeriod, arrays);
  PlainMesh plain(config, arrays);
  std::mt19937 random(1);
  std::int64_t last = 0;
  for (int packet = 0; packet < 3000; ++packet) {
    const Way way = random() % 2 == 0 ? Way::ToArray : Way::FromArray;
    const std::size_t array = random() % arrays, flits = 1 + random() % 9;
    const std::int64_t ready = packet * 2 + static_cast<std::int64_t>(random() % 50);
    const std::int64_t arrival = send(mesh, way, array, flits, ready);
    ASSERT_EQ(arrival, plain.send(way, array, static_cast<std::int64_t>(flits), ready)) << packet;
    last = std::max(last, arrival);
  }
  std::int64_t busiest = 0;
  for (const auto& [nodes, link] : plain.links) busiest = std::max(busiest, link.flits);
  EXPECT_EQ(mesh.busiest_link().in_picoseconds(), ns(busiest).in_picoseconds());
  EXPECT_GE(last, busiest);
  EXPECT_NEAR(mesh.mean_hops(),
              static_cast<double>(plain.hop_flits) / static_cast<double>(plain.all_flits), 1e-12);
  mesh.reset_statistics();
  EXPECT_EQ(mesh.busiest_link(), Duration());
  EXPECT_EQ(mesh.mean_hops(), 0.0);
}

constexpr PortChoice kInterleaved = PortChoice::Interleaved;
INSTANTIATE_TEST_SUITE_P(Shapes, RandomTraffic,
                         testing::Values(Shape{1, mesh_config(0, 1)}, Shape{5, mesh_config(9, 1)},
                                         Shape{5, mesh_config(1, 5)}, Shape{100, mesh_config(0, 1)},
                                         Shape{100, mesh_config(0, 3)},
                                         Shape{100, mesh_config(7, 4, 2)},
                                         Shape{101, mesh_config(0, 2, 4, 0)},
                                         Shape{100, mesh_config(7, 4, 1, 2, kInterleaved)},
                                         Shape{99, mesh_config(10, 3, 1, 1, kInterleaved)},
                                         Shape{99, mesh_config(3, 16, 2, 5, kInterleaved)}));

// Five flits to every array, all ready at once.
TEST(Ports, AreNeverSlowerForAnEvenLoadTheMoreThereAre) {
  for (const PortChoice choice : {PortChoice::Nearest, PortChoice::Interleaved}) {
    std::int64_t before = 256 * 5 + 1000;
    for (const unsigned ports : {1u, 2u, 4u, 8u, 16u}) {
      Mesh mesh(mesh_config(16, ports, 1, 2, choice), kPeriod, 256);
      std::int64_t last = 0;
      for (std::size_t array = 0; array < 256; ++array)
        last = std::max(last, send(mesh, Way::ToArray, array, 5, 0));
      EXPECT_GE(last, 256 * 5 / ports);
      EXPECT_LT(last, before) << ports;
      before = last;
    }
  }
}

TEST(Ports, AreNoMoreThanRowsOfRouters) {
  EXPECT_NO_THROW(Mesh(mesh_config(4, 3), kPeriod, 9));
  try {
    Mesh(mesh_config(4, 4), kPeriod, 9);
    FAIL();
  } catch (const std::invalid_argument& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("chip.mesh.ports: 4 ports, but the mesh of 9 "
                                                 "arrays has only 3 rows of 4 routers"));
  }
}

}  // namespace
}  // namespace uswim::sc_models
