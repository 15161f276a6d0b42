#pragma once
#include <algorithm>
#include <cstddef>
#include <exception>
#include <thread>
#include <vector>

namespace uswim::support {

/// Numbers from `begin` up to but not including `end`.
struct IndexRange {
  std::size_t begin = 0, end = 0;
  std::size_t size() const { return end - begin; }
};

/// Calls function(part) for up to `threads` parts of [0, count) at the same time, each on a thread
/// of its own, and waits for all. The parts must not touch each other's results.
template <class Function>
void in_parallel(unsigned threads, std::size_t count, Function&& function) {
  const std::size_t parts = std::min<std::size_t>(std::max(threads, 1u), count);
  std::vector<std::exception_ptr> failures(parts);
  const auto part = [&](std::size_t i) {
    try {
      function(IndexRange{count * i / parts, count * (i + 1) / parts});
    } catch (...) {
      failures[i] = std::current_exception();
    }
  };
  std::vector<std::thread> others;
  for (std::size_t i = 1; i < parts; ++i) others.emplace_back(part, i);
  if (parts > 0) part(0);
  for (std::thread& thread : others) thread.join();
  for (const std::exception_ptr& failure : failures)
    if (failure) std::rethrow_exception(failure);
}

}  // namespace uswim::support
