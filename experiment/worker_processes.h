#pragma once
#include <cstdint>
#include <functional>
#include <stdexcept>
#include <vector>

namespace uswim::experiment {

/// The user stopped the run.
class Interrupted : public std::runtime_error {
 public:
  Interrupted() : std::runtime_error("interrupted; no result was written") {}
};

/// Throws Interrupted once SIGINT or SIGTERM has arrived (after catch_interrupts()).
void throw_if_interrupted();
void catch_interrupts();

/// A message of a worker: a kind that caller and worker agree on, and plain bytes.
struct Message {
  std::uint32_t kind = 0;
  std::vector<std::uint8_t> bytes;
};
using Send = std::function<void(const Message&)>;

/// Runs `work(index, send)` in `count` processes side by side (SystemC allows one simulation per
/// process) and hands `receive(index, message)` their messages in this one, each worker's in its
/// order. An exception in a worker ends all and is thrown here as std::runtime_error with its text.
void run_in_processes(unsigned count, const std::function<void(unsigned, const Send&)>& work,
                      const std::function<void(unsigned, const Message&)>& receive);

}  // namespace uswim::experiment
