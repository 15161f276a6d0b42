#include "apps/correlate.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

#include "apps/terminal.h"
#include "experiment/correlation.h"

namespace uswim::apps {
namespace {

struct Arguments {
  std::filesystem::path output = std::filesystem::path("results") / "correlation";
  unsigned jobs = std::max(1u, std::thread::hardware_concurrency());
};

void correlate(const experiment::LoadedConfig& loaded, const Arguments& arguments,
               const std::filesystem::path& cache) {
  experiment::CorrelationStudy found;
  {
    ProgressLine line;
    experiment::RunOptions options;
    options.jobs = arguments.jobs;
    options.output = arguments.output;
    options.cache = cache;
    options.progress = stoppable(line);
    found = experiment::run_correlation(loaded, options);
  }
  // "-" where there is none, since nothing changed.
  const auto number = [](std::optional<double> value, int width) {
    return fmt::format("{:>{}}", value ? fmt::format("{:.3f}", *value) : "-", width);
  };
  const auto line = [&](const char* what, std::optional<double> magnitude,
                        std::optional<double> second, std::optional<double> predicted) {
    fmt::print("{:<20} {} {} {}\n", what, number(magnitude, 10), number(second, 18),
               number(predicted, 10));
  };
  const auto print = [&](const char* kind, const experiment::Correlations& c) {
    fmt::print("{:<20}  magnitude  second derivative  1/2 H d^2\n", kind);
    line("loss increase", c.loss_magnitude, c.loss_second_derivative, c.loss_predicted);
    line("accuracy drop", c.accuracy_magnitude, c.accuracy_second_derivative, c.accuracy_predicted);
  };
  print("rank correlation", found.rank);
  print("linear correlation", found.linear);
  fmt::print("results in {}\n", arguments.output.string());
}

}  // namespace

CLI::App* add_correlate(CLI::App& app, std::function<experiment::LoadedConfig()> load,
                        std::filesystem::path cache) {
  CLI::App* command = app.add_subcommand(
      "correlate",
      "move one weight at a time: does its magnitude or its second derivative tell what happens?");
  const auto arguments = std::make_shared<Arguments>();
  command->add_option("-o,--out", arguments->output, "result directory")
      ->type_name("DIR")
      ->capture_default_str();
  command->add_option("-j,--jobs", arguments->jobs, "threads; results do not depend on it")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  command->callback([arguments, load = std::move(load), cache = std::move(cache)] {
    correlate(load(), *arguments, cache);
  });
  return command;
}

}  // namespace uswim::apps
