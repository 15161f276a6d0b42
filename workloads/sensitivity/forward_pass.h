#pragma once
#include <cstddef>
#include <functional>
#include <vector>

#include "workloads/network/network.h"
#include "workloads/sensitivity/lane_products.h"
#include "workloads/sensitivity/matrix_arithmetic.h"
#include "workloads/sensitivity/value_buffers.h"

namespace uswim::workloads::layer_arithmetic {

/// Whether activation quantisers round or let everything through.
enum class Activations { Quantized, Unquantized };
/// Which values are still there after the forward pass.
enum class Keep { Logits, ForBackward };

/// Where the values of a forward pass lie.
ValueBuffers forward_buffers(const Network& network, bool quantize, bool for_backward);

/// Forward pass over batches of images.
class ForwardPass {
 public:
  /// `network` must outlive it; its weights may change between runs. Results do not depend on
  /// `threads`.
  ForwardPass(const Network& network, std::size_t most_blocks, Activations activations, Keep keep,
              unsigned threads, const Kernels& kernels = available_kernels().back());
  /// Images side by side, each `network.input.size()` elements; the lanes behind the last image get
  /// zeros. element(i): element i of all images, counted through.
  template <class Element>
  void load(std::size_t images, Element&& element) {
    const std::size_t size = network_.input.size();
    LaneValues& input = values_[0];
    for (std::size_t n = 0; n < blocks_of(images) * kLanes; ++n)
      for (std::size_t e = 0; e < size; ++e)
        input[(n / kLanes * size + e) * kLanes + n % kLanes] =
            n < images ? element(n * size + e) : 0.0f;
  }
  /// `between_nodes`: see ComputeOptions.
  void run(std::size_t blocks, const std::function<void()>& between_nodes = {});

  static std::size_t blocks_of(std::size_t images) { return (images + kLanes - 1) / kLanes; }
  /// What the backward pass needs of value `index`: the input of Matrix, LeakyRelu, MaxPool and
  /// Multiply, the output of Relu, Clip, Sigmoid and Tanh.
  const LaneValues& value(std::size_t index) const { return values_[index]; }
  /// The same from block `block` on.
  const float* at(std::size_t index, std::size_t block) const {
    return values_[index].data() + block * network_.shape_of(index).size() * kLanes;
  }
  const LaneValues& logits() const { return values_[network_.nodes.size()]; }
  /// The arithmetic of node `node`, a matrix layer.
  const MatrixArithmetic& matrix(std::size_t node) const {
    return matrices_[matrix_of_node_[node]];
  }
  /// Memory that any layer may use between runs.
  MatrixArithmetic::Scratch& scratch() { return scratch_; }

 private:
  void step(std::size_t node, Range blocks);

  const Network& network_;
  const bool quantize_;
  const unsigned threads_;
  ValueBuffers values_;
  std::vector<MatrixArithmetic> matrices_;
  std::vector<std::size_t> matrix_of_node_;
  MatrixArithmetic::Scratch scratch_;
};

/// Blocks of 16 images per batch: as many as lie in the last cache, or up to 4 where those that the
/// backward pass keeps take at most 256 MB; at least 1. A number that follows from network and
/// image count alone, since the order of sums depends on it.
std::size_t blocks_per_batch(const Network& network, std::size_t images);

}  // namespace uswim::workloads::layer_arithmetic
