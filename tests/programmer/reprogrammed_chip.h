#pragma once
#include <cstdint>
#include <memory>

#include "programmer/array_programmer.h"
#include "programmer/write_verify/pulse_model.h"

/// A chip that holds one network and is programmed with another.
namespace uswim::programmer {

inline DeviceModel device(double sigma, double read_noise = 0.0, double stuck = 0.0,
                          double relaxation = 0.0) {
  DeviceConfig d;
  d.preset = DevicePreset::R1;
  d.sigma = sigma;
  d.read_noise = read_noise;
  d.stuck_low = d.stuck_high = stuck;
  d.relaxation_sigma = relaxation;
  return DeviceModel(d);
}

inline WriteVerifyConfig model(PulseModelKind kind) {
  WriteVerifyConfig c;
  c.pulse_model = kind;
  return c;
}

/// Two networks of one layer on the same arrays.
struct Networks {
  static constexpr std::size_t kRows = 60, kOutputs = 20;
  static tiles::Mapping mapping(int shift) {
    tiles::MappedLayer layer{"fc", kOutputs, kRows, {}};
    for (std::size_t i = 0; i < kRows * kOutputs; ++i)
      layer.weight_code.push_back(
          static_cast<std::int16_t>(static_cast<int>((i * 7919 + i / 3 * shift) % 31) - 15));
    return tiles::Mapping({layer}, {64, 128, 2, 4});
  }
  tiles::Mapping before = mapping(1), after = mapping(0);
};

struct Chip {
  Networks networks;
  DeviceModel device_model;
  std::unique_ptr<PulseModel> pulses;
  explicit Chip(PulseModelKind kind, const DeviceModel& d)
      : device_model(d), pulses(make_pulse_model(model(kind), d)) {}
  ArrayProgrammer programmer(const EarlierProgramming* earlier) {
    ArrayProgrammer p(networks.after, 0, device_model, *pulses, {});
    if (earlier != nullptr) p.start_from(*earlier, device_model);
    p.new_chip(1, 2);
    return p;
  }
};

}  // namespace uswim::programmer
