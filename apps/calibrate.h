#pragma once
#include <CLI/CLI.hpp>

namespace uswim::apps {

/// Adds `uswim calibrate`: parameters of the incremental pulse model from cycles and residual.
void add_calibrate(CLI::App& app);

}  // namespace uswim::apps
