#pragma once
#include <cstddef>
#include <string>
#include <vector>

#include "tiles/mapping.h"
#include "workloads/network/network.h"

namespace uswim::experiment {

/// One node of a network: where it runs and what it takes.
struct NetworkRow {
  std::string name;
  std::string operation;  ///< as in the enumeration Operation
  bool on_crossbars = false;
  workloads::Shape shape;   ///< of what it writes
  std::size_t weights = 0;  ///< on crossbars; biases and factors are digital and not counted
  std::size_t devices = 0;
  std::size_t arrays = 0;
  std::size_t multiply_accumulates = 0;  ///< per image, of the matrix
};

/// A row per node, in the order of computation.
std::vector<NetworkRow> network_table(const workloads::Network& network,
                                      const tiles::Mapping& mapping);

/// network.csv
std::string network_csv(const std::vector<NetworkRow>& rows);

}  // namespace uswim::experiment
