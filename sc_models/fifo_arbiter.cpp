#include "sc_models/fifo_arbiter.h"

namespace uswim::sc_models {

FifoArbiter::FifoArbiter(const sc_core::sc_module_name& name, std::int64_t capacity,
                         std::size_t tiles)
    : sc_module(name), capacity_(capacity) {
  for (std::size_t t = 0; t < tiles; ++t)
    granted_.push_back(
        std::make_unique<sc_core::sc_event>(sc_core::sc_gen_unique_name("granted_event")));
}

void FifoArbiter::acquire(std::size_t tile, std::int64_t amount) {
  if (queue_.empty() && taken_ + amount <= capacity_) {
    taken_ += amount;
    return;
  }
  queue_.push_back({tile, amount});
  wait(*granted_[tile]);
}

void FifoArbiter::release(std::int64_t amount) {
  taken_ -= amount;
  while (!queue_.empty() && taken_ + queue_.front().amount <= capacity_) {
    taken_ += queue_.front().amount;
    granted_[queue_.front().tile]->notify(sc_core::SC_ZERO_TIME);
    queue_.pop_front();
  }
}

}  // namespace uswim::sc_models
