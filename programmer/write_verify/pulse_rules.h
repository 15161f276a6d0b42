#pragma once
#include <cmath>

#include "programmer/write_verify/pulse_model.h"
#include "support/random_lanes.h"

/// The physics of one pulse, shared by the fast loop over many devices and the plain one.
namespace uswim::programmer {

struct PulseConstants {
  PulseModelKind kind = PulseModelKind::Incremental;
  float erased_sigma = 0.0f;             ///< of the erased state, where it has a spread
  float erased_start_above = HUGE_VALF;  ///< targets above start write-verify at the erased state
  std::uint32_t first_at_erased = 0, first_above_erased = 0;  ///< FirstRound::flags by the target
  float tolerance = 0.0f;
  float nominal_sigma = 0.0f;
  float read_noise = 0.0f;
  float read_steps = 0.0f, read_step = 0.0f;  ///< steps of the full scale and one of them; 0: exact
  float step = 0.0f;
  float step_noise = 0.0f;
  int max_cycles = 0;
  double stuck_low = 0.0;
  double stuck_high = 0.0;
  float device_to_device = 0.0f;
  float relaxation_sigma = 0.0f;
  bool may_be_stuck() const { return stuck_low > 0.0 || stuck_high > 0.0; }
  /// A verify read is the conductance itself.
  bool reads_exactly() const { return read_noise <= 0.0f && read_steps <= 0.0f; }
};

/// Bits of FirstRound::flags.
inline constexpr std::uint32_t kOpenLoopSet = 1, kOpenLoopReset = 2, kVerifySet = 4,
                               kVerifyReset = 8;

inline PulseConstants pulse_constants(const WriteVerifyConfig& config, const DeviceModel& device) {
  PulseConstants c;
  c.kind = config.pulse_model;
  c.tolerance = static_cast<float>(config.tolerance);
  c.nominal_sigma = static_cast<float>(device.nominal_sigma());
  c.read_noise = static_cast<float>(device.read_noise());
  if (config.read_bits > 0) {
    c.read_steps = static_cast<float>(1u << config.read_bits);
    c.read_step = 1.0f / c.read_steps;
  }
  c.step = static_cast<float>(config.step);
  c.step_noise = static_cast<float>(config.step_noise);
  c.max_cycles = static_cast<int>(config.max_cycles);
  c.stuck_low = device.stuck_low();
  c.stuck_high = device.stuck_high();
  c.device_to_device = static_cast<float>(device.device_to_device());
  c.relaxation_sigma = static_cast<float>(device.relaxation_sigma());
  if (c.kind == PulseModelKind::Incremental || c.kind == PulseModelKind::Ispp) {
    // The erased level needs no open-loop pulse: the array starts there, with that level's spread.
    c.erased_sigma = c.nominal_sigma * static_cast<float>(device.outer_factor());
    const bool from_erased = c.kind == PulseModelKind::Ispp || config.start == StartState::Erased;
    c.erased_start_above = from_erased ? 0.0f : HUGE_VALF;
    c.first_above_erased = from_erased ? kOpenLoopSet : kOpenLoopSet | kVerifySet;
  } else {
    c.first_at_erased = kOpenLoopReset | kVerifyReset;
    c.first_above_erased = kOpenLoopSet | kVerifySet;
  }
  return c;
}

/// Standard deviation of a device's open-loop write.
inline float sigma_of(const PulseConstants& c, const DeviceTarget& t) {
  return c.nominal_sigma * t.level_factor;
}

enum class Stuck : std::int32_t { No, Low, High };

/// Whether a device is stuck. One draw decides, so more stuck devices include the fewer ones.
inline Stuck stuck_state(const PulseConstants& c, std::uint64_t seed, std::uint32_t chip,
                         std::uint64_t device) {
  if (!c.may_be_stuck()) return Stuck::No;
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

/// What the converter makes of what a verify read senses: the nearest step, of two the even one.
/// Adding 1.5 x 2^23 leaves no place for a fraction: the same on every instruction set.
USWIM_INLINE float converted(float sensed, const PulseConstants& c) {
  constexpr float kWhole = 12582912.0f;
  const float rounded = (sensed * c.read_steps + kWhole - kWhole) * c.read_step;
  return c.read_steps > 0.0f ? rounded : sensed;
}

USWIM_INLINE bool is_inside(float read, float target, float tolerance) {
  return std::fabs(read - target) <= tolerance;
}

// Conductance after a pulse. `step`: mean one of the device, with the pulse's sign; `z`: standard
// normal.

/// Independent rewrite: the pulse forgets the state and draws the level's error anew.
struct RedrawRule {
  USWIM_INLINE float after_pulse(float, float target, float sigma, float, float z,
                                 const PulseConstants&) const {
    return target + sigma * z;
  }
};

/// A small step towards the target, whose size varies from pulse to pulse; overshoot is followed by
/// reversal.
struct IncrementalRule {
  USWIM_INLINE float after_pulse(float g, float, float, float step, float z,
                                 const PulseConstants& c) const {
    return g + (step + c.step_noise * z);
  }
};

/// What happens to a device in round 0.
struct FirstRound {
  float before;         ///< conductance before any pulse
  float open_loop;      ///< conductance after the open-loop write
  float start;          ///< conductance at the first verify read
  std::uint32_t flags;  ///< which pulses it gets
  bool open_loop_set() const { return flags & kOpenLoopSet; }
  bool open_loop_reset() const { return flags & kOpenLoopReset; }
  bool verify_set() const { return flags & kVerifySet; }
  bool verify_reset() const { return flags & kVerifyReset; }
  /// Write pulses before the first verify read.
  int cycles() const { return (flags & (kVerifySet | kVerifyReset)) != 0; }
};

/// `sigma`: of the device's open-loop write; `programmed` and `held`: as in DeviceTarget; `z`: its
/// programming error (standard normal). Written for loops that are to become vectors.
USWIM_INLINE FirstRound first_round(float target, float sigma, bool programmed, float held, float z,
                                    Stuck stuck, const PulseConstants& c) {
  const float stuck_at = stuck == Stuck::High ? 1.0f : 0.0f;
  const float unwritten = programmed ? held : c.erased_sigma * z;
  const float before = stuck == Stuck::No ? unwritten : stuck_at;
  const float written = target + sigma * z;
  const float open_loop = stuck == Stuck::No ? written : stuck_at;
  // Where something was programmed, write-verify begins with a read of it; devices inside the
  // window get no pulse.
  const float kept = programmed ? before : open_loop;
  const std::uint32_t erased = target > 0.0f ? c.first_above_erased : c.first_at_erased;
  const std::uint32_t changed = target > before ? kOpenLoopSet : kOpenLoopReset;
  return {before, open_loop, target > c.erased_start_above ? before : kept,
          programmed ? changed : erased};
}
inline FirstRound first_round(const DeviceTarget& t, float z, Stuck stuck,
                              const PulseConstants& c) {
  return first_round(t.target, sigma_of(c, t), t.programmed, t.start, z, stuck, c);
}

}  // namespace uswim::programmer
