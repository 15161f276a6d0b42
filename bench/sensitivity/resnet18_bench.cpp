#include <benchmark/benchmark.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <vector>

#include "bench/random_images.h"
#include "workloads/data/dataset.h"
#include "workloads/sensitivity/sensitivity.h"
#include "workloads/synthetic/synthetic_network.h"

namespace uswim::bench {
namespace {

/// Wall-clock and processor time of all threads of one call.
struct Times {
  double wall = 0.0, cpu = 0.0;
};
template <class Work>
Times times_of(const Work& work) {
  const auto cpu = [] {
    timespec now{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
  };
  const auto begin = std::chrono::steady_clock::now();
  const double cpu_begin = cpu();
  work();
  return {std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count(),
          cpu() - cpu_begin};
}

double multiply_accumulates(const workloads::Network& network) {
  double sum = 0.0;
  for (const auto& node : network.nodes)
    if (node.operation == workloads::Operation::Matrix)
      sum += static_cast<double>(node.shape.size() * network.layers[node.layer].rows);
  return sum;
}

/// Forward pass and second derivative of the same images, in turn; arguments: image size, images,
/// threads.
void recursion(benchmark::State& state) {
  const auto count = static_cast<std::size_t>(state.range(1));
  const auto network =
      workloads::synthetic_resnet18(static_cast<std::size_t>(state.range(0)), 10, 1);
  const auto data = random_images(network.input, count);
  const workloads::ComputeOptions options{static_cast<unsigned>(state.range(2)), {}};
  std::vector<float> images(data.pixels.size());
  for (std::size_t i = 0; i < images.size(); ++i)
    images[i] = static_cast<float>(data.pixels[i]) / 255.0f;
  Times forward, all;
  for (auto _ : state) {
    forward = times_of([&] {
      benchmark::DoNotOptimize(workloads::float_logits(network, images, count, true, options));
    });
    all = times_of(
        [&] { benchmark::DoNotOptimize(workloads::second_derivative(network, data, options)); });
    state.SetIterationTime(all.wall);
  }
  const double flop = 2e-9 * multiply_accumulates(network) * static_cast<double>(count);
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  state.counters["forward_s"] = forward.wall;
  state.counters["forward_cpu_s"] = forward.cpu;
  state.counters["recursion_s"] = all.wall;
  state.counters["recursion_cpu_s"] = all.cpu;
  state.counters["ratio"] = all.wall / forward.wall;
  state.counters["cpu_ratio"] = all.cpu / forward.cpu;
  state.counters["forward_gflops_per_cpu"] = flop / forward.cpu;
  state.counters["peak_MiB"] = static_cast<double>(usage.ru_maxrss) / 1024.0;
}
BENCHMARK(recursion)
    ->Name("resnet18/second_derivative")
    ->Args({32, 1000, 2})
    ->Args({64, 100, 2})
    ->Iterations(1)
    ->UseManualTime()
    ->Unit(benchmark::kSecond);

}  // namespace
}  // namespace uswim::bench
