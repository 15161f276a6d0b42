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
  double stuck_low = 0.0;
  double stuck_high = 0.0;
  float device_to_device = 0.0f;
  float relaxation_sigma = 0.0f;
};

inline PulseConstants pulse_constants(const WriteVerifyConfig& c, const DeviceModel& d) {
  return {c.pulse_model,
          c.pulse_model == PulseModelKind::Ispp ? StartState::Erased : c.start,
          static_cast<float>(c.tolerance),
          static_cast<float>(d.nominal_sigma()),
          static_cast<float>(d.outer_factor()),
          static_cast<float>(d.read_noise()),
          static_cast<float>(c.step),
          static_cast<float>(c.step_noise),
          static_cast<int>(c.max_cycles),
          d.stuck_low(),
          d.stuck_high(),
          static_cast<float>(d.device_to_device()),
          static_cast<float>(d.relaxation_sigma())};
}

enum class Stuck : std::uint8_t { No, Low, High };

/// Whether a device is stuck. One draw decides, so more stuck devices include the fewer ones.
inline Stuck stuck_state(const PulseConstants& c, std::uint64_t seed, std::uint32_t chip,
                         std::uint64_t device) {
  if (c.stuck_low <= 0.0 && c.stuck_high <= 0.0) return Stuck::No;
  const std::uint64_t word = support::uniform_word(
      {seed, chip & ~kEarlierProgramming, support::Stream::StuckDevice}, device);
  const double u = static_cast<double>(word >> 11) * 0x1p-53;
  if (u < c.stuck_low) return Stuck::Low;
  return u < c.stuck_low + c.stuck_high ? Stuck::High : Stuck::No;
}

/// Of a device's own step, which is the same in every programming.
inline support::StreamKey device_step_key(std::uint64_t seed, std::uint32_t chip) {
  return {seed, chip & ~kEarlierProgramming, support::Stream::DeviceStep};
}

/// A device's own step relative to the mean one, from its draw of Stream::DeviceStep. A pulse
/// never has the opposite direction on average, hence the zero.
inline float step_factor(const PulseConstants& c, float z) {
  return std::fmax(0.0f, 1.0f + c.device_to_device * z);
}

USWIM_INLINE bool is_inside(float read, float target, float tolerance) {
  return std::fabs(read - target) <= tolerance;
}

/// Independent rewrite: the pulse forgets the state and draws the level's error anew.
struct RedrawRule {
  USWIM_INLINE float after_pulse(float, float target, float sigma, float, bool, float z,
                                 const PulseConstants&) const {
    return target + sigma * z;
  }
};

/// A small step towards the target, whose size varies from pulse to pulse; overshoot is followed by
/// reversal.
struct IncrementalRule {
  USWIM_INLINE float after_pulse(float g, float, float, float step, bool up, float z,
                                 const PulseConstants& c) const {
    return g + ((up ? step : -step) + c.step_noise * z);
  }
};

/// What happens to a device in round 0, with its programming error `z` (standard normal).
struct FirstRound {
  float before;     ///< conductance before any pulse
  float open_loop;  ///< conductance after the open-loop write
  float start;      ///< conductance at the first verify read
  int cycles;       ///< write pulses before that read
  bool open_loop_set, open_loop_reset;
  bool verify_set, verify_reset;
};

inline FirstRound first_round(const DeviceTarget& t, float z, Stuck stuck,
                              const PulseConstants& c) {
  const bool erased_level = t.target <= 0.0f;
  FirstRound r{};
  r.open_loop = stuck == Stuck::No ? t.target + c.nominal_sigma * t.level_factor * z
                                   : (stuck == Stuck::High ? 1.0f : 0.0f);
  if (t.programmed) {
    // Write-verify begins with a read of what is there; devices inside the window get no pulse.
    r.before = r.start = stuck == Stuck::No ? t.start : r.open_loop;
    r.open_loop_set = t.target > r.before;
    r.open_loop_reset = !r.open_loop_set;
    return r;
  }
  if (stuck != Stuck::No) r.before = r.open_loop;
  if (c.kind == PulseModelKind::Incremental || c.kind == PulseModelKind::Ispp) {
    // The erased level needs no open-loop pulse: the array starts there, with that level's spread.
    r.open_loop_set = !erased_level;
    if (stuck == Stuck::No) r.before = c.nominal_sigma * c.outer_factor * z;
    if (c.start == StartState::Erased && !erased_level) {
      r.start = r.before;
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
