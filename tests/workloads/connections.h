#pragma once
#include <cstdint>
#include <vector>

#include "workloads/data/dataset.h"
#include "workloads/network/network.h"

namespace uswim::tests {

/// The oracle of float pass and recursion: every matrix layer as an explicit list of connections,
/// one image at a time, in double. Slow, and written from the tables of the ONNX operators and of
/// the recursion alone.
class SlowNetwork {
 public:
  explicit SlowNetwork(const workloads::Network& network, bool quantize = true);
  std::vector<double> logits(const std::vector<double>& image) const;
  /// Cross entropy of one image.
  double loss(const std::vector<double>& image, std::size_t label) const;
  /// Mean over images, one value per weight, layer after layer.
  std::vector<double> second_derivative(const std::vector<std::vector<double>>& images) const;

 private:
  struct Connection {
    std::size_t output, input, weight;  ///< elements of the values; index into the layer's weights
  };
  std::vector<std::vector<double>> forward(const std::vector<double>& image) const;
  /// Elements of the input that the window of output element (y, x) of `channel` covers.
  static std::vector<std::size_t> window_elements(const workloads::Window& window,
                                                  const workloads::Shape& input,
                                                  std::size_t channel, std::size_t y, std::size_t x,
                                                  std::vector<std::size_t>* taps);

  const workloads::Network& network_;
  const bool quantize_;
  std::vector<std::vector<Connection>> connections_;  ///< of each node; empty unless a matrix
};

/// The numbers that a network sees of image `index`.
std::vector<double> image_of(const workloads::Dataset& data, std::size_t index);

/// A small network with all operations, whose values are whole multiples of powers of two, so that
/// float and double agree exactly in every comparison and rounding.
workloads::Network random_network(std::uint32_t seed);
workloads::Dataset random_images(const workloads::Shape& shape, std::size_t count,
                                 std::uint32_t seed);
/// Nodes appended to a network; each reads the value before it.
void append_matrix(workloads::Network& network, std::size_t outputs,
                   const workloads::Window& window, std::vector<float> weight,
                   std::vector<float> bias);
void append(workloads::Network& network, workloads::Operation operation);
void append_quantize(workloads::Network& network, float scale, int maximum);
void append_max_pool(workloads::Network& network, const workloads::Window& window);
std::size_t windows_along(std::size_t size, std::size_t pads, std::size_t kernel,
                          std::size_t stride, std::size_t dilation);

}  // namespace uswim::tests
