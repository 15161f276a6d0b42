#pragma once
#include <cstddef>
#include <vector>

#include "workloads/engine/aligned.h"
#include "workloads/network/network.h"
#include "workloads/sensitivity/lane_products.h"
#include "workloads/sensitivity/lane_vector.h"

namespace uswim::workloads::layer_arithmetic {

/// A value of one batch: element e of block b (16 images) in the 16 floats from offset 16 (b * size
/// + e) on.
using LaneValues = AlignedVector<float>;

/// Products of one matrix layer, forwards and for the second derivative, over batches of up to
/// `most_blocks` blocks.
class MatrixArithmetic {
 public:
  /// `layer` must outlive it.
  MatrixArithmetic(const MatrixLayer& layer, const Shape& input, const Shape& output,
                   std::size_t most_blocks, const Kernels& kernels);
  /// out = weights * windows of in + bias.
  void forward(std::size_t blocks, const LaneValues& in, LaneValues& out);
  /// sums[o, r] += sum over positions and images of s_out[o] * in[r]^2.
  void add_weight_sensitivity(std::size_t blocks, const LaneValues& in, const LaneValues& s_out,
                              double* sums);
  /// s_in += squared weights, transposed, times s_out.
  void add_input_sensitivity(std::size_t blocks, const LaneValues& s_out, LaneValues& s_in);

 private:
  template <class Function>
  void for_each_row(std::size_t blocks, Function&& function) const;
  void square_weights();

  const MatrixLayer& layer_;
  const Shape input_, output_;
  const Kernels& kernels_;
  std::size_t padded_height_, padded_width_;
  bool has_border_;
  ProductPlan plan_;                   ///< reads windows, writes outputs
  ProductPlan back_;                   ///< reads outputs, writes one tap of the windows
  LaneValues padded_;                  ///< the input within its border of zeros
  LaneValues squared_;                 ///< the same, squared
  LaneValues padded_back_;             ///< second derivative of the input within its border
  std::vector<float> squared_weight_;  ///< [tap][channel][output]; made when first used
};

/// in[e] > 0 ? in[e] : 0. `out` may be `in`.
void relu(std::size_t count, const float* in, float* out);
/// The nearest code's value, see Node::scale. `out` may be `in`.
void quantize(std::size_t count, float scale, int maximum, const float* in, float* out);
void max_pool(std::size_t blocks, const Node& pool, const Shape& input, const LaneValues& in,
              LaneValues& out);
/// s_in += s_out at the first of the largest elements of each window.
void add_max_pool_sensitivity(std::size_t blocks, const Node& pool, const Shape& input,
                              const LaneValues& in, const LaneValues& s_out, LaneValues& s_in);

/// A value kept in a vector that several values may share: operations that keep the size and whose
/// input nobody else reads work in place.
class ValueSlots {
 public:
  /// `in_place[i]`: whether node i may overwrite its input.
  ValueSlots(const Network& network, const std::vector<bool>& in_place);
  void allocate(const Network& network, std::size_t blocks);
  LaneValues& operator[](std::size_t value) { return storage_[slot_[value]]; }
  const LaneValues& operator[](std::size_t value) const { return storage_[slot_[value]]; }
  bool shared(std::size_t a, std::size_t b) const { return slot_[a] == slot_[b]; }
  void clear();

 private:
  std::vector<std::size_t> slot_;
  std::vector<LaneValues> storage_;
};

/// Forward pass over batches of images.
class ForwardPass {
 public:
  /// `network` must outlive it. `quantize` false leaves the activation quantisers out.
  ForwardPass(const Network& network, std::size_t most_blocks, bool quantize,
              const Kernels& kernels = available_kernels().back());
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
  void run(std::size_t blocks);

  static std::size_t blocks_of(std::size_t images) { return (images + kLanes - 1) / kLanes; }
  const LaneValues& value(std::size_t index) const { return values_[index]; }
  const LaneValues& logits() const { return values_[network_.nodes.size()]; }
  /// The arithmetic of node `node`, a matrix layer.
  MatrixArithmetic& matrix(std::size_t node) { return matrices_[matrix_of_node_[node]]; }

 private:
  const Network& network_;
  const bool quantize_;
  ValueSlots values_;
  std::vector<MatrixArithmetic> matrices_;
  std::vector<std::size_t> matrix_of_node_;
};

/// Blocks of 16 images per batch, so that a batch's values take about 16 MB; at least 1. A number
/// that follows from network and image count alone, since the order of sums depends on it.
std::size_t blocks_per_batch(const Network& network, std::size_t images);

}  // namespace uswim::workloads::layer_arithmetic
