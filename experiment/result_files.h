#pragma once
#include "experiment/run.h"
#include "support/results.h"
#include "tiles/mapping.h"

namespace uswim::experiment {

/// Every file that a result directory may have, those of `uswim correlate` included.
std::vector<std::string> result_file_names();

/// Writes every file of a result directory; the caller commits it. Nothing in them depends on wall
/// time or jobs.
void write_results(support::ResultDirectory& directory, const LoadedConfig& loaded,
                   const Workload& workload, const tiles::Mapping& mapping,
                   const Experiment& experiment, const RunResult& result,
                   const std::filesystem::path& output);

}  // namespace uswim::experiment
