#include "bench/programming/normals_limit.h"

#include <benchmark/benchmark.h>
#include <time.h>

#include <cstdint>
#include <numeric>
#include <vector>

#include "support/random.h"

namespace uswim::bench {
namespace {

double processor_seconds() {
  timespec t{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

}  // namespace

double seconds_for_normals(double n) {
  constexpr std::size_t kDevices = 4096;  // as many as stay in the cache
  constexpr std::uint32_t kBlocks = 1000;
  std::vector<std::uint64_t> devices(kDevices);
  std::iota(devices.begin(), devices.end(), std::uint64_t{0});
  std::vector<float> out(support::kNormalsPerBlock * kDevices);
  const double begin = processor_seconds();
  for (std::uint32_t b = 0; b < kBlocks; ++b) {
    support::normal_blocks({1, 0, support::Stream::WriteCycle}, devices.data(), kDevices, b,
                           out.data(), kDevices);
    benchmark::DoNotOptimize(out.data());
  }
  return (processor_seconds() - begin) * n / static_cast<double>(out.size() * kBlocks);
}

}  // namespace uswim::bench
