#pragma once
#include <array>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "workloads/engine/integer_values.h"
#include "workloads/engine/matrix_engine.h"
#include "workloads/network/network.h"

namespace uswim::workloads {

/// What an engine rounds the effective weights to. Activations are whole numbers in all of them.
enum class Arithmetic {
  Integer16,  ///< 16 bits, one unit per layer; sums are exact
  Float32,    ///< as they are; every sum is rounded step by step
  Integer8    ///< 8 bits, a unit per output; sums are exact; codes within 256 values
};
inline constexpr std::array<std::pair<std::string_view, Arithmetic>, 3> kArithmetics{
    {{"integer16", Arithmetic::Integer16},
     {"float32", Arithmetic::Float32},
     {"integer8", Arithmetic::Integer8}}};

/// One matrix per layer: what crossbars with an ideal ADC compute. Holds scratch memory; one per
/// thread. Computes with the kernels that kernel::selected() names when it is made; all of them
/// give the same bytes.
class WeightsEngine : public MatrixEngine {
 public:
  /// Replaces layer `layer`'s weights: outputs x rows, row-major, in units of the weight code
  /// (float, errors included). Throws std::invalid_argument, and changes nothing, if one is not
  /// finite.
  virtual void set_weights(std::size_t layer, const float* weight_codes) = 0;
};

/// `activations[l]`: the codes that can occur at layer l's input. Throws NetworkError where the
/// arithmetic cannot hold them.
std::unique_ptr<WeightsEngine> make_weights_engine(Arithmetic arithmetic, const Network& network,
                                                   const std::vector<CodeRange>& activations);

}  // namespace uswim::workloads
