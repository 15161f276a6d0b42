#include <algorithm>
#include <array>
#include <string>

#include "workloads/sensitivity/forward_pass.h"
#include "workloads/sensitivity/pooling.h"
#include "workloads/sensitivity/sensitivity.h"
#include "workloads/sensitivity/softmax.h"

namespace uswim::workloads {

using namespace layer_arithmetic;

namespace {

/// The backward half: S = d2 loss / d value^2 of every value behind the first matrix layer.
class Recursion {
 public:
  Recursion(const Network& network, std::size_t most_blocks);
  /// Adds the weights' second derivatives, summed over the first `images` of the batch in `pass`.
  void add(ForwardPass& pass, std::size_t images);
  /// One sum per weight, layer after layer.
  const std::vector<double>& sums() const { return sums_; }

 private:
  void start_at_loss(const LaneValues& logits, std::size_t images);
  void step_back(ForwardPass& pass, std::size_t node, std::size_t blocks);

  const Network& network_;
  ValueBuffers s_;
  std::vector<bool> wanted_;               ///< of each value: a matrix layer lies in front of it
  std::vector<std::size_t> first_weight_;  ///< of each layer, in sums_
  std::vector<double> sums_;
};

std::string to_string(const Shape& shape) {
  return std::to_string(shape.channels) + " x " + std::to_string(shape.height) + " x " +
         std::to_string(shape.width);
}

ValueBuffers backward_buffers(const Network& network) {
  std::vector<std::size_t> readers(network.nodes.size() + 1, 0);
  for (const Node& node : network.nodes)
    for (const std::size_t input : node.inputs) ++readers[input];
  std::vector<std::size_t> same_as{0};
  for (std::size_t i = 0; i < network.nodes.size(); ++i) {
    const Node& node = network.nodes[i];
    const bool in_place = node.operation == Operation::Relu ||
                          node.operation == Operation::Flatten ||
                          node.operation == Operation::Quantize;
    same_as.push_back(in_place && readers[node.input()] == 1 ? node.input() : i + 1);
  }
  return {network, std::vector<ValueBuffers::Lifetime>(network.nodes.size() + 1), same_as};
}

Recursion::Recursion(const Network& network, std::size_t most_blocks)
    : network_(network), s_(backward_buffers(network)) {
  s_.allocate(most_blocks);
  wanted_.push_back(false);
  for (const Node& node : network.nodes)
    wanted_.push_back(node.operation == Operation::Matrix || wanted_[node.input()]);
  std::size_t weights = 0;
  for (const MatrixLayer& layer : network.layers) {
    first_weight_.push_back(weights);
    weights += layer.weight.size();
  }
  sums_.assign(weights, 0.0);
}

void Recursion::add(ForwardPass& pass, std::size_t images) {
  s_.clear();
  start_at_loss(pass.logits(), images);
  for (std::size_t i = network_.nodes.size(); i-- > 0;)
    if (wanted_[i + 1]) step_back(pass, i, ForwardPass::blocks_of(images));
}

void Recursion::start_at_loss(const LaneValues& logits, std::size_t images) {
  const std::size_t classes = network_.classes();
  LaneValues& s = s_[network_.nodes.size()];
  std::vector<float> one(classes), curvature(classes);
  for (std::size_t n = 0; n < images; ++n) {
    const std::size_t first = n / kLanes * classes * kLanes + n % kLanes;
    for (std::size_t c = 0; c < classes; ++c) one[c] = logits[first + c * kLanes];
    cross_entropy_second_derivative(one, curvature);
    for (std::size_t c = 0; c < classes; ++c) s[first + c * kLanes] = curvature[c];
  }
}

void Recursion::step_back(ForwardPass& pass, std::size_t node_index, std::size_t blocks) {
  const Node& node = network_.nodes[node_index];
  const LaneValues& s_out = s_[node_index + 1];
  LaneValues& s_in = s_[node.input()];
  const std::size_t count = blocks * node.shape.size() * kLanes;
  switch (node.operation) {
    case Operation::Matrix: {
      MatrixArithmetic& matrix = pass.matrix(node_index);
      matrix.add_weight_sensitivity(blocks, pass.value(node.input()), s_out,
                                    sums_.data() + first_weight_[node.layer]);
      if (wanted_[node.input()]) matrix.add_input_sensitivity(blocks, s_out, s_in);
      break;
    }
    case Operation::Relu: {
      // Its output is positive exactly where its input is.
      const LaneValues& x = pass.value(node_index + 1);
      if (&s_in == &s_out)
        for (std::size_t i = 0; i < count; ++i) s_in[i] = x[i] > 0.0f ? s_in[i] : 0.0f;
      else
        for (std::size_t i = 0; i < count; ++i) s_in[i] += x[i] > 0.0f ? s_out[i] : 0.0f;
      break;
    }
    case Operation::Quantize:
    case Operation::Flatten:
      if (&s_in != &s_out)
        for (std::size_t i = 0; i < count; ++i) s_in[i] += s_out[i];
      break;
    case Operation::MaxPool:
      add_max_pool_sensitivity(blocks, node, network_.shape_of(node.input()),
                               pass.value(node.input()), s_out, s_in);
      break;
    default:
      throw NetworkError(node.name + ": this operation is not supported here");
  }
}

}  // namespace

std::vector<float> second_derivative(const Network& network, const Dataset& images,
                                     const std::function<void(std::size_t)>& progress) {
  if (!(images.shape == network.input))
    throw NetworkError("the images are " + to_string(images.shape) + ", but the network takes " +
                       to_string(network.input));
  if (images.count == 0) throw NetworkError("the second derivative needs at least one image");
  std::array<float, 256> intensity;
  for (std::size_t i = 0; i < intensity.size(); ++i) intensity[i] = static_cast<float>(i) / 255.0f;

  const std::size_t size = network.input.size();
  const std::size_t batch = blocks_per_batch(network, images.count) * kLanes;
  ForwardPass pass(network, batch / kLanes, Activations::Quantized, Keep::ForBackward);
  Recursion recursion(network, batch / kLanes);
  for (std::size_t first = 0; first < images.count; first += batch) {
    const std::size_t here = std::min(batch, images.count - first);
    const std::uint8_t* pixels = images.pixels.data() + first * size;
    pass.load(here, [&](std::size_t i) { return intensity[pixels[i]]; });
    pass.run(ForwardPass::blocks_of(here));
    recursion.add(pass, here);
    if (progress) progress(first + here);
  }
  std::vector<float> mean;
  mean.reserve(recursion.sums().size());
  for (const double sum : recursion.sums())
    mean.push_back(static_cast<float>(sum / static_cast<double>(images.count)));
  return mean;
}

}  // namespace uswim::workloads
