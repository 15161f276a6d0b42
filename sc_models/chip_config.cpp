#include "sc_models/chip_config.h"

namespace uswim::sc_models {

ChipConfig read_chip(support::ConfigReader in) {
  ChipConfig c;
  in.frequency("clock", c.clock,
               {"of the controller, the interconnect and the converters' logic", "PUMA: 1 GHz"});
  in.power("power_budget", c.power_budget,
           {"what the write pulses of all tiles may draw together, half-selected cells included; "
            "rows wait for their turn; 0 W: no limit",
            "unconfirmed"});
  in.word(
      "power_queue", c.power_queue, kQueueings,
      {"which row waiting for power is next. fifo: the first one, as soon as it fits; first_fit: "
       "the first one of those that fit, so that no power is idle, but rows that need much wait",
       "unconfirmed"});
  in.word(
      "granularity", c.granularity, kGranularities,
      {"steps of the simulation of programming: a row at once, or every phase of its rounds; the "
       "result is the same"});
  in.word(
      "mask_encoding", c.mask_encoding, programmer::kMaskEncodings,
      {"how the mask of a row travels from the host to its tile: bitmap: one bit per column; the "
       "others with a header of two bytes per row: index_list: selected columns; run_lengths: "
       "pairs of a gap and a run; smallest: the shortest of the three, row by row"});
  auto controller = in.section("controller", {"takes the tiles through their rows"});
  controller.word("row_order", c.controller.row_order, kRowSequences,
                  {"of a tile's rows: natural: as they stand; longest_first: by devices to verify; "
                   "grouped: rows without any first, back to back"});
  controller.word("tile_order", c.controller.tile_order, kTileSequences,
                  {"in which tiles come to the bus at the start, and so whenever all wait for it: "
                   "natural: by number, the last first; longest_first: by devices to verify"});
  controller.whole("look_ahead", c.controller.look_ahead, support::closed(0, 1024),
                   {"rows sent over the bus ahead, while the tile still writes",
                    "unconfirmed: none, a tile is sent a row when it has written the one before"});
  auto pumps = in.section("charge_pumps", {"source of the write voltage, shared by the tiles"});
  pumps.whole("count", c.charge_pumps.count, support::closed(0, 100000),
              {"0: the write voltage is always there for everyone", "unconfirmed"});
  pumps.whole("tiles_per_pump", c.charge_pumps.tiles_per_pump, support::closed(1, 100000),
              {"tiles that a pump can serve at a time, each writing a row", "unconfirmed"});
  pumps.duration(
      "start_time", c.charge_pumps.start_time,
      {"until a cold pump has its voltage, and until the other polarity is there where a "
       "tile's next phase needs it",
       "unconfirmed"});
  pumps.energy("start_energy", c.charge_pumps.start_energy,
               {"per start and per change of polarity", "unconfirmed"});
  pumps.duration("hold_time", c.charge_pumps.hold_time,
                 {"that a pump stays warm without a tile to serve", "unconfirmed"});

  in.word("interconnect", c.interconnect, kTopologies,
          {"what carries commands to the tiles and sums back: bus: one transfer at a time; mesh: "
           "routers with links of their own"});
  auto bus =
      in.section("bus", {"interconnect between buffer, controller and tiles, shared by all"});
  bus.whole("width", c.bus_width, support::closed(8, 4096),
            {"bits per clock cycle", "ISAAC router: 256-bit flits"});
  bus.energy("energy", c.bus_energy,
             {"per bus word of `width` bits", "ISAAC router: 20.74 pJ per 256 b"});

  auto mesh = in.section(
      "mesh", {"with interconnect: mesh: a network of routers between buffer and arrays, packets "
               "going along the row of their port and then along a column"});
  mesh.whole("columns", c.mesh.columns, support::closed(0, 10000),
             {"of routers, filled row by row in the order of the arrays; 0: as in the square that "
              "comes nearest"});
  mesh.whole("concentration", c.mesh.concentration, support::closed(1, 10000),
             {"arrays that share a router", "ISAAC: a router serves 4 tiles, of 96 arrays there"});
  mesh.whole("ports", c.mesh.ports, support::closed(1, 10000),
             {"to the buffer, evenly spaced along the left edge, each of a link's width; at most "
              "one per row of routers",
              "unconfirmed: one, as a bus has"});
  mesh.word("port_choice", c.mesh.port_choice, kPortChoices,
            {"which port serves a router: nearest: the one whose row is nearest; interleaved: port "
             "after port in the order of the routers, so that all have as much to send",
             "unconfirmed"});
  mesh.whole("link_width", c.mesh.link_width, support::closed(8, 4096),
             {"bits per clock cycle: a flit", "ISAAC router: 256-bit flits"});
  mesh.whole("router_latency_cycles", c.mesh.router_latency_cycles, support::closed(0, 1000),
             {"clock cycles of a packet's head per router, the link behind it included",
              "gem5 Garnet: 1 cycle in the router, 1 on the link"});
  mesh.energy("router_energy", c.mesh.router_energy,
              {"per router and flit; wires between routers have no energy of their own",
               "ISAAC router: 20.74 pJ per 256 b"});

  auto buffer =
      in.section("buffer", {"memory of the accelerator for levels, masks and activations"});
  buffer.whole("latency_cycles", c.buffer_latency_cycles, support::closed(0, 1000),
               {"clock cycles until the first word", "PUMA eDRAM: 2 cycles"});
  buffer.energy("energy", c.buffer_energy,
                {"per 256 bits", "Accelergy ISAAC eDRAM: 20.45 pJ per 256 b"});

  auto link = in.section("host_link", {"between the host and the accelerator"});
  link.duration("time", c.host_link_time, {"per 32 bytes", "PUMA HyperTransport: 5 ns per 32 B"});
  link.energy("energy", c.host_link_energy,
              {"per 32 bytes", "PUMA HyperTransport: 26 pJ per 128 b"});

  auto digital = in.section("digital", {"bias, scaling, ReLU, quantising, pooling"});
  digital.whole("values_per_cycle", c.digital_values_per_cycle, support::closed(1, 4096),
                {"values per clock cycle", "unconfirmed"});
  digital.energy("energy", c.digital_energy,
                 {"per clock cycle", "computed from PUMA's ALU: 2.4 mW x 32/45 for 1 ns"});
  return c;
}

}  // namespace uswim::sc_models
