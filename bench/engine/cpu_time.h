#pragma once
#include <cstddef>
#include <ctime>

namespace uswim::bench {

/// Seconds that this thread has computed: on a shared machine the wall clock also counts the
/// others' turns.
inline double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

/// Seconds of one call, from as many as take a millisecond.
template <class Work>
double seconds_per_call(const Work& work) {
  const double begin = cpu_seconds();
  std::size_t calls = 0;
  double taken = 0.0;
  for (std::size_t more = 1; taken < 1e-3;
       more *= 2) {  // asking for the time costs as much as a small layer
    for (std::size_t i = 0; i < more; ++i) work();
    calls += more;
    taken = cpu_seconds() - begin;
  }
  return taken / static_cast<double>(calls);
}

}  // namespace uswim::bench
