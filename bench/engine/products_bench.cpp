#include <benchmark/benchmark.h>

#include <algorithm>
#include <functional>
#include <random>
#include <string>

#include "bench/engine/cpu_time.h"
#include "bench/engine/one_dnn.h"
#include "bench/engine/peak.h"
#include "workloads/engine/effective_weights.h"

namespace uswim::bench {
namespace {

using workloads::CodeBlocks;
using workloads::EffectiveWeightsEngine;
using workloads::kLanes;
using workloads::Network;
using workloads::Node;
using workloads::Operation;
using workloads::ProductBlocks;
using workloads::Shape;
using workloads::Window;

struct LayerShape {
  const char* name;
  std::size_t images;
  Shape input;
  std::size_t outputs, kernel, stride, pad;
};

const LayerShape kLayers[] = {
    {"lenet/conv1", 64, {1, 28, 28}, 6, 3, 1, 1},
    {"lenet/conv2", 64, {6, 14, 14}, 16, 3, 1, 1},
    {"lenet/fc1", 64, {784, 1, 1}, 120, 1, 1, 0},
    {"lenet/fc2", 64, {120, 1, 1}, 84, 1, 1, 0},
    {"lenet/fc3", 64, {84, 1, 1}, 10, 1, 1, 0},
    {"convnet/conv1", 64, {3, 32, 32}, 64, 3, 1, 1},
    {"convnet/conv2", 64, {64, 32, 32}, 64, 3, 1, 1},
    {"convnet/conv3", 64, {64, 16, 16}, 128, 3, 1, 1},
    {"convnet/conv4", 64, {128, 16, 16}, 128, 3, 1, 1},
    {"convnet/conv5", 64, {128, 8, 8}, 256, 3, 1, 1},
    {"convnet/conv6", 64, {256, 8, 8}, 256, 3, 1, 1},
    {"convnet/fc1", 64, {4096, 1, 1}, 1024, 1, 1, 0},
    {"convnet/fc2", 64, {1024, 1, 1}, 1024, 1, 1, 0},
    {"resnet18/conv1", 16, {3, 224, 224}, 64, 7, 2, 3},
    {"resnet18/layer1", 16, {64, 56, 56}, 64, 3, 1, 1},
    {"resnet18/layer2_first", 16, {64, 56, 56}, 128, 3, 2, 1},
    {"resnet18/layer2_shortcut", 16, {64, 56, 56}, 128, 1, 2, 0},
    {"resnet18/layer2", 16, {128, 28, 28}, 128, 3, 1, 1},
    {"resnet18/layer3_first", 16, {128, 28, 28}, 256, 3, 2, 1},
    {"resnet18/layer3", 16, {256, 14, 14}, 256, 3, 1, 1},
    {"resnet18/layer4_first", 16, {256, 14, 14}, 512, 3, 2, 1},
    {"resnet18/layer4", 16, {512, 7, 7}, 512, 3, 1, 1},
    {"resnet18/fc", 64, {512, 1, 1}, 1000, 1, 1, 0},
};

void fill(CodeBlocks& codes, std::mt19937& random) {
  for (std::size_t block = 0; block < codes.blocks(); ++block) {
    for (std::size_t pair = 0; pair < codes.channel_pairs(); ++pair) {
      for (std::size_t y = 0; y < codes.shape().height; ++y) {
        std::int16_t* row = codes.at(block, pair, static_cast<std::ptrdiff_t>(y), 0);
        for (std::size_t i = 0; i < codes.shape().width * 2 * kLanes; ++i) row[i] = random() & 15;
      }
    }
  }
}

/// Ours and oneDNN's in turn, so that all see the same clock and the same neighbours. Rates are of
/// the best round.
void products(benchmark::State& state, const LayerShape& layer) {
  const Window window{layer.kernel, layer.kernel, layer.stride, layer.stride, 1, 1,
                      layer.pad,    layer.pad,    layer.pad,    layer.pad};
  const auto extent = [&](std::size_t size) {
    return (size + 2 * layer.pad - layer.kernel) / layer.stride + 1;
  };
  const Shape result{layer.outputs, extent(layer.input.height), extent(layer.input.width)};
  Network network;
  network.layers.resize(1);
  network.layers[0].outputs = layer.outputs;
  network.layers[0].rows = layer.input.channels * layer.kernel * layer.kernel;
  network.layers[0].window = window;
  EffectiveWeightsEngine engine(network, {{0, 15}});
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  std::vector<float> weights(layer.outputs * network.layers[0].rows);
  for (float& weight : weights) weight = 5.0f * normal(random);
  engine.set_weights(0, weights.data());
  CodeBlocks codes, quantized;
  codes.reshape(layer.images / kLanes, layer.input, window);
  fill(codes, random);
  quantized.reshape(layer.images / kLanes, result, Window{});
  ProductBlocks sums;
  const std::vector<float> bias(layer.outputs, 0.1f);

  const std::function<void()> rivals[] = {
      [&] { engine.multiply(0, codes, layer.images, sums); },
      [&] {
        engine.multiply_requantize(0, codes, layer.images, {0.01f, bias.data(), 5.0f, 15, false},
                                   quantized);
      },
      one_dnn_layer(OneDnnType::F32, layer.images, layer.input, layer.outputs, window, result),
      one_dnn_layer(OneDnnType::U8S8, layer.images, layer.input, layer.outputs, window, result),
  };
  double best[4] = {1e9, 1e9, 1e9, 1e9};
  double peak = 0.0;
  for (auto _ : state) {
    for (std::size_t i = 0; i < 4; ++i) best[i] = std::min(best[i], seconds_per_call(rivals[i]));
    peak = std::max(peak, peak_gops());
    state.SetIterationTime(best[0]);
  }
  const double gop =
      2e-9 * static_cast<double>(layer.images * result.size() * network.layers[0].rows);
  state.counters["gops"] = gop / best[0];
  state.counters["gops_requantized"] = gop / best[1];
  state.counters["dnn_f32"] = gop / best[2];
  state.counters["dnn_u8s8"] = gop / best[3];
  state.counters["x_f32"] = best[2] / best[0];
  state.counters["x_u8s8"] = best[3] / best[0];
  if (peak > 0.0) state.counters["of_peak"] = gop / best[0] / peak;
}

const bool kRegistered = [] {
  for (const LayerShape& layer : kLayers) {
    benchmark::RegisterBenchmark((std::string("products/") + layer.name).c_str(), products, layer)
        ->UseManualTime()
        ->Iterations(15)
        ->Unit(benchmark::kMicrosecond);
  }
  return true;
}();

}  // namespace
}  // namespace uswim::bench
