#pragma once
#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "experiment/in_situ.h"
#include "experiment/selection_config.h"
#include "experiment/workload_config.h"
#include "programmer/device/device_model.h"
#include "programmer/earlier_programming.h"
#include "programmer/write_verify/pulse_model.h"
#include "sc_models/chip_config.h"
#include "support/config_reader.h"
#include "tiles/tile_config.h"
#include "workloads/engine/weights_engine.h"

namespace uswim::experiment {

/// What the chip holds when it is programmed.
enum class ChipStart { Erased, Programmed };
inline constexpr std::array<std::pair<std::string_view, ChipStart>, 2> kChipStarts{
    {{"erased", ChipStart::Erased}, {"programmed", ChipStart::Programmed}}};
/// How the earlier weights were written.
enum class PreviousState { Verified, OpenLoop };
inline constexpr std::array<std::pair<std::string_view, PreviousState>, 2> kPreviousStates{
    {{"verified", PreviousState::Verified}, {"open_loop", PreviousState::OpenLoop}}};

struct StartConfig {
  ChipStart start = ChipStart::Erased;
  std::filesystem::path previous_network;  ///< empty: the same network
  PreviousState previous_state = PreviousState::Verified;
  bool skip_unchanged = false;           ///< devices whose level stays the same are left alone
  std::optional<double> previous_age_s;  ///< time for device.drift; nothing: as it was left
  /// What the devices hold, but for the mapping. `drift` must outlive it.
  programmer::EarlierProgramming earlier(const programmer::DriftModel& drift) const {
    return {nullptr, previous_state == PreviousState::Verified, skip_unchanged,
            previous_age_s ? &drift : nullptr, previous_age_s.value_or(0.0)};
  }
};

inline constexpr std::array<std::pair<std::string_view, Rewriting>, 2> kRewritings{
    {{"all", Rewriting::All}, {"changed", Rewriting::Changed}}};

/// Where rows stand on the arrays.
enum class RowOrder { Natural, Balanced, Shared };
inline constexpr std::array<std::pair<std::string_view, RowOrder>, 3> kRowOrders{
    {{"natural", RowOrder::Natural},
     {"balanced", RowOrder::Balanced},
     {"shared", RowOrder::Shared}}};
/// Where outputs stand on the arrays.
enum class ColumnOrder { Natural, Balanced };
inline constexpr std::array<std::pair<std::string_view, ColumnOrder>, 2> kColumnOrders{
    {{"natural", ColumnOrder::Natural}, {"balanced", ColumnOrder::Balanced}}};

struct MappingOptions {
  RowOrder row_order = RowOrder::Natural;
  ColumnOrder column_order = ColumnOrder::Natural;
  unsigned extra_arrays = 0;
  double budget = 0.2;
};

/// The second accuracy figure: bit-serial inputs and ADCs, on few chips and images since it is
/// slow.
struct HardwareAccuracyConfig {
  unsigned chips = 1;
  std::vector<double> fractions{0.0, 0.1, 1.0};
  std::size_t images = 1000;
};

/// Single weights moved one at a time: `uswim correlate`.
struct CorrelationConfig {
  unsigned weights = 500;     ///< of all, drawn at random
  double perturbation = 0.5;  ///< of the layer's largest weight
  std::size_t images = 2000;
};

/// Everything that decides a result. `jobs`, progress and the output directory are not part of it.
struct Config {
  std::uint64_t seed = 1;
  unsigned chips = 20;
  WorkloadConfig workload;
  programmer::DeviceConfig device;
  programmer::WriteVerifyConfig programming;
  StartConfig start;
  SelectionConfig selection;
  InSituConfig in_situ;
  MappingOptions mapping;
  tiles::TileConfig tile;
  sc_models::ChipConfig chip;
  unsigned inference_images = 8;        ///< 0: the timed inference is left out
  std::size_t accuracy_images = 10000;  ///< 0: programming only, no accuracy is measured
  workloads::Arithmetic arithmetic = workloads::Arithmetic::Integer16;
  std::vector<double> accuracy_times_s;     ///< after programming, for retention.csv
  std::vector<std::string> accuracy_times;  ///< the same as the configuration names them
  HardwareAccuracyConfig hardware;
  CorrelationConfig correlation;
  bool timeline = false;         ///< files about one programming of chip 0
  double accuracy_drop = 0.005;  ///< for "what it cost to come within ... of the ideal accuracy"

  bool measures_accuracy() const { return accuracy_images > 0; }
  /// Whether a choice or a placement follows the second derivative of the loss.
  bool needs_second_derivative() const;
  /// Whether weights or devices are told apart, by a policy or for a placement.
  bool ranks_weights() const;
  /// Whether anything asks what verifying single devices is worth.
  bool sees_devices() const;
  /// Whether the curvature of the loss is wanted for single devices, and taken from this measure.
  bool needs_curvature(CurvatureMeasure measure) const;
  /// Whether training images are needed: for a measure of sensitivity, or for training.
  bool needs_training_images() const;
};

/// Reads the whole tree; the caller finishes the document.
Config read_config(support::ConfigReader in);

/// The checked configuration together with the document that it came from.
struct LoadedConfig {
  Config config;
  support::ConfigDocument document;
  std::string
      hash;  ///< of the resolved configuration, its paths seen from the file's own directory
};
/// Throws support::ConfigError with every fault.
LoadedConfig load_config(const std::filesystem::path& file,
                         const std::vector<std::string>& overrides);

}  // namespace uswim::experiment
