#pragma once
#include <algorithm>

#include "programmer/write_verify/pulse_model.h"

/// Filling in DeviceOutcomes, for the pulse models.
namespace uswim::programmer {

inline void mark(std::vector<std::uint64_t>& bits, std::size_t device) {
  bits[device / 64] |= std::uint64_t{1} << (device % 64);
}

inline void clear(DeviceOutcomes& out, std::size_t devices) {
  out.devices = devices;
  out.rounds = 1;
  out.open_loop.assign(devices, 0.0f);
  out.verified.assign(devices, 0.0f);
  out.cycles.assign(devices, 0);
  out.converged.assign(devices, 1);
  out.open_loop_set.assign(out.words(), 0);
  out.open_loop_reset.assign(out.words(), 0);
  out.set.assign(out.words(), 0);
  out.reset.assign(out.words(), 0);
}

inline void add_rounds(DeviceOutcomes& out, std::size_t rounds) {
  out.rounds = std::max(out.rounds, rounds);
  out.set.resize(out.rounds * out.words(), 0);
  out.reset.resize(out.rounds * out.words(), 0);
}

/// One pulse of write-verify.
inline void mark_pulse(DeviceOutcomes& out, bool up, std::size_t round, std::size_t device) {
  add_rounds(out, round + 1);
  (up ? out.set : out.reset)[round * out.words() + device / 64] |= std::uint64_t{1}
                                                                   << (device % 64);
}

}  // namespace uswim::programmer
