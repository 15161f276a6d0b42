#pragma once
#include <cstddef>
#include <functional>
#include <vector>

#include "workloads/engine/kernel.h"
#include "workloads/engine/matrix_engine.h"
#include "workloads/network/network.h"

namespace uswim::workloads {

struct ExecutionPlan;

/// What one run computes.
struct Run {
  MatrixEngine& engine;
  std::size_t images;
  std::size_t blocks() const { return (images + kLanes - 1) / kLanes; }
};

/// Reads values of the plan and writes one. See steps.h.
using Step = std::function<void(ExecutionPlan&, const Run&)>;

/// The steps that a network comes to, and a buffer for each value that a step leaves behind. Bias,
/// ReLU, quantising and pooling belong to the step of the matrix layer before them.
struct ExecutionPlan {
  /// An integer activation or, where nothing has quantised it yet, floats
  /// [block][channel][height][width][lane].
  struct Value {
    Shape shape;
    bool integer = false;
    float scale = 1.0f;  ///< of a code
    int maximum = 0;     ///< largest code
    Window border;       ///< the pads of the layers that read the codes
    CodeBlocks codes;
    AlignedVector<float> floats;
  };

  /// Throws NetworkError, see Executor.
  ExecutionPlan(const Network& network, const std::vector<QuantizedWeights>& quantized);
  /// Makes room for batches of so many blocks.
  void reserve(std::size_t blocks);
  const CodeBlocks& codes(std::size_t value) const {
    return value == 0 ? *batch : values[value].codes;
  }

  const kernel::Kernels& kernels;
  std::vector<Value> values;  ///< 0: the quantised input, whose codes the caller holds
  const CodeBlocks* batch = nullptr;
  std::vector<Step> steps;
  std::size_t result = 0;  ///< index into values
  std::size_t reserved_blocks = 0;
  ProductBlocks products;  ///< of one layer at a time
};

}  // namespace uswim::workloads
