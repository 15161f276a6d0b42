#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "workloads/engine/integer_values.h"
#include "workloads/engine/kernel.h"
#include "workloads/engine/spread_layer.h"
#include "workloads/engine/weights_engine.h"
#include "workloads/engine/winograd_layer.h"
#include "workloads/engine/word_layer.h"
#include "workloads/network/network.h"

namespace uswim::workloads {

/// Arithmetic::Integer8: weights rounded to 8 bits, each output with a power-of-two unit of its
/// own, the finest in which none exceeds 127; outputs of very small weights have no finer unit than
/// 1/256 of the layer's coarsest, nor one in which a sum could leave 32 bits. With whole-numbered
/// weights up to 127 the products are exact.
///
/// A layer multiplies bytes where the kernels do that exactly for its codes, else the same numbers
/// as int16; 3 x 3 windows by WinogradLayer, unless the machine's bytes are faster still. The
/// products are equal.
class ByteWeightsEngine : public WeightsEngine {
 public:
  /// Throws NetworkError where a layer's codes span more than 256 values.
  ByteWeightsEngine(const Network& network, const std::vector<CodeRange>& activations);
  void set_weights(std::size_t layer, const float* weight_codes) override;
  void multiply(std::size_t layer, const CodeBlocks& codes, std::size_t images,
                ProductBlocks& products) override;
  bool multiply_requantize(std::size_t layer, const CodeBlocks& codes, std::size_t images,
                           const Requantization& after, CodeBlocks& result) override;

 private:
  struct Layer {
    WordLayer words;  ///< of 8-bit codes, or of these in units of the layer
    SpreadLayer bytes;
    CodeRange activations;
    bool as_bytes;
    std::optional<WinogradLayer> winograd;  ///< comes before the other two
    float unit = 1.0f;
    std::vector<std::int32_t> scale = {}, offset = {};  ///< as kernel::ByteMatrix
    AlignedVector<std::int8_t> packed = {};
  };
  kernel::WinogradMatrix winograd_matrix(const Layer& layer, const CodeBlocks& codes,
                                         std::size_t images);
  template <class Multiply>
  void for_each_part(Layer& layer, const CodeBlocks& codes, std::size_t images,
                     const Multiply& multiply);

  const kernel::Kernels* kernels_;
  std::vector<Layer> layers_;
  AlignedVector<std::uint8_t> copy_;
  AlignedVector<std::int32_t> partial_;
  AlignedVector<std::int16_t> transformed_;  // as kernel::WinogradMatrix
  AlignedVector<std::int32_t> sums_;
};

}  // namespace uswim::workloads
