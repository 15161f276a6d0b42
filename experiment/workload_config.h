#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>

#include "support/config_reader.h"
#include "workloads/data/dataset.h"
#include "workloads/network/normalization.h"
#include "workloads/quantization/post_training.h"
#include "workloads/synthetic/synthetic_network.h"

namespace uswim::experiment {

struct WorkloadConfig {
  std::filesystem::path network;  ///< empty where it is synthetic
  workloads::SyntheticNetwork synthetic = workloads::SyntheticNetwork::None;
  std::uint64_t seed = 1;  ///< of a synthetic network's weights: the run's
  unsigned weight_bits = 4;
  bool fold_batch_norm = true;
  workloads::QuantizationConfig quantization;
  std::size_t calibration_images = 256;  ///< of the sensitivity set, the first ones
  workloads::Normalization normalization;
  workloads::DataSource test;  ///< for the accuracy and the timed inference; may be missing
  workloads::DataSource
      sensitivity;  ///< training images, for the second derivative; may be missing

  bool is_synthetic() const { return synthetic != workloads::SyntheticNetwork::None; }
};

/// `seed`: the run's. Whether images that are needed are there is for the caller to check.
WorkloadConfig read_workload(support::ConfigReader in, std::uint64_t seed);

}  // namespace uswim::experiment
