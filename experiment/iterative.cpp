#include "experiment/iterative.h"

#include <algorithm>
#include <cmath>

namespace uswim::experiment {

using programmer::DeviceMask;

std::vector<IterativeStep> select_iteratively(IterativeChip& chip,
                                              const std::function<DeviceMask(double)>& mask_of,
                                              double step, std::uint64_t enough) {
  std::vector<IterativeStep> steps(1);
  steps.front().write = chip.write_open_loop();
  steps.front().correct = chip.count_correct();
  steps.front().is_within_the_drop = steps.front().correct >= enough;
  DeviceMask verified = mask_of(0.0);
  for (unsigned k = 1; !steps.back().is_within_the_drop && steps.back().fraction < 1.0; ++k) {
    IterativeStep next;
    next.fraction =
        std::min(1.0, std::round(step * k * 1e12) / 1e12);  // 0.15, not 0.15000000000000002
    DeviceMask devices = mask_of(next.fraction);
    devices.remove(verified);
    verified.add(devices);
    next.devices = verified.count();
    next.correct = steps.back().correct;
    next.is_measured = devices.count() > 0;
    if (next.is_measured) {
      next.write = chip.verify(devices);
      next.correct = chip.count_correct();
    }
    next.is_within_the_drop = next.correct >= enough;
    steps.push_back(next);
  }
  return steps;
}

std::int64_t stream_time_ps(std::int64_t latency_ps, double images_per_second, std::size_t images) {
  if (images == 0) return 0;
  return latency_ps + std::llround(static_cast<double>(images - 1) / images_per_second * 1e12);
}

std::uint64_t enough_correct(std::uint64_t ideal_correct, std::size_t images, double drop) {
  // The tolerance keeps 0.005 x 1000 from becoming 4.
  const double allowed = std::floor(drop * static_cast<double>(images) + 1e-9);
  return ideal_correct - std::min(ideal_correct, static_cast<std::uint64_t>(allowed));
}

}  // namespace uswim::experiment
