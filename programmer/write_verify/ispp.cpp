#include "programmer/write_verify/ispp.h"

#include <algorithm>
#include <cmath>

namespace uswim::programmer {
namespace {

void read_ramp(support::ConfigReader in, PulseRamp& ramp) {
  in.voltage("start", ramp.start,
             {"amplitude of a ramp's first pulse", "NeuRRAM programming code: 1.2 V"});
  in.voltage(
      "step", ramp.step,
      {"how much more each pulse has than the one before", "NeuRRAM programming code: 0.1 V"});
  in.voltage("stop", ramp.stop,
             {"amplitude that a ramp does not exceed", "NeuRRAM programming code: 3.3 V"});
  in.check(ramp.start.in_si() > 0.0, "start", "must be above 0 V");
  in.check(ramp.step.in_si() > 0.0, "step", "must be above 0 V");
  in.check(ramp.stop.in_si() >= ramp.start.in_si(), "stop", "must not lie below 'start'");
  in.check(ramp.step.in_si() <= 0.0 ||
               (ramp.stop.in_si() - ramp.start.in_si()) / ramp.step.in_si() <= 1000.0,
           "step", "makes a ramp of more than 1000 pulses");
}

std::vector<double> amplitudes_V(const PulseRamp& ramp, const IsppConfig& config) {
  const double start = ramp.start.in_si(), step = ramp.step.in_si(), stop = ramp.stop.in_si();
  // The tolerance keeps 1.2 + 21 * 0.1 from being a pulse short of 3.3.
  const auto below_stop = static_cast<unsigned>(std::ceil((stop - start) / step - 1e-9));
  std::vector<double> volts;
  for (unsigned k = 0; k < below_stop + config.pulses_at_end; ++k)
    volts.push_back(k < below_stop ? start + k * step : stop);
  return volts;
}

std::vector<float> changes(const PulseRamp& ramp, const IsppConfig& config) {
  std::vector<float> c;
  for (const double amplitude : amplitudes_V(ramp, config))
    c.push_back(
        static_cast<float>(config.gain * std::max(0.0, amplitude - config.threshold.in_si())));
  return c;
}

}  // namespace

IsppConfig read_ispp(support::ConfigReader in) {
  IsppConfig c;
  read_ramp(in.section("set", {"pulses that raise the conductance"}), c.set);
  read_ramp(in.section("reset", {"pulses that lower the conductance"}), c.reset);
  in.whole("pulses_at_end", c.pulses_at_end, support::closed(1, 1000),
           {"pulses at the end voltage after which a device is given up",
            "NeuRRAM programming code: 30"});
  in.whole("direction_iterations", c.direction_iterations, support::closed(1, 1000),
           {"pairs of a RESET and a SET ramp after which a device is given up",
            "NeuRRAM programming code: 20"});
  in.voltage("threshold", c.threshold,
             {"amplitude below which a pulse moves nothing",
              "unconfirmed: one step below the first pulse"});
  in.check(c.threshold.in_si() >= 0.0, "threshold", "must be at least 0 V");
  in.check(c.set.stop > c.threshold && c.reset.stop > c.threshold, "threshold",
           "must lie below the ramps' 'stop', or no pulse moves anything");
  in.number("gain", c.gain, support::left_open(0, 100),
            {"change of the conductance by a pulse per volt above the threshold, fraction of the "
             "full scale",
             "unconfirmed: a ramp crosses the full scale in 8.5 pulses, CiMLoop's set time of "
             "NeuRRAM over pulses of 1 us"});
  in.number("noise", c.noise, support::closed(0, 10),
            {"standard deviation of that change, relative to it", "unconfirmed: none"});
  return c;
}

IsppRule::IsppRule(const IsppConfig& config)
    : set_(changes(config.set, config)),
      reset_(changes(config.reset, config)),
      set_V_(amplitudes_V(config.set, config)),
      reset_V_(amplitudes_V(config.reset, config)),
      iterations_(static_cast<int>(config.direction_iterations)),
      noise_(static_cast<float>(config.noise)) {}

}  // namespace uswim::programmer
