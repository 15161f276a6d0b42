#pragma once
#include <cstddef>
#include <string>
#include <vector>

#include "programmer/device/device_model.h"
#include "programmer/write_verify/pulse_model.h"

namespace uswim::programmer {

/// What write-verify is known to take, on average over devices whose targets are uniformly
/// distributed over the full scale.
struct WriteVerifyFigures {
  double cycles = 10.0;    ///< mean write cycles of a device
  double residual = 0.03;  ///< rms of conductance minus target, fraction of the full scale
};

inline constexpr std::size_t kCalibrationDevices = 16384;

struct Calibration {
  WriteVerifyConfig config;  ///< the given one with pulse_model, step and step_noise replaced
  WriteVerifyFigures reached;
  std::size_t not_converged = 0;  ///< of kCalibrationDevices
};

/// Finds `incremental.step` and `incremental.step_noise` with which the figures come closest to
/// `wanted` (least sum of squared deviations of their logarithms), all else as in `config`. A
/// coarse grid, then refinement around its best point. Steps reach from 0.001 to the width of the
/// window and noise from 0 to the step: larger ones jump over the window to and fro until one
/// happens to hit it, which can bring the figures a little closer but is not what the model
/// describes. The draws are the same for every candidate, so the answer is reproducible. Throws
/// std::invalid_argument where a wanted figure is not positive.
Calibration calibrate(const WriteVerifyFigures& wanted, const WriteVerifyConfig& config,
                      const DeviceModel& device);

/// One sentence for each figure that is missed by more than 2 %; empty where both are met.
std::vector<std::string> missed_figures(const WriteVerifyFigures& wanted, const Calibration& found);

/// The parameters as YAML, with what they reach and what they miss as comments.
std::string calibration_yaml(const WriteVerifyFigures& wanted, const Calibration& found);

}  // namespace uswim::programmer
