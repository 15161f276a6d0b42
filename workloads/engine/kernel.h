#pragma once
#include <cstddef>
#include <cstdint>

/// The inner loops of the engines. kernel_body.h and what it includes is compiled once per
/// instruction set; all give the same bytes. Only plain data and pointers here: an inline function
/// of a shared header (std::vector's, say) compiled in kernel_avx512.cpp could be the copy that the
/// linker keeps for everyone.
namespace uswim::workloads::kernel {

/// Images per vector of 64 bytes: 16 x 2 int16 codes, 16 floats or 16 x 4 bytes; of products 16 x
/// int32.
constexpr std::size_t kLaneCount = 16;
constexpr std::size_t kVectorCodes = 2 * kLaneCount;
constexpr std::size_t kByteChannels = 4;
/// Outputs x positions whose sums are held in registers: with 512-bit vectors 24 of 32 registers,
/// and four codes vectors and one broadcast weight besides. Six and four divide LeNet's layers; 10
/// loads feed 24 dot products.
constexpr std::size_t kOutputBlock = 6;
constexpr std::size_t kPositionBlock = 4;
/// Steps done before the next outputs' turn, so that the codes under kPositionBlock windows stay in
/// the first cache.
constexpr std::size_t kPartSteps = 192;

/// A matrix layer laid over a buffer of codes. Strides count codes. A step multiplies the codes of
/// one vector, which belong to one channel (floats), two (int16) or four (bytes).
template <class Code, class Weight, class Sum>
struct MatrixOf {
  const Code* codes;  ///< first code under the window at position (0, 0) of block 0
  std::ptrdiff_t block_stride, row_stride, column_stride;  ///< from one position to the next
  /// Of each step (channels, ky, kx) from the window's first code.
  const std::int32_t* offsets;
  std::size_t steps;
  /// [part of kPartSteps steps][block of kOutputBlock outputs][step][output][channel of the step].
  /// The last part and the last block have what is left. In the order of reading, as a large
  /// layer's weights come from memory each time.
  const Weight* weights;
  std::size_t outputs;
  std::size_t blocks, height, width;  ///< positions of the window
  Sum* partial;                       ///< outputs x kPositionBlock vectors of scratch
};

/// Pairs of int16.
struct Matrix : MatrixOf<std::int16_t, std::int16_t, std::int32_t> {
  /// Two taps of a last channel without a partner share a vector and make one step: two offsets
  /// each. They are in the last part.
  const std::int32_t* joint_offsets;
  std::size_t joint_steps;
};

/// sum = fma(weight, code, sum), step after step; product = round_half_even(sum * scale).
struct FloatMatrix : MatrixOf<float, float, float> {
  float scale;  ///< a power of two; no product leaves 32 bits
};

/// Codes of 8 bits without sign, weights with. product = sum * scale[output] + offset[output],
/// modulo 2^32.
struct ByteMatrix : MatrixOf<std::uint8_t, std::int8_t, std::int32_t> {
  const std::int32_t* scale;
  const std::int32_t* offset;
  /// Consecutive steps whose products, two channels each, add up within int16.
  std::size_t short_steps;
};

/// Points of a tile of 2 x 2 outputs, and tiles that are worked on together.
constexpr std::size_t kWinogradPoints = 16;
constexpr std::size_t kWinogradTiles = 8;

/// A layer of 3 x 3 windows at stride 1 with an even number of rows and columns, in 2.25 times
/// fewer products: F(2 x 2, 3 x 3) of Winograd, exact. product = sum * scale[output], modulo 2^32.
/// Strides count codes.
struct WinogradMatrix {
  const std::int16_t* codes;  ///< first code under the window at position (0, 0) of block 0
  std::ptrdiff_t block_stride, pair_stride, row_stride;
  std::size_t pairs;  ///< of channels; a last odd channel's partner is zero
  /// (2 G) g (2 G)^T of every window g: [point][block of kOutputBlock outputs][pair][output]
  /// [channel of the pair]. The last block has what is left.
  const std::int16_t* weights;
  std::size_t outputs;
  std::size_t blocks, height, width;  ///< positions of the window
  const std::int32_t* scale;          ///< powers of two
  /// Scratch, vectors: kWinogradPoints x (kWinogradTiles x pairs + 1), and kWinogradTiles x outputs
  /// x kWinogradPoints.
  std::int16_t* transformed;
  std::int32_t* sums;
};

/// From product to code: clamp(round_half_even((product * factor + bias[output]) * inverse_scale),
/// minimum, maximum). Every operation is rounded to float. Clamping at zero is the ReLU. Monotone
/// if factor > 0.
struct Requantize {
  float factor;
  const float* bias;
  float inverse_scale;
  float maximum;
  float minimum = 0.0f;
};

/// Where codes are written: vectors of a channel pair. Strides count int16.
struct CodesOut {
  std::int16_t* codes;  ///< channel pair 0 at position (0, 0) of block 0
  std::ptrdiff_t block_stride, pair_stride, row_stride;
};

/// Where codes are read.
struct CodesIn {
  const std::int16_t* codes;
  std::ptrdiff_t block_stride, pair_stride, row_stride;
};

/// A pooling window without border: it is clipped at the image's edge. `lowest`: no code is less.
struct PoolWindow {
  std::ptrdiff_t height, width;  ///< of the input
  std::ptrdiff_t kernel_height, kernel_width, stride_height, stride_width;
  std::ptrdiff_t dilation_height, dilation_width, pad_top, pad_left;
  std::int16_t lowest;
};

struct Kernels {
  const char* name;
  /// products: [block][output][height][width][lane]
  void (*multiply)(const Matrix&, std::int32_t* products);
  /// multiply() and requantize() in one pass. With `pool`, positions are those of 2 x 2 windows at
  /// stride 2.
  void (*multiply_requantize)(const Matrix&, const Requantize&, bool pool, const CodesOut&);
  void (*multiply_floats)(const FloatMatrix&, std::int32_t* products);
  void (*multiply_requantize_floats)(const FloatMatrix&, const Requantize&, bool pool,
                                     const CodesOut&);
  /// Exact for codes up to `largest_byte` and weights within +-127. Where a machine multiplies
  /// int16 as fast, 0 and null.
  void (*multiply_bytes)(const ByteMatrix&, std::int32_t* products);
  void (*multiply_requantize_bytes)(const ByteMatrix&, const Requantize&, bool pool,
                                    const CodesOut&);
  int largest_byte;
  /// Exact while the sum of 4 x 127 x the largest code's magnitude over a window stays below 2^31.
  /// Null where multiply_bytes() is always faster.
  void (*multiply_winograd)(const WinogradMatrix&, std::int32_t* products);
  void (*multiply_requantize_winograd)(const WinogradMatrix&, const Requantize&, bool pool,
                                       const CodesOut&);
  /// products as multiply() writes them.
  void (*requantize)(const std::int32_t* products, std::size_t blocks, std::size_t outputs,
                     std::size_t height, std::size_t width, const Requantize&, const CodesOut&);
  /// Largest code under each window.
  void (*max_pool)(const CodesIn&, const PoolWindow&, std::size_t blocks, std::size_t pairs,
                   std::size_t height, std::size_t width, const CodesOut&);
  /// Puts any two channels side by side: out[i] = pair of in[first[i]], in[second[i]]. A source is
  /// the offset of a vector of codes in int16, plus one for the odd channel of the pair; -1 gives
  /// zeros.
  void (*gather)(const std::int16_t* in, const std::int32_t* first, const std::int32_t* second,
                 std::size_t count, std::int16_t* out, std::ptrdiff_t out_stride);
};

/// Null where the instruction set was not compiled in (another processor family).
extern const Kernels* const kGeneric;
extern const Kernels* const kAvx2;
extern const Kernels* const kAvx512;

/// The fastest kernels of this machine, or those that the environment variable USWIM_ISA names
/// (generic, avx2, avx512). Throws std::invalid_argument for a name that is unknown or that this
/// machine cannot run.
const Kernels& selected();

}  // namespace uswim::workloads::kernel
