#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "workloads/engine/aligned.h"
#include "workloads/engine/kernel.h"
#include "workloads/engine/matrix_engine.h"
#include "workloads/network/network.h"

namespace uswim::workloads {

/// A layer's matrix over codes that are copied into another format first: vectors of 64 bytes with
/// one channel (floats) or four (bytes) of 16 images, laid out
///   [block][channels of a vector][padded height][padded width],
/// the padding as CodeBlocks has it. A copy holds few blocks, so that it stays in a cache.
class SpreadLayer {
 public:
  SpreadLayer(const MatrixLayer& from, std::size_t channels_per_vector);

  std::size_t outputs() const { return outputs_; }
  std::size_t rows() const { return rows_; }
  /// Blocks of images whose copy serves one call of a kernel: all where a layer has one position,
  /// as the kernels take several positions at a time.
  std::size_t blocks_at_once(const CodeBlocks& codes) const;
  /// 64-byte vectors for so many blocks.
  std::size_t vectors(const CodeBlocks& codes, std::size_t blocks);
  /// weights: outputs x rows -> as kernel::MatrixOf::weights, zero where a vector has no channel.
  template <class Weight>
  void pack(const Weight* weights, AlignedVector<Weight>& packed) const;
  /// Fills in all but weights and scratch memory. `copy`: of `blocks` blocks.
  template <class Matrix, class Code>
  void lay_over(const CodeBlocks& codes, const Code* copy, std::size_t blocks, Matrix& matrix);
  Shape result(const CodeBlocks& codes) const;

  /// The copies of blocks from `first` on. Bytes are code - minimum.
  void copy_floats(const CodeBlocks& codes, std::size_t first, std::size_t blocks, float* copy);
  void copy_bytes(const CodeBlocks& codes, std::size_t first, std::size_t blocks, int minimum,
                  std::uint8_t* copy);

 private:
  void find_offsets(const CodeBlocks& codes);
  std::size_t groups() const { return (channels_ + per_vector_ - 1) / per_vector_; }
  std::size_t taps() const { return window_.kernel_height * window_.kernel_width; }
  std::ptrdiff_t numbers() const {  // in a vector
    return static_cast<std::ptrdiff_t>(kLanes * per_vector_);
  }

  std::size_t outputs_, rows_, channels_, per_vector_;
  Window window_;
  std::vector<std::int32_t> offsets_;  // of each step, in numbers
  std::size_t width_ = 0, plane_ = 0;  // of the copy for which they are, in vectors
};

}  // namespace uswim::workloads
