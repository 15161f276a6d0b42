#pragma once
#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "experiment/network_table.h"

namespace uswim::apps {

/// Adds `uswim network`: which nodes run on crossbars, and what they take, as a run of the
/// configuration would have them; with a network alone, under the defaults. Needs no images.
void add_network(CLI::App& app);

/// The rows as a table of at most 80 columns, and a line of sums.
std::string network_text(const std::vector<experiment::NetworkRow>& rows);

}  // namespace uswim::apps
