#include "programmer/write_verify/row_work.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "programmer/write_verify/later_rounds.h"
#include "programmer/write_verify/row_slots.h"
#include "support/instruction_sets.h"

namespace uswim::programmer {
namespace {

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

struct RoundBits {
  std::uint64_t set, reset, read;
};

/// `w`: word of the row, or of all rows one after the other.
USWIM_INLINE RoundBits round_bits(const RowRounds& rounds, std::size_t round, std::size_t w) {
  const DevicePulses::Round r = rounds.at(round, w);
  RoundBits b{r.set, r.reset, r.set | r.reset};
  if (round > 0) return b;
  const RowView& row = rounds.row();
  const std::uint64_t selected = row.mask[w];
  const DevicePulses::OpenLoop& open_loop = row.pulses.open_loop(row.word + w);
  if (row.operation == RowOperation::Verify) {
    // The open-loop pulse, where it is the first of write-verify, has been given. Where
    // write-verify starts from the erased state, a RESET pulse brings the device back to it.
    return {0, open_loop.pulsed() & selected & ~b.read, selected};
  }
  return {b.set | (open_loop.set & ~selected), b.reset | (open_loop.reset & ~selected), selected};
}

/// `serial`: at least the conversions of the ADC with most of them; on return, where it is one row,
/// exactly those, and so a bound for the next round, whose open devices are some of these.
template <class Slots>
USWIM_INLINE RoundWork work_of_round(const RowRounds& rounds, std::size_t round,
                                     const GroupCounts& groups, std::uint32_t& serial) {
  const RowView& row = rounds.row();
  const RowScheme& scheme = row.scheme;
  RoundWork work;
  work.mixed = scheme.mixed_phases;
  Slots slots(scheme.drivers, row.rows, row.words);
  for (std::size_t r = 0; r < row.rows; ++r) {
    std::uint32_t reads = 0, conversions = 0;
    if (row.rows > 1) serial = groups.group();
    for (std::size_t w = 0; w < row.words; ++w) {
      const RoundBits bits = round_bits(rounds, round, r * row.words + w);
      work.set_pulses += count(bits.set);
      work.reset_pulses += count(bits.reset);
      slots.add(w, bits.set, bits.reset);
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
  slots.finish(work);
  return work;
}

/// Column by column, so that the sums have one order. After `rounds` the row is closed.
void add_power(const RowRounds& row_rounds, std::size_t rounds, RowWork& work) {
  const RowView& row = row_rounds.row();
  const DevicePulses& p = row.pulses;
  const bool later = row.operation == RowOperation::Verify;
  for (std::size_t w = 0; w < row.words * row.rows; ++w) {
    const std::size_t word = row.word + w;
    const DevicePulses::Round first = row_rounds.at(0, w);
    const std::uint64_t open = row_rounds.pulsed(rounds, w);
    for (unsigned bit = 0; bit < 64; ++bit) {
      const std::size_t device = word * 64 + bit;
      if (row.mask[w] >> bit & 1) {
        if (!(open >> bit & 1)) {
          work.set_power_W += p.set_power_W(device);
          work.reset_power_W += p.reset_power_W(device);
          work.read_power_W += p.read_power_W(device);
          work.set_excess_V2 += p.set_excess_V2(device);
          work.reset_excess_V2 += p.reset_excess_V2(device);
        }
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

/// Pulses of the device with most of them, in `rounds` rounds. From round 1 on a device is pulsed
/// in every round until it is done, so the last round tells it, but for the pulse before round 1.
USWIM_INLINE std::uint32_t most_pulses(const RowRounds& row_rounds, std::size_t rounds) {
  const RowView& row = row_rounds.row();
  const bool later = row.operation == RowOperation::Verify;
  const std::size_t last = rounds - 1;
  std::uint32_t most = static_cast<std::uint32_t>(last);
  for (std::size_t w = 0; w < row.words * row.rows; ++w) {
    const std::uint64_t open_loop = row.pulses.open_loop(row.word + w).pulsed();
    if (!later && (open_loop & ~row.mask[w]) != 0) most = std::max(most, 1u);
    // As in round_bits(): later the first pulse has been given where it is that of the open-loop
    // write, and where only the open-loop write had one, another erases the device.
    const std::uint64_t first = row_rounds.pulsed(0, w) ^ (later ? open_loop & row.mask[w] : 0);
    if (first != 0) most = std::max(most, 1u);
    if (last > 0 && (first & row_rounds.pulsed(last, w)) != 0)
      most = static_cast<std::uint32_t>(last) + 1;
  }
  return most;
}

USWIM_INLINE std::size_t rounds_until_closed(const RowRounds& row_rounds) {
  const RowView& row = row_rounds.row();
  const RowClosing& closing = row.scheme.closing;
  std::size_t rounds = row_rounds.until_done();
  if (closing.rounds > 0) rounds = std::min<std::size_t>(rounds, closing.rounds);
  if (closing.open_part <= 0.0) return rounds;
  std::uint32_t selected = 0;
  for (std::size_t w = 0; w < row.words * row.rows; ++w) selected += count(row.mask[w]);
  const double enough = closing.open_part * selected;
  for (std::size_t r = 1; r < rounds; ++r) {
    std::uint32_t open = 0;
    for (std::size_t w = 0; w < row.words * row.rows; ++w) open += count(row_rounds.pulsed(r, w));
    if (open <= enough) return r;
  }
  return rounds;
}

/// A device that is open would be pulsed in the next round, in the direction that its last read
/// asks for; its open-loop write goes there too.
template <class Slots>
USWIM_INLINE RoundWork work_of_closing(const RowRounds& row, std::size_t rounds,
                                       const GroupCounts& groups) {
  if (!row.row().scheme.closing.writes()) return {};
  std::uint32_t serial = groups.group();
  RoundWork work = work_of_round<Slots>(row, rounds, groups, serial);
  work.read_rows = work.verify_reads = work.serial_conversions = 0;
  return work;
}

USWIM_INLINE void follow(PolarityChanges& p, const RoundWork& round) {
  using Polarity = PolarityChanges::Polarity;
  if (round.mixed) return;
  for (const auto& [pulses, next] : {std::pair(round.set_pulses, Polarity::Set),
                                     std::pair(round.reset_pulses, Polarity::Reset)}) {
    if (pulses == 0) continue;
    p.count += p.last != Polarity::None && p.last != next;
    if (p.first == Polarity::None) p.first = next;
    p.last = next;
  }
}

USWIM_INLINE void add_round(RowWork& work, const RoundWork& round) {
  follow(work.polarity, round);
  work.phases += round.phases();
  work.set_pulses += round.set_pulses;
  work.reset_pulses += round.reset_pulses;
  work.set_phases += round.set_pulses > 0;
  work.reset_phases += round.reset_pulses > 0;
  work.set_slots += round.set_slots;
  work.reset_slots += round.reset_slots;
  work.mixed_slots += round.mixed_slots;
  work.fullest_set = std::max(work.fullest_set, round.fullest_set);
  work.fullest_reset = std::max(work.fullest_reset, round.fullest_reset);
  work.fullest_mixed = std::max(work.fullest_mixed, round.fullest_mixed);
  work.verify_rounds += round.read_rows;
  work.verify_reads += round.verify_reads;
  work.serial_conversions += round.serial_conversions;
}

template <class Slots>
USWIM_INLINE void add_rounds(const RowRounds& row, std::size_t rounds, RowWork& work) {
  const GroupCounts groups(row.row().scheme.columns_per_adc);
  std::uint32_t serial = groups.group();
  for (std::size_t r = 0; r < rounds; ++r) {
    const RoundWork round = work_of_round<Slots>(row, r, groups, serial);
    add_round(work, round);
    if (r > 0) work.write_cycles += round.set_pulses + round.reset_pulses;
  }
}

}  // namespace

void PolarityChanges::add(const RoundWork& round) { follow(*this, round); }

void RowWork::add(const RoundWork& round) { add_round(*this, round); }

void RowWork::append(const RowWork& next) {
  polarity.count += polarity.before(next.polarity) + next.polarity.count;
  if (polarity.first == PolarityChanges::Polarity::None) polarity.first = next.polarity.first;
  if (next.polarity.last != PolarityChanges::Polarity::None) polarity.last = next.polarity.last;
  set_pulses += next.set_pulses;
  reset_pulses += next.reset_pulses;
  erase_pulses += next.erase_pulses;
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
  read_power_W += next.read_power_W;
  erase_power_W += next.erase_power_W;
  set_excess_V2 += next.set_excess_V2;
  reset_excess_V2 += next.reset_excess_V2;
}

RowRounds::RowRounds(const RowView& row)  // NOLINT(cppcoreguidelines-pro-type-member-init)
    : row_(row), stride_(row.pulses.rounds(row.word, row.words * row.rows, row.mask)) {
  const std::size_t words = row.words * row.rows, needed = 2 * words * stride_ + kSlack;
  if (needed > few_.size()) many_.resize(needed);
  std::uint64_t* const pulsed = many_.empty() ? few_.data() : many_.data();
  until_done_ =
      row.pulses.unpack(row.word, words, row.mask, stride_, pulsed, pulsed + words * stride_);
}

USWIM_EVERY_INSTRUCTION_SET
std::size_t rounds_of(const RowRounds& row) { return rounds_until_closed(row); }

USWIM_EVERY_INSTRUCTION_SET
RoundWork round_work(const RowRounds& row, std::size_t round) {
  const RowScheme& scheme = row.row().scheme;
  const GroupCounts groups(scheme.columns_per_adc);
  std::uint32_t serial = groups.group();
  return scheme.drivers > 0 ? work_of_round<GroupedSlots>(row, round, groups, serial)
                            : work_of_round<WholeRowSlots>(row, round, groups, serial);
}

USWIM_EVERY_INSTRUCTION_SET
RoundWork closing_work(const RowRounds& row, std::size_t rounds) {
  const RowScheme& scheme = row.row().scheme;
  const GroupCounts groups(scheme.columns_per_adc);
  return scheme.drivers > 0 ? work_of_closing<GroupedSlots>(row, rounds, groups)
                            : work_of_closing<WholeRowSlots>(row, rounds, groups);
}

USWIM_EVERY_INSTRUCTION_SET
RowWork pulse_work(const std::vector<std::uint64_t>& set, const std::vector<std::uint64_t>& reset,
                   const RowScheme& scheme) {
  RoundWork round;
  round.mixed = scheme.mixed_phases;
  GroupedSlots groups(std::max(scheme.drivers, 1u), 1, set.size());
  for (std::size_t w = 0; w < set.size(); ++w) {
    round.set_pulses += count(set[w]);
    round.reset_pulses += count(reset[w]);
    groups.add(w, set[w], reset[w]);
  }
  if (scheme.drivers > 0)
    groups.finish(round);
  else
    WholeRowSlots(0, 1, set.size()).finish(round);
  RowWork work;
  work.add(round);
  work.most_pulses = round.set_pulses + round.reset_pulses > 0;
  return work;
}

USWIM_EVERY_INSTRUCTION_SET
RowWork row_work(const RowRounds& row_rounds) {
  const RowView& row = row_rounds.row();
  RowWork work;
  const std::size_t rounds = rounds_until_closed(row_rounds);
  if (knows_later_rounds(row)) {
    add_rounds<WholeRowSlots>(row_rounds, 1, work);
    add_later_rounds(row_rounds, rounds, work);
  } else if (row.scheme.drivers > 0) {
    add_rounds<GroupedSlots>(row_rounds, rounds, work);
  } else {
    add_rounds<WholeRowSlots>(row_rounds, rounds, work);
  }
  if (row.scheme.closing.writes()) add_round(work, closing_work(row_rounds, rounds));
  bool any_open = false;
  for (std::size_t w = 0; w < row.words * row.rows; ++w) {
    const std::uint64_t open = row_rounds.pulsed(rounds, w);
    any_open |= open != 0;
    work.not_converged += count(open);
    work.not_converged += count(row.pulses.given_up(row.word + w) & row.mask[w] & ~open);
    work.write_cycles += count(row_rounds.pulsed(0, w));
  }
  work.most_pulses =
      most_pulses(row_rounds, rounds + (row.scheme.closing.writes() && any_open ? 1 : 0));
  if (row.pulses.has_power()) add_power(row_rounds, rounds, work);
  return work;
}

}  // namespace uswim::programmer
