#pragma once
#include <vector>

#include "workloads/engine/kernel.h"
#include "workloads/engine/spread_layer.h"
#include "workloads/engine/weights_engine.h"
#include "workloads/network/network.h"

namespace uswim::workloads {

/// Arithmetic::Float32: weights as they are. A sum runs over the row of the matrix in its order,
/// sum = fma(weight, code, sum), whatever the instruction set; where there is no such instruction
/// it is made of others, slowly. Whole numbers are exact up to 2^24. As everywhere, products leave
/// as integers: of the finest power-of-two unit with which none can leave 32 bits, so finer than
/// the sums' own rounding.
class FloatWeightsEngine : public WeightsEngine {
 public:
  FloatWeightsEngine(const Network& network, const std::vector<CodeRange>& activations);
  void set_weights(std::size_t layer, const float* weight_codes) override;
  void multiply(std::size_t layer, const CodeBlocks& codes, std::size_t images,
                ProductBlocks& products) override;
  bool multiply_requantize(std::size_t layer, const CodeBlocks& codes, std::size_t images,
                           const Requantization& after, CodeBlocks& result) override;

 private:
  struct Layer {
    SpreadLayer spread;
    int activation_magnitude;  ///< largest
    float unit = 1.0f;
    AlignedVector<float> packed = {};
  };
  template <class Multiply>
  void for_each_part(Layer& layer, const CodeBlocks& codes, std::size_t images,
                     const Multiply& multiply);

  const kernel::Kernels* kernels_;
  std::vector<Layer> layers_;
  AlignedVector<float> copy_, partial_;
};

}  // namespace uswim::workloads
