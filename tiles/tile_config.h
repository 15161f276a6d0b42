#pragma once
#include <array>
#include <string_view>
#include <utility>

#include "support/config_reader.h"
#include "support/quantity.h"

namespace uswim::tiles {

/// A write pulse of one polarity.
struct PulseConfig {
  support::Duration width = support::Duration::nanoseconds(10);
  support::Energy energy = support::picojoules(0.6);  ///< per pulsed device
};

/// The converters of one array. The range spans 0 to the largest sum that a column of ideal cells
/// can give.
struct AdcConfig {
  unsigned bits = 8;
  support::Frequency sample_rate = support::gigahertz(1.2);
  support::Energy energy = support::picojoules(1.67);  ///< per conversion
  unsigned columns_per_adc = 8;  ///< power of two; converted one after the other
};

/// One crossbar with its periphery. Every default carries its source in read_tile().
struct TileConfig {
  unsigned rows = 128;
  unsigned columns = 128;
  PulseConfig set;
  PulseConfig reset;
  support::Duration verify_read_time = support::Duration::nanoseconds(10);
  support::Energy verify_read_energy = support::picojoules(0.1);  ///< per device read
  support::Duration array_read_time = support::Duration::nanoseconds(100);
  support::Energy array_read_energy = support::picojoules(30.0);  ///< whole array, one input bit
  support::Energy dac_energy = support::picojoules(0.417);        ///< per driven row and input bit
  AdcConfig adc;
  support::Energy shift_add_energy = support::picojoules(0.021);  ///< per converted column
};
TileConfig read_tile(support::ConfigReader in);

}  // namespace uswim::tiles
