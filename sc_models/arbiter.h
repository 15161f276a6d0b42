#pragma once
#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <string_view>
#include <systemc>
#include <utility>
#include <vector>

namespace uswim::sc_models {

/// Who is served where not all requests fit. Fifo: first come, first served; one that does not fit
/// holds back those behind it. FirstFit: of those that fit, the one that came first; nothing is
/// idle while a request fits, but a large one waits for as long as smaller ones pass it.
enum class Queueing { Fifo, FirstFit };
inline constexpr std::array<std::pair<std::string_view, Queueing>, 2> kQueueings{
    {{"fifo", Queueing::Fifo}, {"first_fit", Queueing::FirstFit}}};

/// Deals out a limited amount of something.
class Arbiter : public sc_core::sc_module {
 public:
  /// `capacity` of 0: no limit.
  Arbiter(const sc_core::sc_module_name& name, std::int64_t capacity, Queueing queueing,
          std::size_t tiles);

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
  Queueing queueing_;
  std::int64_t taken_ = 0;
  std::deque<Request> queue_;
  std::vector<std::unique_ptr<sc_core::sc_event>> granted_;  ///< one per tile
};

}  // namespace uswim::sc_models
