#pragma once
#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "support/config_reader.h"

/// One key of every kind, in the layout that the tests write by hand.
namespace sample {

using namespace uswim::support;

enum class Preset { R1, F2, F3, R4, F6 };
inline constexpr std::array<std::pair<const char*, Preset>, 5> kPresets{{{"R1", Preset::R1},
                                                                         {"F2", Preset::F2},
                                                                         {"F3", Preset::F3},
                                                                         {"R4", Preset::R4},
                                                                         {"F6", Preset::F6}}};

struct Config {
  double tolerance = 0.06;
  unsigned max_cycles = 100;
  Preset preset = Preset::R1;
  std::optional<double> sigma;
  Duration pulse_width = Duration::nanoseconds(100);
  Energy pulse_energy = picojoules(0.6);
  Voltage pulse_voltage = volts(-2.0);
  Conductance on_conductance = Conductance::from_si(40e-6);
  int bits = 8;
  Frequency sample_rate = gigahertz(1.2);
  Power power = milliwatts(1.5);
  std::int64_t seed = 1;
  bool shared = false;
  std::string title = "a chip";
  std::filesystem::path scores;
  std::filesystem::path network;
  std::vector<double> fractions{0.0, 0.1};
  std::vector<std::string> layers;
  std::vector<Preset> presets{Preset::R1, Preset::F2};
};

inline Config read(ConfigReader in) {
  Config c;
  in.whole("seed", c.seed, closed(-9e15, 9e15), {"of every stream"});
  in.text("title", c.title, {"free text"});
  in.required_path("network", c.network, {"ONNX file"});
  in.path("scores", c.scores, {"imported scores"});
  in.numbers("fractions", c.fractions, closed(0, 1), {"of the weights"});
  in.texts("layers", c.layers, {"names of layers"});
  in.words("presets", c.presets, kPresets, {"device models"});

  ConfigReader verify = in.section("programmer", {"how weights are written"})
                            .section("write_verify", {"the loop", "its paper, Fig. 4"});
  verify.number("tolerance", c.tolerance, open(0, 1), {"half width | of full scale", "Fig. 4"});
  verify.whole("max_cycles", c.max_cycles, closed(1, 1e6), {"cycles before giving up"});

  ConfigReader device = in.section("device", {"the memory cell"});
  device.word("preset", c.preset, kPresets, {"device model"});
  device.number("sigma", c.sigma, positive(), {"programming error; of the preset if not set"});
  device.duration("pulse_width", c.pulse_width, {"of one write pulse"});
  device.energy("pulse_energy", c.pulse_energy, {"of one write pulse"});
  device.voltage("pulse_voltage", c.pulse_voltage, {"of a write pulse"});
  device.conductance("on_conductance", c.on_conductance, {"of the highest level"});

  ConfigReader tile = in.section("tile", {"one crossbar"});
  tile.power("power", c.power, {"while idle"});
  ConfigReader adc = tile.section("adc", {"converters"});
  adc.whole("bits", c.bits, closed(1, 16), {"resolution"});
  adc.frequency("sample_rate", c.sample_rate, {"conversions per second"});
  adc.boolean("shared", c.shared, {"by all columns"});
  return c;
}

/// What finish() reports on `text`; empty if it is a good configuration.
inline std::vector<std::string> faults_of(const std::string& text,
                                          const std::vector<std::string>& overrides = {}) {
  try {
    ConfigDocument document = ConfigDocument::from_text(text, "x.yaml", overrides);
    read(document.root());
    document.finish();
  } catch (const ConfigError& e) {
    return e.faults();
  }
  return {};
}

/// The configuration that `text` gives, a required key added.
inline Config good(const std::string& text, const std::vector<std::string>& overrides = {}) {
  ConfigDocument document =
      ConfigDocument::from_text(text + "\nnetwork: net.onnx\n", "x.yaml", overrides);
  Config c = read(document.root());
  document.finish();
  return c;
}

}  // namespace sample
