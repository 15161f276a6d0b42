#include "programmer/write_verify/row_work.h"

#include <algorithm>
#include <vector>

namespace uswim::programmer {
namespace {

std::uint32_t count(std::uint64_t bits) {
  return static_cast<std::uint32_t>(__builtin_popcountll(bits));
}

/// Largest number of set bits in any aligned group of `group` (a power of two).
std::uint32_t fullest_group(std::uint64_t bits, unsigned group) {
  std::uint32_t fullest = 0;
  const std::uint64_t one = group == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << group) - 1;
  for (unsigned at = 0; at < 64; at += group)
    fullest = std::max(fullest, count((bits >> at) & one));
  return fullest;
}

/// Slots of a phase and the pulses of the fullest one, word by word.
class SlotCounter {
 public:
  /// For one row `add` sees each word once; for several, each word of each row.
  SlotCounter(unsigned drivers, const RowView& row) : drivers_(drivers) {
    if (drivers > 0 && row.rows > 1) pulses_.assign(row.words * 64 / drivers + 1, 0);
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
    if (drivers_ == 0) {
      slots_ |= bits != 0;
      fullest_ += count(bits);
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

struct RoundBits {
  std::uint64_t set, reset, read;
};

/// `w`: word of the row, or of all rows one after the other.
RoundBits round_bits(const RowView& row, std::size_t round, std::size_t w) {
  const DeviceOutcomes& o = row.outcomes;
  const std::uint64_t selected = row.mask[w];
  const std::size_t at = round * o.words() + row.word + w;
  RoundBits b{o.set[at] & selected, o.reset[at] & selected, 0};
  b.read = b.set | b.reset;
  if (round == 0 && row.operation == RowOperation::Verify) {
    // The open-loop pulse, where it is the first of write-verify, has been given. Where
    // write-verify starts from the erased state, a RESET pulse brings the device back to it.
    const std::uint64_t pulsed = o.open_loop_set[row.word + w] | o.open_loop_reset[row.word + w];
    b = {0, pulsed & selected & ~(b.set | b.reset), selected};
  } else if (round == 0) {
    b.read = selected;
    b.set |= o.open_loop_set[row.word + w] & ~selected;
    b.reset |= o.open_loop_reset[row.word + w] & ~selected;
  }
  return b;
}

/// Column by column, so that the sums have one order.
void add_power(const RowView& row, RowWork& work) {
  const DeviceOutcomes& o = row.outcomes;
  const bool later = row.operation == RowOperation::Verify;
  for (std::size_t w = 0; w < row.words * row.rows; ++w) {
    const std::size_t at = row.word + w;
    for (unsigned bit = 0; bit < 64; ++bit) {
      const std::size_t device = at * 64 + bit;
      const auto open_loop = static_cast<double>(o.open_loop_power_W[device]);
      if (row.mask[w] >> bit & 1) {
        work.set_power_W += static_cast<double>(o.set_power_W[device]);
        work.reset_power_W += static_cast<double>(o.reset_power_W[device]);
        if (!later) continue;
        // As in round_bits(): the first pulse has been given, or the device is to be erased.
        if (o.set[at] >> bit & 1)
          work.set_power_W -= open_loop;
        else if (o.reset[at] >> bit & 1)
          work.reset_power_W -= open_loop;
        else
          work.reset_power_W += static_cast<double>(o.erase_power_W[device]);
      } else if (!later) {
        const bool up = o.open_loop_set[at] >> bit & 1;
        (up ? work.set_power_W : work.reset_power_W) += open_loop;
      }
    }
  }
}

/// Pulses of the device with most of them.
std::uint32_t most_pulses(const RowView& row) {
  const DeviceOutcomes& o = row.outcomes;
  const bool later = row.operation == RowOperation::Verify;
  std::uint32_t most = 0;
  for (std::size_t w = 0; w < row.words * row.rows; ++w) {
    const std::size_t at = row.word + w;
    const std::uint64_t open_loop = o.open_loop_set[at] | o.open_loop_reset[at];
    const std::uint64_t first = o.set[at] | o.reset[at];
    if (!later && (open_loop & ~row.mask[w]) != 0) most = std::max(most, 1u);
    for (std::uint64_t left = row.mask[w]; left != 0; left &= left - 1) {
      const auto bit = static_cast<unsigned>(__builtin_ctzll(left));
      std::uint32_t pulses = o.cycles[at * 64 + bit];
      // As in round_bits(): one less where the first has been given, one more to erase.
      if (later && (open_loop >> bit & 1)) pulses += first >> bit & 1 ? -1u : 1u;
      most = std::max(most, pulses);
    }
  }
  return most;
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

std::size_t rounds_of(const RowView& row) {
  const DeviceOutcomes& o = row.outcomes;
  std::size_t rounds = 1;
  for (std::size_t w = 0; w < row.words * row.rows; ++w)
    for (std::size_t r = o.rounds; r > rounds; --r) {
      const std::size_t at = (r - 1) * o.words() + row.word + w;
      if ((o.set[at] | o.reset[at]) & row.mask[w]) {
        rounds = r;
        break;
      }
    }
  return rounds;
}

RoundWork round_work(const RowView& row, std::size_t round) {
  const RowScheme& scheme = row.scheme;
  RoundWork work;
  work.mixed = scheme.mixed_phases;
  SlotCounter set(scheme.drivers, row), reset(scheme.drivers, row), either(scheme.drivers, row);
  for (std::size_t r = 0; r < row.rows; ++r) {
    std::uint32_t reads = 0, serial = 0;
    for (std::size_t w = 0; w < row.words; ++w) {
      const RoundBits bits = round_bits(row, round, r * row.words + w);
      work.set_pulses += count(bits.set);
      work.reset_pulses += count(bits.reset);
      set.add(w, bits.set);
      reset.add(w, bits.reset);
      if (scheme.mixed_phases) either.add(w, bits.set | bits.reset);
      reads += count(bits.read);
      serial = std::max(serial, fullest_group(bits.read, scheme.columns_per_adc));
    }
    if (reads == 0) continue;
    if (scheme.verify_whole_row) {
      reads = static_cast<std::uint32_t>(row.columns > 0 ? row.columns : row.words * 64);
      serial = std::min<std::uint32_t>(reads, scheme.columns_per_adc);
    }
    ++work.read_rows;
    work.verify_reads += reads;
    work.serial_conversions += serial;
  }
  work.set_slots = set.slots();
  work.reset_slots = reset.slots();
  work.fullest_set = set.fullest();
  work.fullest_reset = reset.fullest();
  if (scheme.mixed_phases) {
    work.mixed_slots = set.slots() + reset.slots() - either.slots();
    work.fullest_mixed = either.fullest();
    work.set_slots -= work.mixed_slots;
    work.reset_slots -= work.mixed_slots;
  }
  return work;
}

RowWork row_work(const RowView& row) {
  RowWork work;
  const std::size_t rounds = rounds_of(row);
  for (std::size_t r = 0; r < rounds; ++r) work.add(round_work(row, r));
  const DeviceOutcomes& o = row.outcomes;
  for (std::size_t w = 0; w < row.words * row.rows; ++w)
    for (std::uint64_t left = row.mask[w]; left != 0; left &= left - 1) {
      const std::size_t device =
          (row.word + w) * 64 + static_cast<std::size_t>(__builtin_ctzll(left));
      work.write_cycles += o.cycles[device];
      work.not_converged += o.converged[device] == 0;
    }
  work.most_pulses = most_pulses(row);
  if (!o.set_power_W.empty()) add_power(row, work);
  return work;
}

}  // namespace uswim::programmer
