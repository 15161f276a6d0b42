#include "workloads/quantization/post_training.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <optional>

#include "support/results.h"
#include "workloads/engine/integer_values.h"
#include "workloads/engine/node_groups.h"
#include "workloads/network/rewrite.h"
#include "workloads/sensitivity/forward_pass.h"

namespace uswim::workloads {
namespace {

/// A value that a quantiser is put behind.
struct Entry {
  std::size_t value;
  std::size_t observed;              ///< the value whose numbers the codes have to hold
  std::vector<std::size_t> readers;  ///< nodes that are to read the codes instead; none: all
  std::string reader;                ///< in messages: what reads the codes
  std::string name;                  ///< of the quantiser
};

/// Of a matrix layer without codes: from its input back over what only moves numbers, as long as
/// nothing else reads them. So there is one quantiser in front of a grouped convolution's slices,
/// not one for each.
Entry entry_of(const Network& network, const std::vector<std::size_t>& readers,
               std::size_t matrix) {
  std::size_t value = network.nodes[matrix].input(), reader = matrix;
  while (value > 0 && readers[value] == 1) {
    const Node& writer = network.nodes[value - 1];
    const bool moves =
        writer.operation == Operation::Flatten || writer.operation == Operation::Reshape ||
        writer.operation == Operation::Transpose || writer.operation == Operation::Slice;
    if (!moves) break;
    reader = value - 1;
    value = writer.input();
  }
  const std::string& layer = network.layers[network.nodes[matrix].layer].name;
  return {value,
          network.nodes[matrix].input(),
          {reader},
          fmt::format("layer '{}': its input", layer),
          layer + ".input"};
}

/// Of matrix nodes that read no codes.
std::vector<Entry> layer_entries(const Network& network) {
  const std::vector<IntegerValue> values = integer_values(network.nodes);
  const std::vector<std::size_t> readers = reader_counts(network);
  std::vector<Entry> entries;
  for (std::size_t n = 0; n < network.nodes.size(); ++n)
    if (network.nodes[n].operation == Operation::Matrix &&
        !values[network.nodes[n].input()].integer)
      entries.push_back(entry_of(network, readers, n));
  return entries;
}

/// Puts what `make` gives behind each entry's value, once for all entries that share it.
template <class Make>
Network with_quantizers(Network network, const std::vector<Entry>& entries, Make&& make) {
  std::map<std::size_t, Insertion> by_value;
  for (const Entry& entry : entries) {
    Insertion& insertion = by_value[entry.value];
    if (insertion.node.name.empty()) {
      insertion.value = entry.value;
      insertion.node = make(entry);
      insertion.node.name = entry.name;
      if (!entry.readers.empty()) insertion.read_by.assign(network.nodes.size(), false);
    }
    for (const std::size_t reader : entry.readers) insertion.read_by[reader] = true;
  }
  std::vector<Insertion> insertions;
  for (auto& [value, insertion] : by_value) insertions.push_back(std::move(insertion));
  return with_insertions(std::move(network), insertions);
}

/// With quantisers whose ranges are open.
Network with_open(Network network, const std::vector<Entry>& entries) {
  Node open;
  open.operation = Operation::Quantize;
  // Not known yet; so small that no constant around the codes is taken for one of them.
  open.scale = std::numeric_limits<float>::min();
  open.maximum = 1;
  return with_quantizers(std::move(network), entries, [&](const Entry&) { return open; });
}

/// The first nodes of the network, `count` of them, without any weights.
Network front_of(const Network& network, std::size_t count) {
  Network front;
  front.input = network.input;
  front.nodes.assign(network.nodes.begin(),
                     network.nodes.begin() + static_cast<std::ptrdiff_t>(count));
  return front;
}

/// The image behind its normalisation, where something else than matrix layers reads it first
/// (pooling, an activation, a sum) or several nodes do, so that the layers' quantisers alone would
/// leave it without codes. Nothing elsewhere.
std::optional<Entry> image_entry(const Network& network) {
  const Network opened = with_open(front_of(network, network.nodes.size()), layer_entries(network));
  if (!input_group(simplified_nodes(opened)).empty()) return std::nullopt;
  const auto readers = readers_of(network.nodes);
  std::size_t value = 0;
  while (readers[value].size() == 1 &&
         network.nodes[readers[value].front()].operation == Operation::Scale)
    value = readers[value].front() + 1;
  return Entry{value, value, {}, "the image behind its normalisation: number", "image"};
}

std::vector<MagnitudeHistogram> observe(const Network& network, const std::vector<Entry>& entries,
                                        const Dataset& data, std::size_t images,
                                        const ComputeOptions& options) {
  using namespace layer_arithmetic;
  std::vector<MagnitudeHistogram> histograms(network.nodes.size() + 1);  // per value
  const std::size_t size = network.input.size();
  const std::size_t batch = blocks_per_batch(network, images) * kLanes;
  ForwardPass pass(network, batch / kLanes, Activations::Quantized, Keep::ForBackward,
                   options.threads);
  for (std::size_t first = 0; first < images; first += batch) {
    const std::size_t here = std::min(batch, images - first);
    const std::uint8_t* pixels = data.pixels.data() + first * size;
    pass.load(here, [&](std::size_t i) { return static_cast<float>(pixels[i]) / 255.0f; });
    pass.run(ForwardPass::blocks_of(here), options.between_nodes);
    for (const Entry& entry : entries) {
      const LaneValues& numbers = pass.value(entry.observed);
      const std::size_t elements = network.shape_of(entry.observed).size();
      MagnitudeHistogram& histogram = histograms[entry.value];
      for (std::size_t n = 0; n < here; ++n)
        for (std::size_t e = 0; e < elements; ++e) {
          const float number = numbers[(n / kLanes * elements + e) * kLanes + n % kLanes];
          if (!std::isfinite(number))
            throw NetworkError(fmt::format(
                "{} {} is {} for calibration image {}, expected a finite number: the values in "
                "front of it leave the range of float32",
                entry.reader, e, number, first + n));
          histogram.add(number);
        }
    }
    if (options.progress) options.progress(first + here);
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

std::string described(const QuantizationConfig& c) {
  return fmt::format("{} {} {} {} {} {}", c.activation_bits, static_cast<int>(c.activation_clip),
                     c.activation_percentile, static_cast<int>(c.weight_scales),
                     static_cast<int>(c.weight_clip), c.weight_percentile);
}

/// The clips with which the codes of the file stay as they are, one or one per output. None where
/// there are no such codes, or they need more bits. The one code more that two's complement has on
/// the negative side is clipped.
std::vector<double> clips_of_stored_codes(const MatrixLayer& layer, unsigned bits) {
  const double most = 1u << bits;
  std::vector<double> clips;
  for (const float step : layer.code_steps) {
    if (!(step > 0.0f)) return {};
    clips.push_back((most - 1.0) * static_cast<double>(step));
  }
  for (std::size_t i = 0; !clips.empty() && i < layer.weight.size(); ++i) {
    const double clip = clips.size() > 1 ? clips[i / layer.rows] : clips.front();
    if (std::abs(static_cast<double>(layer.weight[i])) > (most + 0.5) / (most - 1.0) * clip)
      return {};
  }
  return clips;
}

/// Whether each output of a layer has a scale of its own: asked for, or in the file.
bool has_output_scales(const MatrixLayer& layer, unsigned bits, const QuantizationConfig& config) {
  return config.weight_scales == WeightScales::PerChannel ||
         (layer.code_steps.size() > 1 && !clips_of_stored_codes(layer, bits).empty());
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

/// Divides the weights of each output that has a scale of its own by their clip, and multiplies the
/// output by it.
Network with_output_scales(Network network, unsigned bits, const QuantizationConfig& config) {
  const std::vector<std::size_t> readers = reader_counts(network);
  std::vector<Insertion> insertions;
  for (std::size_t n = 0; n < network.nodes.size(); ++n) {
    if (network.nodes[n].operation != Operation::Matrix) continue;
    MatrixLayer& layer = network.layers[network.nodes[n].layer];
    if (!has_output_scales(layer, bits, config)) continue;
    std::vector<float> scale;
    const std::vector<double> stored = clips_of_stored_codes(layer, bits);
    for (std::size_t o = 0; o < layer.outputs; ++o) {
      float* weights = &layer.weight[o * layer.rows];
      const auto clip =
          static_cast<float>(stored.empty() ? weight_clip(weights, layer.rows, bits, config)
                                            : stored[stored.size() > 1 ? o : 0]);
      scale.push_back(clip > 0.0f ? clip : 1.0f);
      for (std::size_t r = 0; r < layer.rows; ++r) weights[r] /= scale.back();
      layer.bias[o] /= scale.back();
    }
    layer.code_steps.clear();  // the weights are in other units now
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

bool needs_quantizers(const Network& network) {
  return !layer_entries(network).empty() || image_entry(network).has_value();
}

Network with_open_quantizers(Network network) {
  if (const auto image = image_entry(network)) network = with_open(network, {*image});
  const std::vector<Entry> entries = layer_entries(network);
  return with_open(std::move(network), entries);
}

Network quantize_activations(Network network, const QuantizationConfig& config,
                             const Dataset& calibration, std::size_t images,
                             const ComputeOptions& options) {
  if (!needs_quantizers(network)) return network;
  images = std::min(images, calibration.count);
  if (images == 0) throw NetworkError("quantising the activations needs at least one image");
  if (!(calibration.shape == network.input))
    throw NetworkError("the calibration images do not have the size that the network takes");
  network.content_hash =
      support::content_hash(fmt::format("activations {} of {} {} {}", described(config), images,
                                        calibration.content_hash, network.content_hash));
  const auto put = [&](const std::vector<Entry>& entries,
                       const std::vector<MagnitudeHistogram>& histograms) {
    network = with_quantizers(std::move(network), entries, [&](const Entry& entry) {
      return quantizer(histograms[entry.value], config);
    });
  };
  // The image first: which layers then read codes of it, pooled or moved, depends on its step.
  if (const auto image = image_entry(network))
    // Nothing but the Scale nodes of its normalisation lies in front of it.
    put({*image}, observe(front_of(network, image->value), {*image}, calibration, images, options));
  const std::vector<Entry> entries = layer_entries(network);
  if (!entries.empty()) put(entries, observe(network, entries, calibration, images, options));
  return network;
}

QuantizedNetwork quantize_weights(Network network, unsigned bits, const QuantizationConfig& config,
                                  bool keeps_weights) {
  std::vector<bool> in_units_of_one;
  for (const MatrixLayer& layer : network.layers)
    in_units_of_one.push_back(has_output_scales(layer, bits, config));
  if (std::find(in_units_of_one.begin(), in_units_of_one.end(), true) != in_units_of_one.end()) {
    network.content_hash = support::content_hash(
        fmt::format("weights {} {} {}", bits, described(config), network.content_hash));
    network = with_output_scales(std::move(network), bits, config);
  }
  QuantizedNetwork result;
  for (std::size_t l = 0; l < network.layers.size(); ++l) {
    MatrixLayer& layer = network.layers[l];
    double clip = 1.0;
    if (!in_units_of_one[l]) {
      const std::vector<double> stored = clips_of_stored_codes(layer, bits);
      clip = stored.empty() ? weight_clip(layer.weight.data(), layer.weight.size(), bits, config)
                            : stored.front();
    }
    result.weights.push_back(quantize_weights(layer, bits, clip));
    if (!keeps_weights) layer.weight = std::vector<float>();  // `= {}` would keep the memory
  }
  result.network = std::move(network);
  return result;
}

}  // namespace uswim::workloads
