#include "programmer/device/device_model.h"

#include <fmt/format.h>

#include <cmath>

namespace uswim::programmer {

const DeviceData& data_of(const DeviceConfig& config) {
  return config.file_data ? *config.file_data : device_data(config.preset);
}

namespace {

/// The ends of the valid range where they are left out; without such a range any.
void read_levels(support::ConfigReader& in, DeviceConfig& c, const DeviceData& data) {
  support::Conductance low = data.lowest, high = data.highest;
  in.conductance(
      "lowest_level", low,
      {"conductance of the lowest level, within the valid range of the preset or file; where left "
       "out its lower end",
       "the device's file"});
  in.conductance(
      "highest_level", high,
      {"the same for the highest level; where left out the upper end", "the device's file"});
  if (in.describing()) return;
  const auto is_valid = [&](support::Conductance g) {
    return g.in_si() >= data.lowest.in_si() * (1 - 1e-9) &&
           g.in_si() <= data.highest.in_si() * (1 + 1e-9);
  };
  const std::string range =
      fmt::format("lies outside the valid range of the device, {:g} to {:g} uS",
                  data.lowest.in_si() * 1e6, data.highest.in_si() * 1e6);
  const bool has_range = data.highest.in_si() > 0.0;
  in.check(!has_range || is_valid(low), "lowest_level", range);
  in.check(!has_range || is_valid(high), "highest_level", range);
  in.check(low.in_si() < high.in_si(), "highest_level", "must lie above 'lowest_level'");
  c.lowest_level = low;
  c.highest_level = high;
}

}  // namespace

DeviceConfig read_device(support::ConfigReader in) {
  DeviceConfig c;
  in.word("preset", c.preset, kDevicePresets,
          {"how the write error depends on the level; in R1 to F6 the number is the ratio of the "
           "middle levels' error to the outer levels', the others have measured errors",
           "U-SWIM (arXiv 2401.05357), main figure uses R4; ratios from the authors' code"});
  in.path("file", c.file,
          {"a device file of one's own in place of the preset, of the form of configs/devices"});
  if (!c.file.empty()) try {
      c.file_data = read_device_file(c.file);
    } catch (const support::ConfigError& error) {
      for (const std::string& fault : error.faults()) in.check(false, "file", fault);
    }
  const bool is_table = data_of(c).is_table();
  in.whole("bits", c.bits, support::closed(1, 4),
           {"bits per device, K", "2: ISAAC, NeuroSim; the papers' code uses 1"});
  if (data_of(c).highest.in_si() > 0.0 || in.has("lowest_level") || in.has("highest_level"))
    read_levels(in, c, data_of(c));
  if (is_table) {
    // A table states errors in absolute units and for every level.
    for (const char* key : {"sigma", "sigma_unit", "level_of"})
      in.check(!in.has(key), key, "has no meaning for a device with measured errors");
    c.level_of = LevelOf::Device;
  } else {
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
    in.check(
        c.level_of == LevelOf::Weight || c.bits == 2 || data_of(c).level_ratio == 1.0, "level_of",
        "a level-dependent preset has four device levels; with bits other than 2 use 'weight'");
  }
  in.number("read_noise", c.read_noise, support::closed(0, 1),
            {"standard deviation of one verify read, fraction of the full scale; a verify takes "
             "the mean of "
             "tile.verify.reads",
             "unconfirmed: none"});
  in.number(
      "inference_read_noise", c.inference_read_noise, support::closed(0, 1),
      {"standard deviation of each read of a cell in inference (one per input bit), fraction "
       "of the full scale; in the accuracy, with an ideal ADC and with ADCs, and in the timed "
       "models",
       "unconfirmed: none (aihwkit advises 0.01 for RRAM)"});
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
  c.drift = read_drift(in.section("drift", {"what time does after programming"}), data_of(c).drift);
  in.number("rated_cycles", c.rated_cycles, support::at_least(0),
            {"write pulses that a device is rated for, against which those of programming are "
             "counted; 0: not known",
             "unconfirmed: not known"});
  return c;
}

DeviceModel::DeviceModel(const DeviceConfig& config)
    : levels_(1u << config.bits),
      ratio_(1.0),
      level_of_(config.level_of),
      nominal_sigma_(config.sigma_unit == SigmaUnit::LevelStep ? config.sigma / (levels_ - 1)
                                                               : config.sigma),
      read_noise_(config.read_noise / std::sqrt(config.verify_reads)),
      stuck_low_(config.stuck_low),
      stuck_high_(config.stuck_high),
      device_to_device_(config.device_to_device),
      relaxation_sigma_(config.relaxation_sigma) {
  const DeviceData& data = data_of(config);
  ratio_ = data.level_ratio;
  outer_factor_ = 1.0 / std::sqrt(0.4 * ratio_ * ratio_ + 0.6);
  if (!data.is_table()) return;
  const double low = config.lowest_level.value_or(data.lowest).in_si() * 1e6;
  const double high = config.highest_level.value_or(data.highest).in_si() * 1e6;
  double squares = 0.0;
  for (unsigned l = 0; l < levels_; ++l) {
    table_factors_.push_back(data.sigma_at(low + target(l) * (high - low)) / (high - low));
    squares += table_factors_.back() * table_factors_.back() / levels_;
  }
  nominal_sigma_ = std::sqrt(squares);
  for (double& f : table_factors_) f = nominal_sigma_ > 0.0 ? f / nominal_sigma_ : 1.0;
  outer_factor_ = table_factors_.front();
}

}  // namespace uswim::programmer
