#include "programmer/device/device_data.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <stdexcept>

namespace uswim::programmer {
namespace {

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
  } else {
    in.conductance("lowest", d.lowest, {"lower end of the valid range"});
    in.conductance("highest", d.highest, {"upper end of the valid range"});
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
