#include "apps/network_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "apps/terminal.h"
#include "experiment/config.h"
#include "experiment/network_accuracy.h"
#include "experiment/workload.h"
#include "workloads/quantization/post_training.h"

namespace uswim::apps {
namespace {

struct Arguments {
  std::filesystem::path file;
  std::vector<std::string> set;
  bool accuracy = false;
  unsigned jobs = std::max(1u, std::thread::hardware_concurrency());
};

bool is_onnx(const std::filesystem::path& file) {
  std::string ending = file.extension().string();
  std::transform(ending.begin(), ending.end(), ending.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return ending == ".onnx";
}

/// What the table holds under: a line each, indented behind the first.
std::string assumptions_text(const experiment::Config& config, const tiles::Mapping& mapping,
                             const std::string& source, bool puts_quantizers) {
  const experiment::WorkloadConfig& w = config.workload;
  std::string text = fmt::format("{}, {}\n", w.network.filename().string(), source);
  text += fmt::format("  weights: {} bits and a sign on {} devices of {} bits, arrays of {} x {}\n",
                      w.weight_bits, mapping.devices_per_weight(), config.device.bits,
                      config.tile.rows, config.tile.columns);
  text += w.fold_batch_norm ? "  batch norm: in the weights where it can be, else a digital scale\n"
                            : "  batch norm: a digital scale\n";
  text += puts_quantizers
              ? fmt::format("  activations: {} bits where the network has no quantisers\n",
                            w.quantization.activation_bits)
              : "  activations: quantised by the network itself\n";
  return text;
}

/// What quantisation alone costs.
std::string accuracy_text(const experiment::Config& config, unsigned jobs) {
  experiment::NetworkAccuracy accuracy;
  {
    ProgressLine line;
    accuracy = experiment::network_accuracy(config, stoppable(line), jobs);
  }
  return fmt::format(
      "accuracy over {} test images, without errors of devices:\n"
      "  {:6.2f} %  in float32, nothing quantised\n"
      "  {:6.2f} %  weights and activations quantised: the ideal accuracy of a run\n",
      accuracy.images, 100 * accuracy.in_float, 100 * accuracy.quantised);
}

std::string table_of(const Arguments& arguments) {
  const bool bare = is_onnx(arguments.file);
  if (bare && !arguments.set.empty())
    throw CLI::ValidationError("--set", fmt::format("sets a key of a configuration, but {} is a "
                                                    "network",
                                                    arguments.file.string()));
  if (bare && arguments.accuracy)
    throw CLI::ValidationError("--accuracy",
                               fmt::format("takes the test images of a configuration, "
                                           "but {} is a network",
                                           arguments.file.string()));
  experiment::Config config;
  if (bare)
    config.workload.network = arguments.file;
  else
    config = experiment::load_config(arguments.file, arguments.set).config;
  workloads::Network network = experiment::load_network(config.workload);
  const bool puts_quantizers = workloads::needs_quantizers(network);
  workloads::QuantizedNetwork quantized =
      workloads::quantize_weights(workloads::with_open_quantizers(std::move(network)),
                                  config.workload.weight_bits, config.workload.quantization);
  experiment::Workload workload;
  workload.network = std::move(quantized.network);
  workload.weights = std::move(quantized.weights);
  const tiles::Mapping mapping = experiment::map_workload(workload, config);
  const std::string source =
      bare ? "defaults (no configuration given)" : "as in " + arguments.file.string();
  const std::string table = assumptions_text(config, mapping, source, puts_quantizers) + "\n" +
                            network_text(experiment::network_table(workload.network, mapping));
  return arguments.accuracy ? table + "\n" + accuracy_text(config, arguments.jobs) : table;
}

std::string shape_text(const workloads::Shape& shape) {
  if (shape.height == 1 && shape.width == 1) return fmt::format("{}", shape.channels);
  return fmt::format("{}x{}x{}", shape.channels, shape.height, shape.width);
}

/// Names come from a file: control characters would reach the terminal.
std::string printable(std::string name) {
  for (char& c : name)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  return name;
}

constexpr std::size_t kNameWidth = 19, kLineWidth = 80;

/// A name that its column cannot hold has lines of its own: cut, several would look the same.
std::string name_cell(const std::string& name) {
  const std::string text = printable(name);
  if (text.size() <= kNameWidth) return fmt::format("{:<{}}", text, kNameWidth);
  std::string lines;
  for (std::size_t at = 0; at < text.size(); at += kLineWidth)
    lines += text.substr(at, kLineWidth) + "\n";
  return lines + std::string(kNameWidth, ' ');
}

/// Operation and output in one column: where they are long together, the node is digital and has
/// nothing behind them.
std::string operation_cell(const std::string& operation, const std::string& output) {
  constexpr std::size_t kWidth = 20;
  const std::size_t room = std::max(kWidth, operation.size() + 1 + output.size());
  return fmt::format("{} {:>{}}", operation, output, room - operation.size() - 1);
}

/// "153 M": whole numbers are in network.csv.
std::string count_text(std::size_t count) {
  std::string text = support::with_prefix(static_cast<double>(count), "");
  return text.substr(0, text.find_last_not_of(' ') + 1);
}

}  // namespace

std::string network_text(const std::vector<experiment::NetworkRow>& rows) {
  const auto counts = [](const experiment::NetworkRow& row) {
    return fmt::format(" {:>7} {:>7} {:>6} {:>6}\n", count_text(row.weights),
                       count_text(row.devices), row.arrays, count_text(row.multiply_accumulates));
  };
  std::string out =
      fmt::format("{} {:<9} {} {:>7} {:>7} {:>6} {:>6}\n", name_cell("node"), "runs on",
                  operation_cell("operation", "output"), "weights", "devices", "arrays", "MACs");
  experiment::NetworkRow sum;
  std::size_t on_crossbars = 0;
  for (const experiment::NetworkRow& row : rows) {
    out +=
        fmt::format("{} {:<9} {}", name_cell(row.name), row.on_crossbars ? "crossbars" : "digital",
                    operation_cell(row.operation, shape_text(row.shape)));
    out += row.on_crossbars ? counts(row) : "\n";
    on_crossbars += row.on_crossbars ? 1 : 0;
    sum.weights += row.weights;
    sum.devices += row.devices;
    sum.arrays += row.arrays;
    sum.multiply_accumulates += row.multiply_accumulates;
  }
  out += fmt::format("{:<50}", fmt::format("{} on crossbars, {} digital", on_crossbars,
                                           rows.size() - on_crossbars)) +
         counts(sum);
  return out + fmt::format("{} weights on {} devices\n", sum.weights, sum.devices);
}

void add_network(CLI::App& app) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand(
      "network", "print which nodes run on crossbars and which are digital, and their sizes");
  command
      ->add_option("FILE", arguments->file,
                   "configuration (YAML), or network (.onnx) for the default tile and device")
      ->required();
  command
      ->add_option("--set", arguments->set,
                   "override a key of the configuration; not with a network alone")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  command->add_flag("--accuracy", arguments->accuracy,
                    "also measure it over the test images, in float and quantised");
  command->add_option("-j,--jobs", arguments->jobs, "threads; results do not depend on it")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  command->callback([arguments] { fmt::print("{}", table_of(*arguments)); });
}

}  // namespace uswim::apps
