#include "sc_models/arbiter.h"

namespace uswim::sc_models {

bool Arbiter::acquire(std::size_t tile, std::int64_t amount) {
  const bool may_pass = queueing_ == Queueing::FirstFit || queue_.empty();
  if (may_pass && taken_ + amount <= capacity_) {
    taken_ += amount;
    return true;
  }
  queue_.push_back({tile, amount});
  return false;
}

void Arbiter::release(std::int64_t amount, std::vector<std::size_t>& granted) {
  taken_ -= amount;
  for (auto request = queue_.begin(); request != queue_.end() && taken_ < capacity_;) {
    if (taken_ + request->amount > capacity_) {
      if (queueing_ == Queueing::Fifo) break;
      ++request;
      continue;
    }
    taken_ += request->amount;
    granted.push_back(request->tile);
    request = queue_.erase(request);
  }
}

}  // namespace uswim::sc_models
