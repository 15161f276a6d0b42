#pragma once
#include <CLI/CLI.hpp>
#include <filesystem>
#include <functional>

#include "experiment/config.h"

namespace uswim::apps {

/// Adds `uswim correlate`: single weights moved, against magnitude and second derivative. `load`
/// gives the configuration once the command line was read, `cache` the directory of sensitivities.
CLI::App* add_correlate(CLI::App& app, std::function<experiment::LoadedConfig()> load,
                        std::filesystem::path cache);

}  // namespace uswim::apps
