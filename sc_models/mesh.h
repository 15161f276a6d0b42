#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "sc_models/chip_config.h"
#include "support/quantity.h"

namespace uswim::sc_models {

/// What is wrong with the configured mesh, were it to serve so many arrays; "" for nothing.
std::string mesh_fault(const MeshConfig& config, std::size_t arrays);

/// Network of routers between the buffer and the arrays. Routers stand in rows and columns, arrays
/// at them in their order; the buffer's ports are links to routers of the first column. A packet
/// for an array crosses its port's link, goes along the port's row to the array's column, then
/// along the column; what an array sends goes back the same way on the links of the opposite
/// direction, which it shares with packets for arrays that other ports serve.
/// Virtual cut-through: a packet's head takes the router's latency per hop, each link is held for
/// as many cycles as the packet has flits, and waiting packets find room in the routers. A link is
/// given in the order in which packets were sent, even where a later one reaches it first. The link
/// between an array and its router carries only that array's packets, which never meet. No kernel.
class Mesh {
 public:
  enum class Way { ToArray, FromArray };

  /// Throws std::invalid_argument where mesh_fault() finds one.
  Mesh(const MeshConfig& config, support::Duration period, std::size_t arrays);

  /// Takes the links for so many flits that are ready at `ready`; returns when the last one is
  /// there. Packets are sent one after the other, but `ready` need not grow.
  support::Duration send(Way way, std::size_t array, std::uint64_t flits, support::Duration ready);

  /// Routers between the buffer and an array, at least 1.
  unsigned hops(std::size_t array) const {
    const Route& route = routes_[0][array / arrays_per_router_];
    return route[0].links + route[1].links;
  }

  // Since reset_statistics().
  /// For how long the link with most to carry was held.
  support::Duration busiest_link() const;
  /// Routers that a flit passed, on the mean; 0 without any.
  double mean_hops() const;
  void reset_statistics();

 private:
  /// Links that a route takes one after the other.
  struct Run {
    std::uint32_t first = 0, links = 0;
  };
  using Route = std::array<Run, 2>;  ///< along row and column, or column and row

  unsigned arrays_per_router_;
  support::Duration period_, router_latency_;
  std::vector<support::Duration> free_at_;  ///< by link
  // By Way and router.
  std::array<std::vector<Route>, 2> routes_;
  std::array<std::vector<std::uint64_t>, 2> flits_;  ///< sent
};

}  // namespace uswim::sc_models
