#pragma once
#include <cstdint>
#include <deque>
#include <memory>
#include <systemc>
#include <vector>

namespace uswim::sc_models {

/// Deals out a limited amount of something: of the requests that fit, the one that came first.
/// Nothing is left idle while a request fits, so a large one can be passed by smaller ones; since
/// programming ends, none starves.
class FirstFitArbiter : public sc_core::sc_module {
 public:
  /// `capacity` of 0: no limit.
  FirstFitArbiter(const sc_core::sc_module_name& name, std::int64_t capacity, std::size_t tiles);

  bool limits() const { return capacity_ > 0; }
  /// Waits, in the calling process, until `amount` is free and takes it. At most the capacity.
  void acquire(std::size_t tile, std::int64_t amount);
  void release(std::int64_t amount);

 private:
  struct Request {
    std::size_t tile;
    std::int64_t amount;
  };
  std::int64_t capacity_;
  std::int64_t taken_ = 0;
  std::deque<Request> queue_;  ///< none of them fits
  std::vector<std::unique_ptr<sc_core::sc_event>> granted_;  ///< one per tile
};

}  // namespace uswim::sc_models
