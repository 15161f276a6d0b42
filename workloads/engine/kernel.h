#pragma once
#include <cstddef>
#include <cstdint>

/// The inner loops of the engines. kernel_body.h is compiled once per instruction set; all give the
/// same bytes. Only plain data and pointers here: an inline function of a shared header
/// (std::vector's, say) compiled in kernel_avx512.cpp could be the copy that the linker keeps for
/// everyone.
namespace uswim::workloads::kernel {

/// Images per vector; a vector of codes holds 16 x 2 int16, of products 16 x int32.
constexpr std::size_t kLaneCount = 16;
constexpr std::size_t kVectorCodes = 2 * kLaneCount;
/// Outputs x positions whose sums are held in registers: with 512-bit vectors 24 of 32 registers,
/// and four codes vectors and one broadcast weight besides. Six and four divide LeNet's layers; 10
/// loads feed 24 dot products.
constexpr std::size_t kOutputBlock = 6;
constexpr std::size_t kPositionBlock = 4;
/// Steps done before the next outputs' turn, so that the codes under kPositionBlock windows stay in
/// the first cache.
constexpr std::size_t kPartSteps = 192;

/// A matrix layer laid over a buffer of codes. Strides count int16.
struct Matrix {
  const std::int16_t* codes;  ///< first code under the window at position (0, 0) of block 0
  std::ptrdiff_t block_stride, row_stride, column_stride;  ///< from one position to the next
  /// Of each step (channel pair, ky, kx) from the window's first code.
  const std::int32_t* offsets;
  std::size_t steps;
  /// Two taps of a last channel without a partner share a vector and make one step: two offsets
  /// each.
  const std::int32_t* joint_offsets;
  std::size_t joint_steps;
  /// int16 pairs [part of kPartSteps steps][block of kOutputBlock outputs][step][output][2]. The
  /// last part and the last block have what is left; the joint steps are in the last part. In the
  /// order of reading, as a large layer's weights come from memory each time.
  const std::int16_t* weights;
  std::size_t outputs;
  std::size_t blocks, height, width;  ///< positions of the window
  std::int32_t* partial;              ///< outputs x kPositionBlock vectors of scratch
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
