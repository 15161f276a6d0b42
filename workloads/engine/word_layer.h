#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "workloads/engine/aligned.h"
#include "workloads/engine/kernel.h"
#include "workloads/engine/matrix_engine.h"
#include "workloads/network/network.h"

namespace uswim::workloads {

/// A layer's matrix in 16 bits, which multiplies the codes where CodeBlocks holds them.
class WordLayer {
 public:
  explicit WordLayer(const MatrixLayer& from);

  std::size_t outputs() const { return outputs_; }
  std::size_t rows() const { return rows_; }
  /// outputs x rows; what is changed here counts from the next pack() on.
  std::vector<std::int16_t>& codes() { return codes_; }
  void pack();
  /// For the kernels; `partial` is their scratch memory.
  kernel::Matrix matrix(const CodeBlocks& codes, std::size_t images, std::int32_t* partial);

 private:
  /// The two rows of the matrix that a step multiplies; second = rows: none.
  struct Step {
    std::size_t first, second;
  };
  std::int32_t offset_of(std::size_t row) const;
  void lay_over(const CodeBlocks& codes);

  std::size_t outputs_, rows_, channels_;
  Window window_;
  std::vector<Step> steps_;  // the joint ones last
  std::size_t joint_steps_ = 0;
  std::vector<std::int16_t> codes_;
  AlignedVector<std::int16_t> packed_;  // as kernel::Matrix::weights
  std::vector<std::int32_t> offsets_;   // as kernel::Matrix::offsets, joint_offsets after them
  std::size_t row_stride_ = 0, pair_stride_ = 0;  // for which the offsets are
};

/// Positions that a window takes along one axis.
std::size_t window_positions(std::size_t size, std::size_t pads, std::size_t kernel,
                             std::size_t stride, std::size_t dilation);

/// The kernels' description of what follows a product of this unit.
kernel::Requantize requantization(const Requantization& after, float unit);
kernel::CodesOut codes_out(CodeBlocks& codes, std::size_t first_block);

}  // namespace uswim::workloads
