#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "experiment/chip_accuracy.h"
#include "experiment/in_situ.h"
#include "experiment/iterative.h"
#include "experiment/monte_carlo.h"
#include "sc_models/accelerator_system.h"

namespace uswim::experiment {

/// Adds the processor time of a scope to a stage.
class Stage {
 public:
  explicit Stage(double& sum);
  ~Stage();
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;

 private:
  double& sum_;
  double begin_;
};

std::array<double, sc_models::kComponents> in_joules(const sc_models::EnergyBreakdown& energy);
WriteCost write_cost(const sc_models::ProgrammingReport& report);

/// The simulated chip together with what evaluates it.
class ProgrammedChip : public IterativeChip, public TrainableChip {
 public:
  explicit ProgrammedChip(const Experiment& experiment);

  WriteCost write_open_loop() override;
  WriteCost verify(const programmer::DeviceMask& devices) override;
  WriteCost rewrite(const programmer::DeviceMask& devices,
                    const std::vector<std::vector<std::int16_t>>& codes) override;
  std::uint64_t count_correct() override;
  /// 0 where no accuracy is measured.
  std::uint64_t count_test_correct() override;
  /// As count_test_correct(), `seconds` after programming.
  std::uint64_t count_test_correct_later(double seconds);
  LayerWeights weights() override;

  /// Hands the cells to the engine.
  void load_effective_weights();
  /// The stream of images through the chip as it is.
  InferenceResult infer();
  /// What running `images` on the chip as it is costs.
  Cost inference_cost(std::size_t images);

 protected:
  const Experiment& experiment_;
  sc_models::Program program_;
  std::unique_ptr<programmer::PulseModel> pulses_;
  sc_models::AcceleratorSystem system_;
  programmer::DriftModel drift_;
  std::optional<ChipAccuracy> accuracy_;  ///< nothing where none is measured
  StageSeconds seconds_;
  std::uint32_t chip_ = 0;  ///< under way

 private:
  std::uint64_t correct_of(const workloads::PreparedImages& images);

  workloads::PreparedImages test_images_, measured_images_;
};

}  // namespace uswim::experiment
