#include "workloads/engine/matrix_engine.h"

namespace uswim::workloads {

void CodeBlocks::reshape(std::size_t blocks, Shape shape, const Window& border) {
  blocks_ = blocks;
  shape_ = shape;
  pad_top_ = border.pad_top;
  pad_left_ = border.pad_left;
  pad_bottom_ = border.pad_bottom;
  pad_right_ = border.pad_right;
  values_.assign(blocks_ * block_stride(), 0);
}

const std::int16_t* CodeBlocks::at(std::size_t block, std::size_t pair, std::ptrdiff_t y,
                                   std::ptrdiff_t x) const {
  const auto row = y + static_cast<std::ptrdiff_t>(pad_top_);
  const auto column = x + static_cast<std::ptrdiff_t>(pad_left_);
  return values_.data() +
         static_cast<std::ptrdiff_t>(block * block_stride() + pair * pair_stride()) +
         row * static_cast<std::ptrdiff_t>(row_stride()) +
         column * static_cast<std::ptrdiff_t>(2 * kLanes);
}

std::int16_t* CodeBlocks::at(std::size_t block, std::size_t pair, std::ptrdiff_t y,
                             std::ptrdiff_t x) {
  return const_cast<std::int16_t*>(static_cast<const CodeBlocks*>(this)->at(block, pair, y, x));
}

std::int16_t CodeBlocks::code(std::size_t image, std::size_t channel, std::ptrdiff_t y,
                              std::ptrdiff_t x) const {
  return at(image / kLanes, channel / 2, y, x)[2 * (image % kLanes) + channel % 2];
}

bool MatrixEngine::multiply_requantize(std::size_t, const CodeBlocks&, std::size_t,
                                       const Requantization&, CodeBlocks&) {
  return false;
}

void MatrixEngine::compute_digitally(std::size_t) {}

}  // namespace uswim::workloads
