#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "apps/calibrate.h"
#include "apps/correlate.h"
#include "apps/network_table.h"
#include "apps/terminal.h"
#include "experiment/config.h"
#include "experiment/run.h"
#include "experiment/worker_processes.h"
#include "experiment/workload.h"
#include "support/config_reader.h"
#include "uswim_version.h"

namespace {

namespace fs = std::filesystem;
using namespace uswim;

// Exit codes, as --help says.
constexpr int kFailed = 1;
constexpr int kUsage = 2;
constexpr int kInterrupted = 130;

constexpr const char* kFooter =
    "Exit codes: 0 done; 1 a file or the simulation failed, or `calibrate` came close\n"
    "but met not every figure; 2 wrong command line or configuration; 130 interrupted.\n"
    "With any but 0 no result is left behind, only the checkpoint DIR.checkpoint of a\n"
    "run's finished chips, for --resume.";

fs::path cache_directory() {
  if (const char* xdg = std::getenv("XDG_CACHE_HOME"); xdg != nullptr && *xdg != '\0')
    return fs::path(xdg) / "uswim";
  if (const char* home = std::getenv("HOME"); home != nullptr && *home != '\0')
    return fs::path(home) / ".cache" / "uswim";
  return {};
}

/// What every command that reads a configuration takes.
struct ConfigArguments {
  fs::path file;
  std::vector<std::string> set;
  std::vector<std::string> overrides;  ///< `set` and the options that are short for one

  void add_to(CLI::App& command) {
    command.add_option("CONFIG", file, "configuration file (YAML)")->required();
    command
        .add_option("--set", set,
                    "override a key, e.g. --set tile.adc.bits=6; without a value its default;\n"
                    "may be repeated")
        ->type_name("KEY=VALUE")
        ->allow_extra_args(false);
    command
        .add_option_function<std::string>(
            "--seed", [this](const std::string& v) { overrides.push_back("seed=" + v); },
            "short for --set seed=N")
        ->type_name("N");
  }
  experiment::LoadedConfig load() const {
    std::vector<std::string> all = overrides;
    all.insert(all.end(), set.begin(), set.end());
    return experiment::load_config(file, all);
  }
};

support::ConfigDocument described_config() {
  support::ConfigDocument document = support::ConfigDocument::description();
  experiment::read_config(document.root());
  document.finish();
  return document;
}

void run(const ConfigArguments& arguments, unsigned jobs, fs::path output, bool use_cache,
         const fs::path& dump, std::size_t dump_limit, experiment::EarlierChips earlier_chips) {
  const experiment::LoadedConfig loaded = arguments.load();
  if (output.empty()) output = fs::path("results") / arguments.file.stem();
  if (earlier_chips == experiment::EarlierChips::Resume &&
      !fs::exists(experiment::Checkpoint::file_of(output)))
    fmt::print(stderr, "uswim: nothing to resume ({} is not there), so the run begins anew\n",
               experiment::Checkpoint::file_of(output).string());
  experiment::RunResult result;
  try {
    apps::ProgressLine line;
    result = experiment::run_experiment(
        loaded, {jobs, output, use_cache ? cache_directory() : fs::path(), apps::stoppable(line),
                 dump, dump_limit, earlier_chips});
  } catch (const experiment::CheckpointError&) {
    throw;
  } catch (...) {
    const fs::path kept = experiment::Checkpoint::file_of(output);
    std::error_code ignored;
    if (fs::exists(kept, ignored))
      fmt::print(stderr, "uswim: finished chips are kept in {}; --resume goes on from there\n",
                 kept.string());
    throw;
  }
  fmt::print("{}\nresults in {}, as a page: {}\n", apps::result_tables(loaded.config, result),
             output.string(), (output / "report.html").string());
  std::fflush(stdout);
  fmt::print(stderr, "{}", apps::stage_times(loaded.config, result));
}

void export_sensitivity(const ConfigArguments& arguments, unsigned jobs, const fs::path& output,
                        bool use_cache) {
  const experiment::LoadedConfig loaded = arguments.load();
  std::vector<fs::path> written;
  {
    apps::ProgressLine line;
    written = experiment::export_sensitivity(
        loaded, output, use_cache ? cache_directory() : fs::path(), apps::stoppable(line), jobs);
  }
  for (const fs::path& file : written) fmt::print("{}\n", file.string());
}

int parse_and_run(int argc, char** argv) {
  CLI::App app{
      "uswim: simulates how long it takes, and what energy it costs, to program a neural network "
      "into a\n"
      "chip of memory crossbars with selective write-verify, and what inference is like "
      "afterwards."};
  app.name("uswim");
  app.require_subcommand(1);
  app.footer(kFooter);

  ConfigArguments config;
  unsigned jobs = std::max(1u, std::thread::hardware_concurrency());
  fs::path output;
  bool no_cache = false;
  fs::path dump;
  std::size_t dump_limit = 1'000'000;
  bool resume = false, restart = false;

  CLI::App* run_command =
      app.add_subcommand("run", "program chips, measure time, energy and accuracy, write results");
  config.add_to(*run_command);
  run_command
      ->add_option_function<std::string>(
          "--chips", [&](const std::string& v) { config.overrides.push_back("chips=" + v); },
          "short for --set chips=N")
      ->type_name("N");
  run_command->add_option("-o,--out", output, "result directory [results/<name of CONFIG>]")
      ->type_name("DIR");
  run_command
      ->add_option(
          "-j,--jobs", jobs,
          "processes side by side, threads for the sensitivity; results do not depend on it")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  CLI::Option* dump_option =
      run_command->add_option("--dump", dump, "write every device of chip 0 to this file (CSV)")
          ->type_name("FILE");
  run_command->add_option("--dump-limit", dump_limit, "with --dump: the first N devices")
      ->type_name("N")
      ->check(CLI::Range(std::size_t{1}, std::size_t{100'000'000}))
      ->needs(dump_option)
      ->capture_default_str();
  run_command->add_flag("--resume", resume, "take up the run that was interrupted");
  run_command
      ->add_flag("--restart", restart, "begin anew: the finished chips of an interrupted run go")
      ->excludes("--resume");
  run_command->add_flag("--no-cache", no_cache, "compute the sensitivity anew");
  run_command->callback([&] {
    using experiment::EarlierChips;
    run(config, jobs, output, !no_cache, dump, dump_limit,
        resume    ? EarlierChips::Resume
        : restart ? EarlierChips::Discard
                  : EarlierChips::Refuse);
  });

  CLI::App* sensitivity_command =
      app.add_subcommand("sensitivity", "export the scores and masks of the first policy as .npy");
  config.add_to(*sensitivity_command);
  sensitivity_command->add_option("-o,--out", output, "file of the scores; masks go beside it")
      ->required()
      ->type_name("FILE.npy");
  sensitivity_command
      ->add_option("-j,--jobs", jobs, "threads side by side; results do not depend on it")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  sensitivity_command->add_flag("--no-cache", no_cache, "compute the sensitivity anew");
  sensitivity_command->callback([&] { export_sensitivity(config, jobs, output, !no_cache); });

  config.add_to(*apps::add_correlate(
      app, [&] { return config.load(); }, cache_directory()));

  apps::add_calibrate(app);
  apps::add_network(app);

  CLI::App* config_command = app.add_subcommand("config", "look at configurations");
  config_command->require_subcommand(1);
  CLI::App* check_command =
      config_command->add_subcommand("check", "report every fault of a configuration");
  config.add_to(*check_command);
  check_command->callback([&] {
    const experiment::LoadedConfig loaded = config.load();
    experiment::check_with_network(loaded);
    fmt::print("{}: no faults\n", config.file.string());
    try {
      experiment::check_files(loaded);
    } catch (const support::ConfigError& error) {
      // No fault of the settings: the file may be made later, or elsewhere.
      fmt::print("before a run: {}\n", error.what());
    }
  });
  CLI::App* show_command =
      config_command->add_subcommand("show", "print it complete, defaults included");
  config.add_to(*show_command);
  show_command->callback(
      [&] { fmt::print("{}", config.load().document.resolved_yaml(fs::current_path())); });
  config_command->add_subcommand("keys", "print the reference of all keys (Markdown)")
      ->callback([] { fmt::print("{}", described_config().reference_markdown()); });
  config_command->add_subcommand("schema", "print the JSON Schema for editors")->callback([] {
    fmt::print("{}", described_config().json_schema("uswim configuration"));
  });

  app.add_subcommand("version", "print versions")->callback([] {
    for (const auto& [name, version] : experiment::versions()) fmt::print("{} {}\n", name, version);
  });

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // Of a misspelt command CLI11 says only that one is missing.
    if (argc > 1 && argv[1][0] != '-' && app.get_subcommands().empty()) {
      fmt::print(stderr, "'{}' is not one of the commands: ", argv[1]);
      std::vector<std::string> names;
      for (const CLI::App* command : app.get_subcommands({})) names.push_back(command->get_name());
      fmt::print(stderr, "{}\n", fmt::join(names, ", "));
      return kUsage;
    }
    return app.exit(error) == 0 ? 0 : kUsage;
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  experiment::catch_interrupts();
  try {
    return parse_and_run(argc, argv);
  } catch (const support::ConfigError& error) {
    for (const std::string& fault : error.faults()) fmt::print(stderr, "{}\n", fault);
    return kUsage;
  } catch (const experiment::Interrupted& error) {
    fmt::print(stderr, "uswim: {}\n", error.what());
    return kInterrupted;
  } catch (const std::exception& error) {
    fmt::print(stderr, "uswim: {}\n", error.what());
    return kFailed;
  }
}
