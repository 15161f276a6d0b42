#pragma once
#include <cmath>

#include "programmer/write_verify/pulse_model.h"
#include "support/random_lanes.h"

/// The physics of one pulse, shared by the fast loop over many devices and the plain one.
namespace uswim::programmer {

struct PulseConstants {
  PulseModelKind kind = PulseModelKind::Incremental;
  StartState start = StartState::Erased;
  float tolerance = 0.0f;
  float nominal_sigma = 0.0f;
  float outer_factor = 1.0f;
  float read_noise = 0.0f;
  float step = 0.0f;
  float step_noise = 0.0f;
  int max_cycles = 0;
};

inline PulseConstants pulse_constants(const WriteVerifyConfig& c, const DeviceModel& d) {
  return {c.pulse_model,
          c.start,
          static_cast<float>(c.tolerance),
          static_cast<float>(d.nominal_sigma()),
          static_cast<float>(d.outer_factor()),
          static_cast<float>(d.read_noise()),
          static_cast<float>(c.step),
          static_cast<float>(c.step_noise),
          static_cast<int>(c.max_cycles)};
}

USWIM_INLINE bool is_inside(float read, float target, float tolerance) {
  return std::fabs(read - target) <= tolerance;
}

/// Independent rewrite: the pulse forgets the state and draws the level's error anew.
struct RedrawRule {
  USWIM_INLINE float after_pulse(float, float target, float sigma, bool, float z,
                                 const PulseConstants&) const {
    return target + sigma * z;
  }
};

/// A small step towards the target, whose size varies from pulse to pulse; overshoot is followed by
/// reversal.
struct IncrementalRule {
  USWIM_INLINE float after_pulse(float g, float, float, bool up, float z,
                                 const PulseConstants& c) const {
    return g + ((up ? c.step : -c.step) + c.step_noise * z);
  }
};

/// What happens to a device in round 0, with its programming error `z` (standard normal).
struct FirstRound {
  float open_loop;  ///< conductance after the open-loop write
  float start;      ///< conductance at the first verify read
  int cycles;       ///< write pulses before that read
  bool open_loop_set, open_loop_reset;
  bool verify_set, verify_reset;
};

inline FirstRound first_round(const DeviceTarget& t, float z, const PulseConstants& c) {
  const bool erased_level = t.target <= 0.0f;
  FirstRound r{};
  r.open_loop = t.target + c.nominal_sigma * t.level_factor * z;
  if (c.kind == PulseModelKind::Incremental) {
    // The erased level needs no open-loop pulse: the array starts there, with that level's spread.
    r.open_loop_set = !erased_level;
    if (c.start == StartState::Erased && !erased_level) {
      r.start = c.nominal_sigma * c.outer_factor * z;
      return r;
    }
    r.start = r.open_loop;
    r.verify_set = c.start == StartState::OpenLoop && !erased_level;
  } else {
    r.start = r.open_loop;
    r.open_loop_set = r.verify_set = !erased_level;
    r.open_loop_reset = r.verify_reset = erased_level;
  }
  r.cycles = r.verify_set + r.verify_reset;
  return r;
}

}  // namespace uswim::programmer
