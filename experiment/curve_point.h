#pragma once
#include <cstdint>
#include <string>

namespace uswim::experiment {

/// Mean and standard deviation over chips of one point of the curve.
struct CurvePoint {
  std::string policy;
  double fraction = 0.0;
  unsigned chips = 0;
  double nwc_mean = 0, nwc_sd = 0;
  double time_s_mean = 0, energy_J_mean = 0;
  double write_pulses_mean = 0, verify_reads_mean = 0, not_converged_mean = 0;
  double accuracy_mean = 0, accuracy_sd = 0;  ///< not numbers where no accuracy is measured
  double peak_power_W_mean = 0, average_power_W_mean = 0;
  std::uint64_t most_pulses = 0;  ///< of one device, the largest over the chips
  bool verifies_everything = false;
};

}  // namespace uswim::experiment
