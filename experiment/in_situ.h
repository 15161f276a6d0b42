#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "experiment/iterative.h"
#include "tiles/mapping.h"
#include "workloads/data/dataset.h"
#include "workloads/network/network.h"

namespace uswim::experiment {

/// Weights, layer after layer: outputs x rows.
using LayerWeights = std::vector<std::vector<float>>;

/// Which devices an iteration of in-situ training writes.
enum class Rewriting { All, Changed };

struct InSituConfig {
  unsigned iterations = 0;  ///< 0: no training
  unsigned batch = 64;      ///< training images of an iteration
  double learning_rate = 0.01;
  Rewriting rewriting = Rewriting::All;
  double backward_cost = 2.0;  ///< of back-propagation, relative to the batch's inference
};

/// A chip as the training sees it.
class TrainableChip {
 public:
  virtual ~TrainableChip() = default;
  virtual WriteCost write_open_loop() = 0;
  /// Writes these devices once more, open loop, for weights of these codes.
  virtual WriteCost rewrite(const programmer::DeviceMask& devices,
                            const std::vector<std::vector<std::int16_t>>& codes) = 0;
  /// The weights as they are on the chip, in the network's units.
  virtual LayerWeights weights() = 0;
  /// Right images of the test.
  virtual std::uint64_t count_test_correct() = 0;
};

/// One iteration; the first one is the open-loop write of the trained weights.
struct InSituStep {
  std::uint64_t devices = 0;  ///< of the mask
  WriteCost write;            ///< its mask_time is that of levels and mask
  std::uint64_t correct = 0;
};

/// In-situ training, the papers' baseline: stochastic gradient descent on a digital copy of the
/// weights, with the gradient at the weights as they are on the chip, errors included; after each
/// batch the rounded weights are written without verify. Batches follow each other in the order of
/// `images`, which begins anew when it is over.
std::vector<InSituStep> train_in_situ(TrainableChip& chip, const InSituConfig& config,
                                      const tiles::Mapping& mapping,
                                      const workloads::Network& network,
                                      const std::vector<workloads::QuantizedWeights>& weights,
                                      const workloads::Dataset& images);

struct Experiment;
struct MonteCarloResult;

/// Mean over chips of one iteration; costs are sums up to it.
struct InSituSummary {
  unsigned iteration = 0;
  double write_pulses_per_device = 0;
  double writing_s = 0;   ///< levels and masks over the host link included
  double training_s = 0;  ///< inference and back-propagation of the batches
  double energy_J = 0;
  double accuracy_mean = 0, accuracy_sd = 0;
};
std::vector<InSituSummary> summarize_in_situ(const Experiment& experiment,
                                             const MonteCarloResult& result);
/// A row per chip and iteration.
std::string in_situ_csv(const Experiment& experiment, const MonteCarloResult& result);

}  // namespace uswim::experiment
