#pragma once
#include <vector>

#include "workloads/data/dataset.h"
#include "workloads/network/network.h"

namespace uswim::tests {

/// The oracle of float pass, recursion and back-propagation: every node as an explicit list of
/// connections with their derivatives, one image at a time, in double. Slow, and written from the
/// definitions of the operations and of the recursion alone.
class SlowNetwork {
 public:
  explicit SlowNetwork(const workloads::Network& network, bool quantize = true);
  std::vector<double> logits(const std::vector<double>& image) const;
  /// Cross entropy of one image.
  double loss(const std::vector<double>& image, std::size_t label) const;
  /// Mean over images, one value per weight, layer after layer.
  std::vector<double> second_derivative(const std::vector<std::vector<double>>& images) const;
  /// Gradient of the cross entropy of one image, quantisers let through.
  std::vector<double> gradient(const std::vector<double>& image, std::size_t label) const;

 private:
  using Values = std::vector<std::vector<double>>;
  /// d output / d input element = derivative; of a matrix layer also the weight.
  struct Connection {
    std::size_t output, value, input;
    double derivative;
    std::size_t weight = 0;
  };
  Values forward(const std::vector<double>& image) const;
  std::vector<double> compute(std::size_t node, const Values& values) const;
  std::vector<Connection> connections(std::size_t node, const Values& values) const;
  /// Sum over all paths from the logits, of derivatives (power 1) or their squares (power 2), that
  /// start with `at_logits`.
  std::vector<double> carry_back(const Values& values, const std::vector<double>& at_logits,
                                 int power) const;

  const workloads::Network& network_;
  const bool quantize_;
};

/// The numbers that a network sees of image `index`.
std::vector<double> image_of(const workloads::Dataset& data, std::size_t index);
/// Mean cross entropy over the images, by the slow network.
double mean_loss(const workloads::Network& network, const workloads::Dataset& data);

}  // namespace uswim::tests
