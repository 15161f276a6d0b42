#pragma once
#include <string>
#include <vector>

#include "experiment/monte_carlo.h"

namespace uswim::experiment {

/// transfer.csv: the way of the masks. A row per evaluation, means over chips.
std::string transfer_csv(const Experiment& experiment, const std::vector<ChipResult>& chips);

/// interconnect.csv: what bus or mesh had to carry during programming. A row per evaluation, means
/// over chips.
std::string interconnect_csv(const Experiment& experiment, const std::vector<ChipResult>& chips);

}  // namespace uswim::experiment
