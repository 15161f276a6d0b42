#pragma once
#include <cstdint>
#include <functional>
#include <vector>

#include "programmer/selection/device_mask.h"

namespace uswim::experiment {

/// What an operation on a chip took.
struct Cost {
  std::int64_t time_ps = 0;
  double energy_J = 0.0;
  Cost& operator+=(const Cost& other) {
    time_ps += other.time_ps;
    energy_J += other.energy_J;
    return *this;
  }
};

/// What writing took.
struct WriteCost {
  Cost programming;                ///< from the doorbell to the interrupt
  std::int64_t mask_time_ps = 0;   ///< the mask's way over the host link, before
  std::uint64_t write_cycles = 0;  ///< of write-verify
  std::uint64_t write_pulses = 0;  ///< open-loop ones included
};

/// A chip as the algorithm sees it.
class IterativeChip {
 public:
  virtual ~IterativeChip() = default;
  /// The open-loop write of every device.
  virtual WriteCost write_open_loop() = 0;
  /// Write-verify of these devices; all others stay as they are.
  virtual WriteCost verify(const programmer::DeviceMask& devices) = 0;
  /// Runs the images of a measurement; returns how many are right.
  virtual std::uint64_t count_correct() = 0;
};

/// One turn of the algorithm: a part of the ranking is written, then the accuracy is measured.
struct IterativeStep {
  double fraction = 0.0;            ///< of the ranking that has been verified; 0: open loop
  std::uint64_t devices = 0;        ///< verified so far
  WriteCost write;                  ///< of this step
  std::uint64_t correct = 0;        ///< images of the measurement
  bool is_measured = true;          ///< false where nothing new was written
  bool is_within_the_drop = false;  ///< then it ended here
};

/// The papers' algorithm: everything is programmed open loop; as long as fewer than `enough` images
/// are right and something is left, the next `step` of the ranking is write-verified. `mask_of`:
/// the policy's devices at a fraction; what was verified before is not verified again. A step
/// without new devices is measured no second time.
std::vector<IterativeStep> select_iteratively(
    IterativeChip& chip, const std::function<programmer::DeviceMask(double)>& mask_of, double step,
    std::uint64_t enough);

/// Time of a stream of `images`: the latency of the first, then one per 1 / throughput.
std::int64_t stream_time_ps(std::int64_t latency_ps, double images_per_second, std::size_t images);

/// The fewest right images of `images` with which the accuracy is within `drop` of the ideal's.
std::uint64_t enough_correct(std::uint64_t ideal_correct, std::size_t images, double drop);

}  // namespace uswim::experiment
