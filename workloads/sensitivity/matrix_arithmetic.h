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

/// What is carried back from the logits to a value: the sum over all paths of the product of the
/// derivatives on the path (the gradient), or of the product of their squares (the recursion of
/// SWIM and U-SWIM for the second derivative).
enum class Derivative { First, Second };
/// The derivative, or its square.
inline float power(Derivative order, float derivative) {
  return order == Derivative::First ? derivative : derivative * derivative;
}

/// Products of one matrix layer, forwards and backwards. Batches hold up to `most_blocks` blocks;
/// blocks may be divided among threads.
class MatrixArithmetic {
 public:
  /// `layer` must outlive it.
  MatrixArithmetic(const MatrixLayer& layer, const Shape& input, const Shape& output,
                   std::size_t most_blocks, const Kernels& kernels);

  /// Memory for the input within its border of zeros; one may serve all layers in turn.
  using Scratch = LaneValues;
  /// Floats of Scratch that this layer needs.
  std::size_t scratch_size() const;

  /// out = weights * windows of in + bias.
  void forward(Range blocks, const LaneValues& in, LaneValues& out, Scratch& scratch) const;
  /// out += matrix * windows of in; `matrix` is ordered like MatrixLayer::weight.
  void add_products(Range blocks, const float* matrix, const LaneValues& in, LaneValues& out,
                    Scratch& scratch) const;

  /// The input within its border of zeros, or its squares: what add_weight_sums reads.
  void copy_windows(Derivative order, Range blocks, const LaneValues& in, Scratch& prepared) const;
  /// sums[o, r] += sum over positions and images of s_out[o] * prepared[r], for the outputs o.
  void add_weight_sums(std::size_t blocks, Range outputs, const Scratch& prepared,
                       const LaneValues& s_out, double* sums) const;
  /// squares[o, r] += sum over images of (sum over positions of s_out[o] * prepared[r])^2.
  void add_squared_weight_sums(std::size_t blocks, Range outputs, const Scratch& prepared,
                               const LaneValues& s_out, double* squares) const;

  /// `matrix`, ordered like MatrixLayer::weight, or its squares as [tap][channel][output].
  std::vector<float> transposed(Derivative order, const float* matrix) const;
  /// s_in += a transposed matrix times s_out.
  void add_input_sums(Range blocks, const std::vector<float>& transposed, const LaneValues& s_out,
                      LaneValues& s_in, Scratch& scratch) const;

 private:
  template <class Function>
  void for_each_row(Range blocks, Function&& function) const;
  std::size_t padded_block() const;
  std::size_t positions() const { return output_.height * output_.width; }

  const MatrixLayer& layer_;
  const Shape input_, output_;
  const Kernels& kernels_;
  std::size_t most_blocks_;
  std::size_t padded_height_, padded_width_;
  bool has_border_;
  ProductPlan plan_;  ///< reads windows, writes outputs
  ProductPlan back_;  ///< reads outputs, writes one tap of the windows
};

}  // namespace uswim::workloads::layer_arithmetic
