#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string_view>
#include <utility>
#include <vector>

namespace uswim::sc_models {

/// Who is served where not all requests fit. Fifo: first come, first served; one that does not fit
/// holds back those behind it. FirstFit: of those that fit, the one that came first; nothing is
/// idle while a request fits, but a large one waits for as long as smaller ones pass it.
enum class Queueing { Fifo, FirstFit };
inline constexpr std::array<std::pair<std::string_view, Queueing>, 2> kQueueings{
    {{"fifo", Queueing::Fifo}, {"first_fit", Queueing::FirstFit}}};

/// Deals out a limited amount of something. Who waits is told by release().
class Arbiter {
 public:
  /// `capacity` of 0: no limit.
  Arbiter(std::int64_t capacity, Queueing queueing) : capacity_(capacity), queueing_(queueing) {}

  bool limits() const { return capacity_ > 0; }
  /// Takes `amount`, at most the capacity, if it is free; otherwise the tile waits for it.
  bool acquire(std::size_t tile, std::int64_t amount);
  /// Appends the tiles that have waited and now have theirs.
  void release(std::int64_t amount, std::vector<std::size_t>& granted);

 private:
  struct Request {
    std::size_t tile;
    std::int64_t amount;
  };
  std::int64_t capacity_;
  Queueing queueing_;
  std::int64_t taken_ = 0;
  std::deque<Request> queue_;
};

}  // namespace uswim::sc_models
