#include "workloads/sensitivity/image_batches.h"

namespace uswim::workloads::layer_arithmetic {
namespace {

std::string to_string(const Shape& shape) {
  return std::to_string(shape.channels) + " x " + std::to_string(shape.height) + " x " +
         std::to_string(shape.width);
}

}  // namespace

void check_images(const Network& network, const Dataset& images) {
  if (!(images.shape == network.input))
    throw NetworkError("the images are " + to_string(images.shape) + ", but the network takes " +
                       to_string(network.input));
  if (images.count == 0) throw NetworkError("derivatives need at least one image");
}

void load_images(ForwardPass& pass, const Dataset& images, std::size_t first, std::size_t count) {
  std::array<float, 256> intensity;
  for (std::size_t i = 0; i < intensity.size(); ++i) intensity[i] = static_cast<float>(i) / 255.0f;
  const std::uint8_t* pixels = images.pixels.data() + first * images.shape.size();
  pass.load(count, [&](std::size_t i) { return intensity[pixels[i]]; });
}

WeightSums::WeightSums(const Network& network) : network_(network) {
  std::size_t weights = 0;
  for (const MatrixLayer& layer : network.layers) {
    first_weight_.push_back(weights);
    weights += layer.weight.size();
  }
  sums_.assign(weights, 0.0);
}

void WeightSums::add(ForwardPass& pass, std::size_t node, Derivative order, Of of,
                     std::size_t blocks, const LaneValues& in, const LaneValues& s_out,
                     unsigned threads) {
  const MatrixArithmetic& matrix = pass.matrix(node);
  const std::size_t layer = network_.nodes[node].layer;
  double* sums = sums_.data() + first_weight_[layer];
  in_parallel(threads, blocks,
              [&](Range part) { matrix.copy_windows(order, part, in, pass.scratch()); });
  in_parallel(threads, network_.layers[layer].outputs, [&](Range outputs) {
    if (of == Of::Products)
      matrix.add_weight_sums(blocks, outputs, pass.scratch(), s_out, sums);
    else
      matrix.add_squared_weight_sums(blocks, outputs, pass.scratch(), s_out, sums);
  });
}

std::vector<float> WeightSums::mean(std::size_t count) const {
  std::vector<float> mean;
  mean.reserve(sums_.size());
  for (const double sum : sums_)
    mean.push_back(static_cast<float>(sum / static_cast<double>(count)));
  return mean;
}

}  // namespace uswim::workloads::layer_arithmetic
