#include <algorithm>

#include "support/random.h"
#include "workloads/sensitivity/backward_pass.h"
#include "workloads/sensitivity/elementwise.h"
#include "workloads/sensitivity/image_batches.h"
#include "workloads/sensitivity/node_rules.h"
#include "workloads/sensitivity/pooling.h"
#include "workloads/sensitivity/sensitivity.h"
#include "workloads/sensitivity/softmax.h"

namespace uswim::workloads {

using namespace layer_arithmetic;

namespace {

/// Products of the Hessian with a direction in the space of all weights: forward and backward pass
/// together with their derivatives along that direction (Pearlmutter, "Fast exact multiplication by
/// the Hessian", 1994). `tangent` below is always the derivative of a value along the direction.
class HessianProduct {
 public:
  HessianProduct(const Network& network, std::size_t most_blocks, const ComputeOptions& options)
      : network_(network),
        threads_(options.threads),
        between_nodes_(options.between_nodes),
        tangents_(forward_buffers(network, true, true)),
        gradient_(network, most_blocks, Derivative::First, threads_),
        gradient_tangents_(network, most_blocks, Derivative::First, threads_),
        direction_(network.layers.size()),
        sums_(network) {
    tangents_.allocate(most_blocks);
  }
  /// Of a layer, ordered like MatrixLayer::weight.
  std::vector<float>& direction(std::size_t layer) { return direction_[layer]; }
  /// H times the direction, summed over the first `images` of the batch in `pass`.
  const std::vector<double>& of(ForwardPass& pass, const Dataset& data, std::size_t first,
                                std::size_t images);

 private:
  void forward_step(ForwardPass& pass, std::size_t node, Range blocks);
  void start_at_loss(ForwardPass& pass, const Dataset& data, std::size_t first, std::size_t images);
  void add_to_weights(ForwardPass& pass, std::size_t node, std::size_t blocks);
  /// What the direction and the tangents of values add to the gradient's tangent.
  void add_second_order(ForwardPass& pass, std::size_t node, Range blocks);
  const float* tangent(std::size_t value, std::size_t block) const {
    return tangents_[value].data() + block * network_.shape_of(value).size() * kLanes;
  }

  const Network& network_;
  const unsigned threads_;
  const std::function<void()> between_nodes_;
  ValueBuffers tangents_;
  BackwardPass gradient_, gradient_tangents_;
  std::vector<std::vector<float>> direction_;
  std::vector<std::vector<float>> transposed_direction_;
  WeightSums sums_;
};

const std::vector<double>& HessianProduct::of(ForwardPass& pass, const Dataset& data,
                                              std::size_t first, std::size_t images) {
  const std::size_t blocks = ForwardPass::blocks_of(images), nodes = network_.nodes.size();
  std::fill(sums_.values().begin(), sums_.values().end(), 0.0);
  transposed_direction_.assign(network_.layers.size(), {});
  std::fill(tangents_[0].begin(), tangents_[0].end(), 0.0f);
  for (std::size_t i = 0; i < nodes; ++i) {
    if (between_nodes_) between_nodes_();
    in_parallel(threads_, blocks, [&](Range part) { forward_step(pass, i, part); });
  }
  start_at_loss(pass, data, first, images);
  for (std::size_t i = nodes; i-- > 0;) {
    if (!gradient_.wanted(i + 1)) continue;
    if (between_nodes_) between_nodes_();
    const Node& node = network_.nodes[i];
    if (node.operation == Operation::Matrix) {
      add_to_weights(pass, i, blocks);
      if (gradient_.wanted(node.input()))
        transposed_direction_[node.layer] =
            pass.matrix(i).transposed(Derivative::First, direction_[node.layer].data());
    }
    gradient_tangents_.begin_step(pass, i, blocks);
    gradient_.begin_step(pass, i, blocks);
    in_parallel(threads_, blocks, [&](Range part) {
      // The gradient last: it may overwrite what the other two read.
      gradient_tangents_.step(pass, i, part);
      add_second_order(pass, i, part);
      gradient_.step(pass, i, part);
    });
  }
  return sums_.values();
}

void HessianProduct::forward_step(ForwardPass& pass, std::size_t index, Range blocks) {
  const Node& node = network_.nodes[index];
  if (is_linear(node)) return run_linear(network_, index, blocks, Offset::LeftOut, tangents_);
  const Shape& shape = network_.shape_of(node.input());
  const float* in = tangent(node.input(), blocks.begin);
  float* out = tangents_[index + 1].data() + blocks.begin * node.shape.size() * kLanes;
  const std::size_t count = blocks.size() * node.shape.size() * kLanes;
  switch (node.operation) {
    case Operation::Matrix: {
      std::fill_n(out, count, 0.0f);
      const MatrixArithmetic& matrix = pass.matrix(index);
      matrix.add_products(blocks, direction_[node.layer].data(), pass.value(node.input()),
                          tangents_[index + 1], pass.scratch());
      if (gradient_.wanted(node.input()))
        matrix.add_products(blocks, network_.layers[node.layer].weight.data(),
                            tangents_[node.input()], tangents_[index + 1], pass.scratch());
      break;
    }
    case Operation::MaxPool:
      take_at_largest(blocks.size(), node, shape, pass.at(node.input(), blocks.begin), in, out);
      break;
    case Operation::Multiply: {
      std::fill_n(out, count, 0.0f);
      for (std::size_t k = 0; k < 2; ++k)
        add_multiplied(blocks.size(), node.shape, network_.shape_of(node.inputs[k]),
                       tangent(node.inputs[k], blocks.begin), network_.shape_of(node.inputs[1 - k]),
                       pass.at(node.inputs[1 - k], blocks.begin), out);
      break;
    }
    default: {
      const std::size_t seen = node.operation == Operation::LeakyRelu ? node.input() : index + 1;
      scale_by_derivative(node, Derivative::First, count, pass.at(seen, blocks.begin), in, out,
                          Into::Replaced);
    }
  }
}

void HessianProduct::start_at_loss(ForwardPass& pass, const Dataset& data, std::size_t first,
                                   std::size_t images) {
  const std::size_t classes = network_.classes();
  std::vector<std::vector<float>> logits(images, std::vector<float>(classes));
  for_each_image(images, classes, pass.logits(), gradient_.at_logits(),
                 [&](std::size_t n, const auto& z, auto& gradient) {
                   logits[n] = z;
                   cross_entropy_gradient(z, data.labels[first + n], gradient);
                 });
  for_each_image(images, classes, tangents_[network_.nodes.size()], gradient_tangents_.at_logits(),
                 [&](std::size_t n, const auto& along, auto& product) {
                   cross_entropy_hessian_product(logits[n], along, product);
                 });
}

void HessianProduct::add_to_weights(ForwardPass& pass, std::size_t index, std::size_t blocks) {
  const std::size_t input = network_.nodes[index].input();
  const auto add = [&](const LaneValues& in, const LaneValues& s_out) {
    sums_.add(pass, index, Derivative::First, WeightSums::Of::Products, blocks, in, s_out,
              threads_);
  };
  add(pass.value(input), gradient_tangents_.sums(index + 1));
  if (gradient_.wanted(input)) add(tangents_[input], gradient_.sums(index + 1));
}

void HessianProduct::add_second_order(ForwardPass& pass, std::size_t index, Range blocks) {
  const Node& node = network_.nodes[index];
  const std::size_t begin = blocks.begin * node.shape.size() * kLanes;
  const float* g = gradient_.sums(index + 1).data() + begin;
  if (node.operation == Operation::Multiply) {
    for (std::size_t k = 0; k < 2; ++k) {
      const std::size_t to = node.inputs[k], other = node.inputs[1 - k];
      if (gradient_.wanted(to) && gradient_.wanted(other))
        add_product(blocks.size(), node.shape, g, network_.shape_of(other), Derivative::First,
                    tangent(other, blocks.begin), network_.shape_of(to),
                    gradient_tangents_.sums(to).data() +
                        blocks.begin * network_.shape_of(to).size() * kLanes);
    }
    return;
  }
  if (!gradient_.wanted(node.input())) return;
  LaneValues& into = gradient_tangents_.sums(node.input());
  if (node.operation == Operation::Matrix) {
    pass.matrix(index).add_input_sums(blocks, transposed_direction_[node.layer],
                                      gradient_.sums(index + 1), into, pass.scratch());
  } else if (node.operation == Operation::Sigmoid || node.operation == Operation::Tanh) {
    const float* y = pass.at(index + 1, blocks.begin);
    const float* along = tangent(index + 1, blocks.begin);
    float* to = into.data() + begin;
    for (std::size_t i = 0; i < blocks.size() * node.shape.size() * kLanes; ++i)
      to[i] += curvature_over_slope(node, y[i]) * along[i] * g[i];
  }
}

/// Random signs of all weights, one bit each of the words that (seed, draw, weight / 64) gives.
void draw_signs(const Network& network, std::uint64_t seed, std::size_t draw,
                HessianProduct& product) {
  constexpr std::size_t kBits = 64;
  const support::StreamKey key{seed, static_cast<std::uint32_t>(draw),
                               support::Stream::HutchinsonProbe};
  std::size_t weight = 0;
  std::uint64_t word = 0;
  for (std::size_t l = 0; l < network.layers.size(); ++l) {
    product.direction(l).resize(network.layers[l].weight.size());
    for (float& sign : product.direction(l)) {
      if (weight % kBits == 0) word = support::uniform_word(key, weight / kBits);
      sign = (word >> weight % kBits & 1) != 0 ? 1.0f : -1.0f;
      ++weight;
    }
  }
}

}  // namespace

std::vector<float> hutchinson_diagonal(const Network& network, const Dataset& images,
                                       unsigned probes, std::uint64_t seed,
                                       const ComputeOptions& options) {
  if (probes == 0) throw NetworkError("Hutchinson's estimate needs at least one probe");
  HessianProduct product(network, blocks_per_batch(network, images.count), options);
  WeightSums sums(network);
  std::size_t draw = 0;
  for_each_batch(network, images, options,
                 [&](ForwardPass& pass, std::size_t first, std::size_t count) {
                   for (unsigned p = 0; p < probes; ++p) {
                     draw_signs(network, seed, draw++, product);
                     const std::vector<double>& h = product.of(pass, images, first, count);
                     std::size_t i = 0;
                     for (std::size_t l = 0; l < network.layers.size(); ++l)
                       for (const float sign : product.direction(l)) {
                         sums.values()[i] += static_cast<double>(sign) * h[i];
                         ++i;
                       }
                   }
                 });
  return sums.mean(images.count * probes);
}

}  // namespace uswim::workloads
