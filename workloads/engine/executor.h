#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "workloads/data/dataset.h"
#include "workloads/engine/matrix_engine.h"
#include "workloads/network/network.h"

namespace uswim::workloads {

struct ExecutionPlan;

/// A data set in the layout of the engines, its pixels quantised by the network's first node. Made
/// once, read by every evaluation.
struct PreparedImages {
  std::size_t count = 0;
  std::vector<CodeBlocks> batches;   ///< Executor::kBatchBlocks x 16 images each
  std::vector<std::uint8_t> labels;  ///< count
};

/// Runs a quantised network on blocks of 16 images against any MatrixEngine. Holds scratch memory;
/// one per thread.
class Executor {
 public:
  /// Throws NetworkError if a matrix layer's input is not an integer activation (no Quantize on the
  /// way to it), or the network does not begin with Quantize. `quantized` gives the step of each
  /// layer's weights.
  Executor(const Network& network, const std::vector<QuantizedWeights>& quantized);
  ~Executor();

  /// How many blocks of 16 images one batch holds.
  static constexpr std::size_t kBatchBlocks = 4;
  PreparedImages prepare(const Dataset& data, std::size_t first, std::size_t count) const;

  /// Logits of one batch, [image][class], of its first `images` images.
  void run(MatrixEngine& engine, const CodeBlocks& batch, std::size_t images,
           std::vector<float>& logits);
  /// Number of images whose largest logit (the first of equal ones) is the label.
  std::size_t count_correct(MatrixEngine& engine, const PreparedImages& images);

 private:
  std::unique_ptr<ExecutionPlan> plan_;
  std::vector<float> logits_;  // of count_correct's last batch
};

}  // namespace uswim::workloads
