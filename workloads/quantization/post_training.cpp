#include "workloads/quantization/post_training.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "support/results.h"
#include "workloads/engine/integer_values.h"
#include "workloads/network/rewrite.h"
#include "workloads/sensitivity/forward_pass.h"

namespace uswim::workloads {
namespace {

/// An input of a matrix layer without codes: the value that a quantiser is put behind, and the node
/// that is to read the codes instead.
struct Entry {
  std::size_t value;
  std::size_t reader;
};

/// From the matrix layer back over what only moves numbers, as long as nothing else reads them: one
/// quantiser in front of a grouped convolution's slices, not one for each.
Entry entry_of(const Network& network, const std::vector<std::size_t>& readers,
               std::size_t matrix) {
  Entry entry{network.nodes[matrix].input(), matrix};
  while (entry.value > 0 && readers[entry.value] == 1) {
    const Node& writer = network.nodes[entry.value - 1];
    const bool moves =
        writer.operation == Operation::Flatten || writer.operation == Operation::Reshape ||
        writer.operation == Operation::Transpose || writer.operation == Operation::Slice;
    if (!moves) break;
    entry = {writer.input(), entry.value - 1};
  }
  return entry;
}

/// Matrix nodes that read no codes, with their entries.
std::map<std::size_t, Entry> open_entries(const Network& network) {
  const std::vector<IntegerValue> values = integer_values(network.nodes);
  const std::vector<std::size_t> readers = reader_counts(network);
  std::map<std::size_t, Entry> entries;
  for (std::size_t n = 0; n < network.nodes.size(); ++n)
    if (network.nodes[n].operation == Operation::Matrix &&
        !values[network.nodes[n].input()].integer)
      entries.emplace(n, entry_of(network, readers, n));
  return entries;
}

std::map<std::size_t, MagnitudeHistogram> observe(const Network& network,
                                                  const std::map<std::size_t, Entry>& entries,
                                                  const Dataset& data, std::size_t images) {
  using namespace layer_arithmetic;
  std::map<std::size_t, MagnitudeHistogram> histograms;
  const std::size_t size = network.input.size();
  const std::size_t batch = blocks_per_batch(network, images) * kLanes;
  ForwardPass pass(network, batch / kLanes, Activations::Quantized, Keep::ForBackward, 1);
  for (std::size_t first = 0; first < images; first += batch) {
    const std::size_t here = std::min(batch, images - first);
    const std::uint8_t* pixels = data.pixels.data() + first * size;
    pass.load(here, [&](std::size_t i) { return static_cast<float>(pixels[i]) / 255.0f; });
    pass.run(ForwardPass::blocks_of(here));
    for (const auto& [matrix, entry] : entries) {
      const std::size_t value = network.nodes[matrix].input();
      const LaneValues& numbers = pass.value(value);
      const std::size_t elements = network.shape_of(value).size();
      MagnitudeHistogram& histogram = histograms[entry.value];
      for (std::size_t n = 0; n < here; ++n)
        for (std::size_t e = 0; e < elements; ++e) {
          const float number = numbers[(n / kLanes * elements + e) * kLanes + n % kLanes];
          if (!std::isfinite(number))
            throw NetworkError(fmt::format(
                "layer '{}': its input {} is {} for calibration image {}, expected a finite "
                "number: the values in front of it leave the range of float32",
                network.layers[network.nodes[matrix].layer].name, e, number, first + n));
          histogram.add(number);
        }
    }
  }
  return histograms;
}

Node quantizer(const MagnitudeHistogram& histogram, const QuantizationConfig& config) {
  Node node;
  node.operation = Operation::Quantize;
  const bool is_signed = histogram.has_negative();
  node.maximum = (1 << (config.activation_bits - (is_signed ? 1 : 0))) - 1;
  node.minimum = is_signed ? -node.maximum - 1 : 0;
  const double clip = histogram.clip(config.activation_clip, config.activation_percentile,
                                     static_cast<unsigned>(node.maximum));
  // A layer that saw nothing but zeros has any scale.
  node.scale = clip > 0.0 ? static_cast<float>(clip / node.maximum) : 1.0f;
  return node;
}

/// Puts what `make` gives behind each entry's value, once for all layers that share it.
template <class Make>
Network with_quantizers(Network network, const std::map<std::size_t, Entry>& entries, Make&& make) {
  std::map<std::size_t, Insertion> by_value;
  for (const auto& [matrix, entry] : entries) {
    Insertion& insertion = by_value[entry.value];
    if (insertion.read_by.empty()) {
      insertion.value = entry.value;
      insertion.read_by.assign(network.nodes.size(), false);
      insertion.node = make(entry);
      insertion.node.name = network.layers[network.nodes[matrix].layer].name + ".input";
    }
    insertion.read_by[entry.reader] = true;
  }
  std::vector<Insertion> insertions;
  for (auto& [value, insertion] : by_value) insertions.push_back(std::move(insertion));
  return with_insertions(std::move(network), insertions);
}

std::string described(const QuantizationConfig& c) {
  return fmt::format("{} {} {} {} {} {}", c.activation_bits, static_cast<int>(c.activation_clip),
                     c.activation_percentile, static_cast<int>(c.weight_scales),
                     static_cast<int>(c.weight_clip), c.weight_percentile);
}

/// The clip with which the codes of the file stay as they are, or 0: there are none, or they need
/// more bits. The one code more that two's complement has on the negative side is clipped.
double clip_of_stored_codes(const MatrixLayer& layer, unsigned bits) {
  const double step = static_cast<double>(layer.code_step), most = 1u << bits;
  if (!(step > 0.0)) return 0.0;
  for (const float weight : layer.weight)
    if (std::abs(static_cast<double>(weight)) > (most + 0.5) * step) return 0.0;
  return (most - 1.0) * step;
}

double weight_clip(const float* weights, std::size_t count, unsigned bits,
                   const QuantizationConfig& config) {
  if (config.weight_clip == ClipRule::Maximum)
    return std::accumulate(weights, weights + count, 0.0, [](double largest, float w) {
      return std::max(largest, std::abs(static_cast<double>(w)));
    });
  MagnitudeHistogram histogram;
  for (std::size_t i = 0; i < count; ++i) histogram.add(weights[i]);
  return histogram.clip(config.weight_clip, config.weight_percentile, (1u << bits) - 1);
}

/// Divides each output's weights by their clip, and multiplies the output by it.
Network with_output_scales(Network network, unsigned bits, const QuantizationConfig& config) {
  const std::vector<std::size_t> readers = reader_counts(network);
  std::vector<Insertion> insertions;
  for (std::size_t n = 0; n < network.nodes.size(); ++n) {
    if (network.nodes[n].operation != Operation::Matrix) continue;
    MatrixLayer& layer = network.layers[network.nodes[n].layer];
    std::vector<float> scale;
    const double stored = clip_of_stored_codes(layer, bits);
    for (std::size_t o = 0; o < layer.outputs; ++o) {
      float* weights = &layer.weight[o * layer.rows];
      const auto clip = static_cast<float>(
          stored > 0.0 ? stored : weight_clip(weights, layer.rows, bits, config));
      scale.push_back(clip > 0.0f ? clip : 1.0f);
      for (std::size_t r = 0; r < layer.rows; ++r) weights[r] /= scale.back();
      layer.bias[o] /= scale.back();
    }
    layer.code_step = 0.0f;  // the weights are in other units now
    // A batch norm behind the layer takes the scales up.
    const auto after = std::find_if(network.nodes.begin(), network.nodes.end(), [&](const Node& x) {
      return x.operation == Operation::Scale && x.input() == n + 1;
    });
    if (after != network.nodes.end() && readers[n + 1] == 1) {
      for (std::size_t o = 0; o < layer.outputs; ++o) after->factor[o] *= scale[o];
      continue;
    }
    Node node;
    node.operation = Operation::Scale;
    node.name = layer.name + ".scale";
    node.offset.assign(layer.outputs, 0.0f);
    node.factor = std::move(scale);
    insertions.push_back({n + 1, std::move(node)});
  }
  return with_insertions(std::move(network), insertions);
}

}  // namespace

bool needs_quantizers(const Network& network) { return !open_entries(network).empty(); }

Network with_open_quantizers(Network network) {
  Node open;
  open.operation = Operation::Quantize;
  const auto entries = open_entries(network);
  return with_quantizers(std::move(network), entries, [&](const Entry&) { return open; });
}

Network quantize_activations(Network network, const QuantizationConfig& config,
                             const Dataset& calibration, std::size_t images) {
  const std::map<std::size_t, Entry> entries = open_entries(network);
  if (entries.empty()) return network;
  images = std::min(images, calibration.count);
  if (images == 0) throw NetworkError("quantising the activations needs at least one image");
  if (!(calibration.shape == network.input))
    throw NetworkError("the calibration images do not have the size that the network takes");
  const auto histograms = observe(network, entries, calibration, images);
  network.content_hash =
      support::content_hash(fmt::format("activations {} of {} {} {}", described(config), images,
                                        calibration.content_hash, network.content_hash));
  return with_quantizers(std::move(network), entries, [&](const Entry& entry) {
    return quantizer(histograms.at(entry.value), config);
  });
}

QuantizedNetwork quantize_weights(Network network, unsigned bits,
                                  const QuantizationConfig& config) {
  const bool per_channel = config.weight_scales == WeightScales::PerChannel;
  if (per_channel) {
    network.content_hash = support::content_hash(
        fmt::format("weights {} {} {}", bits, described(config), network.content_hash));
    network = with_output_scales(std::move(network), bits, config);
  }
  QuantizedNetwork result;
  for (const MatrixLayer& layer : network.layers) {
    const double stored = clip_of_stored_codes(layer, bits);
    const double clip = per_channel ? 1.0
                        : stored > 0.0
                            ? stored
                            : weight_clip(layer.weight.data(), layer.weight.size(), bits, config);
    result.weights.push_back(quantize_weights(layer, bits, clip));
  }
  result.network = std::move(network);
  return result;
}

}  // namespace uswim::workloads
