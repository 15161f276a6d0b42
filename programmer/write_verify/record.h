#pragma once
#include <algorithm>

#include "programmer/write_verify/pulse_model.h"
#include "programmer/write_verify/pulse_rules.h"
#include "support/device_normals.h"

/// Filling in DeviceOutcomes, for the pulse models.
namespace uswim::programmer {

inline void mark(std::vector<std::uint64_t>& bits, std::size_t device) {
  bits[device / 64] |= std::uint64_t{1} << (device % 64);
}

/// What a model sets for every device has any value; all converged, no pulses of write-verify, no
/// powers.
inline void resize(DeviceOutcomes& out, std::size_t devices) {
  out.devices = devices;
  out.rounds = 1;
  out.open_loop.resize(devices);
  out.verified.resize(devices);
  out.cycles.resize(devices);
  out.converged.assign(devices, 1);
  out.open_loop_set.resize(out.words());
  out.open_loop_reset.resize(out.words());
  out.first_set.assign(out.words(), 0);
  out.reset.assign(out.words(), 0);
  for (std::vector<float>* of_pulses :
       {&out.open_loop_power_W, &out.set_power_W, &out.reset_power_W, &out.read_power_W,
        &out.erase_power_W, &out.erased_power_W, &out.set_excess_V2, &out.reset_excess_V2})
    of_pulses->clear();
}

inline void clear(DeviceOutcomes& out, std::size_t devices) {
  resize(out, devices);
  std::fill(out.open_loop.begin(), out.open_loop.end(), 0.0f);
  std::fill(out.verified.begin(), out.verified.end(), 0.0f);
  std::fill(out.cycles.begin(), out.cycles.end(), std::uint16_t{0});
  std::fill(out.open_loop_set.begin(), out.open_loop_set.end(), std::uint64_t{0});
  std::fill(out.open_loop_reset.begin(), out.open_loop_reset.end(), std::uint64_t{0});
}

inline void add_rounds(DeviceOutcomes& out, std::size_t rounds) {
  out.rounds = std::max(out.rounds, rounds);
  out.reset.resize(out.rounds * out.words(), 0);
}

/// The polarity of one pulse of write-verify behind round 0.
inline void mark_pulse(DeviceOutcomes& out, bool up, std::size_t round, std::size_t device) {
  add_rounds(out, round + 1);
  if (!up) mark(out.reset, round * out.words() * 64 + device);
}

/// After the last pulse a device that is not stuck still moves. Write-verify does not see it: what
/// was converged stays so, and the move is the same whether the device was verified or not.
/// A device that was programmed before and now gets no pulse has had its move.
inline void relax(DeviceOutcomes& out, std::size_t device, const DeviceTarget& target,
                  const PulseConstants& c, Stuck stuck, float z) {
  if (stuck != Stuck::No) return;
  out.open_loop[device] += c.relaxation_sigma * z;
  if (target.programmed && out.cycles[device] == 0) return;
  out.verified[device] += c.relaxation_sigma * z;
}

/// The same for all devices of a set, after everything else about them is known.
inline void relax_all(DeviceOutcomes& out, const DeviceTargets& targets, const PulseConstants& c,
                      std::uint64_t first, std::uint64_t seed, std::uint32_t chip) {
  if (c.relaxation_sigma <= 0.0f) return;
  const std::size_t n = targets.size();
  std::vector<float> z(n);
  support::device_normals({seed, chip, support::Stream::Relaxation}, first, n, z.data());
  for (std::size_t i = 0; i < n; ++i)
    if (targets[i].present)
      relax(out, i, targets[i], c, stuck_state(c, seed, chip, first + i), z[i]);
}

}  // namespace uswim::programmer
