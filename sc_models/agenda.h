#pragma once
#include <cstddef>
#include <utility>
#include <vector>

#include "support/quantity.h"

namespace uswim::sc_models {

/// Steps of many lanes in simulated time, for a process that runs ahead of the kernel's clock. They
/// come in the very order in which the SystemC kernel wakes processes that wait: a binary heap by
/// time alone, so that steps of one time come as it yields them, and delta cycles, whose steps come
/// last first. Tested against the kernel's own queue.
template <class Step>
class Agenda {
 public:
  void start(support::Duration now) { now_ = now; }
  support::Duration now() const { return now_; }
  /// After this time; 0: in the next delta cycle.
  void after(support::Duration delay, const Step& step) {
    if (delay == support::Duration())
      next_.push_back(step);
    else
      insert({now_ + delay, step});
  }

  /// Of the next steps: when they are due. False where there is none.
  bool is_empty() const { return next_.empty() && heap_.empty(); }
  support::Duration next_time() const { return next_.empty() ? heap_.front().first : now_; }
  /// Goes on to the next delta cycle or time; `due`: its steps in their order.
  void advance(std::vector<Step>& due) {
    due.clear();
    if (!next_.empty()) {
      due.assign(next_.rbegin(), next_.rend());
      next_.clear();
      return;
    }
    now_ = heap_.front().first;
    do {
      due.push_back(heap_.front().second);
      remove_first();
    } while (!heap_.empty() && heap_.front().first == now_);
  }

 private:
  using Entry = std::pair<support::Duration, Step>;

  void insert(const Entry& entry) {
    std::size_t i = heap_.size();
    heap_.push_back(entry);
    for (; i > 0 && heap_[(i - 1) / 2].first > entry.first; i = (i - 1) / 2)
      heap_[i] = heap_[(i - 1) / 2];
    heap_[i] = entry;
  }
  /// The last one takes the place of the first and sinks.
  void remove_first() {
    const Entry entry = heap_.back();
    heap_.pop_back();
    const std::size_t n = heap_.size();
    if (n == 0) return;
    std::size_t i = 0;
    for (std::size_t child = 1; child < n; child = 2 * i + 1) {
      std::size_t first = heap_[child].first < entry.first ? child : i;
      const support::Duration time = first == i ? entry.first : heap_[child].first;
      if (child + 1 < n && heap_[child + 1].first < time) first = child + 1;
      if (first == i) break;
      heap_[i] = heap_[first];
      i = first;
    }
    heap_[i] = entry;
  }

  support::Duration now_;
  std::vector<Entry> heap_;
  std::vector<Step> next_;  ///< of the next delta cycle
};

}  // namespace uswim::sc_models
