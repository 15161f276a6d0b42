#pragma once
#include <array>
#include <string_view>
#include <utility>

#include "programmer/selection/mask_encoding.h"
#include "sc_models/arbiter.h"
#include "support/config_reader.h"
#include "support/quantity.h"
#include "tiles/tile_config.h"

namespace uswim::sc_models {

/// How often the controller's process wakes: at the end, or at every phase of every row.
enum class Granularity { Row, Pulse };
inline constexpr std::array<std::pair<std::string_view, Granularity>, 2> kGranularities{
    {{"row", Granularity::Row}, {"pulse", Granularity::Pulse}}};

/// Pumps that raise the write voltage. A pump serves tiles while they write a row, cools down when
/// it has served none for longer than the hold time, and must start again; a tile whose next phase
/// has the other polarity waits for as long and spends as much.
struct ChargePumpConfig {
  unsigned count = 0;           ///< 0: none is modelled
  unsigned tiles_per_pump = 1;  ///< at a time
  support::Duration start_time;
  support::Energy start_energy;
  support::Duration hold_time;
};

/// In which order a tile's rows are written: as they stand, those with most to verify first, or
/// those with nothing to verify first.
enum class RowSequence { Natural, LongestFirst, Grouped };
inline constexpr std::array<std::pair<std::string_view, RowSequence>, 3> kRowSequences{
    {{"natural", RowSequence::Natural},
     {"longest_first", RowSequence::LongestFirst},
     {"grouped", RowSequence::Grouped}}};

/// In which order tiles come to the bus: by their numbers, the last first, or those with most to
/// verify first.
enum class TileSequence { Natural, LongestFirst };
inline constexpr std::array<std::pair<std::string_view, TileSequence>, 2> kTileSequences{
    {{"natural", TileSequence::Natural}, {"longest_first", TileSequence::LongestFirst}}};

struct ControllerConfig {
  RowSequence row_order = RowSequence::Natural;
  TileSequence tile_order = TileSequence::Natural;
  unsigned look_ahead = 0;  ///< commands that a tile can hold beside the one that it carries out
  /// Whether an order depends on what the masks select.
  bool knows_masks() const {
    return row_order != RowSequence::Natural || tile_order != TileSequence::Natural;
  }
};

/// What carries commands to the tiles and sums back.
enum class Topology { Bus, Mesh };
inline constexpr std::array<std::pair<std::string_view, Topology>, 2> kTopologies{
    {{"bus", Topology::Bus}, {"mesh", Topology::Mesh}}};

/// Which port of the mesh serves a router: the one whose row is nearest, or one after the other in
/// the order of the routers.
enum class PortChoice { Nearest, Interleaved };
inline constexpr std::array<std::pair<std::string_view, PortChoice>, 2> kPortChoices{
    {{"nearest", PortChoice::Nearest}, {"interleaved", PortChoice::Interleaved}}};

/// Routers in rows and columns, arrays at each; see Mesh.
struct MeshConfig {
  unsigned columns = 0;        ///< 0: as in the square that comes nearest
  unsigned concentration = 4;  ///< arrays at a router
  unsigned ports = 1;          ///< to the buffer
  PortChoice port_choice = PortChoice::Nearest;
  unsigned link_width = 256;           ///< bits per clock cycle: a flit
  unsigned router_latency_cycles = 2;  ///< of a packet's head per router, the link behind included
  support::Energy router_energy = support::picojoules(20.74);  ///< per router and flit
};

/// What surrounds the tiles. Every default carries its source in read_chip().
struct ChipConfig {
  support::Frequency clock = support::gigahertz(1.0);

  Topology interconnect = Topology::Bus;
  MeshConfig mesh;
  unsigned bus_width = 256;                                 ///< bits per clock cycle
  support::Energy bus_energy = support::picojoules(20.74);  ///< per bus word

  unsigned buffer_latency_cycles = 2;
  support::Energy buffer_energy = support::picojoules(20.45);  ///< per 256 bits

  support::Duration host_link_time = support::Duration::nanoseconds(5);  ///< per 32 bytes
  support::Energy host_link_energy = support::picojoules(52.0);          ///< per 32 bytes

  unsigned digital_values_per_cycle = 32;
  support::Energy digital_energy = support::picojoules(1.7);  ///< per cycle

  support::Power power_budget;  ///< of all tiles' write pulses and half-selected cells; 0: no limit
  Queueing power_queue = Queueing::Fifo;
  Granularity granularity = Granularity::Row;
  programmer::MaskEncoding mask_encoding = programmer::MaskEncoding::Bitmap;
  ChargePumpConfig charge_pumps;
  ControllerConfig controller;

  support::Duration period() const { return support::period_of(clock); }
};
ChipConfig read_chip(support::ConfigReader in);

}  // namespace uswim::sc_models
