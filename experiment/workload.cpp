#include "experiment/workload.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <memory>
#include <utility>

#include "experiment/measures.h"
#include "sc_models/mesh.h"
#include "support/results.h"
#include "workloads/engine/effective_weights.h"
#include "workloads/network/batch_norm.h"
#include "workloads/onnx/import.h"

namespace uswim::experiment {

using support::FileError;

workloads::Dataset load_images(const workloads::Network& network,
                               const workloads::DataSource& source) {
  const workloads::Shape& wanted = network.input;
  workloads::Dataset data = workloads::read_dataset(source, {network.classes(), wanted.channels});
  if (!(data.shape == wanted))
    throw FileError(fmt::format("{}: images are {} x {} x {}, the network takes {} x {} x {}",
                                source.images.string(), data.shape.channels, data.shape.height,
                                data.shape.width, wanted.channels, wanted.height, wanted.width));
  return data;
}

namespace {

/// Weights as codes, activations as the network has them.
Workload with_codes(workloads::Network network, const WorkloadConfig& config, bool keeps_weights) {
  workloads::QuantizedNetwork quantized = workloads::quantize_weights(
      std::move(network), config.weight_bits, config.quantization, keeps_weights);
  Workload w;
  w.network = std::move(quantized.network);
  w.weights = std::move(quantized.weights);
  return w;
}

}  // namespace

workloads::Network load_network(const WorkloadConfig& config) {
  workloads::Network network = config.is_synthetic()
                                   ? workloads::synthetic_network(config.synthetic, config.seed)
                                   : workloads::import_onnx(config.network);
  workloads::normalize_input(network, config.normalization);
  return config.fold_batch_norm ? workloads::fold_batch_norm(std::move(network), config.weight_bits)
                                : network;
}

Workload load_previous(const Config& config, const Workload& workload) {
  WorkloadConfig earlier = config.workload;
  earlier.network = config.start.previous_network;
  earlier.synthetic = workloads::SyntheticNetwork::None;
  Workload w = with_codes(load_network(earlier), earlier, false);
  const auto& layers = w.network.layers;
  const auto& wanted = workload.network.layers;
  bool equal = layers.size() == wanted.size();
  for (std::size_t l = 0; equal && l < layers.size(); ++l)
    equal = layers[l].outputs == wanted[l].outputs && layers[l].rows == wanted[l].rows;
  if (!equal)
    throw workloads::NetworkError(config.start.previous_network.string() +
                                  ": the earlier network's layers do not have the sizes of those "
                                  "of the network to be programmed");
  return w;
}

workloads::ComputeOptions compute_options(const Progress& progress, const std::string& stage,
                                          std::size_t images, unsigned threads) {
  workloads::ComputeOptions options;
  options.threads = threads;
  if (!progress) return options;
  const auto done = std::make_shared<std::size_t>(0);
  options.progress = [=](std::size_t now) { progress(stage, *done = now, images); };
  options.between_nodes = [=] { progress(stage, *done, images); };
  return options;
}

Workload load_workload(const WorkloadConfig& config, const Progress& progress, unsigned threads,
                       bool keeps_weights) {
  workloads::Network network = load_network(config);
  if (workloads::needs_quantizers(network)) {
    if (config.sensitivity.images.empty())
      throw workloads::NetworkError(
          config.network.string() +
          ": has no quantisers for all it computes; their ranges are taken from images of "
          "'workload.sensitivity'");
    const workloads::Dataset images = load_images(network, config.sensitivity);
    const std::size_t calibration = std::min(config.calibration_images, images.count);
    network = workloads::quantize_activations(
        std::move(network), config.quantization, images, calibration,
        compute_options(progress, "ranges of activations, images", calibration, threads));
  }
  Workload w = with_codes(std::move(network), config, keeps_weights);
  w.activations = workloads::activation_ranges(w.network);
  if (!config.test.images.empty()) w.test = load_images(w.network, config.test);
  return w;
}

tiles::Mapping map_workload(const Workload& workload, const Config& config,
                            std::vector<tiles::LayerPlacement> placements) {
  std::vector<tiles::MappedLayer> layers;
  for (std::size_t l = 0; l < workload.network.layers.size(); ++l) {
    const workloads::MatrixLayer& layer = workload.network.layers[l];
    layers.push_back({layer.name, layer.outputs, layer.rows, workload.weights[l].code});
  }
  return {std::move(layers),
          {config.tile.rows, config.tile.columns, config.device.bits, config.workload.weight_bits},
          std::move(placements)};
}

void check_arrays(const LoadedConfig& loaded, std::size_t arrays) {
  const sc_models::ChipConfig& chip = loaded.config.chip;
  if (chip.interconnect != sc_models::Topology::Mesh) return;
  const std::string fault = sc_models::mesh_fault(chip.mesh, arrays);
  if (!fault.empty()) throw loaded.document.fault("chip.mesh.ports", fault);
}

void check_files(const LoadedConfig& loaded) {
  const Config& c = loaded.config;
  const WorkloadConfig& w = c.workload;
  const bool trains = c.needs_training_images();
  const std::filesystem::path none;
  const std::pair<const char*, const std::filesystem::path*> files[] = {
      {"workload.network", &w.network},
      {"workload.test.images", &w.test.images},
      {"workload.test.labels", &w.test.labels},
      {"workload.sensitivity.images", trains ? &w.sensitivity.images : &none},
      {"workload.sensitivity.labels", trains ? &w.sensitivity.labels : &none},
      {"selection.mask", &c.selection.mask},
      {"selection.scores", &c.selection.scores},
      {"programming.previous_network", &c.start.previous_network}};
  for (const auto& [key, file] : files)
    if (!file->empty() && !std::filesystem::exists(*file))
      throw loaded.document.fault(key, file->string() + " does not exist");
}

void check_with_network(const LoadedConfig& loaded) {
  const Config& config = loaded.config;
  if (config.chip.interconnect != sc_models::Topology::Mesh) return;
  Workload sizes;
  sizes.network = load_network(config.workload);
  for (const workloads::MatrixLayer& layer : sizes.network.layers) {
    sizes.weights.emplace_back();
    sizes.weights.back().code.resize(layer.outputs * layer.rows);
  }
  // Placed rows may take more arrays, how many of these shows only with the sensitivity.
  check_arrays(loaded, map_workload(sizes, config).array_count() + config.mapping.extra_arrays);
}

programmer::WeightFacts weight_facts(const Workload& workload, const tiles::Mapping& mapping,
                                     const programmer::DeviceModel& device, Measures measures,
                                     const SelectionConfig& selection) {
  programmer::WeightFacts facts;
  facts.second_derivative = std::move(measures.second_derivative);
  facts.hessian_diagonal = std::move(measures.hessian_diagonal);
  facts.fisher = std::move(measures.fisher);
  facts.gradient = std::move(measures.gradient);
  if (selection.curvature.measure == CurvatureMeasure::Fisher) facts.other_curvature = facts.fisher;
  for (std::vector<float>* of_weights : {&facts.scale, &facts.magnitude, &facts.open_loop_variance})
    of_weights->reserve(mapping.weights());
  const unsigned bits = mapping.config().device_bits;
  const unsigned top_level = device.levels() - 1;
  for (const workloads::QuantizedWeights& layer : workload.weights) {
    const double step = layer.step();
    const double full_code = (1u << layer.bits) - 1;
    // By magnitude of the code.
    std::vector<float> magnitudes, variances;
    for (unsigned magnitude = 0; magnitude < 1u << layer.bits; ++magnitude) {
      const double normalized = magnitude / full_code;
      double variance = 0.0;  // in units of the weight code, summed over the weight's devices
      for (unsigned s = 0; s < mapping.slices(); ++s) {
        const unsigned level = magnitude >> (bits * (mapping.slices() - 1 - s)) & top_level;
        const double unit = static_cast<double>(mapping.slice_weight(s)) * top_level;
        for (const unsigned l :
             {level, 0u})  // one device of the pair holds the level, the other none
          variance += std::pow(unit * device.sigma(l, normalized), 2);
      }
      magnitudes.push_back(static_cast<float>(normalized));
      variances.push_back(static_cast<float>(variance * step * step));
    }
    facts.scale.insert(facts.scale.end(), layer.code.size(), static_cast<float>(layer.scale));
    for (const std::int16_t code : layer.code) {
      const auto magnitude = static_cast<std::size_t>(std::abs(code));
      facts.magnitude.push_back(magnitudes[magnitude]);
      facts.open_loop_variance.push_back(variances[magnitude]);
    }
  }
  if (!selection.scores.empty()) {
    facts.imported = support::read_npy<float>(selection.scores).values;
    if (facts.imported.size() != facts.weights())
      throw FileError(fmt::format("{}: {} scores, the network has {} weights",
                                  selection.scores.string(), facts.imported.size(),
                                  facts.weights()));
    for (std::size_t i = 0; i < facts.imported.size(); ++i)
      if (!std::isfinite(facts.imported[i]))
        throw FileError(
            fmt::format("{}: score {} is not a finite number", selection.scores.string(), i));
  }
  return facts;
}

}  // namespace uswim::experiment
