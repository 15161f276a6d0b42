#include "workloads/engine/word_layer.h"

#include <algorithm>
#include <cassert>

namespace uswim::workloads {

std::size_t window_positions(std::size_t size, std::size_t pads, std::size_t kernel,
                             std::size_t stride, std::size_t dilation) {
  return (size + pads - dilation * (kernel - 1) - 1) / stride + 1;
}

kernel::Requantize requantization(const Requantization& after, float unit) {
  return {unit * after.factor, after.bias, after.inverse_scale, static_cast<float>(after.maximum),
          static_cast<float>(after.minimum)};
}

kernel::CodesOut codes_out(CodeBlocks& codes, std::size_t first_block) {
  return {codes.at(first_block, 0, 0, 0), static_cast<std::ptrdiff_t>(codes.block_stride()),
          static_cast<std::ptrdiff_t>(codes.pair_stride()),
          static_cast<std::ptrdiff_t>(codes.row_stride())};
}

WordLayer::WordLayer(const MatrixLayer& from)
    : outputs_(from.outputs), rows_(from.rows), window_(from.window) {
  const std::size_t taps = window_.kernel_height * window_.kernel_width;
  channels_ = rows_ / taps;
  for (std::size_t channel = 0; channel + 1 < channels_; channel += 2) {
    for (std::size_t tap = 0; tap < taps; ++tap) {
      steps_.push_back({channel * taps + tap, (channel + 1) * taps + tap});
    }
  }
  if (channels_ % 2 == 1) {
    const std::size_t last = (channels_ - 1) * taps;
    if (taps % 2 == 1) steps_.push_back({last, rows_});
    joint_steps_ = taps / 2;
    for (std::size_t tap = taps % 2; tap < taps; tap += 2) {
      steps_.push_back({last + tap, last + tap + 1});
    }
  }
  codes_.assign(outputs_ * rows_, 0);
}

void WordLayer::pack() {
  packed_.resize(2 * outputs_ * steps_.size());
  std::int16_t* to = packed_.data();
  const std::size_t single_steps = steps_.size() - joint_steps_;
  for (std::size_t begin = 0, end = 0; end < steps_.size(); begin = end) {
    end = begin + kernel::kPartSteps < single_steps ? begin + kernel::kPartSteps : steps_.size();
    for (std::size_t first = 0; first < outputs_; first += kernel::kOutputBlock) {
      const std::size_t block = std::min(kernel::kOutputBlock, outputs_ - first);
      for (std::size_t s = begin; s < end; ++s) {
        const std::int16_t* row = &codes_[first * rows_];
        for (std::size_t o = 0; o < block; ++o, row += rows_, to += 2) {
          to[0] = row[steps_[s].first];
          to[1] = steps_[s].second < rows_ ? row[steps_[s].second] : std::int16_t{0};
        }
      }
    }
  }
}

std::int32_t WordLayer::offset_of(std::size_t row) const {
  const std::size_t kx = row % window_.kernel_width;
  const std::size_t ky = row / window_.kernel_width % window_.kernel_height;
  const std::size_t pair = row / window_.kernel_width / window_.kernel_height / 2;
  return static_cast<std::int32_t>(pair * pair_stride_ +
                                   ky * window_.dilation_height * row_stride_ +
                                   kx * window_.dilation_width * kernel::kVectorCodes);
}

void WordLayer::lay_over(const CodeBlocks& input) {
  if (!offsets_.empty() && row_stride_ == input.row_stride() &&
      pair_stride_ == input.pair_stride()) {
    return;
  }
  row_stride_ = input.row_stride();
  pair_stride_ = input.pair_stride();
  offsets_.clear();
  const std::size_t single_steps = steps_.size() - joint_steps_;
  for (std::size_t s = 0; s < steps_.size(); ++s) {
    offsets_.push_back(offset_of(steps_[s].first));
    if (s >= single_steps) offsets_.push_back(offset_of(steps_[s].second));
  }
}

kernel::Matrix WordLayer::matrix(const CodeBlocks& input, std::size_t images,
                                 std::int32_t* partial) {
  assert(input.shape().channels == channels_);
  assert(input.pad_top() >= window_.pad_top && input.pad_left() >= window_.pad_left);
  assert(images <= input.blocks() * kLanes);
  lay_over(input);
  kernel::Matrix m;
  m.codes = input.at(0, 0, -static_cast<std::ptrdiff_t>(window_.pad_top),
                     -static_cast<std::ptrdiff_t>(window_.pad_left));
  m.block_stride = static_cast<std::ptrdiff_t>(input.block_stride());
  m.row_stride = static_cast<std::ptrdiff_t>(input.row_stride() * window_.stride_height);
  m.column_stride = static_cast<std::ptrdiff_t>(kernel::kVectorCodes * window_.stride_width);
  m.offsets = offsets_.data();
  m.steps = steps_.size() - joint_steps_;
  m.joint_offsets = offsets_.data() + m.steps;
  m.joint_steps = joint_steps_;
  m.weights = packed_.data();
  m.outputs = outputs_;
  m.blocks = (images + kLanes - 1) / kLanes;
  m.height =
      window_positions(input.shape().height, window_.pad_top + window_.pad_bottom,
                       window_.kernel_height, window_.stride_height, window_.dilation_height);
  m.width = window_positions(input.shape().width, window_.pad_left + window_.pad_right,
                             window_.kernel_width, window_.stride_width, window_.dilation_width);
  m.partial = partial;
  return m;
}

}  // namespace uswim::workloads
