#include "workloads/engine/winograd_layer.h"

#include <algorithm>
#include <cassert>
#include <cstring>

#include "workloads/engine/weight_rounding.h"
#include "workloads/engine/word_layer.h"

namespace uswim::workloads {
namespace {

constexpr std::size_t kTaps = 9;
constexpr std::size_t kPoints = kernel::kWinogradPoints;
constexpr std::int64_t kLargestWeight = 127;
/// With fewer, the tiles' own transformations take what they save.
constexpr std::size_t kFewestChannels = 8, kFewestOutputs = 8;

bool is_plain_3x3(const Window& w) {
  return w.kernel_height == 3 && w.kernel_width == 3 && w.stride_height == 1 &&
         w.stride_width == 1 && w.dilation_height == 1 && w.dilation_width == 1;
}

std::size_t pairs_of(std::size_t channels) { return (channels + 1) / 2; }

/// Windows that are transformed at a time: of a block of outputs with a pair of channels, and a few
/// to fill vectors.
constexpr std::size_t kWindows = 16;
static_assert(2 * kernel::kOutputBlock <= kWindows);

/// points = (2 G) g (2 G)^T of every window g, where 2 G is
///   2 0 0, 1 1 1, 1 -1 1, 0 0 2.
void transform(const std::int16_t (&g)[kTaps][kWindows],
               std::int16_t (&points)[kPoints][kWindows]) {
  std::int16_t columns[4][3][kWindows];
  const auto each = [](const std::int16_t* a, const std::int16_t* b, const std::int16_t* c,
                       std::int16_t* p0, std::int16_t* p1, std::int16_t* p2, std::int16_t* p3) {
    for (std::size_t i = 0; i < kWindows; ++i) {
      const int ends = a[i] + c[i];
      p0[i] = static_cast<std::int16_t>(2 * a[i]);
      p1[i] = static_cast<std::int16_t>(ends + b[i]);
      p2[i] = static_cast<std::int16_t>(ends - b[i]);
      p3[i] = static_cast<std::int16_t>(2 * c[i]);
    }
  };
  for (std::size_t x = 0; x < 3; ++x)
    each(g[x], g[3 + x], g[6 + x], columns[0][x], columns[1][x], columns[2][x], columns[3][x]);
  for (std::size_t i = 0; i < 4; ++i)
    each(columns[i][0], columns[i][1], columns[i][2], points[4 * i], points[4 * i + 1],
         points[4 * i + 2], points[4 * i + 3]);
}

}  // namespace

bool WinogradLayer::suits(const Network& network, std::size_t index, const CodeRange& codes) {
  const MatrixLayer& layer = network.layers[index];
  if (!is_plain_3x3(layer.window)) return false;
  if (layer.rows < kFewestChannels * kTaps || layer.outputs < kFewestOutputs) return false;
  if (static_cast<std::int64_t>(layer.rows) * kLargestWeight * 4 * std::max(1, codes.magnitude()) >=
      rounding::kSumLimit)
    return false;
  bool used = false;
  for (const Node& node : network.nodes) {
    if (node.operation != Operation::Matrix || node.layer != index) continue;
    if (node.shape.height % 2 != 0 || node.shape.width % 2 != 0) return false;
    used = true;
  }
  return used;
}

WinogradLayer::WinogradLayer(const MatrixLayer& from)
    : outputs_(from.outputs), channels_(from.rows / kTaps), window_(from.window) {
  assert(is_plain_3x3(window_));
}

void WinogradLayer::pack(const std::int16_t* codes) {
  const std::size_t pairs = pairs_of(channels_), rows = channels_ * kTaps;
  packed_.resize(kPoints * outputs_ * pairs * 2);
  std::int16_t g[kTaps][kWindows] = {};
  std::int16_t points[kPoints][kWindows];
  std::int16_t* to = packed_.data();
  for (std::size_t first = 0; first < outputs_; first += kernel::kOutputBlock) {
    const std::size_t block = std::min(kernel::kOutputBlock, outputs_ - first);
    for (std::size_t pair = 0; pair < pairs; ++pair, to += 2 * block) {
      for (std::size_t i = 0; i < 2 * block; ++i) {
        const std::size_t channel = 2 * pair + i % 2;
        const std::int16_t* window = codes + (first + i / 2) * rows + channel * kTaps;
        for (std::size_t t = 0; t < kTaps; ++t)
          g[t][i] = channel < channels_ ? window[t] : std::int16_t{0};
      }
      transform(g, points);
      for (std::size_t p = 0; p < kPoints; ++p)
        std::memcpy(to + p * outputs_ * pairs * 2, points[p], 2 * block * sizeof *to);
    }
  }
}

kernel::WinogradMatrix WinogradLayer::matrix(const CodeBlocks& codes, std::size_t images) const {
  assert(codes.shape().channels == channels_);
  assert(codes.pad_top() >= window_.pad_top && codes.pad_left() >= window_.pad_left);
  assert(images <= codes.blocks() * kLanes);
  kernel::WinogradMatrix m{};
  m.codes = codes.at(0, 0, -static_cast<std::ptrdiff_t>(window_.pad_top),
                     -static_cast<std::ptrdiff_t>(window_.pad_left));
  m.block_stride = static_cast<std::ptrdiff_t>(codes.block_stride());
  m.pair_stride = static_cast<std::ptrdiff_t>(codes.pair_stride());
  m.row_stride = static_cast<std::ptrdiff_t>(codes.row_stride());
  m.pairs = codes.channel_pairs();
  m.weights = packed_.data();
  m.outputs = outputs_;
  m.blocks = (images + kLanes - 1) / kLanes;
  m.height = window_positions(codes.shape().height, window_.pad_top + window_.pad_bottom, 3, 1, 1);
  m.width = window_positions(codes.shape().width, window_.pad_left + window_.pad_right, 3, 1, 1);
  assert(m.height % 2 == 0 && m.width % 2 == 0);
  return m;
}

std::size_t WinogradLayer::transformed_size() const {
  return kPoints * (kernel::kWinogradTiles * pairs_of(channels_) + 1) * kernel::kVectorCodes;
}

std::size_t WinogradLayer::sums_size() const {
  return kernel::kWinogradTiles * outputs_ * kPoints * kernel::kLaneCount;
}

}  // namespace uswim::workloads
