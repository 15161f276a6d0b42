#include <benchmark/benchmark.h>

#include <algorithm>
#include <filesystem>
#include <vector>

#include "bench/engine/cpu_time.h"
#include "bench/engine/peak.h"
#include "workloads/data/dataset.h"
#include "workloads/engine/effective_weights.h"
#include "workloads/engine/executor.h"
#include "workloads/onnx/import.h"

namespace uswim::bench {
namespace {

using workloads::EffectiveWeightsEngine;
using workloads::Executor;
using workloads::Network;
using workloads::QuantizedWeights;

struct LeNet {
  Network network;
  std::vector<QuantizedWeights> weights;
  std::vector<std::vector<float>> codes;
  workloads::Dataset images;

  LeNet() {
    const auto workloads = std::filesystem::path(USWIM_SOURCE_DIR) / "workloads";
    network = workloads::import_onnx(workloads / "networks" / "lenet_mnist_4bit.onnx");
    images = workloads::read_idx(workloads / "datasets" / "mnist" / "t10k-images-idx3-ubyte.gz",
                                 workloads / "datasets" / "mnist" / "t10k-labels-idx1-ubyte.gz");
    for (const auto& layer : network.layers) {
      weights.push_back(workloads::quantize_weights(layer, 4));
      codes.emplace_back(weights.back().code.begin(), weights.back().code.end());
    }
  }
  double macs() const {
    double sum = 0.0;
    for (const auto& node : network.nodes) {
      if (node.operation != workloads::Operation::Matrix) continue;
      sum += static_cast<double>(node.shape.size() * network.layers[node.layer].rows);
    }
    return sum;
  }
  void set_weights(EffectiveWeightsEngine& engine) const {
    for (std::size_t l = 0; l < codes.size(); ++l) engine.set_weights(l, codes[l].data());
  }
};

/// Accuracy over the 10,000 test images, once per iteration. of_peak counts the network's own
/// operations only.
void accuracy(benchmark::State& state) {
  const LeNet lenet;
  Executor executor(lenet.network, lenet.weights);
  EffectiveWeightsEngine engine(lenet.network, workloads::activation_ranges(lenet.network));
  lenet.set_weights(engine);
  const auto images = executor.prepare(lenet.images, 0, lenet.images.count);
  double best = 1e9, peak = 0.0;
  for (auto _ : state) {
    const double begin = cpu_seconds();
    benchmark::DoNotOptimize(executor.count_correct(engine, images));
    const double taken = cpu_seconds() - begin;
    state.SetIterationTime(taken);
    best = std::min(best, taken);
    peak = std::max(peak, peak_gops());
  }
  const double rate = static_cast<double>(images.count) / best;
  state.counters["best_images_per_s"] = rate;
  state.counters["gops"] = 2e-9 * lenet.macs() * rate;
  state.counters["peak_gops"] = peak;
  if (peak > 0.0) state.counters["of_peak"] = 2e-9 * lenet.macs() * rate / peak;
}
BENCHMARK(accuracy)
    ->Name("lenet/accuracy")
    ->UseManualTime()
    ->Iterations(60)
    ->Unit(benchmark::kMillisecond);

void set_weights(benchmark::State& state) {
  const LeNet lenet;
  EffectiveWeightsEngine engine(lenet.network, workloads::activation_ranges(lenet.network));
  for (auto _ : state) lenet.set_weights(engine);
}
BENCHMARK(set_weights)->Name("lenet/set_weights")->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace uswim::bench
