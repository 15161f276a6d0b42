#pragma once
#include <cstddef>
#include <vector>

#include "workloads/network/network.h"
#include "workloads/sensitivity/matrix_arithmetic.h"

namespace uswim::workloads::layer_arithmetic {

/// Memory of a network's values. Values share a buffer where they may: a node works in place, or
/// one value is written after the other was read for the last time.
class ValueBuffers {
 public:
  /// When a value is needed, in steps of the pass that uses the buffers. With `last` < `first` it
  /// is never needed and has no buffer.
  struct Lifetime {
    std::size_t first = 0, last = 0;
  };
  /// `same_as[v]`: the value whose buffer v takes over, of an equal size; v itself where it takes
  /// none. Chains are followed; their members' lifetimes count together.
  ValueBuffers(const Network& network, const std::vector<Lifetime>& lifetimes,
               const std::vector<std::size_t>& same_as);
  /// For batches of `blocks` blocks of 16 images; zeros.
  void allocate(std::size_t blocks);
  LaneValues& operator[](std::size_t value) { return storage_[slot_[value]]; }
  const LaneValues& operator[](std::size_t value) const { return storage_[slot_[value]]; }
  /// Numbers per image in all buffers.
  std::size_t elements() const;

 private:
  std::vector<std::size_t> slot_;      ///< of each value
  std::vector<std::size_t> elements_;  ///< of each slot
  std::vector<LaneValues> storage_;
};

}  // namespace uswim::workloads::layer_arithmetic
