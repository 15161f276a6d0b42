#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "workloads/engine/integer_values.h"
#include "workloads/engine/kernel.h"
#include "workloads/engine/matrix_engine.h"
#include "workloads/network/network.h"

namespace uswim::workloads {

struct ExecutionPlan;

/// What one run computes.
struct Run {
  MatrixEngine& engine;
  std::size_t images;
  ProductBlocks& products;  ///< scratch, of one layer at a time
  std::size_t blocks() const { return (images + kLanes - 1) / kLanes; }
};

/// Reads values of the plan and writes others. See steps.h, row_steps.h.
struct Step {
  std::function<void(ExecutionPlan&, const Run&)> work;
  std::vector<std::size_t> reads, writes;  ///< values of the plan
  std::size_t digital_values = 0;          ///< see workloads::digital_values()
};

/// Values that a node's digital logic works on, per image, beyond the outputs of matrix layers:
/// bias, rescaling, ReLU, clipping, quantising and max pooling are done in the pass that takes a
/// layer's outputs to the buffer, moving is addressing.
std::size_t digital_values(const Node& node, const Shape& input);

/// The steps that a network comes to, and memory for each value that a step leaves behind.
struct ExecutionPlan {
  /// An integer activation or, where nothing has quantised it, floats
  /// [block][channel][height][width][lane].
  struct Value {
    Shape shape;
    bool integer = false;
    float scale = 1.0f;      ///< of a code
    CodeRange range;         ///< of the codes
    Window border;           ///< the pads of the layers that read the codes
    std::size_t buffer = 0;  ///< of those of its kind
  };
  /// What steps may do beside computing.
  struct Options {
    /// Steps run side by side: no two values share memory, and a matrix layer does not wait for
    /// what is added to its products.
    bool side_by_side = false;
  };

  /// Throws NetworkError, see Executor.
  ExecutionPlan(const Network& network, const std::vector<QuantizedWeights>& quantized,
                const Options& options);
  /// Makes room for batches of so many blocks.
  void reserve(std::size_t blocks);
  /// Gives that room back until the next reserve().
  void release();
  /// Memory of all values that reserve() made room for.
  std::size_t bytes() const;
  /// What reserve() takes for each block, at most.
  std::size_t bytes_per_block() const;
  const CodeBlocks& codes(std::size_t value) const {
    return value == 0 ? *batch : code_buffers[values[value].buffer];
  }
  /// Of any value but the input.
  CodeBlocks& written_codes(std::size_t value) { return code_buffers[values[value].buffer]; }
  const float* floats(std::size_t value) const {
    return float_buffers[values[value].buffer].data();
  }
  float* floats(std::size_t value) { return float_buffers[values[value].buffer].data(); }

  const kernel::Kernels& kernels;
  std::vector<Value> values;              ///< 0: the quantised input, whose codes the caller holds
  std::vector<std::int16_t> pixel_codes;  ///< [channel of the input][256]: code of each pixel
  const CodeBlocks* batch = nullptr;
  std::vector<Step> steps;
  std::size_t result = 0;  ///< index into values

 private:
  void assign_buffers(bool share);

  std::vector<CodeBlocks> code_buffers;
  std::vector<AlignedVector<float>> float_buffers;
  std::size_t reserved_blocks = 0;
};

}  // namespace uswim::workloads
