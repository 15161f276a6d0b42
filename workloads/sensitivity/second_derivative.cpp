#include "workloads/sensitivity/backward_pass.h"
#include "workloads/sensitivity/image_batches.h"
#include "workloads/sensitivity/sensitivity.h"
#include "workloads/sensitivity/softmax.h"

namespace uswim::workloads {

using namespace layer_arithmetic;

namespace {

/// Means over images of what the backward pass brings to each weight. `at_loss`(image, logits,
/// result) gives what it starts with.
template <class AtLoss>
std::vector<float> carried_to_weights(const Network& network, const Dataset& images,
                                      Derivative order, WeightSums::Of of,
                                      const ComputeOptions& options, AtLoss&& at_loss) {
  BackwardPass backward(network, blocks_per_batch(network, images.count), order, options.threads);
  WeightSums sums(network);
  for_each_batch(network, images, options,
                 [&](ForwardPass& pass, std::size_t first, std::size_t count) {
                   for_each_image(count, network.classes(), pass.logits(), backward.at_logits(),
                                  [&](std::size_t n, const auto& logits, auto& result) {
                                    at_loss(first + n, logits, result);
                                  });
                   const std::size_t blocks = ForwardPass::blocks_of(count);
                   const auto add = [&](std::size_t node, const LaneValues& s) {
                     sums.add(pass, node, order, of, blocks,
                              pass.value(network.nodes[node].input()), s, options.threads);
                   };
                   backward.run(pass, blocks, add, options.between_nodes);
                 });
  return sums.mean(images.count);
}

}  // namespace

std::vector<float> second_derivative(const Network& network, const Dataset& images,
                                     const ComputeOptions& options) {
  return carried_to_weights(network, images, Derivative::Second, WeightSums::Of::Products, options,
                            [](std::size_t, const auto& logits, auto& result) {
                              cross_entropy_second_derivative(logits, result);
                            });
}

std::vector<float> mean_gradient(const Network& network, const Dataset& images,
                                 const ComputeOptions& options) {
  return carried_to_weights(network, images, Derivative::First, WeightSums::Of::Products, options,
                            [&](std::size_t n, const auto& logits, auto& result) {
                              cross_entropy_gradient(logits, images.labels[n], result);
                            });
}

std::vector<float> empirical_fisher(const Network& network, const Dataset& images,
                                    const ComputeOptions& options) {
  return carried_to_weights(network, images, Derivative::First, WeightSums::Of::SquaresPerImage,
                            options, [&](std::size_t n, const auto& logits, auto& result) {
                              cross_entropy_gradient(logits, images.labels[n], result);
                            });
}

}  // namespace uswim::workloads
