#include "experiment/read_noise.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "support/random.h"

namespace uswim::experiment {

using workloads::kLanes;

namespace {

/// For every input code, its sign bit included: sum over its bits of 4^bit, the squared weights of
/// the reads that it takes.
std::vector<float> squared_bits(unsigned bits) {
  std::vector<float> sums(std::size_t{1} << bits, 0.0f);
  for (std::size_t code = 0; code < sums.size(); ++code)
    for (unsigned bit = 0; bit < bits; ++bit)
      if (code >> bit & 1) sums[code] += static_cast<float>(std::uint64_t{1} << (2 * bit));
  return sums;
}

std::int32_t saturated(std::int64_t value) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int32_t>::max();
  return static_cast<std::int32_t>(std::clamp(value, -kMost, kMost));
}

}  // namespace

ReadNoiseEngine::ReadNoiseEngine(workloads::MatrixEngine& exact, const workloads::Network& network,
                                 const tiles::Mapping& mapping, std::vector<unsigned> input_bits,
                                 double sigma)
    : exact_(exact),
      network_(network),
      first_product_(network.layers.size(), 0),
      next_image_(network.layers.size(), 0),
      input_bits_(std::move(input_bits)) {
  double squares = 0.0;
  const double top_level = (1u << mapping.config().device_bits) - 1;
  for (unsigned s = 0; s < mapping.slices(); ++s)
    squares += 2.0 * mapping.slice_weight(s) * mapping.slice_weight(s);
  sigma_code_ = static_cast<float>(sigma * top_level * std::sqrt(squares));
  std::uint64_t products = 0;
  for (const workloads::Node& node : network.nodes)
    if (node.operation == workloads::Operation::Matrix) {
      first_product_[node.layer] = products;
      products += node.shape.size();
    }
}

void ReadNoiseEngine::start(std::uint64_t seed, std::uint32_t chip) {
  seed_ = seed;
  chip_ = chip;
  std::fill(next_image_.begin(), next_image_.end(), 0u);
}

void ReadNoiseEngine::find_spread(std::size_t layer, const workloads::CodeBlocks& codes,
                                  std::size_t block, const workloads::Shape& out) {
  const workloads::MatrixLayer& matrix = network_.layers[layer];
  const workloads::Window& w = matrix.window;
  const std::size_t channels = matrix.rows / (w.kernel_height * w.kernel_width);
  const std::vector<float> squares = squared_bits(input_bits_[layer]);
  const std::size_t all_bits = squares.size() - 1;
  spread_.assign(out.height * out.width * kLanes, 0.0f);
  for (std::size_t y = 0; y < out.height; ++y)
    for (std::size_t x = 0; x < out.width; ++x) {
      float* sum = &spread_[(y * out.width + x) * kLanes];
      for (std::size_t c = 0; c < channels; ++c)
        for (std::size_t ky = 0; ky < w.kernel_height; ++ky)
          for (std::size_t kx = 0; kx < w.kernel_width; ++kx) {
            const std::int16_t* lanes =
                codes.at(block, c / 2,
                         static_cast<std::ptrdiff_t>(y * w.stride_height + ky * w.dilation_height) -
                             static_cast<std::ptrdiff_t>(w.pad_top),
                         static_cast<std::ptrdiff_t>(x * w.stride_width + kx * w.dilation_width) -
                             static_cast<std::ptrdiff_t>(w.pad_left));
            // Whole numbers below 2^24 for codes of up to 8 bits: exact in any order.
            for (std::size_t lane = 0; lane < kLanes; ++lane)
              sum[lane] += squares[static_cast<std::size_t>(lanes[2 * lane + c % 2]) & all_bits];
          }
      for (std::size_t lane = 0; lane < kLanes; ++lane)
        sum[lane] = sigma_code_ * std::sqrt(sum[lane]);
    }
}

void ReadNoiseEngine::multiply(std::size_t layer, const workloads::CodeBlocks& codes,
                               std::size_t images, workloads::ProductBlocks& products) {
  exact_.multiply(layer, codes, images, products);
  const std::uint32_t first_image = next_image_[layer];
  next_image_[layer] += static_cast<std::uint32_t>(codes.blocks() * kLanes);
  const std::size_t n = products.shape.size();
  const std::size_t positions = products.shape.height * products.shape.width;
  index_.resize(n);
  for (std::size_t k = 0; k < n; ++k) index_[k] = first_product_[layer] + k;
  draws_.resize(n * support::kNormalsPerBlock);
  const support::StreamKey key{seed_, chip_, support::Stream::InferenceReadNoise};
  const float inverse_unit = 1.0f / products.unit;
  for (std::size_t block = 0; block * kLanes < images; ++block) {
    find_spread(layer, codes, block, products.shape);
    const std::uint32_t image = first_image + static_cast<std::uint32_t>(block * kLanes);
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const std::size_t draw = lane % support::kNormalsPerBlock;
      if (draw == 0)
        support::normal_blocks(key, index_.data(), n,
                               static_cast<std::uint32_t>((image + lane) / 4), draws_.data(), n);
      std::int32_t* value = &products.values[block * n * kLanes + lane];
      for (std::size_t k = 0; k < n; ++k) {
        const float noise =
            draws_[draw * n + k] * (spread_[k % positions * kLanes + lane] * inverse_unit);
        value[k * kLanes] = saturated(std::int64_t{value[k * kLanes]} + std::llrint(noise));
      }
    }
  }
}

}  // namespace uswim::experiment
