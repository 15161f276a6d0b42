#include "bench/engine/peak.h"

#include <algorithm>
#include <cstring>

#include "bench/engine/cpu_time.h"
#include "workloads/engine/kernel.h"

namespace uswim::bench {
namespace {

constexpr int kRounds = 100000;

#if defined(__x86_64__)
/// 16 sums, so that the latency of one is hidden behind the others. 16 x 32 multiply-accumulates a
/// round.
__attribute__((target("avx512f,avx512vnni"))) void dot_avx512() {
  for (int i = 0; i < kRounds; ++i) {
    __asm__ volatile(
        "vpdpwssd %%zmm0, %%zmm1, %%zmm16\n vpdpwssd %%zmm0, %%zmm1, %%zmm17\n"
        "vpdpwssd %%zmm0, %%zmm1, %%zmm18\n vpdpwssd %%zmm0, %%zmm1, %%zmm19\n"
        "vpdpwssd %%zmm0, %%zmm1, %%zmm20\n vpdpwssd %%zmm0, %%zmm1, %%zmm21\n"
        "vpdpwssd %%zmm0, %%zmm1, %%zmm22\n vpdpwssd %%zmm0, %%zmm1, %%zmm23\n"
        "vpdpwssd %%zmm0, %%zmm1, %%zmm24\n vpdpwssd %%zmm0, %%zmm1, %%zmm25\n"
        "vpdpwssd %%zmm0, %%zmm1, %%zmm26\n vpdpwssd %%zmm0, %%zmm1, %%zmm27\n"
        "vpdpwssd %%zmm0, %%zmm1, %%zmm28\n vpdpwssd %%zmm0, %%zmm1, %%zmm29\n"
        "vpdpwssd %%zmm0, %%zmm1, %%zmm30\n vpdpwssd %%zmm0, %%zmm1, %%zmm31\n" ::
            : "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", "xmm23", "xmm24",
              "xmm25", "xmm26", "xmm27", "xmm28", "xmm29", "xmm30", "xmm31");
  }
}

/// A product and its addition, 8 sums. 8 x 16 multiply-accumulates a round.
__attribute__((target("avx2"))) void dot_avx2() {
  for (int i = 0; i < kRounds; ++i) {
    __asm__ volatile(
        "vpmaddwd %%ymm0, %%ymm1, %%ymm2\n vpaddd %%ymm2, %%ymm8, %%ymm8\n"
        "vpmaddwd %%ymm0, %%ymm1, %%ymm3\n vpaddd %%ymm3, %%ymm9, %%ymm9\n"
        "vpmaddwd %%ymm0, %%ymm1, %%ymm4\n vpaddd %%ymm4, %%ymm10, %%ymm10\n"
        "vpmaddwd %%ymm0, %%ymm1, %%ymm5\n vpaddd %%ymm5, %%ymm11, %%ymm11\n"
        "vpmaddwd %%ymm0, %%ymm1, %%ymm2\n vpaddd %%ymm2, %%ymm12, %%ymm12\n"
        "vpmaddwd %%ymm0, %%ymm1, %%ymm3\n vpaddd %%ymm3, %%ymm13, %%ymm13\n"
        "vpmaddwd %%ymm0, %%ymm1, %%ymm4\n vpaddd %%ymm4, %%ymm14, %%ymm14\n"
        "vpmaddwd %%ymm0, %%ymm1, %%ymm5\n vpaddd %%ymm5, %%ymm15, %%ymm15\n" ::
            : "xmm2", "xmm3", "xmm4", "xmm5", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13",
              "xmm14", "xmm15");
  }
}
#endif

double best_gops(void (*loop)(), double macs_per_round) {
  double best = 0.0;
  for (int i = 0; i < 5; ++i) {
    const double begin = cpu_seconds();
    loop();
    best = std::max(best, 2e-9 * macs_per_round * kRounds / (cpu_seconds() - begin));
  }
  return best;
}

}  // namespace

double peak_gops() {
#if defined(__x86_64__)
  const char* const name = workloads::kernel::selected().name;
  if (std::strcmp(name, "avx512") == 0) return best_gops(dot_avx512, 16 * 32);
  if (std::strcmp(name, "avx2") == 0) return best_gops(dot_avx2, 8 * 16);
#endif
  return 0.0;
}

}  // namespace uswim::bench
