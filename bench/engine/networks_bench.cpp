#include <benchmark/benchmark.h>

#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <systemc>
#include <vector>

#include "bench/engine/cpu_time.h"
#include "bench/engine/networks.h"
#include "bench/engine/peak.h"
#include "experiment/hardware_engine.h"
#include "tiles/cell_array.h"
#include "workloads/engine/weights_engine.h"

/// SystemC's library asks for it; nothing here simulates.
int sc_main(int, char**) { return 0; }

namespace uswim::bench {
namespace {

using workloads::PreparedImages;

struct Case {
  const char* name;
  QuantizedCase (*make)(std::size_t images);
  unsigned bits;
  std::size_t images, hardware_images;
};
const Case kCases[] = {{"lenet", lenet, 4, 10000, 2048},
                       {"convnet", convnet, 6, 128, 64},
                       {"resnet18", resnet18_cifar, 8, 64, 32}};

/// Effective weights, ideal ADC, and oneDNN's f32 convolutions of the same shapes and as many
/// images in turn.
void ideal(benchmark::State& state, const Case& c, workloads::Arithmetic arithmetic) {
  const QuantizedCase chip = c.make(c.images);
  workloads::Executor executor(chip.network, chip.weights);
  const auto engine = workloads::make_weights_engine(arithmetic, chip.network, chip.activations);
  std::vector<std::vector<float>> codes;
  for (const auto& layer : chip.weights) codes.emplace_back(layer.code.begin(), layer.code.end());
  const PreparedImages images = executor.prepare(chip.images, 0, c.images);
  const std::size_t batch = std::min<std::size_t>(64, c.images);
  double set_up = 1e9, best = 1e9, peak = 0.0, f32 = 1e9, u8s8 = 1e9;
  for (auto _ : state) {
    double begin = cpu_seconds();
    for (std::size_t l = 0; l < codes.size(); ++l) engine->set_weights(l, codes[l].data());
    set_up = std::min(set_up, cpu_seconds() - begin);
    begin = cpu_seconds();
    benchmark::DoNotOptimize(executor.count_correct(*engine, images));
    const double taken = cpu_seconds() - begin;
    best = std::min(best, taken);
    peak = std::max(peak, peak_gops());
    f32 = std::min(f32, one_dnn_f32_seconds(chip.network, batch, 1));
    u8s8 = std::min(u8s8, one_dnn_u8s8_seconds(chip.network, batch, 1));
    state.SetIterationTime(taken);
  }
  const double rate = static_cast<double>(c.images) / best;
  const double gop = 2e-9 * multiply_accumulates(chip.network);
  state.counters["images_per_s"] = rate;
  state.counters["gops"] = gop * rate;
  state.counters["peak_gops"] = peak;
  if (peak > 0.0) state.counters["of_peak"] = gop * rate / peak;
  state.counters["dnn_f32_gops"] = gop * static_cast<double>(batch) / f32;
  state.counters["dnn_u8s8_gops"] = gop * static_cast<double>(batch) / u8s8;
  state.counters["x_f32"] = rate * f32 / static_cast<double>(batch);
  state.counters["set_weights_ms"] = 1e3 * set_up;
  state.counters["values_MB"] = 1e-6 * static_cast<double>(executor.bytes());
}

/// Bit-serial inputs, cells of two bits with errors, 8-bit ADCs on arrays of 128 x 128.
void hardware_true(benchmark::State& state, const Case& c) {
  constexpr std::size_t kArray = 128;
  constexpr unsigned kDeviceBits = 2;
  const QuantizedCase chip = c.make(c.hardware_images);
  const sc_models::Program program{chip.network, chip.weights, chip.activations};
  std::vector<tiles::MappedLayer> layers;
  for (std::size_t l = 0; l < chip.weights.size(); ++l) {
    const workloads::MatrixLayer& layer = chip.network.layers[l];
    layers.push_back({layer.name, layer.outputs, layer.rows, chip.weights[l].code});
  }
  const tiles::Mapping mapping(std::move(layers), {kArray, kArray, kDeviceBits, c.bits});
  std::mt19937 random(1);
  std::normal_distribution<float> noise(0.0f, 0.1f);
  std::vector<std::unique_ptr<tiles::CellArray>> arrays;
  std::vector<const tiles::CellArray*> cells;
  for (std::size_t a = 0; a < mapping.blocks().size(); ++a) {
    arrays.push_back(std::make_unique<tiles::CellArray>(kArray, mapping.pitch()));
    cells.push_back(arrays.back().get());
    for (std::size_t r = 0; r < mapping.blocks()[a].rows; ++r)
      for (std::size_t column = 0; column < mapping.columns(a); ++column)
        arrays.back()->row(r)[column] = tiles::cell_units(
            static_cast<float>(mapping.level(a, r, column)) / 3.0f + noise(random),
            1u << kDeviceBits);
  }
  experiment::HardwareEngine engine(program, mapping, cells, 8);
  workloads::Executor executor(chip.network, chip.weights);
  const PreparedImages images = executor.prepare(chip.images, 0, c.hardware_images);
  double best = 1e9, peak = 0.0;
  for (auto _ : state) {
    const double begin = cpu_seconds();
    benchmark::DoNotOptimize(executor.count_correct(engine, images));
    const double taken = cpu_seconds() - begin;
    best = std::min(best, taken);
    peak = std::max(peak, peak_gops());
    state.SetIterationTime(taken);
  }
  const double rate = static_cast<double>(c.hardware_images) / best;
  double products = 0.0;  // one per cell, input bit and position
  for (const workloads::Node& node : chip.network.nodes)
    if (node.operation == workloads::Operation::Matrix)
      products += static_cast<double>(node.shape.size() * chip.network.layers[node.layer].rows) *
                  static_cast<double>(mapping.devices_per_weight()) *
                  sc_models::input_code(chip.activations[node.layer]).bits;
  state.counters["images_per_s"] = rate;
  state.counters["cell_gops"] = 2e-9 * products * rate;
  if (peak > 0.0) state.counters["of_peak"] = 2e-9 * products * rate / peak;
}

const bool kRegistered = [] {
  for (const Case& c : kCases) {
    for (const auto& [name, arithmetic] : workloads::kArithmetics)
      benchmark::RegisterBenchmark(
          (std::string("ideal/") + c.name + "/" + std::string(name)).c_str(), ideal, c, arithmetic)
          ->UseManualTime()
          ->Iterations(5)
          ->Unit(benchmark::kMillisecond);
    benchmark::RegisterBenchmark((std::string("hardware_true/") + c.name).c_str(), hardware_true, c)
        ->UseManualTime()
        ->Iterations(c.bits == 8 ? 1 : 3)
        ->Unit(benchmark::kMillisecond);
  }
  return true;
}();

}  // namespace
}  // namespace uswim::bench
