#include "workloads/engine/spread_layer.h"

#include <algorithm>
#include <cassert>

#include "workloads/engine/row_loops.h"
#include "workloads/engine/word_layer.h"

namespace uswim::workloads {
namespace {

std::ptrdiff_t s(std::size_t n) { return static_cast<std::ptrdiff_t>(n); }

/// Channels a power of two apart would evict each other from the first cache.
std::size_t plane_of(const CodeBlocks& codes) {
  return (codes.padded_height() * codes.padded_width()) | 1;
}

const std::int16_t* plane_at(const CodeBlocks& codes, std::size_t block, std::size_t pair) {
  return codes.at(block, pair, -s(codes.pad_top()), -s(codes.pad_left()));
}

}  // namespace

SpreadLayer::SpreadLayer(const MatrixLayer& from, std::size_t channels_per_vector)
    : outputs_(from.outputs),
      rows_(from.rows),
      channels_(from.rows / (from.window.kernel_height * from.window.kernel_width)),
      per_vector_(channels_per_vector),
      window_(from.window) {}

Shape SpreadLayer::result(const CodeBlocks& codes) const {
  const Window& w = window_;
  return {outputs_,
          window_positions(codes.shape().height, w.pad_top + w.pad_bottom, w.kernel_height,
                           w.stride_height, w.dilation_height),
          window_positions(codes.shape().width, w.pad_left + w.pad_right, w.kernel_width,
                           w.stride_width, w.dilation_width)};
}

std::size_t SpreadLayer::blocks_at_once(const CodeBlocks& codes) const {
  const Shape shape = result(codes);
  return shape.height * shape.width < kernel::kPositionBlock ? codes.blocks() : 1;
}

std::size_t SpreadLayer::vectors(const CodeBlocks& codes, std::size_t blocks) {
  return blocks * groups() * plane_of(codes);
}

void SpreadLayer::find_offsets(const CodeBlocks& codes) {
  const std::size_t width = codes.padded_width(), plane = plane_of(codes);
  if (!offsets_.empty() && width_ == width && plane_ == plane) return;
  width_ = width;
  plane_ = plane;
  offsets_.clear();
  for (std::size_t group = 0; group < groups(); ++group)
    for (std::size_t ky = 0; ky < window_.kernel_height; ++ky)
      for (std::size_t kx = 0; kx < window_.kernel_width; ++kx)
        offsets_.push_back(static_cast<std::int32_t>(
            s(group * plane + ky * window_.dilation_height * width + kx * window_.dilation_width) *
            numbers()));
}

template <class Weight>
void SpreadLayer::pack(const Weight* weights, AlignedVector<Weight>& packed) const {
  const std::size_t steps = groups() * taps();
  packed.resize(steps * outputs_ * per_vector_);
  Weight* to = packed.data();
  for (std::size_t begin = 0; begin < steps; begin += kernel::kPartSteps) {
    const std::size_t end = std::min(begin + kernel::kPartSteps, steps);
    for (std::size_t first = 0; first < outputs_; first += kernel::kOutputBlock) {
      const std::size_t last = std::min(first + kernel::kOutputBlock, outputs_);
      for (std::size_t step = begin; step < end; ++step) {
        const std::size_t channel = step / taps() * per_vector_;
        const std::size_t present = std::min(per_vector_, channels_ - channel);
        const Weight* row = weights + first * rows_ + channel * taps() + step % taps();
        for (std::size_t o = first; o < last; ++o, row += rows_, to += per_vector_)
          for (std::size_t i = 0; i < per_vector_; ++i)
            to[i] = i < present ? row[i * taps()] : Weight{0};
      }
    }
  }
}
template void SpreadLayer::pack(const float*, AlignedVector<float>&) const;
template void SpreadLayer::pack(const std::int8_t*, AlignedVector<std::int8_t>&) const;

template <class Matrix, class Code>
void SpreadLayer::lay_over(const CodeBlocks& codes, const Code* copy, std::size_t blocks,
                           Matrix& m) {
  assert(codes.shape().channels == channels_);
  assert(codes.pad_top() >= window_.pad_top && codes.pad_left() >= window_.pad_left);
  find_offsets(codes);
  m.codes =
      copy + s((codes.pad_top() - window_.pad_top) * width_ + codes.pad_left() - window_.pad_left) *
                 numbers();
  m.block_stride = s(groups() * plane_) * numbers();
  m.row_stride = s(width_ * window_.stride_height) * numbers();
  m.column_stride = s(window_.stride_width) * numbers();
  m.offsets = offsets_.data();
  m.steps = offsets_.size();
  m.outputs = outputs_;
  m.blocks = blocks;
  const Shape shape = result(codes);
  m.height = shape.height;
  m.width = shape.width;
}
template void SpreadLayer::lay_over(const CodeBlocks&, const float*, std::size_t,
                                    kernel::FloatMatrix&);
template void SpreadLayer::lay_over(const CodeBlocks&, const std::uint8_t*, std::size_t,
                                    kernel::ByteMatrix&);

void SpreadLayer::copy_floats(const CodeBlocks& codes, std::size_t first, std::size_t blocks,
                              float* copy) {
  const std::size_t plane = plane_of(codes) * kLanes;
  const std::size_t numbers = codes.padded_height() * codes.padded_width() * kLanes;
  for (std::size_t block = first; block < first + blocks; ++block)
    for (std::size_t c = 0; c < channels_; ++c, copy += plane)
      rows::from_codes(plane_at(codes, block, c / 2) + c % 2, numbers, 1.0f, copy);
}

void SpreadLayer::copy_bytes(const CodeBlocks& codes, std::size_t first, std::size_t blocks,
                             int minimum, std::uint8_t* copy) {
  constexpr std::size_t kBytes = kernel::kByteChannels * kLanes;
  const std::size_t lanes = codes.padded_height() * codes.padded_width() * kLanes;
  for (std::size_t block = first; block < first + blocks; ++block)
    for (std::size_t q = 0; q < groups(); ++q, copy += plane_of(codes) * kBytes) {
      const std::size_t second = std::min(2 * q + 1, codes.channel_pairs() - 1);
      rows::to_bytes(plane_at(codes, block, 2 * q), plane_at(codes, block, second), lanes, minimum,
                     copy);
    }
}

}  // namespace uswim::workloads
