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

}  // namespace uswim::workloads::layer_arithmetic
