#pragma once
#include <cstdint>
#include <vector>

#include "workloads/engine/kernel.h"
#include "workloads/engine/weights_engine.h"
#include "workloads/engine/word_layer.h"
#include "workloads/network/network.h"

namespace uswim::workloads {

/// Arithmetic::Integer16: weights rounded to 16-bit integers with one power-of-two unit per layer,
/// the finest with which no sum can leave 32 bits. With whole-numbered weights the products are
/// exact.
class EffectiveWeightsEngine : public WeightsEngine {
 public:
  EffectiveWeightsEngine(const Network& network, const std::vector<CodeRange>& activations);
  void set_weights(std::size_t layer, const float* weight_codes) override;
  void multiply(std::size_t layer, const CodeBlocks& codes, std::size_t images,
                ProductBlocks& products) override;
  bool multiply_requantize(std::size_t layer, const CodeBlocks& codes, std::size_t images,
                           const Requantization& after, CodeBlocks& result) override;
  /// Units of the weight code per integer of the layer's stored weights: a power of two.
  float unit(std::size_t layer) const;

 private:
  struct Layer {
    WordLayer words;
    int activation_magnitude;  ///< largest
    float unit = 1.0f;
  };
  const kernel::Kernels* kernels_;
  std::vector<Layer> layers_;
  std::vector<std::int32_t> partial_;
};

}  // namespace uswim::workloads
