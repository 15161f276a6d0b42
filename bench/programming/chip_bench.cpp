// Whole chips of synthetic networks, every weight of 8 bits verified, on 2-bit devices: how time
// and memory grow with the network and with the number of tiles.
#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "bench/programming/normals_limit.h"
#include "experiment/run.h"

namespace uswim::bench {
namespace {

namespace fs = std::filesystem;

/// The host of a virtual machine takes back memory that nobody uses; to get it again takes longer
/// than a chip. Brings back as much as the largest run needs.
void bring_memory() {
  constexpr std::size_t kBytes = std::size_t{2} << 30, kPage = 4096;
  void* const memory =
      ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return;
  ::madvise(memory, kBytes, MADV_HUGEPAGE);
  for (std::size_t at = 0; at < kBytes; at += kPage) static_cast<volatile char*>(memory)[at] = 1;
  ::munmap(memory, kBytes);
}

/// A run of one chip in a process of its own, since SystemC takes one system per process.
struct Programmed {
  experiment::RunResult result;
  double devices;
};
Programmed program(const std::string& network, int array_size, double step) {
  const fs::path place = fs::temp_directory_path() / fmt::format("uswim_bench_{}", ::getpid());
  fs::create_directories(place);
  std::ofstream(place / "config.yaml") << fmt::format(
      "chips: 1\nworkload: {{synthetic: {}, weight_bits: 8}}\n"
      "device: {{preset: R4, bits: 2}}\nselection: {{policies: [all]}}\n"
      "tile: {{rows: {}, columns: {}}}\n"
      "programming: {{incremental: {{step: {}}}}}\n"
      "accuracy: {{images: 0}}\ninference: {{images: 0}}\n",
      network, array_size, array_size, step);
  const experiment::LoadedConfig loaded = experiment::load_config(place / "config.yaml", {});
  experiment::RunResult result = experiment::run_experiment(
      loaded, {1, place / "out", {}, [](const std::string&, std::size_t, std::size_t) {}});
  fs::remove_all(place);
  constexpr double kDevicesPerWeight = 8;  // four slices of two bits, each a pair
  const auto weights =
      static_cast<double>(experiment::load_network(loaded.config.workload).weights());
  return {std::move(result), kDevicesPerWeight * weights};
}

constexpr double kDefaultStep = 0.05;
/// With it a device of ResNet-18 takes ten write cycles on the mean, those of level 0 included.
constexpr double kSmallStep = 0.0175;

void chip(benchmark::State& state, const std::string& network, int array_size, double step) {
  for (auto _ : state) {
    bring_memory();
    const auto [result, devices] = program(network, array_size, step);
    const experiment::StageSeconds& s = result.monte_carlo.seconds;
    const auto cycles = static_cast<double>(s.write_cycles);
    rusage of_children{};
    getrusage(RUSAGE_CHILDREN, &of_children);
    state.SetIterationTime(s.outcomes + s.simulation);
    state.counters["devices"] = devices;
    state.counters["tiles"] = static_cast<double>(result.monte_carlo.tiles.size());
    state.counters["cycles/device"] = cycles / devices;
    state.counters["outcomes_s"] = s.outcomes;
    state.counters["timed_s"] = s.simulation;
    state.counters["devices/s"] = devices / (s.outcomes + s.simulation);
    state.counters["pulses/s"] = cycles / s.outcomes;
    state.counters["outcomes/normals"] = s.outcomes / seconds_for_normals(cycles);
    state.counters["outcomes/drawn_normals"] = s.outcomes / seconds_for_normals(cycles + devices);
    state.counters["simulated/wall"] = result.verify_all.time_s_mean / s.simulation;
    state.counters["largest_GiB"] = static_cast<double>(of_children.ru_maxrss) / (1 << 20);
  }
}

// The largest memory is that of all so far, so networks come in the order of their size.
#define USWIM_CHIP(name, ...) \
  BENCHMARK_CAPTURE(chip, name, __VA_ARGS__)->Iterations(1)->UseManualTime()
USWIM_CHIP(lenet, "lenet_mnist", 128, kDefaultStep);
USWIM_CHIP(convnet_256, "convnet_cifar10", 256, kDefaultStep);
USWIM_CHIP(convnet, "convnet_cifar10", 128, kDefaultStep);
USWIM_CHIP(convnet_64, "convnet_cifar10", 64, kDefaultStep);
USWIM_CHIP(resnet18, "resnet18_cifar10", 128, kDefaultStep);
USWIM_CHIP(resnet18_ten_cycles, "resnet18_cifar10", 128, kSmallStep);
USWIM_CHIP(resnet18_tiny_imagenet, "resnet18_tiny_imagenet", 128, kDefaultStep);
#undef USWIM_CHIP

}  // namespace
}  // namespace uswim::bench
