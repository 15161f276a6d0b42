#include "apps/calibrate.h"

#include <fmt/format.h>

#include <filesystem>
#include <memory>

#include "experiment/config.h"
#include "programmer/write_verify/calibration.h"

namespace uswim::apps {
namespace {

struct Arguments {
  std::filesystem::path file;
  std::vector<std::string> set;
  programmer::WriteVerifyFigures wanted;
};

void calibrate(const Arguments& arguments) {
  programmer::DeviceConfig device;
  programmer::WriteVerifyConfig programming;
  if (arguments.file.empty()) {
    auto document = support::ConfigDocument::from_text("{}", "defaults", arguments.set);
    device = programmer::read_device(document.root().section("device", {}));
    programming = programmer::read_write_verify(document.root().section("programming", {}));
    document.finish();
  } else {
    const experiment::Config config = experiment::load_config(arguments.file, arguments.set).config;
    device = config.device;
    programming = config.programming;
  }
  const programmer::Calibration found =
      programmer::calibrate(arguments.wanted, programming, programmer::DeviceModel(device));
  fmt::print("{}", programmer::calibration_yaml(arguments.wanted, found));
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
      ->check(CLI::Range(0.1, 1000.0))
      ->capture_default_str();
  command
      ->add_option("--residual", arguments->wanted.residual,
                   "rms error after write-verify, fraction of the full scale")
      ->check(CLI::Range(1e-4, 1.0))
      ->capture_default_str();
  command->callback([arguments] { calibrate(*arguments); });
}

}  // namespace uswim::apps
