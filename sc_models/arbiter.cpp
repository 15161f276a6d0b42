#include "sc_models/arbiter.h"

namespace uswim::sc_models {

Arbiter::Arbiter(const sc_core::sc_module_name& name, std::int64_t capacity, Queueing queueing,
                 std::size_t tiles)
    : sc_module(name), capacity_(capacity), queueing_(queueing) {
  for (std::size_t t = 0; t < tiles; ++t)
    granted_.push_back(
        std::make_unique<sc_core::sc_event>(sc_core::sc_gen_unique_name("granted_event")));
}

void Arbiter::acquire(std::size_t tile, std::int64_t amount) {
  const bool may_pass = queueing_ == Queueing::FirstFit || queue_.empty();
  if (may_pass && taken_ + amount <= capacity_) {
    taken_ += amount;
    return;
  }
  queue_.push_back({tile, amount});
  wait(*granted_[tile]);
}

void Arbiter::release(std::int64_t amount) {
  taken_ -= amount;
  for (auto request = queue_.begin(); request != queue_.end() && taken_ < capacity_;) {
    if (taken_ + request->amount > capacity_) {
      if (queueing_ == Queueing::Fifo) break;
      ++request;
      continue;
    }
    taken_ += request->amount;
    granted_[request->tile]->notify(sc_core::SC_ZERO_TIME);
    request = queue_.erase(request);
  }
}

}  // namespace uswim::sc_models
