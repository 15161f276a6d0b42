#include "sc_models/first_fit_arbiter.h"

namespace uswim::sc_models {

FirstFitArbiter::FirstFitArbiter(const sc_core::sc_module_name& name, std::int64_t capacity,
                         std::size_t tiles)
    : sc_module(name), capacity_(capacity) {
  for (std::size_t t = 0; t < tiles; ++t)
    granted_.push_back(
        std::make_unique<sc_core::sc_event>(sc_core::sc_gen_unique_name("granted_event")));
}

void FirstFitArbiter::acquire(std::size_t tile, std::int64_t amount) {
  if (taken_ + amount <= capacity_) {
    taken_ += amount;
    return;
  }
  queue_.push_back({tile, amount});
  wait(*granted_[tile]);
}

void FirstFitArbiter::release(std::int64_t amount) {
  taken_ -= amount;
  for (auto request = queue_.begin(); request != queue_.end() && taken_ < capacity_;) {
    if (taken_ + request->amount > capacity_) {
      ++request;
      continue;
    }
    taken_ += request->amount;
    granted_[request->tile]->notify(sc_core::SC_ZERO_TIME);
    request = queue_.erase(request);
  }
}

}  // namespace uswim::sc_models
