#include "programmer/device/device_data.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <stdexcept>

namespace uswim::programmer {
namespace {

/// What a file states lies in the range that it states.
template <class Quantity>
void check_range(support::ConfigReader& in, const char* key, Quantity value, Quantity lowest,
                 Quantity highest) {
  in.check(lowest <= value && value <= highest, key, "lies outside the range beside it");
}

tiles::DevicePulse read_pulse(support::ConfigReader in) {
  tiles::DevicePulse p;
  in.voltage("voltage", p.voltage, {"amplitude"});
  in.check(in.has("voltage") && in.has("width"), "", "needs 'voltage' and 'width'");
  p.lowest_voltage = p.highest_voltage = p.voltage;
  in.voltage("lowest_voltage", p.lowest_voltage, {"valid range; without it the amplitude alone"});
  in.voltage("highest_voltage", p.highest_voltage, {"valid range"});
  in.duration("width", p.width, {"width"});
  p.shortest = p.longest = p.width;
  in.duration("shortest", p.shortest, {"valid range; without it the width alone"});
  in.duration("longest", p.longest, {"valid range"});
  if (in.has("energy")) {
    p.energy.emplace();
    in.energy("energy", *p.energy, {"of one pulse, per device"});
  }
  in.boolean("ohmic", p.is_ohmic,
             {"false: its energy is not V^2 G t with the device's conductance"});
  in.check(p.energy || p.is_ohmic, "ohmic", "'false' needs an 'energy'");
  check_range(in, "voltage", p.voltage, p.lowest_voltage, p.highest_voltage);
  check_range(in, "width", p.width, p.shortest, p.longest);
  return p;
}

tiles::DeviceRead read_read(support::ConfigReader in) {
  tiles::DeviceRead r;
  if (in.has("voltage")) {
    in.voltage("voltage", r.voltage.emplace(), {"at the device"});
    r.lowest_voltage = r.highest_voltage = *r.voltage;
    in.voltage("lowest_voltage", r.lowest_voltage, {"valid range; without it the voltage alone"});
    in.voltage("highest_voltage", r.highest_voltage, {"valid range"});
    check_range(in, "voltage", *r.voltage, r.lowest_voltage, r.highest_voltage);
  }
  if (in.has("time")) in.duration("time", r.time.emplace(), {"settling and sensing of one read"});
  if (in.has("energy")) in.energy("energy", r.energy.emplace(), {"of one read, per device"});
  return r;
}

void read_figures(support::ConfigReader& in, tiles::DeviceFigures& f) {
  if (in.has("set")) f.set = read_pulse(in.section("set", {"pulse that raises the conductance"}));
  if (in.has("reset"))
    f.reset = read_pulse(in.section("reset", {"pulse that lowers the conductance"}));
  in.check(f.set.has_value() == f.reset.has_value(), "", "needs both 'set' and 'reset', or none");
  if (in.has("read")) f.read = read_read(in.section("read", {"a read of one device"}));
}

DeviceData read(support::ConfigDocument document) {
  support::ConfigReader in = document.root();
  DeviceData d;
  std::string text;
  in.required_text("technology", text, {"kind of memory"});
  in.required_text("source", text, {"whose figures these are"});
  in.required_text("figure", text, {"which ones"});
  in.required_text("valid_range", text, {"where they hold"});
  in.required_text("deviation", text, {"what is different here"});
  if (in.has("level_ratio")) {
    in.number("level_ratio", d.level_ratio, support::positive(),
              {"error of the middle levels over that of the outer levels"});
  }
  if (in.has("lowest") || in.has("highest") || !in.has("level_ratio")) {
    in.conductance("lowest", d.lowest, {"lower end of the valid range"});
    in.conductance("highest", d.highest, {"upper end of the valid range"});
    in.check(in.has("lowest") && in.has("highest"), "",
             "needs 'lowest' and 'highest', the ends of the valid range, in uS");
    in.check(!in.has("lowest") || !in.has("highest") || d.lowest < d.highest, "highest",
             "must lie above 'lowest'");
  }
  read_figures(in, d.figures);
  if (!in.has("level_ratio")) {
    in.numbers("conductance_uS", d.conductance_uS, support::at_least(0), {"where sigma_uS holds"});
    in.numbers("sigma_uS", d.sigma_uS, support::at_least(0),
               {"standard deviation of a written conductance"});
    in.check(d.conductance_uS.size() >= 2 && d.conductance_uS.size() == d.sigma_uS.size(),
             "sigma_uS",
             "needs a 'level_ratio' or as many entries as 'conductance_uS', two at least");
    in.check(std::is_sorted(d.conductance_uS.begin(), d.conductance_uS.end(),
                            [](double a, double b) { return a <= b; }),
             "conductance_uS", "must ascend");
    const auto is_at = [](double uS, support::Conductance g) {
      return std::abs(uS - g.in_si() * 1e6) <= 1e-9 * std::max(1.0, uS);
    };
    in.check(d.conductance_uS.empty() || (is_at(d.conductance_uS.front(), d.lowest) &&
                                          is_at(d.conductance_uS.back(), d.highest)),
             "conductance_uS", "must reach from 'lowest' to 'highest'");
  }
  if (in.has("drift")) {
    d.drift = read_drift_data(in.section("drift", {"what time does to a conductance"}));
    in.check(d.drift->law == DriftLaw::PowerLaw || d.is_table(), "drift",
             "'spread' adds to a table of 'sigma_uS'");
  }
  document.finish();
  return d;
}

}  // namespace

double DeviceData::sigma_at(double uS) const {
  const auto above = std::upper_bound(conductance_uS.begin() + 1, conductance_uS.end() - 1, uS);
  const auto i = static_cast<std::size_t>(above - conductance_uS.begin());
  const double part = (uS - conductance_uS[i - 1]) / (conductance_uS[i] - conductance_uS[i - 1]);
  return sigma_uS[i - 1] + part * (sigma_uS[i] - sigma_uS[i - 1]);
}

const DeviceData& device_data(DevicePreset preset) {
  static const auto all = [] {
    std::map<DevicePreset, DeviceData> m;
    for (const auto& [name, value] : kDevicePresets)
      for (const auto& [file, text] : built_in_device_files())
        if (file == name)
          m.emplace(value, read(support::ConfigDocument::from_text(
                               text, fmt::format("configs/devices/{}.yaml", name))));
    return m;
  }();
  return all.at(preset);
}

DeviceData read_device_file(const std::filesystem::path& file) {
  return read(support::ConfigDocument::from_file(file));
}

}  // namespace uswim::programmer
