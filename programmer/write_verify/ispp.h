#pragma once
#include <vector>

#include "support/config_reader.h"
#include "support/quantity.h"

/// Incremental step pulse programming: pulses of growing amplitude, as in the published programming
/// code of the NeuRRAM chip.
namespace uswim::programmer {

/// The amplitudes of one direction: `start`, then `step` more with each pulse, up to `stop`.
struct PulseRamp {
  support::Voltage start = support::volts(1.2);
  support::Voltage step = support::volts(0.1);
  support::Voltage stop = support::volts(3.3);
};

struct IsppConfig {
  PulseRamp set, reset;
  unsigned pulses_at_end = 30;         ///< pulses at `stop` after which a device is given up
  unsigned direction_iterations = 20;  ///< RESET ramps, each followed by a SET ramp
  support::Voltage threshold = support::volts(1.1);  ///< below it a pulse moves nothing
  double gain = 0.25;  ///< conductance (fraction of the full scale) per volt above the threshold
  double noise = 0.0;  ///< sd of one pulse's change relative to its mean
};
IsppConfig read_ispp(support::ConfigReader in);

/// Where one device stands in its ramps.
struct IsppState {
  bool up = true;
  int pulse = 0;      ///< of the running ramp, the next one
  int iteration = 0;  ///< 0 before the first pulse
};

/// What a pulse does. A pulse of amplitude V changes the conductance by gain * (V - threshold), or
/// nothing below the threshold, times the device's own factor and 1 + noise * z. A read on the
/// other side of the window reverses the direction, and the ramp of that direction starts anew. SET
/// raises the conductance.
class IsppRule {
 public:
  explicit IsppRule(const IsppConfig& config);

  /// Turns to direction `up` where needed. False: the device is given up before this pulse, since
  /// the ramp has had all its pulses at the end or the iterations are used up.
  bool prepare(IsppState& state, bool up) const {
    if (state.iteration == 0) {
      state.iteration = 1;
      state.up = up;
    } else if (up != state.up) {
      state.up = up;
      state.pulse = 0;
      if (!up) ++state.iteration;  // an iteration is a RESET ramp and the SET ramp after it
    }
    return state.iteration <= iterations_ && state.pulse < static_cast<int>(ramp(up).size());
  }
  /// Amplitude of the pulse that was prepared.
  double amplitude_V(const IsppState& state) const {
    return (state.up ? set_V_ : reset_V_)[static_cast<std::size_t>(state.pulse)];
  }
  /// The conductance after the pulse that was prepared.
  float after_pulse(IsppState& state, float g, float factor, float z) const {
    const float mean = ramp(state.up)[static_cast<std::size_t>(state.pulse++)] * factor;
    return g + ((state.up ? mean : -mean) + noise_ * mean * z);
  }
  /// Mean change by each pulse of a ramp, fraction of the full scale, pulses at the end included.
  const std::vector<float>& ramp(bool up) const { return up ? set_ : reset_; }

 private:
  std::vector<float> set_, reset_;
  std::vector<double> set_V_, reset_V_;
  int iterations_;
  float noise_;
};

}  // namespace uswim::programmer
