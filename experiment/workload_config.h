#pragma once
#include <cstddef>
#include <filesystem>

#include "support/config_reader.h"
#include "workloads/data/dataset.h"
#include "workloads/network/normalization.h"
#include "workloads/quantization/post_training.h"

namespace uswim::experiment {

struct WorkloadConfig {
  std::filesystem::path network;
  unsigned weight_bits = 4;
  bool fold_batch_norm = true;
  workloads::QuantizationConfig quantization;
  std::size_t calibration_images = 256;  ///< of the sensitivity set, the first ones
  workloads::Normalization normalization;
  workloads::DataSource test;         ///< for the accuracy and the timed inference; may be missing
  workloads::DataSource sensitivity;  ///< training images, for the second derivative; may be missing
};

/// Whether images that are needed are there is for the caller to check.
WorkloadConfig read_workload(support::ConfigReader in);

}  // namespace uswim::experiment
