#pragma once
#include <cstddef>
#include <functional>
#include <vector>

#include "workloads/network/network.h"
#include "workloads/sensitivity/forward_pass.h"
#include "workloads/sensitivity/matrix_arithmetic.h"
#include "workloads/sensitivity/value_buffers.h"

namespace uswim::workloads::layer_arithmetic {

/// Carries derivatives from the logits back to every value behind the first matrix layer: gradients
/// (Derivative::First), or second derivatives by the recursion of SWIM and U-SWIM
/// (Derivative::Second), in which every derivative on the way is squared and what comes from
/// several readers of a value is added. Quantisers let everything through.
class BackwardPass {
 public:
  /// `network` must outlive it.
  BackwardPass(const Network& network, std::size_t most_blocks, Derivative order, unsigned threads);
  /// What the pass starts with; to be filled by the caller before each run, zeros in unused lanes.
  LaneValues& at_logits() { return sums_[network_.nodes.size()]; }
  /// Goes back over the batch that `forward` ran last. For each matrix layer, in falling order,
  /// of_layer(node, what has arrived at its output). `between_nodes`: see ComputeOptions.
  void run(ForwardPass& forward, std::size_t blocks,
           const std::function<void(std::size_t, const LaneValues&)>& of_layer,
           const std::function<void()>& between_nodes = {});
  /// To be called when weights of the network have changed.
  void weights_changed() { transposed_.assign(network_.layers.size(), {}); }

  // The single steps, for passes that run beside this one.
  /// What one thread does first: zeros where a value's first contribution is about to be added.
  void begin_step(const ForwardPass& forward, std::size_t node, std::size_t blocks);
  void step(ForwardPass& forward, std::size_t node, Range blocks);
  /// Whether a matrix layer lies in front of a value.
  bool wanted(std::size_t value) const { return wanted_[value]; }
  const LaneValues& sums(std::size_t value) const { return sums_[value]; }
  LaneValues& sums(std::size_t value) { return sums_[value]; }

 private:
  float* at(std::size_t value, std::size_t block) {
    return sums_[value].data() + block * network_.shape_of(value).size() * kLanes;
  }

  const Network& network_;
  const Derivative order_;
  const unsigned threads_;
  std::vector<bool> wanted_;  ///< of each value
  ValueBuffers sums_;
  std::vector<std::vector<std::size_t>>
      begins_with_;                             ///< of each node: values that it reaches first
  std::vector<std::vector<float>> transposed_;  ///< of each layer; made when first used
};

}  // namespace uswim::workloads::layer_arithmetic
