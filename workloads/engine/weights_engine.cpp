#include "workloads/engine/weights_engine.h"

#include "workloads/engine/byte_weights.h"
#include "workloads/engine/effective_weights.h"
#include "workloads/engine/float_weights.h"

namespace uswim::workloads {

std::unique_ptr<WeightsEngine> make_weights_engine(Arithmetic arithmetic, const Network& network,
                                                   const std::vector<CodeRange>& activations) {
  switch (arithmetic) {
    case Arithmetic::Float32:
      return std::make_unique<FloatWeightsEngine>(network, activations);
    case Arithmetic::Integer8:
      return std::make_unique<ByteWeightsEngine>(network, activations);
    default:
      return std::make_unique<EffectiveWeightsEngine>(network, activations);
  }
}

}  // namespace uswim::workloads
