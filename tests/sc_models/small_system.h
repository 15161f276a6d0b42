#pragma once
#include <memory>
#include <vector>

#include "sc_models/accelerator_system.h"

namespace uswim::sc_models {

/// A fully connected layer behind an input quantiser, on a chip of its own. `stuck`: part of the
/// devices that is stuck at the lowest level, and at the highest; `closing`: of its rows.
struct SmallSystem {
  workloads::Network network;
  std::vector<workloads::QuantizedWeights> weights;
  std::unique_ptr<tiles::Mapping> mapping;
  std::unique_ptr<Program> program;
  std::unique_ptr<programmer::DeviceModel> device;
  std::unique_ptr<programmer::PulseModel> pulses;
  tiles::TileConfig tile;
  ChipConfig chip;
  std::unique_ptr<AcceleratorSystem> system;

  SmallSystem(std::size_t inputs, std::size_t outputs, programmer::PulseModelKind kind,
              const tiles::TileConfig& tile_config = {}, const ChipConfig& chip_config = {},
              double stuck = 0.0, const programmer::RowClosing& closing = {})
      : tile(tile_config), chip(chip_config) {
    using workloads::Node;
    network.input = {inputs, 1, 1};
    workloads::MatrixLayer layer;
    layer.name = "fc";
    layer.outputs = outputs;
    layer.rows = inputs;
    layer.bias.assign(outputs, 0.25f);
    for (std::size_t i = 0; i < inputs * outputs; ++i)
      layer.weight.push_back(static_cast<float>(static_cast<int>(i * 7919 % 31) - 15) / 15.0f);
    network.layers.push_back(layer);
    Node quantize{workloads::Operation::Quantize,
                  "quantize",
                  {0},
                  {inputs, 1, 1},
                  0,
                  {},
                  true,
                  1.0f / 15,
                  0,
                  15};
    Node matrix{workloads::Operation::Matrix, "fc", {1}, {outputs, 1, 1}};
    network.nodes = {quantize, matrix};
    weights = {workloads::quantize_weights(layer, 4)};
    mapping = std::make_unique<tiles::Mapping>(
        std::vector<tiles::MappedLayer>{{"fc", outputs, inputs, weights[0].code}},
        tiles::MappingConfig{tile.rows, tile.columns, 2, 4});
    program = std::make_unique<Program>(Program{network, weights, {{0, 15}}});
    programmer::DeviceConfig d;
    d.preset = programmer::DevicePreset::R4;
    d.sigma = 0.2;
    d.stuck_low = d.stuck_high = stuck;
    device = std::make_unique<programmer::DeviceModel>(d);
    programmer::WriteVerifyConfig w;
    w.pulse_model = kind;
    w.closing = closing;
    if (tile.write.pulse_energy == tiles::CellEnergy::Conductance ||
        tile.verify.cell_energy == tiles::CellEnergy::Conductance)
      w.power = {tile.set.voltage, tile.reset.voltage, tile.verify.read_voltage,
                 support::Conductance::from_si(1e-6), support::Conductance::from_si(40e-6)};
    pulses = programmer::make_pulse_model(w, *device);
    system = std::make_unique<AcceleratorSystem>(chip, tile, *mapping, *device, *pulses, *program);
    system->new_chip(1, 0);
  }
  programmer::SelectionMask every_nth(std::size_t n) const {
    programmer::SelectionMask mask(mapping->weights(), 0);
    for (std::size_t i = 0; i < mask.size(); i += n) mask[i] = 1;
    return mask;
  }
};

}  // namespace uswim::sc_models
