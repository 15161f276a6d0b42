// Write cycles per second against the limit: as many normal variates, drawn in bulk.
#include <benchmark/benchmark.h>

#include <ctime>
#include <numeric>
#include <vector>

#include "bench/programming/normals_limit.h"
#include "programmer/write_verify/pulse_model.h"
#include "programmer/write_verify/row_work.h"
#include "support/random.h"

namespace {

using namespace uswim;

constexpr std::size_t kDevices = 128 * 128;  // one array

/// Levels as equally often as in a network of uniform weights.
std::vector<programmer::DeviceTarget> targets() {
  std::vector<programmer::DeviceTarget> t(kDevices);
  for (std::size_t i = 0; i < kDevices; ++i) t[i] = {true, static_cast<float>(i % 4) / 3.0f, 1.0f};
  return t;
}

void normal_variates(benchmark::State& state) {
  std::vector<std::uint64_t> devices(kDevices);
  std::iota(devices.begin(), devices.end(), 0);
  std::vector<float> out(4 * kDevices);
  std::uint32_t block = 0;
  for (auto _ : state) {
    support::normal_blocks({1, 0, support::Stream::WriteCycle}, devices.data(), kDevices, block++,
                           out.data(), kDevices);
    benchmark::DoNotOptimize(out.data());
  }
  state.counters["normals/s"] = benchmark::Counter(
      static_cast<double>(state.iterations()) * 4 * kDevices, benchmark::Counter::kIsRate);
}
BENCHMARK(normal_variates);

void write_verify(benchmark::State& state, programmer::PulseModelKind kind) {
  programmer::DeviceConfig device;
  device.preset = programmer::DevicePreset::R1;
  programmer::WriteVerifyConfig config;
  config.pulse_model = kind;
  const programmer::DeviceModel model(device);
  const auto pulses = programmer::make_pulse_model(config, model);
  const programmer::DeviceTargets t = targets();
  programmer::DeviceOutcomes out;
  std::uint64_t cycles = 0, first = 0;
  const std::clock_t begin = std::clock();
  for (auto _ : state) {
    pulses->write(t, first, 1, 0, out);
    first += kDevices;
    cycles += std::accumulate(out.cycles.begin(), out.cycles.end(), std::uint64_t{0});
  }
  const double seconds = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
  const auto rate = [](double n) { return benchmark::Counter(n, benchmark::Counter::kIsRate); };
  state.counters["write_cycles/s"] = rate(static_cast<double>(cycles));
  state.counters["devices/s"] = rate(static_cast<double>(first));
  state.counters["time/normals"] =
      seconds / bench::seconds_for_normals(static_cast<double>(cycles));
  // Every device has a programming error, too.
  state.counters["time/drawn_normals"] =
      seconds / bench::seconds_for_normals(static_cast<double>(cycles + first));
}
BENCHMARK_CAPTURE(write_verify, redraw, programmer::PulseModelKind::Redraw);
BENCHMARK_CAPTURE(write_verify, incremental, programmer::PulseModelKind::Incremental);

/// Counting what a mask makes the rows of one array do.
void row_work(benchmark::State& state) {
  programmer::DeviceConfig device;
  programmer::WriteVerifyConfig config;
  const programmer::DeviceModel model(device);
  programmer::DeviceOutcomes out;
  programmer::make_pulse_model(config, model)->write(targets(), 0, 1, 0, out);
  const programmer::DevicePulses packed(out);
  const std::uint64_t mask[2] = {0x1111222244448888ull, 0xffff00000000ffffull};
  for (auto _ : state)
    for (std::size_t row = 0; row < 128; ++row)
      benchmark::DoNotOptimize(
          programmer::row_work(programmer::RowView{packed, row * 2, 2, mask, 8}));
  state.counters["rows/s"] = benchmark::Counter(static_cast<double>(state.iterations()) * 128,
                                                benchmark::Counter::kIsRate);
}
BENCHMARK(row_work);

}  // namespace
