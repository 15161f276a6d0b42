#pragma once
#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include "workloads/data/dataset.h"
#include "workloads/network/network.h"
#include "workloads/sensitivity/forward_pass.h"
#include "workloads/sensitivity/sensitivity.h"

namespace uswim::workloads::layer_arithmetic {

/// Throws NetworkError unless there are images of the network's size.
void check_images(const Network& network, const Dataset& images);

/// Puts images of a data set, first to first + count, into the pass.
void load_images(ForwardPass& pass, const Dataset& images, std::size_t first, std::size_t count);

/// Runs the network over all images, batch by batch: function(pass, first image, images). The pass
/// keeps what the backward pass needs.
template <class Function>
void for_each_batch(const Network& network, const Dataset& images, const ComputeOptions& options,
                    Function&& function) {
  check_images(network, images);
  const std::size_t blocks = blocks_per_batch(network, images.count);
  ForwardPass pass(network, blocks, Activations::Quantized, Keep::ForBackward, options.threads);
  for (std::size_t first = 0; first < images.count; first += blocks * kLanes) {
    const std::size_t here = std::min(blocks * kLanes, images.count - first);
    load_images(pass, images, first, here);
    pass.run(ForwardPass::blocks_of(here), options.between_nodes);
    function(pass, first, here);
    if (options.progress) options.progress(first + here);
  }
}

/// Image by image: function(image of the batch, numbers of `from`, numbers to put into `to`), both
/// with one number per class; zeros in the lanes behind the last image.
template <class Function>
void for_each_image(std::size_t images, std::size_t classes, const LaneValues& from, LaneValues& to,
                    Function&& function) {
  std::vector<float> in(classes), out(classes);
  for (std::size_t n = 0; n < ForwardPass::blocks_of(images) * kLanes; ++n) {
    const std::size_t first = n / kLanes * classes * kLanes + n % kLanes;
    for (std::size_t c = 0; c < classes; ++c) in[c] = from[first + c * kLanes];
    if (n < images)
      function(n, in, out);
    else
      std::fill(out.begin(), out.end(), 0.0f);
    for (std::size_t c = 0; c < classes; ++c) to[first + c * kLanes] = out[c];
  }
}

/// One sum per weight of the network, layer after layer.
class WeightSums {
 public:
  explicit WeightSums(const Network& network);
  /// Of a layer's products, see MatrixArithmetic.
  enum class Of { Products, SquaresPerImage };
  void add(ForwardPass& pass, std::size_t node, Derivative order, Of of, std::size_t blocks,
           const LaneValues& in, const LaneValues& s_out, unsigned threads);
  std::vector<double>& values() { return sums_; }
  std::vector<float> mean(std::size_t count) const;

 private:
  const Network& network_;
  std::vector<std::size_t> first_weight_;  ///< of each layer
  std::vector<double> sums_;
};

}  // namespace uswim::workloads::layer_arithmetic
