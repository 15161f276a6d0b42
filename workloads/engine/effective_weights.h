#pragma once
#include <cstdint>
#include <vector>

#include "workloads/engine/integer_values.h"
#include "workloads/engine/kernel.h"
#include "workloads/engine/matrix_engine.h"
#include "workloads/network/network.h"

namespace uswim::workloads {

/// One matrix per layer: what crossbars with an ideal ADC compute. Weights are given in units of
/// the weight code (float, noise included), rounded to 16-bit integers with one power-of-two unit
/// per layer, the finest with which no sum can leave 32 bits. With whole-numbered weights the
/// products are exact. Holds scratch memory; one per thread. Computes with the kernels that
/// kernel::selected() names when it is made.
class EffectiveWeightsEngine : public MatrixEngine {
 public:
  /// `activations[l]`: the codes that can occur at layer l's input.
  EffectiveWeightsEngine(const Network& network, const std::vector<CodeRange>& activations);
  /// Replaces layer `layer`'s weights: outputs x rows, row-major, in units of the weight code.
  /// Throws std::invalid_argument, and changes nothing, if one is not finite.
  void set_weights(std::size_t layer, const float* weight_codes);
  void multiply(std::size_t layer, const CodeBlocks& codes, std::size_t images,
                ProductBlocks& products) override;
  bool multiply_requantize(std::size_t layer, const CodeBlocks& codes, std::size_t images,
                           const Requantization& after, CodeBlocks& result) override;
  /// Units of the weight code per integer of the layer's stored weights: a power of two.
  float unit(std::size_t layer) const;

  ~EffectiveWeightsEngine() override;

 private:
  struct Layer;
  const kernel::Kernels* kernels_;
  std::vector<Layer> layers_;
  std::vector<std::int32_t> partial_;
};

}  // namespace uswim::workloads
