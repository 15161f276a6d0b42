#include <benchmark/benchmark.h>

#include <algorithm>
#include <vector>

#include "bench/engine/cpu_time.h"
#include "bench/engine/one_dnn.h"
#include "workloads/sensitivity/matrix_arithmetic.h"

namespace uswim::bench {
namespace {

using namespace workloads::layer_arithmetic;
using workloads::MatrixLayer;
using workloads::Shape;
using workloads::Window;

/// 10^9 operations per second of multiplications and additions of registers that are not fused, as
/// the kernels' are.
double peak_gflops() {
#if defined(__x86_64__)
  if (!__builtin_cpu_supports("avx2")) return 0.0;
  constexpr int kRounds = 200000;
  double best = 0.0;
  for (int i = 0; i < 5; ++i) {
    const double begin = cpu_seconds();
    for (int round = 0; round < kRounds; ++round)
      __asm__ volatile(
          "vmulps %%ymm0, %%ymm1, %%ymm2\n vaddps %%ymm2, %%ymm8, %%ymm8\n"
          "vmulps %%ymm0, %%ymm1, %%ymm3\n vaddps %%ymm3, %%ymm9, %%ymm9\n"
          "vmulps %%ymm0, %%ymm1, %%ymm4\n vaddps %%ymm4, %%ymm10, %%ymm10\n"
          "vmulps %%ymm0, %%ymm1, %%ymm5\n vaddps %%ymm5, %%ymm11, %%ymm11\n"
          "vmulps %%ymm0, %%ymm1, %%ymm2\n vaddps %%ymm2, %%ymm12, %%ymm12\n"
          "vmulps %%ymm0, %%ymm1, %%ymm3\n vaddps %%ymm3, %%ymm13, %%ymm13\n"
          "vmulps %%ymm0, %%ymm1, %%ymm4\n vaddps %%ymm4, %%ymm14, %%ymm14\n"
          "vmulps %%ymm0, %%ymm1, %%ymm5\n vaddps %%ymm5, %%ymm15, %%ymm15\n" ::
              : "xmm2", "xmm3", "xmm4", "xmm5", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13",
                "xmm14", "xmm15");
    best = std::max(best, 8 * 16e-9 * kRounds / (cpu_seconds() - begin));
  }
  return best;
#else
  return 0.0;
#endif
}

struct Case {
  const char* name;
  Shape input, output;
  std::size_t kernel, stride;
};
const Case kCases[] = {{"64x32x32", {64, 32, 32}, {64, 32, 32}, 3, 1},
                       {"128x16x16", {128, 16, 16}, {128, 16, 16}, 3, 1},
                       {"256x8x8", {256, 8, 8}, {256, 8, 8}, 3, 1},
                       {"512x4x4", {512, 4, 4}, {512, 4, 4}, 3, 1},
                       {"fc4096", {4096, 1, 1}, {1024, 1, 1}, 1, 1}};

/// The three products of a layer over 64 images, one thread, processor time.
void products(benchmark::State& state, const Case& c) {
  constexpr std::size_t kBlocks = 4;
  MatrixLayer layer;
  layer.outputs = c.output.channels;
  layer.rows = c.input.channels * c.kernel * c.kernel;
  const std::size_t pad = c.kernel / 2;
  layer.window = {c.kernel, c.kernel, c.stride, c.stride, 1, 1, pad, pad, pad, pad};
  layer.weight.assign(layer.outputs * layer.rows, 0.01f);
  layer.bias.assign(layer.outputs, 0.0f);
  const MatrixArithmetic matrix(layer, c.input, c.output, kBlocks, available_kernels().back());
  LaneValues in(kBlocks * c.input.size() * kLanes, 0.5f);
  LaneValues out(kBlocks * c.output.size() * kLanes, 0.5f);
  MatrixArithmetic::Scratch scratch(matrix.scratch_size());
  std::vector<double> sums(layer.weight.size());
  const std::vector<float> back = matrix.transposed(Derivative::Second, layer.weight.data());
  const auto dnn = one_dnn_layer(OneDnnType::F32, kBlocks * kLanes, c.input, layer.outputs,
                                 layer.window, c.output);
  double best[4] = {1e9, 1e9, 1e9, 1e9}, peak = 0.0;
  for (auto _ : state) {
    const auto measure = [&](int which, auto&& work) {
      best[which] = std::min(best[which], seconds_per_call(work));
    };
    measure(0, [&] { matrix.forward({0, kBlocks}, in, out, scratch); });
    measure(1, [&] { matrix.add_input_sums({0, kBlocks}, back, out, in, scratch); });
    measure(2, [&] {
      matrix.copy_windows(Derivative::Second, {0, kBlocks}, in, scratch);
      matrix.add_weight_sums(kBlocks, {0, layer.outputs}, scratch, out, sums.data());
    });
    measure(3, dnn);
    peak = std::max(peak, peak_gflops());
    std::fill(in.begin(), in.end(), 0.5f);
  }
  const double flop = 2e-9 * static_cast<double>(kBlocks * kLanes * c.output.size() * layer.rows);
  state.counters["forward"] = flop / best[0];
  state.counters["input_sums"] = flop / best[1];
  state.counters["weight_sums"] = flop / best[2];
  state.counters["dnn_f32"] = flop / best[3];
  state.counters["peak"] = peak;
}

const int kRegistered = [] {
  for (const Case& c : kCases)
    benchmark::RegisterBenchmark(c.name, products, c)->Iterations(3)->Unit(benchmark::kMillisecond);
  return 0;
}();

}  // namespace
}  // namespace uswim::bench
