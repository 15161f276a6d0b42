#pragma once
#include <array>
#include <cstddef>
#include <string_view>
#include <utility>
#include <vector>

#include "workloads/data/dataset.h"
#include "workloads/network/network.h"
#include "workloads/quantization/clipping.h"
#include "workloads/sensitivity/sensitivity.h"

namespace uswim::workloads {

/// Which weights share a scale.
enum class WeightScales { PerTensor, PerChannel };
inline constexpr std::array<std::pair<std::string_view, WeightScales>, 2> kWeightScales{
    {{"per_tensor", WeightScales::PerTensor}, {"per_channel", WeightScales::PerChannel}}};

/// Quantisation of weights and, where the network brings no quantisers, of activations.
struct QuantizationConfig {
  WeightScales weight_scales = WeightScales::PerTensor;
  ClipRule weight_clip = ClipRule::Maximum;
  double weight_percentile = 99.99;
  unsigned activation_bits = 8;  ///< of a code; with negative ones the sign is among them
  ClipRule activation_clip = ClipRule::Percentile;
  double activation_percentile = 99.95;
};

/// Whether a matrix layer reads numbers that no quantiser has made codes of, or the image has no
/// codes for what reads it first.
bool needs_quantizers(const Network& network);

/// The network with a Quantize node wherever quantize_activations would put one, its codes left
/// open: to look at, not to compute with.
Network with_open_quantizers(Network network);

/// Puts a Quantize node in front of every matrix layer that needs one, and one behind the image, or
/// its normalisation, where something else than a matrix layer reads it or several nodes do. Ranges
/// come from a forward pass in float over the first `images` images. Codes are signed where the
/// numbers are negative in one of them. Layers that share an input share its quantiser. A network
/// with all its quantisers is returned as it is. Throws NetworkError naming the layer whose input
/// is no finite number for one of the images.
Network quantize_activations(Network network, const QuantizationConfig& config,
                             const Dataset& calibration, std::size_t images,
                             const ComputeOptions& options = {});

struct QuantizedNetwork {
  Network network;
  std::vector<QuantizedWeights> weights;  ///< per layer
};
/// Weights as codes. With one scale per channel each output's weights are divided by its own scale
/// and a Scale node behind the layer, which is digital, multiplies it back: the codes on the
/// crossbars and all that is computed from the network's weights (second derivatives, errors) are
/// then in units of one scale, 1. Networks trained on the grid pass through unchanged, and so do
/// the codes that a file holds, as long as `bits` suffice for them; with a step per output, that is
/// its scale. `bits`:
/// of the magnitude; the sign comes on top.
QuantizedNetwork quantize_weights(Network network, unsigned bits, const QuantizationConfig& config,
                                  bool keeps_weights = true);

}  // namespace uswim::workloads
