#pragma once
#include <array>
#include <filesystem>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "programmer/device/drift.h"
#include "support/config_reader.h"
#include "tiles/tile_config.h"

namespace uswim::programmer {

/// Devices that come with the program: one file each in configs/devices, which states source,
/// figure, valid range and deviations. R1 ... F6 are the level-dependent devices of the U-SWIM
/// study: the two middle of four levels have `s` times the error of the two outer ones: base =
/// sigma / sqrt(0.4 s^2
/// + 0.6) outside, s * base in the middle (the subscript is s).
enum class DevicePreset {
  R1,
  F2,
  F3,
  R4,
  F6,
  RramNeurram,
  RramMilo,
  RramIsaac,
  RramNvsim,
  PcmJoshi,
  PcmLee,
  PcmHermes,
  FefetNeurosim,
  FefetNvmexplorer
};
inline constexpr std::array<std::pair<std::string_view, DevicePreset>, 14> kDevicePresets{
    {{"R1", DevicePreset::R1},
     {"F2", DevicePreset::F2},
     {"F3", DevicePreset::F3},
     {"R4", DevicePreset::R4},
     {"F6", DevicePreset::F6},
     {"rram_neurram", DevicePreset::RramNeurram},
     {"rram_milo", DevicePreset::RramMilo},
     {"rram_isaac", DevicePreset::RramIsaac},
     {"rram_nvsim", DevicePreset::RramNvsim},
     {"pcm_joshi", DevicePreset::PcmJoshi},
     {"pcm_lee", DevicePreset::PcmLee},
     {"pcm_hermes", DevicePreset::PcmHermes},
     {"fefet_neurosim", DevicePreset::FefetNeurosim},
     {"fefet_nvmexplorer", DevicePreset::FefetNvmexplorer}}};

/// What a device file says: either a ratio of errors, scaled by device.sigma, or a measured table.
struct DeviceData {
  double level_ratio = 1.0;  ///< middle levels' error over the outer levels'; without a table
  support::Conductance lowest, highest;  ///< valid range of the conductance; both 0: not stated
  std::vector<double> conductance_uS, sigma_uS;  ///< ascending, from lowest to highest
  std::optional<DriftData> drift;
  tiles::DeviceFigures figures;  ///< of writing and reading, as far as the file states them

  bool is_table() const { return !conductance_uS.empty(); }
  /// Standard deviation in uS at a conductance within the valid range, linear between the points.
  double sigma_at(double uS) const;
};

/// The file that belongs to a preset; built into the library, so that no file is looked for.
const DeviceData& device_data(DevicePreset preset);
/// Reads a file of the same form. Throws support::ConfigError with every fault.
DeviceData read_device_file(const std::filesystem::path& file);
/// Name and text of every file built in, in alphabetical order.
const std::vector<std::pair<std::string_view, std::string_view>>& built_in_device_files();

}  // namespace uswim::programmer
