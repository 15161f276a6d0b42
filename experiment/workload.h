#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "experiment/config.h"
#include "programmer/device/device_model.h"
#include "programmer/selection/selection.h"
#include "tiles/mapping.h"
#include "workloads/data/dataset.h"
#include "workloads/engine/integer_values.h"
#include "workloads/network/network.h"
#include "workloads/sensitivity/sensitivity.h"

namespace uswim::experiment {

/// Told how far a stage is; `total` is 0 where it is not known.
using Progress = std::function<void(const std::string& stage, std::size_t done, std::size_t total)>;

struct Measures;

/// The network as imported, or the synthetic one, its input normalised, batch norm folded where
/// that is wanted.
workloads::Network load_network(const WorkloadConfig& config);

/// A network that is ready to be programmed, with its test images.
struct Workload {
  workloads::Network network;
  std::vector<workloads::QuantizedWeights> weights;
  std::vector<workloads::CodeRange> activations;  ///< at each layer's input
  workloads::Dataset test;                        ///< empty where the configuration has none
};
/// Quantises what the network leaves in float. `keeps_weights`: beside their codes, as measures of
/// sensitivity need them. Throws workloads::NetworkError or support::FileError.
Workload load_workload(const WorkloadConfig& config, const Progress& progress = {},
                       unsigned threads = 1, bool keeps_weights = true);

/// How the passes of a stage over `images` images run: their progress is told after every batch,
/// and between the nodes of the network too, where a caller may want to end them.
workloads::ComputeOptions compute_options(const Progress& progress, const std::string& stage,
                                          std::size_t images, unsigned threads);

/// A labelled image set of the size that the network takes. Throws support::FileError.
workloads::Dataset load_images(const workloads::Network& network,
                               const workloads::DataSource& source);

/// The network that the chip held before (programming.previous_network); no images. Throws
/// workloads::NetworkError where its layers have other sizes than those of `workload`.
Workload load_previous(const Config& config, const Workload& workload);

/// `placements`: none for the natural one.
tiles::Mapping map_workload(const Workload& workload, const Config& config,
                            std::vector<tiles::LayerPlacement> placements = {});

/// Files and folders that a run reads are there. Throws support::ConfigError naming key and place.
void check_files(const LoadedConfig& loaded);
/// Faults that the configuration has with its network, found before anything is computed or
/// written. Throws support::ConfigError, or as load_network().
void check_with_network(const LoadedConfig& loaded);
/// Those that a chip of so many arrays has. Throws support::ConfigError.
void check_arrays(const LoadedConfig& loaded, std::size_t arrays);

/// What the selection policies see. `imported` scores are read here.
programmer::WeightFacts weight_facts(const Workload& workload, const tiles::Mapping& mapping,
                                     const programmer::DeviceModel& device, Measures measures,
                                     const SelectionConfig& selection);

}  // namespace uswim::experiment
