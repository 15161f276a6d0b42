#pragma once
#include <cstdint>
#include <random>
#include <vector>

#include "workloads/engine/matrix_engine.h"
#include "workloads/network/network.h"

/// Networks made of random numbers, and the plainest way to compute them: the oracle of the
/// engine's tests.
namespace uswim::workloads::plain {

/// Appends nodes, each of which reads the one before or the value that from() names.
class NetworkBuilder {
 public:
  NetworkBuilder(Shape input, unsigned seed);
  NetworkBuilder& convolution(std::size_t outputs, const Window& window);
  NetworkBuilder& dense(std::size_t outputs);
  NetworkBuilder& relu();
  NetworkBuilder& quantize(float scale, int maximum, int minimum = 0);
  NetworkBuilder& clip(float low, float high);
  NetworkBuilder& scale();
  NetworkBuilder& max_pool(const Window& window);
  NetworkBuilder& flatten();
  /// Whatever follows reads this value.
  NetworkBuilder& from(std::size_t value);
  /// Add, Multiply or Concat.
  NetworkBuilder& combine(Operation operation, std::vector<std::size_t> inputs);
  /// A node of any other kind, to be filled in.
  Node& add(Operation operation, Shape shape);
  /// That the next node reads: of the last node, or the one given to from().
  std::size_t value() const { return from_; }
  Network build() const { return network_; }
  const Shape& shape() const { return shape_; }

 private:
  NetworkBuilder& matrix(std::size_t outputs, const Window& window, Shape result);

  Network network_;
  Shape shape_;
  std::size_t from_ = 0;
  std::mt19937 random_;
};

Window window(std::size_t kernel, std::size_t stride = 1, std::size_t pad = 0,
              std::size_t dilation = 1);
Shape shape_after(const Window& window, Shape input, std::size_t channels);

/// Weights of `bits` bits and sign, drawn anew: the networks' float weights play no part here.
std::vector<QuantizedWeights> random_weights(const Network& network, unsigned bits,
                                             std::mt19937& random);
std::vector<float> as_floats(const QuantizedWeights& weights);

/// One image's codes [channel][height][width] -> products [output][height][width].
std::vector<std::int64_t> multiply(const MatrixLayer& layer, const std::int16_t* weights,
                                   Shape input, const std::vector<std::int16_t>& codes,
                                   Shape result);

/// Logits of one image, node after node in float, from the codes of its input.
std::vector<float> logits(const Network& network, const std::vector<QuantizedWeights>& weights,
                          const std::vector<std::int16_t>& input);

/// Codes in [minimum, maximum], every lane of every block.
void fill_randomly(CodeBlocks& codes, int maximum, std::mt19937& random, int minimum = 0);
std::vector<std::int16_t> image_of(const CodeBlocks& codes, std::size_t image);

/// A MatrixEngine that knows no instruction set and offers multiply() only.
class Engine : public MatrixEngine {
 public:
  Engine(const Network& network, const std::vector<QuantizedWeights>& weights)
      : network_(network), weights_(weights) {}
  void multiply(std::size_t layer, const CodeBlocks& codes, std::size_t images,
                ProductBlocks& products) override;

 private:
  const Network& network_;
  const std::vector<QuantizedWeights>& weights_;
};

}  // namespace uswim::workloads::plain
