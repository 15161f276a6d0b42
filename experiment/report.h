#pragma once
#include <array>
#include <string>
#include <vector>

#include "experiment/run.h"
#include "tiles/mapping.h"

namespace uswim::experiment {

/// The results as one page without anything from elsewhere: what a reader looks at first.
/// `energy_J`: by component, of the point that ratios refer to, mean over chips; `files`: names in
/// the result directory.
std::string report_html(const std::string& title, const tiles::Mapping& mapping,
                        const Experiment& experiment, const RunResult& result,
                        const std::array<double, sc_models::kComponents>& energy_J,
                        const std::vector<std::string>& files);

}  // namespace uswim::experiment
