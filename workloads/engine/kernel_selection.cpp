#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>

#include "workloads/engine/kernel.h"

namespace uswim::workloads::kernel {
namespace {

bool runs_here(const Kernels* kernels) {
  if (kernels == nullptr) return false;
#if defined(__x86_64__)
  if (kernels == kAvx2) return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (kernels == kAvx512) {
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vnni");
  }
#endif
  return true;
}

}  // namespace

const Kernels& selected() {
  struct Named {
    const char* name;
    const Kernels* kernels;
  };
  const Named fastest_first[] = {{"avx512", kAvx512}, {"avx2", kAvx2}, {"generic", kGeneric}};
  const char* const wanted = std::getenv("USWIM_ISA");
  for (const Named& choice : fastest_first) {
    if (wanted != nullptr && std::strcmp(wanted, choice.name) != 0) continue;
    if (runs_here(choice.kernels)) return *choice.kernels;
    if (wanted != nullptr) {
      throw std::invalid_argument("USWIM_ISA: this machine has no " + std::string(wanted));
    }
  }
  throw std::invalid_argument("USWIM_ISA: '" + std::string(wanted) +
                              "' is none of generic, avx2, avx512");
}

}  // namespace uswim::workloads::kernel
