#include <algorithm>
#include <string>

#include "workloads/sensitivity/forward_pass.h"
#include "workloads/sensitivity/sensitivity.h"

namespace uswim::workloads {

using namespace layer_arithmetic;

std::vector<float> float_logits(const Network& network, const std::vector<float>& images,
                                std::size_t count, bool quantize, const ComputeOptions& options) {
  const std::size_t size = network.input.size(), classes = network.classes();
  if (images.size() != count * size)
    throw NetworkError("the images hold " + std::to_string(images.size()) + " numbers, expected " +
                       std::to_string(count) + " times " + std::to_string(size));
  const std::size_t batch = blocks_per_batch(network, count) * kLanes;
  ForwardPass pass(network, batch / kLanes,
                   quantize ? Activations::Quantized : Activations::Unquantized, Keep::Logits,
                   options.threads);
  std::vector<float> logits(count * classes);
  for (std::size_t first = 0; first < count; first += batch) {
    const std::size_t here = std::min(batch, count - first);
    pass.load(here, [&](std::size_t i) { return images[first * size + i]; });
    pass.run(ForwardPass::blocks_of(here), options.between_nodes);
    for (std::size_t n = 0; n < here; ++n)
      for (std::size_t c = 0; c < classes; ++c)
        logits[(first + n) * classes + c] =
            pass.logits()[(n / kLanes * classes + c) * kLanes + n % kLanes];
    if (options.progress) options.progress(first + here);
  }
  return logits;
}

}  // namespace uswim::workloads
