#include "apps/calibrate.h"

#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "experiment/config.h"
#include "programmer/write_verify/calibration.h"

namespace uswim::apps {
namespace {

struct Arguments {
  std::filesystem::path file;
  std::vector<std::string> set;
  programmer::WriteVerifyFigures wanted;
};

/// What is found are parameters of this model alone.
void require_incremental(const support::ConfigDocument& document,
                         const programmer::WriteVerifyConfig& programming) {
  using programmer::PulseModelKind;
  if (programming.pulse_model == PulseModelKind::Incremental) return;
  throw document.fault("programming.pulse_model",
                       "'calibrate' finds the parameters of 'incremental' and of no other model");
}

void calibrate(const Arguments& arguments) {
  programmer::DeviceConfig device;
  programmer::WriteVerifyConfig programming;
  if (arguments.file.empty()) {
    auto document = support::ConfigDocument::from_text("{}", "defaults", arguments.set);
    device = programmer::read_device(document.root().section("device", {}));
    programming = programmer::read_write_verify(document.root().section("programming", {}));
    document.finish();
    require_incremental(document, programming);
  } else {
    const experiment::LoadedConfig loaded = experiment::load_config(arguments.file, arguments.set);
    device = loaded.config.device;
    programming = loaded.config.programming;
    require_incremental(loaded.document, programming);
  }
  const programmer::Calibration found =
      programmer::calibrate(arguments.wanted, programming, programmer::DeviceModel(device));
  fmt::print("{}", programmer::calibration_yaml(arguments.wanted, found));
  std::fflush(stdout);
  const std::vector<std::string> missed = programmer::missed_figures(arguments.wanted, found);
  if (!missed.empty())
    throw std::runtime_error(fmt::format("not met: {}", fmt::join(missed, "; ")));
}

/// CLI::Range lets through what is not a number.
CLI::Validator between(double lowest, double highest) {
  const auto range = CLI::Range(lowest, highest);
  return CLI::Validator(
      [range](std::string& text) {
        return text.find_first_of("0123456789") == std::string::npos ? "'" + text + "' is no number"
                                                                     : range(text);
      },
      range.get_description());
}

}  // namespace

void add_calibrate(CLI::App& app) {
  CLI::App* command = app.add_subcommand(
      "calibrate",
      "find programming.incremental.step and step_noise for known write cycles and residual");
  const auto arguments = std::make_shared<Arguments>();
  command->add_option("CONFIG", arguments->file,
                      "configuration whose device, tolerance and max_cycles hold [defaults]");
  command
      ->add_option("--set", arguments->set,
                   "override a key, e.g. --set programming.tolerance=0.04; may be repeated")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  command
      ->add_option("--cycles", arguments->wanted.cycles,
                   "mean write cycles of a device, targets uniform over the full scale")
      ->check(between(0.1, 1000.0))
      ->capture_default_str();
  command
      ->add_option("--residual", arguments->wanted.residual,
                   "rms error after write-verify, fraction of the full scale")
      ->check(between(1e-4, 1.0))
      ->capture_default_str();
  command->callback([arguments] { calibrate(*arguments); });
}

}  // namespace uswim::apps
