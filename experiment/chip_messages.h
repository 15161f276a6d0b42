#pragma once
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <type_traits>

#include "experiment/monte_carlo.h"
#include "experiment/worker_processes.h"

namespace uswim::experiment {

/// What a worker sends of its chips.
enum MessageKind : std::uint32_t {
  kChip,
  kRetention,
  kHardware,
  kTile,
  kInference,
  kSeconds,
  kFile,
  kIterativeStep,
  kIterative,
  kDone  ///< all of a chip has been sent
};

template <class T>
Message pack(MessageKind kind, const T& value) {
  static_assert(std::is_trivially_copyable_v<T>);
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(&value);
  return {kind, {bytes, bytes + sizeof value}};
}

template <class T>
T unpack(const Message& message) {
  T value;
  if (message.bytes.size() != sizeof value)
    throw std::logic_error("a worker's message has the wrong size");
  std::memcpy(&value, message.bytes.data(), sizeof value);
  return value;
}

/// Adds a message of any kind but kDone to the result.
void take_in(MonteCarloResult& result, const Message& message);
/// Orders a result whose messages came in any order.
void put_in_order(MonteCarloResult& result);

}  // namespace uswim::experiment
