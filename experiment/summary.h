#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "experiment/run.h"
#include "tiles/mapping.h"

namespace uswim::experiment {

/// What one programming takes of the life of the device that it pulses most.
struct Endurance {
  std::optional<double> life_used;            ///< fraction; nothing where no life is rated
  std::optional<std::uint64_t> programmings;  ///< that fit, were the device the same every time
};

Endurance endurance(double rated_cycles, std::uint64_t most_pulses);
/// A sentence on what one programming takes of a device's rated life; empty where none is rated
/// (0).
std::string rated_life_text(double rated_cycles, const std::vector<CurvePoint>& curve);

/// Means over chips of the point that the ratios refer to.
struct Reference {
  std::array<double, sc_models::kComponents> energy_J{};
  double load_s = 0.0;
};
Reference reference(const Experiment& experiment, const RunResult& result);

/// What scripts read first: summary.json.
std::string summary_json(const LoadedConfig& loaded, const Workload& workload,
                         const tiles::Mapping& mapping, const Experiment& experiment,
                         const RunResult& result);

}  // namespace uswim::experiment
