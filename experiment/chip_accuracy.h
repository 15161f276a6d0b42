#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "experiment/config.h"
#include "experiment/read_noise.h"
#include "experiment/workload.h"
#include "programmer/device/drift.h"
#include "sc_models/accelerator_system.h"
#include "workloads/engine/executor.h"
#include "workloads/engine/weights_engine.h"

namespace uswim::experiment {

/// How well a programmed chip classifies with an ideal ADC. Its cells are loaded as effective
/// weights, as programming left them or as they are some time later, and read with noise where the
/// device has any.
class ChipAccuracy {
 public:
  /// `mapping` and `system` must outlive it.
  ChipAccuracy(const Config& config, const Workload& workload, const tiles::Mapping& mapping,
               const sc_models::AcceleratorSystem& system);

  void load();
  /// `seconds` after programming; `chip` keys the drift.
  void load_later(std::uint32_t chip, double seconds);
  /// Right images with what was loaded last; `chip` keys the read noise.
  std::uint64_t count_correct(const workloads::PreparedImages& images, std::uint32_t chip);

  workloads::Executor& executor() { return executor_; }

 private:
  void load_array(std::size_t layer, std::size_t array, const tiles::CellArray& cells);

  const tiles::Mapping& mapping_;
  const sc_models::AcceleratorSystem& system_;
  std::uint64_t seed_;
  unsigned levels_;
  bool is_noisy_;
  programmer::DriftModel drift_;
  workloads::Executor executor_;
  std::unique_ptr<workloads::WeightsEngine> engine_;
  ReadNoiseEngine noisy_;
  std::vector<float> weights_;  ///< of the layer being loaded
};

}  // namespace uswim::experiment
