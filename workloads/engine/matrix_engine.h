#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "workloads/engine/aligned.h"
#include "workloads/network/network.h"

namespace uswim::workloads {

/// Images are computed 16 at a time, one per lane of a vector register.
inline constexpr std::size_t kLanes = 16;

/// Integer activations of `blocks` x 16 images, laid out
///   [block][channel pair][height + pad_top + pad_bottom][width + pad_left + pad_right][lane][2].
/// Channel 2p + 1 of the last pair is zero where the number of channels is odd; the border is zero
/// and never written, so a window needs no bounds check.
class CodeBlocks {
 public:
  /// `border` holds the pads of the layers that read it (Window::pad_*), at least.
  void reshape(std::size_t blocks, Shape shape, const Window& border);
  std::size_t blocks() const { return blocks_; }
  const Shape& shape() const { return shape_; }
  std::size_t channel_pairs() const { return (shape_.channels + 1) / 2; }
  std::size_t padded_height() const { return shape_.height + pad_top_ + pad_bottom_; }
  std::size_t padded_width() const { return shape_.width + pad_left_ + pad_right_; }
  std::size_t pad_top() const { return pad_top_; }
  std::size_t pad_left() const { return pad_left_; }
  std::size_t pad_bottom() const { return pad_bottom_; }
  std::size_t pad_right() const { return pad_right_; }
  /// int16 from a position to the same one of the next row, channel pair and block.
  std::size_t row_stride() const { return padded_width() * 2 * kLanes; }
  std::size_t pair_stride() const { return padded_height() * row_stride(); }
  std::size_t block_stride() const { return channel_pairs() * pair_stride(); }
  /// Lanes x 2 codes of one position; (y, x) count from the image's own corner and may lie in the
  /// border.
  std::int16_t* at(std::size_t block, std::size_t pair, std::ptrdiff_t y, std::ptrdiff_t x);
  const std::int16_t* at(std::size_t block, std::size_t pair, std::ptrdiff_t y,
                         std::ptrdiff_t x) const;
  std::size_t bytes() const { return values_.size() * sizeof(std::int16_t); }
  std::int16_t code(std::size_t image, std::size_t channel, std::ptrdiff_t y,
                    std::ptrdiff_t x) const;

 private:
  std::size_t blocks_ = 0;
  Shape shape_;
  std::size_t pad_top_ = 0, pad_left_ = 0, pad_bottom_ = 0, pad_right_ = 0;
  AlignedVector<std::int16_t> values_;
};

/// Products of a matrix layer, laid out [block][output channel][height][width][lane], as integers
/// in units of `unit` x (weight code x activation code). The unit is a power of two.
struct ProductBlocks {
  std::size_t blocks = 0;
  Shape shape;
  float unit = 1.0f;
  AlignedVector<std::int32_t> values;
};

/// What the executor makes of a layer's products:
///   code = clamp(round_half_even((product * (unit * factor) + bias[output]) * inverse_scale),
///   minimum, maximum),
/// each operation rounded to float; unit is the products'. Clamping at zero is the ReLU. With
/// factor > 0 the largest product has the largest code, so pooling may come first.
struct Requantization {
  float factor = 1.0f;          ///< weight step x activation scale
  const float* bias = nullptr;  ///< outputs
  float inverse_scale = 1.0f;   ///< of the codes written
  int maximum = 0;              ///< largest code, at most 32767
  bool pool = false;            ///< then the largest of each 2 x 2 window, stride 2
  int minimum = 0;              ///< smallest code, at least -32768
};

/// What a network asks of the hardware: the products of one matrix layer. Everything else (bias,
/// scaling, ReLU, quantising, pooling) is digital and is done by the executor. Implementations:
/// ideal and noisy effective weights, crossbars with bit-serial inputs and ADCs, the timed TLM
/// models. All arithmetic is on integers, so outputs do not depend on the order of sums, the
/// instruction set or the number of threads.
class MatrixEngine {
 public:
  virtual ~MatrixEngine() = default;
  /// products[o][y][x] = sum over (c, ky, kx) of weight[o][c, ky, kx] * codes[c][y', x'] for every
  /// image of every block. `images` <= blocks * 16 of them are wanted; the rest may be left at any
  /// value.
  virtual void multiply(std::size_t layer, const CodeBlocks& codes, std::size_t images,
                        ProductBlocks& products) = 0;
  /// multiply() and what follows in one pass, for engines whose products are faster than their way
  /// through memory. Writes the same codes as multiply() and the executor's own steps would, into a
  /// buffer of the right shape; or returns false without having done anything, and the executor
  /// takes those steps.
  virtual bool multiply_requantize(std::size_t layer, const CodeBlocks& codes, std::size_t images,
                                   const Requantization& after, CodeBlocks& result);
  /// The executor is about to compute so many values per image in digital logic, beyond what
  /// belongs to a matrix layer (see digital_values()). Of interest to engines that keep time.
  virtual void compute_digitally(std::size_t values);
};

}  // namespace uswim::workloads
