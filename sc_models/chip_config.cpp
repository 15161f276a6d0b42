#include "sc_models/chip_config.h"

namespace uswim::sc_models {

ChipConfig read_chip(support::ConfigReader in) {
  ChipConfig c;
  in.frequency("clock", c.clock,
               {"of the controller, the interconnect and the converters' logic", "PUMA: 1 GHz"});
  in.power("power_budget", c.power_budget,
           {"what the write pulses of all tiles may draw together; rows wait for their turn; 0 W: "
            "no limit",
            "unconfirmed"});
  in.word("granularity", c.granularity, kGranularities,
          {"steps of the simulation of programming: a row at once, or every phase of its rounds; a "
           "row takes the same time, the order of tiles that come to the bus together may differ"});

  auto bus =
      in.section("bus", {"interconnect between buffer, controller and tiles, shared by all"});
  bus.whole("width", c.bus_width, support::closed(8, 4096),
            {"bits per clock cycle", "ISAAC router: 256-bit flits"});
  bus.energy("energy", c.bus_energy,
             {"per bus word of `width` bits", "ISAAC router: 20.74 pJ per 256 b"});

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
