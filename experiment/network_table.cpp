#include "experiment/network_table.h"

#include <cstdint>
#include <utility>

#include "support/results.h"

namespace uswim::experiment {
namespace {

using workloads::Node;
using workloads::Operation;

std::string name_of(Operation operation) {
  switch (operation) {
    case Operation::Matrix:
      return "matrix";
    case Operation::Relu:
      return "relu";
    case Operation::LeakyRelu:
      return "leaky_relu";
    case Operation::Clip:
      return "clip";
    case Operation::Sigmoid:
      return "sigmoid";
    case Operation::Tanh:
      return "tanh";
    case Operation::Quantize:
      return "quantize";
    case Operation::Scale:
      return "scale";
    case Operation::Add:
      return "add";
    case Operation::Multiply:
      return "multiply";
    case Operation::MaxPool:
      return "max_pool";
    case Operation::AveragePool:
      return "average_pool";
    case Operation::Flatten:
      return "flatten";
    case Operation::Reshape:
      return "reshape";
    case Operation::Transpose:
      return "transpose";
    case Operation::Concat:
      return "concat";
    case Operation::Slice:
      return "slice";
    case Operation::Pad:
      return "pad";
  }
  return {};
}

}  // namespace

std::vector<NetworkRow> network_table(const workloads::Network& network,
                                      const tiles::Mapping& mapping) {
  std::vector<NetworkRow> rows;
  for (const Node& node : network.nodes) {
    NetworkRow row;
    row.name = node.name;
    row.operation = name_of(node.operation);
    row.shape = node.shape;
    if (node.operation == Operation::Matrix) {
      const workloads::MatrixLayer& layer = network.layers[node.layer];
      row.on_crossbars = true;
      row.weights = layer.outputs * layer.rows;
      row.devices = row.weights * mapping.devices_per_weight();
      row.arrays = mapping.block_count(node.layer);
      row.multiply_accumulates = row.weights * node.shape.height * node.shape.width;
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

std::string network_csv(const std::vector<NetworkRow>& rows) {
  support::CsvTable csv({"node", "operation", "runs_on", "channels", "height", "width", "weights",
                         "devices", "arrays", "multiply_accumulates"});
  for (const NetworkRow& row : rows) {
    csv.cell(row.name).cell(row.operation).cell(row.on_crossbars ? "crossbars" : "digital");
    for (const std::size_t v : {row.shape.channels, row.shape.height, row.shape.width, row.weights,
                                row.devices, row.arrays, row.multiply_accumulates})
      csv.cell(std::uint64_t{v});
    csv.end_row();
  }
  return csv.bytes();
}

}  // namespace uswim::experiment
