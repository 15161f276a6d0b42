#pragma once
#include <array>
#include <string_view>
#include <utility>

#include "support/config_reader.h"
#include "support/quantity.h"
#include "tiles/tile_config.h"

namespace uswim::sc_models {

/// How often the controller's processes wake: once a row, or at every phase of its rounds.
enum class Granularity { Row, Pulse };
inline constexpr std::array<std::pair<std::string_view, Granularity>, 2> kGranularities{
    {{"row", Granularity::Row}, {"pulse", Granularity::Pulse}}};

/// What surrounds the tiles. Every default carries its source in read_chip().
struct ChipConfig {
  support::Frequency clock = support::gigahertz(1.0);

  unsigned bus_width = 256;                                 ///< bits per clock cycle
  support::Energy bus_energy = support::picojoules(20.74);  ///< per bus word

  unsigned buffer_latency_cycles = 2;
  support::Energy buffer_energy = support::picojoules(20.45);  ///< per 256 bits

  support::Duration host_link_time = support::Duration::nanoseconds(5);  ///< per 32 bytes
  support::Energy host_link_energy = support::picojoules(52.0);          ///< per 32 bytes

  unsigned digital_values_per_cycle = 32;
  support::Energy digital_energy = support::picojoules(1.7);  ///< per cycle

  support::Power power_budget;  ///< of all tiles' write pulses; 0: no limit
  Granularity granularity = Granularity::Row;

  support::Duration period() const { return support::period_of(clock); }
};
ChipConfig read_chip(support::ConfigReader in);

}  // namespace uswim::sc_models
