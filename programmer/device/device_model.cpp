#include "programmer/device/device_model.h"

#include <cmath>

namespace uswim::programmer {
namespace {

double level_ratio_of(DevicePreset preset) {
  switch (preset) {
    case DevicePreset::R1:
      return 1.0;
    case DevicePreset::F2:
      return 2.0;
    case DevicePreset::F3:
      return 3.0;
    case DevicePreset::R4:
      return 4.0;
    case DevicePreset::F6:
      return 6.0;
  }
  return 1.0;
}

}  // namespace

DeviceConfig read_device(support::ConfigReader in) {
  DeviceConfig c;
  in.word("preset", c.preset, kDevicePresets,
          {"how the write error depends on the level; the number is the ratio of the middle "
           "levels' error to "
           "the outer levels'",
           "U-SWIM (arXiv 2401.05357), main figure uses R4; ratios from the authors' code"});
  in.whole("bits", c.bits, support::closed(1, 4),
           {"bits per device, K", "2: ISAAC, NeuroSim; the papers' code uses 1"});
  in.number("sigma", c.sigma, support::closed(0, 2),
            {"nominal standard deviation of an open-loop write, in sigma_unit",
             "SWIM code example: 0.1"});
  in.word("sigma_unit", c.sigma_unit, kSigmaUnits,
          {"what sigma is relative to", "SWIM code: full scale (one bit per device)"});
  c.level_of = c.bits == 2 ? LevelOf::Device : LevelOf::Weight;
  in.word("level_of", c.level_of, kLevelOf,
          {"whose level decides between middle and outer error; the default is weight where bits "
           "is not 2",
           "authors' code: weight; physically: device"});
  in.number(
      "read_noise", c.read_noise, support::closed(0, 1),
      {"standard deviation of one verify read, fraction of the full scale", "unconfirmed: none"});
  in.number("stuck_low", c.stuck_low, support::closed(0, 1),
            {"fraction of the devices that stay at the lowest conductance whatever is written",
             "unconfirmed: none (MNSIM offers .1 % as stuck-at faults)"});
  in.number("stuck_high", c.stuck_high, support::closed(0, 1),
            {"fraction of the devices that stay at the highest conductance whatever is written",
             "unconfirmed: none (MNSIM offers .1 % as stuck-at faults)"});
  in.check(c.stuck_low + c.stuck_high <= 1.0, "stuck_high",
           "'stuck_low' and 'stuck_high' are parts of the same devices: their sum is at most 1");
  in.number("device_to_device", c.device_to_device, support::closed(0, 1),
            {"standard deviation over devices of the mean change by one incremental pulse, "
             "relative to it; what falls below 0 counts as 0",
             "unconfirmed: none"});
  in.number(
      "relaxation_sigma", c.relaxation_sigma, support::closed(0, 1),
      {"standard deviation of what a device's conductance still moves after its last pulse and "
       "verify read, fraction of the full scale",
       "unconfirmed: none"});
  in.check(c.level_of == LevelOf::Weight || c.bits == 2 || c.preset == DevicePreset::R1, "level_of",
           "a level-dependent preset has four device levels; with bits other than 2 use 'weight'");
  return c;
}

DeviceModel::DeviceModel(const DeviceConfig& config)
    : levels_(1u << config.bits),
      ratio_(level_ratio_of(config.preset)),
      level_of_(config.level_of),
      nominal_sigma_(config.sigma_unit == SigmaUnit::LevelStep ? config.sigma / (levels_ - 1)
                                                               : config.sigma),
      outer_factor_(1.0 / std::sqrt(0.4 * ratio_ * ratio_ + 0.6)),
      read_noise_(config.read_noise),
      stuck_low_(config.stuck_low),
      stuck_high_(config.stuck_high),
      device_to_device_(config.device_to_device),
      relaxation_sigma_(config.relaxation_sigma) {}

}  // namespace uswim::programmer
