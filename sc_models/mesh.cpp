#include "sc_models/mesh.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace uswim::sc_models {

using support::Duration;

namespace {

std::size_t rounded_up_quotient(std::size_t a, std::size_t b) { return (a + b - 1) / b; }

/// Rows of the ports: in the middle of as many parts of the edge.
std::vector<std::size_t> port_rows(std::size_t ports, std::size_t rows) {
  std::vector<std::size_t> of_port;
  for (std::size_t p = 0; p < ports; ++p) of_port.push_back((2 * p + 1) * rows / (2 * ports));
  return of_port;
}

std::size_t nearest_port(const std::vector<std::size_t>& rows, std::size_t row) {
  const auto distance = [row](std::size_t r) { return r < row ? row - r : r - row; };
  const auto nearest =
      std::min_element(rows.begin(), rows.end(),
                       [&](std::size_t a, std::size_t b) { return distance(a) < distance(b); });
  return static_cast<std::size_t>(nearest - rows.begin());
}

struct Size {
  std::size_t routers, columns, rows;
};
Size size_of(const MeshConfig& config, std::size_t arrays) {
  Size size{rounded_up_quotient(arrays, config.concentration), config.columns, 0};
  if (size.columns == 0)
    size.columns = static_cast<std::size_t>(std::lround(std::sqrt(size.routers)));
  size.rows = rounded_up_quotient(size.routers, size.columns);
  return size;
}

}  // namespace

std::string mesh_fault(const MeshConfig& config, std::size_t arrays) {
  const Size size = size_of(config, arrays);
  if (config.ports <= size.rows) return "";
  return fmt::format(
      "{} ports, but the mesh of {} arrays has only {} rows of {} routers (expected 1 to {}, or "
      "other 'chip.mesh.columns', 'chip.mesh.concentration')",
      config.ports, arrays, size.rows, size.columns, size.rows);
}

// The order of links: of each port its own one and those that lead away from it along its row; of
// each port those that lead to it, its own one last; of each column those to higher rows, from the
// first row on; of each column those to lower rows, from the last row on.
Mesh::Mesh(const MeshConfig& config, Duration period, std::size_t arrays)
    : arrays_per_router_(config.concentration),
      period_(period),
      router_latency_(period * config.router_latency_cycles) {
  if (const std::string fault = mesh_fault(config, arrays); !fault.empty())
    throw std::invalid_argument("chip.mesh.ports: " + fault);
  const auto [routers, columns, rows] = size_of(config, arrays);
  const std::vector<std::size_t> port_row = port_rows(config.ports, rows);
  const auto run = [](std::size_t first, std::size_t links) {
    return Run{static_cast<std::uint32_t>(first), static_cast<std::uint32_t>(links)};
  };
  const std::size_t inwards = config.ports * columns, higher = 2 * inwards,
                    lower = higher + columns * (rows - 1);
  free_at_.resize(lower + columns * (rows - 1));
  for (std::size_t router = 0; router < routers; ++router) {
    const std::size_t row = router / columns, column = router % columns;
    const std::size_t port = config.port_choice == PortChoice::Nearest ? nearest_port(port_row, row)
                                                                       : router % config.ports;
    const auto along_column = [&](std::size_t from, std::size_t to) {
      const std::size_t first = column * (rows - 1);
      return to >= from ? run(higher + first + from, to - from)
                        : run(lower + first + rows - 1 - from, from - to);
    };
    routes_[0].push_back({run(port * columns, 1 + column), along_column(port_row[port], row)});
    routes_[1].push_back({along_column(row, port_row[port]),
                          run(inwards + (port + 1) * columns - 1 - column, 1 + column)});
  }
  reset_statistics();
}

Duration Mesh::send(Way way, std::size_t array, std::uint64_t flits, Duration ready) {
  const std::size_t router = array / arrays_per_router_, index = static_cast<std::size_t>(way);
  flits_[index][router] += flits;
  const Duration held = period_ * static_cast<std::int64_t>(flits);
  Duration head = ready;
  for (const Run& run : routes_[index][router]) {
    Duration* const free_at = free_at_.data() + run.first;
    for (std::size_t link = 0; link < run.links; ++link) {
      const Duration begin = std::max(head, free_at[link]);
      free_at[link] = begin + held;
      head = begin + router_latency_;
    }
  }
  return head + held;
}

Duration Mesh::busiest_link() const {
  std::vector<std::uint64_t> of_link(free_at_.size(), 0);
  for (std::size_t way = 0; way < routes_.size(); ++way)
    for (std::size_t router = 0; router < flits_[way].size(); ++router)
      for (const Run& run : routes_[way][router])
        for (std::size_t link = 0; link < run.links; ++link)
          of_link[run.first + link] += flits_[way][router];
  return period_ * static_cast<std::int64_t>(*std::max_element(of_link.begin(), of_link.end()));
}

double Mesh::mean_hops() const {
  double flits = 0.0, flit_hops = 0.0;
  for (const std::vector<std::uint64_t>& of_router : flits_)
    for (std::size_t router = 0; router < of_router.size(); ++router) {
      flits += static_cast<double>(of_router[router]);
      flit_hops += static_cast<double>(of_router[router]) * hops(router * arrays_per_router_);
    }
  return flits > 0.0 ? flit_hops / flits : 0.0;
}

void Mesh::reset_statistics() {
  for (std::vector<std::uint64_t>& flits : flits_) flits.assign(routes_[0].size(), 0);
}

}  // namespace uswim::sc_models
