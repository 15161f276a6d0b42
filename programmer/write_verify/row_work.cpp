#include "programmer/write_verify/row_work.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "support/instruction_sets.h"

namespace uswim::programmer {
namespace {

// What the loops over rounds call is inlined into them: population counts are one instruction on
// the instruction sets that they are compiled for, a function call on the baseline.
USWIM_INLINE std::uint32_t count(std::uint64_t bits) {
  return static_cast<std::uint32_t>(__builtin_popcountll(bits));
}

/// Of every two fields of 1, 2, 4 ... bits the lower one.
constexpr std::uint64_t kLowerFields[6] = {0x5555555555555555, 0x3333333333333333,
                                           0x0f0f0f0f0f0f0f0f, 0x00ff00ff00ff00ff,
                                           0x0000ffff0000ffff, 0x00000000ffffffff};
/// The lowest bit of every field of 1, 2, 4 ... bits.
constexpr std::uint64_t kLowestBits[7] = {0xffffffffffffffff,
                                          0x5555555555555555,
                                          0x1111111111111111,
                                          0x0101010101010101,
                                          0x0001000100010001,
                                          0x0000000100000001,
                                          1};

/// Set bits of aligned groups of columns (a power of two of them), all groups of a word at once:
/// the columns of a group share an ADC.
class GroupCounts {
 public:
  USWIM_INLINE explicit GroupCounts(unsigned group)
      : group_(group), doublings_(static_cast<unsigned>(__builtin_ctz(group))) {}
  unsigned group() const { return group_; }
  /// One field of `group` bits per group.
  USWIM_INLINE std::uint64_t of(std::uint64_t bits) const {
    for (unsigned d = 0; d < doublings_; ++d)
      bits = (bits & kLowerFields[d]) + (bits >> (1u << d) & kLowerFields[d]);
    return bits;
  }
  /// Whether a group of `counts` has at least `n` >= 1 bits: with this added its highest bit is
  /// set.
  USWIM_INLINE bool any_has(std::uint64_t counts, std::uint32_t n) const {
    const std::uint64_t ones = kLowestBits[doublings_];
    const std::uint64_t highest = std::uint64_t{1} << (group_ - 1);
    return ((counts + (highest - n) * ones) & (ones << (group_ - 1))) != 0;
  }

 private:
  unsigned group_, doublings_;
};

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
  }

 private:
  SlotCounter set_, reset_, either_;
};

/// The same where a driver is at every column: all pulses of a polarity are one slot.
USWIM_INLINE void find_slots_of_whole_rows(RoundWork& work) {
  work.set_slots = work.set_pulses > 0;
  work.reset_slots = work.reset_pulses > 0;
  work.fullest_set = work.set_pulses;
  work.fullest_reset = work.reset_pulses;
  if (!work.mixed) return;
  work.mixed_slots = work.set_pulses > 0 && work.reset_pulses > 0;
  work.fullest_mixed = work.set_pulses + work.reset_pulses;
}

USWIM_INLINE void finish_slots(RoundWork& work, const GroupedSlots* groups) {
  if (groups != nullptr)
    groups->finish(work);
  else
    find_slots_of_whole_rows(work);
  work.set_slots -= work.mixed_slots;
  work.reset_slots -= work.mixed_slots;
}

struct RoundBits {
  std::uint64_t set, reset, read;
};

/// `w`: word of the row, or of all rows one after the other.
USWIM_INLINE std::uint64_t pulsed(const RowView& row, std::size_t round, std::size_t w) {
  const std::size_t word = row.word + w;
  if (round >= row.pulses.rounds(word)) return 0;
  const DevicePulses::Round& r = row.pulses.of_word(word)[round];
  return (r.set | r.reset) & row.mask[w];
}

USWIM_INLINE RoundBits round_bits(const RowView& row, std::size_t round, std::size_t w) {
  const std::uint64_t selected = row.mask[w];
  const std::size_t word = row.word + w;
  RoundBits b{0, 0, 0};
  if (round < row.pulses.rounds(word)) {
    const DevicePulses::Round& r = row.pulses.of_word(word)[round];
    b = {r.set & selected, r.reset & selected, 0};
  }
  b.read = b.set | b.reset;
  if (round > 0) return b;
  const DevicePulses::OpenLoop& open_loop = row.pulses.open_loop(word);
  if (row.operation == RowOperation::Verify) {
    // The open-loop pulse, where it is the first of write-verify, has been given. Where
    // write-verify starts from the erased state, a RESET pulse brings the device back to it.
    return {0, open_loop.pulsed() & selected & ~b.read, selected};
  }
  return {b.set | (open_loop.set & ~selected), b.reset | (open_loop.reset & ~selected), selected};
}

/// `serial`: at least the conversions of the ADC with most of them; on return, where it is one row,
/// exactly those, and so a bound for the next round, whose open devices are some of these.
USWIM_INLINE RoundWork work_of_round(const RowView& row, std::size_t round,
                                     const GroupCounts& groups, std::uint32_t& serial) {
  const RowScheme& scheme = row.scheme;
  RoundWork work;
  work.mixed = scheme.mixed_phases;
  std::optional<GroupedSlots> slots;
  if (scheme.drivers > 0) slots.emplace(scheme.drivers, row.rows, row.words);
  for (std::size_t r = 0; r < row.rows; ++r) {
    std::uint32_t reads = 0, conversions = 0;
    if (row.rows > 1) serial = groups.group();
    for (std::size_t w = 0; w < row.words; ++w) {
      const RoundBits bits = round_bits(row, round, r * row.words + w);
      work.set_pulses += count(bits.set);
      work.reset_pulses += count(bits.reset);
      if (slots) slots->add(w, bits.set, bits.reset);
      reads += count(bits.read);
      if (conversions == serial || bits.read == 0) continue;
      const std::uint64_t counts = groups.of(bits.read);
      std::uint32_t most = serial;
      while (most > conversions && !groups.any_has(counts, most)) --most;
      conversions = most;
    }
    serial = conversions;
    if (reads == 0) continue;
    if (scheme.verify_whole_row) {
      reads = static_cast<std::uint32_t>(row.columns > 0 ? row.columns : row.words * 64);
      conversions = std::min<std::uint32_t>(reads, scheme.columns_per_adc);
    }
    ++work.read_rows;
    work.verify_reads += reads;
    work.serial_conversions += conversions;
  }
  finish_slots(work, slots ? &*slots : nullptr);
  return work;
}

/// Column by column, so that the sums have one order.
void add_power(const RowView& row, RowWork& work) {
  const DevicePulses& p = row.pulses;
  const bool later = row.operation == RowOperation::Verify;
  for (std::size_t w = 0; w < row.words * row.rows; ++w) {
    const std::size_t word = row.word + w;
    const DevicePulses::Round first =
        p.rounds(word) > 0 ? p.of_word(word)[0] : DevicePulses::Round();
    for (unsigned bit = 0; bit < 64; ++bit) {
      const std::size_t device = word * 64 + bit;
      if (row.mask[w] >> bit & 1) {
        work.set_power_W += p.set_power_W(device);
        work.reset_power_W += p.reset_power_W(device);
        if (!later) continue;
        // As in round_bits(): the first pulse has been given, or the device is to be erased.
        if (first.set >> bit & 1)
          work.set_power_W -= p.open_loop_power_W(device);
        else if (first.reset >> bit & 1)
          work.reset_power_W -= p.open_loop_power_W(device);
        else
          work.reset_power_W += p.erase_power_W(device);
      } else if (!later) {
        const bool up = p.open_loop(word).set >> bit & 1;
        (up ? work.set_power_W : work.reset_power_W) += p.open_loop_power_W(device);
      }
    }
  }
}

/// Pulses of the device with most of them. From round 1 on a device is pulsed in every round until
/// it is done, so the last round with a pulse tells it, but for the pulse before round 1.
USWIM_INLINE std::uint32_t most_pulses(const RowView& row, std::size_t rounds) {
  const bool later = row.operation == RowOperation::Verify;
  std::size_t last = rounds;  // with a pulse at a selected device
  std::uint64_t any = 0;
  while (last > 0 && any == 0) {
    --last;
    for (std::size_t w = 0; w < row.words * row.rows; ++w) any |= pulsed(row, last, w);
  }
  std::uint32_t most = static_cast<std::uint32_t>(last);
  for (std::size_t w = 0; w < row.words * row.rows; ++w) {
    const std::uint64_t open_loop = row.pulses.open_loop(row.word + w).pulsed();
    if (!later && (open_loop & ~row.mask[w]) != 0) most = std::max(most, 1u);
    // As in round_bits(): later the first pulse has been given where it is that of the open-loop
    // write, and where only the open-loop write had one, another erases the device.
    const std::uint64_t first = pulsed(row, 0, w) ^ (later ? open_loop & row.mask[w] : 0);
    if (first != 0) most = std::max(most, 1u);
    if (last > 0 && (first & pulsed(row, last, w)) != 0)
      most = static_cast<std::uint32_t>(last) + 1;
  }
  return most;
}

/// Without closing.
USWIM_INLINE std::size_t rounds_until_done(const RowView& row) {
  std::size_t rounds = 1;
  for (std::size_t w = 0; w < row.words * row.rows; ++w)
    for (std::size_t r = row.pulses.rounds(row.word + w); r > rounds; --r)
      if (pulsed(row, r - 1, w) != 0) {
        rounds = r;
        break;
      }
  return rounds;
}

/// Of a row that is closed: what is open is pulsed next.
USWIM_INLINE std::size_t rounds_until_closed(const RowView& row, std::size_t until_done) {
  const RowClosing& closing = row.scheme.closing;
  std::size_t rounds = until_done;
  if (closing.rounds > 0) rounds = std::min<std::size_t>(rounds, closing.rounds);
  if (closing.open_part <= 0.0) return rounds;
  std::uint32_t selected = 0;
  for (std::size_t w = 0; w < row.words * row.rows; ++w) selected += count(row.mask[w]);
  const double enough = closing.open_part * selected;
  for (std::size_t r = 1; r < rounds; ++r) {
    std::uint32_t open = 0;
    for (std::size_t w = 0; w < row.words * row.rows; ++w) open += count(pulsed(row, r, w));
    if (open <= enough) return r;
  }
  return rounds;
}

}  // namespace

void PolarityChanges::add(const RoundWork& round) {
  if (round.mixed) return;
  const auto follow = [this](Polarity next) {
    count += last != Polarity::None && last != next;
    if (first == Polarity::None) first = next;
    last = next;
  };
  if (round.set_pulses > 0) follow(Polarity::Set);
  if (round.reset_pulses > 0) follow(Polarity::Reset);
}

void RowWork::add(const RoundWork& round) {
  polarity.add(round);
  phases += round.phases();
  set_pulses += round.set_pulses;
  reset_pulses += round.reset_pulses;
  set_phases += round.set_pulses > 0;
  reset_phases += round.reset_pulses > 0;
  set_slots += round.set_slots;
  reset_slots += round.reset_slots;
  mixed_slots += round.mixed_slots;
  fullest_set = std::max(fullest_set, round.fullest_set);
  fullest_reset = std::max(fullest_reset, round.fullest_reset);
  fullest_mixed = std::max(fullest_mixed, round.fullest_mixed);
  verify_rounds += round.read_rows;
  verify_reads += round.verify_reads;
  serial_conversions += round.serial_conversions;
}

void RowWork::append(const RowWork& next) {
  polarity.count += polarity.before(next.polarity) + next.polarity.count;
  if (polarity.first == PolarityChanges::Polarity::None) polarity.first = next.polarity.first;
  if (next.polarity.last != PolarityChanges::Polarity::None) polarity.last = next.polarity.last;
  set_pulses += next.set_pulses;
  reset_pulses += next.reset_pulses;
  set_phases += next.set_phases;
  reset_phases += next.reset_phases;
  phases += next.phases;
  set_slots += next.set_slots;
  reset_slots += next.reset_slots;
  mixed_slots += next.mixed_slots;
  fullest_set = std::max(fullest_set, next.fullest_set);
  fullest_reset = std::max(fullest_reset, next.fullest_reset);
  fullest_mixed = std::max(fullest_mixed, next.fullest_mixed);
  verify_rounds += next.verify_rounds;
  verify_reads += next.verify_reads;
  serial_conversions += next.serial_conversions;
  write_cycles += next.write_cycles;
  not_converged += next.not_converged;
  most_pulses = std::max(most_pulses, next.most_pulses);
  set_power_W += next.set_power_W;
  reset_power_W += next.reset_power_W;
}

std::uint64_t open_devices(const RowView& row, std::size_t rounds, std::size_t w) {
  return pulsed(row, rounds, w);
}

USWIM_EVERY_INSTRUCTION_SET
std::size_t rounds_of(const RowView& row) {
  return rounds_until_closed(row, rounds_until_done(row));
}

USWIM_EVERY_INSTRUCTION_SET
RoundWork round_work(const RowView& row, std::size_t round) {
  const GroupCounts groups(row.scheme.columns_per_adc);
  std::uint32_t serial = groups.group();
  return work_of_round(row, round, groups, serial);
}

USWIM_EVERY_INSTRUCTION_SET
RowWork pulse_work(const std::vector<std::uint64_t>& set, const std::vector<std::uint64_t>& reset,
                   const RowScheme& scheme) {
  RoundWork round;
  round.mixed = scheme.mixed_phases;
  std::optional<GroupedSlots> slots;
  if (scheme.drivers > 0) slots.emplace(scheme.drivers, 1, set.size());
  for (std::size_t w = 0; w < set.size(); ++w) {
    round.set_pulses += count(set[w]);
    round.reset_pulses += count(reset[w]);
    if (slots) slots->add(w, set[w], reset[w]);
  }
  finish_slots(round, slots ? &*slots : nullptr);
  RowWork work;
  work.add(round);
  work.most_pulses = round.set_pulses + round.reset_pulses > 0;
  return work;
}

USWIM_EVERY_INSTRUCTION_SET
RowWork row_work(const RowView& row) {
  RowWork work;
  const std::size_t rounds = rounds_until_closed(row, rounds_until_done(row));
  const GroupCounts groups(row.scheme.columns_per_adc);
  std::uint32_t serial = groups.group();
  for (std::size_t r = 0; r < rounds; ++r) {
    const RoundWork round = work_of_round(row, r, groups, serial);
    work.add(round);
    if (r > 0) work.write_cycles += round.set_pulses + round.reset_pulses;
  }
  for (std::size_t w = 0; w < row.words * row.rows; ++w) {
    const std::uint64_t open = pulsed(row, rounds, w);
    work.not_converged += count(open);
    work.not_converged += count(row.pulses.given_up(row.word + w) & row.mask[w] & ~open);
    work.write_cycles += count(pulsed(row, 0, w));
  }
  work.most_pulses = most_pulses(row, rounds);
  if (row.pulses.has_power()) add_power(row, work);
  return work;
}

}  // namespace uswim::programmer
