#pragma once
#include <cmath>
#include <memory>
#include <vector>

#include "programmer/selection/hardware_aware.h"

namespace uswim::programmer {

/// Two layers with sensitivities that differ by orders of magnitude between rows, on R4 devices.
struct PlannedChip {
  tiles::Mapping mapping;
  WeightFacts facts;
  DeviceModel device;
  std::unique_ptr<PulseModel> pulses;
  DeviceStatistics statistics;
  RowTiming timing{0.0, 10e-9, 10e-9, 10e-9, 1e-9, 8};

  explicit PlannedChip(PulseModelKind kind = PulseModelKind::Incremental,
                       const RowClosing& closing = {})
      : mapping(layers(), {64, 64, 2, 4}),
        device(device_config()),
        pulses(make_pulse_model(write_verify(kind, closing), device)),
        statistics(device, *pulses, 1) {
    for (const tiles::MappedLayer& layer : mapping.layers())
      for (std::size_t i = 0; i < layer.weight_code.size(); ++i) {
        const std::size_t row = i % layer.rows;
        facts.second_derivative.push_back(row % 5 == 0 ? 0.0f
                                                       : std::exp(-0.1f * static_cast<float>(row)));
        facts.scale.push_back(1.0f);
        facts.magnitude.push_back(std::abs(layer.weight_code[i]) / 15.0f);
        facts.open_loop_variance.push_back(1.0f);
      }
  }
  static std::vector<tiles::MappedLayer> layers() {
    std::vector<tiles::MappedLayer> list{{"a", 20, 150, {}}, {"b", 5, 30, {}}};
    for (tiles::MappedLayer& l : list)
      for (std::size_t i = 0; i < l.outputs * l.rows; ++i)
        l.weight_code.push_back(static_cast<std::int16_t>(static_cast<int>(i * 7919 % 31) - 15));
    return list;
  }
  static DeviceConfig device_config() {
    DeviceConfig c;
    c.sigma = 0.2;
    return c;
  }
  static WriteVerifyConfig write_verify(PulseModelKind kind, const RowClosing& closing) {
    WriteVerifyConfig c;
    c.closing = closing;
    c.pulse_model = kind;
    c.max_cycles = 1000;
    return c;
  }
};

}  // namespace uswim::programmer
