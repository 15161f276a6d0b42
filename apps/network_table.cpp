#include "apps/network_table.h"

#include <fmt/format.h>

#include <filesystem>
#include <memory>
#include <utility>

#include "experiment/config.h"
#include "experiment/workload.h"
#include "workloads/onnx/import.h"

namespace uswim::apps {
namespace {

struct Arguments {
  std::filesystem::path file;
  std::vector<std::string> set;
};

std::vector<experiment::NetworkRow> rows_of(const Arguments& arguments) {
  experiment::Config config;  // of a bare ONNX file: the defaults
  workloads::Network network;
  if (arguments.file.extension() == ".onnx") {
    network = workloads::import_onnx(arguments.file);
  } else {
    config = experiment::load_config(arguments.file, arguments.set).config;
    network = experiment::load_network(config.workload);
  }
  experiment::Workload workload;
  workload.weights = workloads::quantize_weights(network, config.workload.weight_bits, {}).weights;
  workload.network = std::move(network);
  return experiment::network_table(workload.network, experiment::map_workload(workload, config));
}

std::string shape_text(const workloads::Shape& shape) {
  if (shape.height == 1 && shape.width == 1) return fmt::format("{}", shape.channels);
  return fmt::format("{}x{}x{}", shape.channels, shape.height, shape.width);
}

}  // namespace

std::string network_text(const std::vector<experiment::NetworkRow>& rows) {
  constexpr std::size_t kNameWidth = 19;
  std::string out = fmt::format("{:<19} {:<12} {:>10} {:>8} {:>9} {:>6} {:>10}\n", "node",
                                "operation", "output", "weights", "devices", "arrays", "MAC/image");
  experiment::NetworkRow sum;
  std::size_t on_crossbars = 0;
  for (const experiment::NetworkRow& row : rows) {
    std::string name = row.name;
    if (name.size() > kNameWidth) name = ".." + name.substr(name.size() - (kNameWidth - 2));
    out += fmt::format("{:<19} {:<12} {:>10}", name, row.operation, shape_text(row.shape));
    if (row.on_crossbars)
      out += fmt::format(" {:>8} {:>9} {:>6} {:>10}", row.weights, row.devices, row.arrays,
                         row.multiply_accumulates);
    out += '\n';
    on_crossbars += row.on_crossbars ? 1 : 0;
    sum.weights += row.weights;
    sum.devices += row.devices;
    sum.arrays += row.arrays;
    sum.multiply_accumulates += row.multiply_accumulates;
  }
  out += fmt::format(
      "{:<43} {:>8} {:>9} {:>6} {:>10}\n",
      fmt::format("{} on crossbars, {} digital", on_crossbars, rows.size() - on_crossbars),
      sum.weights, sum.devices, sum.arrays, sum.multiply_accumulates);
  return out;
}

void add_network(CLI::App& app) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand(
      "network", "print which nodes run on crossbars and which are digital, and their sizes");
  command
      ->add_option("FILE", arguments->file,
                   "configuration (YAML), or network (.onnx) for the default tile and device")
      ->required();
  command->add_option("--set", arguments->set, "override a key of the configuration")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  command->callback([arguments] { fmt::print("{}", network_text(rows_of(*arguments))); });
}

}  // namespace uswim::apps
