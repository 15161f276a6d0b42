#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "programmer/write_verify/row_work.h"
#include "support/instruction_sets.h"

/// Slots of the rounds of rows, for row_work.cpp.
namespace uswim::programmer {

// What the loops over rounds call is inlined into them: population counts are one instruction on
// the instruction sets that they are compiled for, a function call on the baseline.
USWIM_INLINE std::uint32_t count(std::uint64_t bits) {
  return static_cast<std::uint32_t>(__builtin_popcountll(bits));
}

/// Slots of a phase and the pulses of the fullest one, word by word, where a driver serves a group
/// of columns.
class SlotCounter {
 public:
  /// For one row `add` sees each word once; for several, each word of each row.
  SlotCounter(unsigned drivers, std::size_t rows, std::size_t words) : drivers_(drivers) {
    if (rows > 1) pulses_.assign(words * 64 / drivers + 1, 0);
  }
  void add(std::size_t word, std::uint64_t bits) {
    if (!pulses_.empty()) {
      for (; bits != 0; bits &= bits - 1) {
        const std::size_t column = word * 64 + static_cast<std::size_t>(__builtin_ctzll(bits));
        const std::uint32_t n = ++pulses_[column / drivers_];
        slots_ += n == 1;
        fullest_ = std::max(fullest_, n);
      }
      return;
    }
    const std::size_t first = word * 64;
    while (bits != 0) {
      const std::size_t column = first + static_cast<std::size_t>(__builtin_ctzll(bits));
      if (column >= end_) {
        end_ = (column / drivers_ + 1) * drivers_;
        ++slots_;
        in_slot_ = 0;
      }
      const std::uint64_t part =
          end_ >= first + 64 ? bits : bits & ((std::uint64_t{1} << (end_ - first)) - 1);
      in_slot_ += count(part);
      fullest_ = std::max(fullest_, in_slot_);
      bits ^= part;
    }
  }
  std::uint32_t slots() const { return slots_; }
  std::uint32_t fullest() const { return fullest_; }

 private:
  std::size_t drivers_;
  std::vector<std::uint32_t> pulses_;  ///< per group of columns, where there are several rows
  /// First column behind the group counted last, which may go on in the next word.
  std::size_t end_ = 0;
  std::uint32_t slots_ = 0, in_slot_ = 0, fullest_ = 0;
};

/// Slots of a round whose columns share drivers.
class GroupedSlots {
 public:
  /// As SlotCounter: of rows of `words` words.
  GroupedSlots(unsigned drivers, std::size_t rows, std::size_t words)
      : set_(drivers, rows, words), reset_(drivers, rows, words), either_(drivers, rows, words) {}
  void add(std::size_t word, std::uint64_t set, std::uint64_t reset) {
    set_.add(word, set);
    reset_.add(word, reset);
    either_.add(word, set | reset);
  }
  void finish(RoundWork& work) const {
    work.set_slots = set_.slots();
    work.reset_slots = reset_.slots();
    work.fullest_set = set_.fullest();
    work.fullest_reset = reset_.fullest();
    if (!work.mixed) return;
    work.mixed_slots = set_.slots() + reset_.slots() - either_.slots();
    work.fullest_mixed = either_.fullest();
    work.set_slots -= work.mixed_slots;
    work.reset_slots -= work.mixed_slots;
  }

 private:
  SlotCounter set_, reset_, either_;
};

/// The same where a driver is at every column: all pulses of a polarity are one slot.
class WholeRowSlots {
 public:
  WholeRowSlots(unsigned, std::size_t, std::size_t) {}
  USWIM_INLINE void add(std::size_t, std::uint64_t, std::uint64_t) {}
  USWIM_INLINE void finish(RoundWork& work) const {
    work.set_slots = work.set_pulses > 0;
    work.reset_slots = work.reset_pulses > 0;
    work.fullest_set = work.set_pulses;
    work.fullest_reset = work.reset_pulses;
    if (!work.mixed) return;
    work.mixed_slots = work.set_pulses > 0 && work.reset_pulses > 0;
    work.fullest_mixed = work.set_pulses + work.reset_pulses;
    work.set_slots -= work.mixed_slots;
    work.reset_slots -= work.mixed_slots;
  }
};

}  // namespace uswim::programmer
