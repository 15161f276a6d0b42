#include "programmer/write_verify/erase_work.h"

#include <algorithm>

namespace uswim::programmer {

RowWork erase_work(std::size_t columns, std::size_t rows, const RowScheme& scheme) {
  const std::size_t group = scheme.drivers == 0 ? columns : scheme.drivers;
  RoundWork round;
  round.mixed = scheme.mixed_phases;
  round.reset_pulses = static_cast<std::uint32_t>(columns * rows);
  round.reset_slots = static_cast<std::uint32_t>((columns + group - 1) / group);
  round.fullest_reset = static_cast<std::uint32_t>(std::min(columns, group) * rows);
  if (round.mixed) round.fullest_mixed = round.fullest_reset;
  RowWork work;
  work.add(round);
  work.erase_pulses = round.reset_pulses;
  work.most_pulses = 1;
  return work;
}

RowWork erased_first(const RowWork& erase, const RowWork& write) {
  RowWork both = erase;
  both.append(write);
  both.most_pulses = erase.most_pulses + write.most_pulses;
  return both;
}

}  // namespace uswim::programmer
