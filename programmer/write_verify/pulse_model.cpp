#include "programmer/write_verify/pulse_model.h"

#include <algorithm>
#include <cmath>

#include "programmer/write_verify/ispp_model.h"
#include "programmer/write_verify/pulse_power.h"
#include "programmer/write_verify/pulse_rules.h"
#include "programmer/write_verify/record.h"

namespace uswim::programmer {

using support::Stream;
using support::StreamKey;

WriteVerifyConfig read_write_verify(support::ConfigReader in) {
  WriteVerifyConfig c;
  in.word("pulse_model", c.pulse_model, kPulseModels,
          {"what a write pulse does: redraw (independent rewrite), incremental (small steps "
           "towards the target), ispp (pulses of growing amplitude) or "
           "statistical (the papers' code: a smaller error after a fixed number of cycles)",
           "incremental comes close to the papers' 10 cycles and residual of 0.03"});
  in.number("tolerance", c.tolerance, support::open(0, 1),
            {"half width of the accepted window, fraction of the full scale",
             "unconfirmed: widely quoted 0.06"});
  in.whole("max_cycles", c.max_cycles, support::closed(1, 1000),
           {"write cycles after which a device is given up and counted as not converged",
            "unconfirmed"});
  auto closing = in.section(
      "close_row", {"ends a row's write-verify before its slowest device is done; what is still "
                    "open stays as it is and counts as not converged"});
  closing.whole("rounds", c.closing.rounds, support::closed(0, 1000),
                {"after so many rounds, the one of the first read included; 0: never"});
  closing.number("open_part", c.closing.open_part, support::closed(0, 0.99),
                 {"as soon as at most this part of the row's selected devices is open"});
  closing.check(!c.closing.is_used() || c.pulse_model != PulseModelKind::Statistical, "",
                "'statistical' knows no conductance before its last cycle");
  auto incremental = in.section("incremental", {"pulse_model: incremental"});
  incremental.word("start", c.start, kStartStates,
                   {"where write-verify starts: at the erased level or at the open-loop write",
                    "erased: NeuRRAM's programming code"});
  incremental.number("step", c.step, support::left_open(0, 1),
                     {"mean change of the conductance by one pulse, fraction of the full scale",
                      "derived: with step_noise 0.03 about 10 cycles and a residual of 0.036"});
  incremental.number(
      "step_noise", c.step_noise, support::closed(0, 1),
      {"standard deviation of that change, fraction of the full scale", "derived: see step"});
  c.ispp = read_ispp(in.section(
      "ispp", {"pulse_model: ispp; the amplitude changes the step, not the pulse's energy"}));
  auto statistical = in.section("statistical", {"pulse_model: statistical"});
  statistical.number("verified_sigma", c.verified_sigma, support::closed(0, 1),
                     {"standard deviation after write-verify before the level's factor, fraction "
                      "of the full scale",
                      "SWIM code: 0.03"});
  statistical.whole("cycles", c.cycles, support::closed(1, 1000),
                    {"write cycles of every verified device", "unconfirmed: widely quoted 10"});
  return c;
}

namespace {

constexpr std::size_t kRoundsPerBlock = support::kNormalsPerBlock;

/// Devices still open, in ascending order, one array per quantity so that the block loop
/// vectorises.
struct OpenDevices {
  std::vector<std::uint64_t> device;  ///< on the chip
  std::vector<float> conductance, read, target, sigma, step;
  std::vector<std::int32_t> cycles, open, stuck;  ///< open and stuck: all bits or none
  std::vector<std::uint32_t> pulses;  ///< of one block: bit 2j SET, bit 2j + 1 RESET in its round j
  std::vector<float> draws,
      noise;  ///< of one block, [round][device]; noise stays 0 without read noise
  std::size_t count = 0;

  explicit OpenDevices(std::size_t n)
      : device(n),
        conductance(n),
        read(n),
        target(n),
        sigma(n),
        step(n),
        cycles(n),
        open(n),
        stuck(n),
        pulses(n),
        draws(n * kRoundsPerBlock),
        noise(n * kRoundsPerBlock) {}
  void keep(std::size_t to, std::size_t from) {
    device[to] = device[from];
    conductance[to] = conductance[from];
    read[to] = read[from];
    target[to] = target[from];
    sigma[to] = sigma[from];
    step[to] = step[from];
    stuck[to] = stuck[from];
    cycles[to] = cycles[from];
  }
};

/// One round of `n` open devices; `shift` is twice its number within the block. Arrays, not the
/// struct, so that the loop vectorises.
template <class Rule>
USWIM_INLINE void run_round(std::size_t n, const PulseConstants constants,
                            const float* __restrict z, const float* __restrict noise,
                            float* __restrict conductance, float* __restrict read,
                            const float* __restrict target, const float* __restrict sigma,
                            const float* __restrict step, const std::int32_t* __restrict stuck,
                            std::int32_t* __restrict cycles, std::int32_t* __restrict open,
                            std::uint32_t* __restrict pulses, int shift) {
  const Rule rule;
  for (std::size_t i = 0; i < n; ++i) {
    const float t = target[i];
    const bool up = read[i] < t;
    const float g = conductance[i];
    const float pulsed = rule.after_pulse(g, t, sigma[i], step[i], up, z[i], constants);
    const float moved = stuck[i] ? g : pulsed;
    const float seen = moved + noise[i];
    const std::int32_t acts = open[i];  // all bits or none: selects without a branch
    const std::int32_t c = cycles[i] - acts;
    const std::int32_t outside = is_inside(seen, t, constants.tolerance) ? 0 : -1;
    const std::int32_t left = c < constants.max_cycles ? -1 : 0;
    conductance[i] = acts ? moved : g;
    read[i] = acts ? seen : read[i];
    cycles[i] = c;
    pulses[i] |= (static_cast<std::uint32_t>(acts) & (up ? 1u : 2u)) << shift;
    open[i] = acts & outside & left;
  }
}

#define USWIM_ROUND(name, Rule)                                                                    \
  USWIM_EVERY_INSTRUCTION_SET void name(OpenDevices& d, const PulseConstants& c, const float* z,   \
                                        const float* noise, int shift) {                           \
    run_round<Rule>(d.count, c, z, noise, d.conductance.data(), d.read.data(), d.target.data(),    \
                    d.sigma.data(), d.step.data(), d.stuck.data(), d.cycles.data(), d.open.data(), \
                    d.pulses.data(), shift);                                                       \
  }
USWIM_ROUND(redraw_round, RedrawRule)
USWIM_ROUND(incremental_round, IncrementalRule)
#undef USWIM_ROUND

/// Stores the pulses of one block as bit sets and keeps only the devices that are still open.
void record_and_compact(OpenDevices& d, std::uint64_t first, std::uint32_t block,
                        DeviceOutcomes& out) {
  const std::size_t words = out.words();
  add_rounds(out, (block + 1) * kRoundsPerBlock);
  std::uint64_t set[kRoundsPerBlock] = {}, reset[kRoundsPerBlock] = {};
  std::size_t word = 0, kept = 0;
  const auto flush = [&] {
    for (std::size_t j = 0; j < kRoundsPerBlock; ++j) {
      out.set[(block * kRoundsPerBlock + j) * words + word] |= set[j];
      out.reset[(block * kRoundsPerBlock + j) * words + word] |= reset[j];
      set[j] = reset[j] = 0;
    }
  };
  for (std::size_t i = 0; i < d.count; ++i) {
    const std::size_t device = d.device[i] - first;
    if (device / 64 != word) {
      flush();
      word = device / 64;
    }
    const std::uint64_t p = d.pulses[i];
    for (std::size_t j = 0; j < kRoundsPerBlock; ++j) {
      set[j] |= ((p >> (2 * j)) & 1) << (device % 64);
      reset[j] |= ((p >> (2 * j + 1)) & 1) << (device % 64);
    }
    out.verified[device] = d.conductance[i];
    out.cycles[device] = static_cast<std::uint16_t>(d.cycles[i]);
    d.keep(kept, i);
    kept += d.open[i] != 0;
  }
  flush();
  d.count = kept;
}

/// Rounds until every device is inside its window or given up.
class PulsedModel : public PulseModel {
 public:
  PulsedModel(const WriteVerifyConfig& config, const DeviceModel& device)
      : PulseModel(config, device), constants_(pulse_constants(config, device)) {}

  void write(const std::vector<DeviceTarget>& targets, std::uint64_t first, std::uint64_t seed,
             std::uint32_t chip, DeviceOutcomes& out) const override {
    const std::size_t n = targets.size();
    clear(out, n);
    const StreamKey error_key{seed, chip, Stream::ProgrammingError};
    const StreamKey write_key{seed, chip, Stream::WriteCycle};
    const StreamKey read_key{seed, chip, Stream::VerifyReadNoise};

    std::vector<std::uint64_t> index(n);
    for (std::size_t i = 0; i < n; ++i) index[i] = first + i;
    std::vector<float> error(n * support::kNormalsPerBlock), noise;
    support::normal_blocks(error_key, index.data(), n, 0, error.data(), n);
    if (constants_.read_noise > 0.0f) {
      noise.resize(n * support::kNormalsPerBlock);
      support::normal_blocks(read_key, index.data(), n, 0, noise.data(), n);
    }

    std::vector<float> own_step;
    if (constants_.device_to_device > 0.0f) {
      own_step.resize(n * support::kNormalsPerBlock);
      support::normal_blocks(device_step_key(seed, chip), index.data(), n, 0, own_step.data(), n);
    }

    OpenDevices open(n);
    for (std::size_t i = 0; i < n; ++i) {
      if (!targets[i].present) continue;
      const Stuck stuck = stuck_state(constants_, seed, chip, first + i);
      const FirstRound round = first_round(targets[i], error[i], stuck, constants_);
      out.open_loop[i] = round.open_loop;
      if (round.open_loop_set) mark(out.open_loop_set, i);
      if (round.open_loop_reset) mark(out.open_loop_reset, i);
      if (round.verify_set) mark(out.set, i);
      if (round.verify_reset) mark(out.reset, i);
      const float read =
          noise.empty() ? round.start : round.start + constants_.read_noise * noise[i];
      out.verified[i] = round.start;
      out.cycles[i] = static_cast<std::uint16_t>(round.cycles);
      if (is_inside(read, targets[i].target, constants_.tolerance)) continue;
      if (round.cycles >= constants_.max_cycles) {
        out.converged[i] = 0;
        continue;
      }
      open.device[open.count] = first + i;
      open.conductance[open.count] = round.start;
      open.read[open.count] = read;
      open.target[open.count] = targets[i].target;
      open.sigma[open.count] = constants_.nominal_sigma * targets[i].level_factor;
      open.step[open.count] = own_step.empty()
                                  ? constants_.step
                                  : constants_.step * step_factor(constants_, own_step[i]);
      open.stuck[open.count] = stuck == Stuck::No ? 0 : -1;
      open.cycles[open.count] = round.cycles;
      ++open.count;
    }

    for (std::uint32_t block = 0; open.count > 0; ++block) {
      run_block(open, write_key, read_key, block);
      for (std::size_t i = 0; i < open.count; ++i)
        if (!open.open[i] && !is_inside(open.read[i], open.target[i], constants_.tolerance))
          out.converged[open.device[i] - first] = 0;
      record_and_compact(open, first, block, out);
    }
    drop_empty_rounds(out);
    relax_all(out, targets, constants_, first, seed, chip);
  }

 private:
  /// Up to four rounds of all open devices. Draw 0 belongs to round 0, which has been dealt with.
  void run_block(OpenDevices& d, const StreamKey& write_key, const StreamKey& read_key,
                 std::uint32_t block) const {
    const std::size_t n = d.count;
    support::normal_blocks(write_key, d.device.data(), n, block, d.draws.data(), n);
    if (constants_.read_noise > 0.0f) {
      support::normal_blocks(read_key, d.device.data(), n, block, d.noise.data(), n);
      for (std::size_t i = 0; i < n * kRoundsPerBlock; ++i) d.noise[i] *= constants_.read_noise;
    }
    std::fill_n(d.open.begin(), n, -1);
    std::fill_n(d.pulses.begin(), n, 0u);
    const auto round = constants_.kind == PulseModelKind::Redraw ? redraw_round : incremental_round;
    for (std::size_t j = block == 0 ? 1 : 0; j < kRoundsPerBlock; ++j)
      round(d, constants_, &d.draws[j * n], &d.noise[j * n], static_cast<int>(2 * j));
  }
  /// Blocks end on a multiple of four rounds; the last ones may be empty.
  static void drop_empty_rounds(DeviceOutcomes& out) {
    const auto is_empty = [&](std::size_t round) {
      for (std::size_t w = round * out.words(); w < (round + 1) * out.words(); ++w)
        if (out.set[w] | out.reset[w]) return false;
      return true;
    };
    while (out.rounds > 1 && is_empty(out.rounds - 1)) --out.rounds;
    out.set.resize(out.rounds * out.words());
    out.reset.resize(out.rounds * out.words());
  }

  PulseConstants constants_;
};

/// The papers' code: write-verify swaps the error for a smaller one and costs a fixed number of
/// cycles.
class StatisticalModel : public PulseModel {
 public:
  StatisticalModel(const WriteVerifyConfig& config, const DeviceModel& device)
      : PulseModel(config, device),
        constants_(pulse_constants(config, device)),
        verified_sigma_(static_cast<float>(config.verified_sigma)),
        cycles_(static_cast<std::uint16_t>(config.cycles)) {}

  void write(const std::vector<DeviceTarget>& targets, std::uint64_t first, std::uint64_t seed,
             std::uint32_t chip, DeviceOutcomes& out) const override {
    const std::size_t n = targets.size();
    clear(out, n);
    add_rounds(out, cycles_);
    for (std::size_t i = 0; i < n; ++i) {
      if (!targets[i].present) continue;
      const float error = support::normal({seed, chip, Stream::ProgrammingError}, first + i, 0);
      const float residual =
          support::normal({seed, chip, Stream::StatisticalResidual}, first + i, 0);
      const Stuck stuck = stuck_state(constants_, seed, chip, first + i);
      const FirstRound round = first_round(targets[i], error, stuck, constants_);
      out.open_loop[i] = round.open_loop;
      if (round.open_loop_set) mark(out.open_loop_set, i);
      if (round.open_loop_reset) mark(out.open_loop_reset, i);
      out.verified[i] = targets[i].target + verified_sigma_ * targets[i].level_factor * residual;
      if (stuck != Stuck::No) {
        out.verified[i] = round.open_loop;
        out.converged[i] = is_inside(round.open_loop, targets[i].target, constants_.tolerance);
      }
      out.cycles[i] = cycles_;
      mark(targets[i].target > 0.0f ? out.set : out.reset, i);
    }
    for (std::size_t round = 1; round < cycles_; ++round)
      for (std::size_t w = 0; w < out.words(); ++w) {
        out.set[round * out.words() + w] = out.set[w];
        out.reset[round * out.words() + w] = out.reset[w];
      }
    relax_all(out, targets, constants_, first, seed, chip);
  }

 private:
  PulseConstants constants_;
  float verified_sigma_;
  std::uint16_t cycles_;
};

}  // namespace

std::unique_ptr<PulseModel> make_pulse_model(const WriteVerifyConfig& config,
                                             const DeviceModel& device) {
  if (config.power) return make_powered_model(config, device);
  if (config.pulse_model == PulseModelKind::Statistical)
    return std::make_unique<StatisticalModel>(config, device);
  if (config.pulse_model == PulseModelKind::Ispp) return make_ispp_model(config, device);
  return std::make_unique<PulsedModel>(config, device);
}

float PulseModel::closed_after(const DeviceTarget& target, std::uint64_t device, std::uint64_t seed,
                               std::uint32_t chip, std::uint32_t rounds) const {
  DeviceOutcomes out;
  write_plainly(config_, device_, {target}, device, seed, chip, out, rounds);
  return out.verified.front();
}

void write_plainly(const WriteVerifyConfig& config, const DeviceModel& device,
                   const std::vector<DeviceTarget>& targets, std::uint64_t first,
                   std::uint64_t seed, std::uint32_t chip, DeviceOutcomes& out,
                   std::uint32_t rounds) {
  const PulseConstants constants = pulse_constants(config, device);
  const IsppRule ispp(config.ispp);
  clear(out, targets.size());
  for (std::size_t i = 0; i < targets.size(); ++i) {
    if (!targets[i].present) continue;
    const float t = targets[i].target;
    const float sigma = constants.nominal_sigma * targets[i].level_factor;
    const Stuck stuck = stuck_state(constants, seed, chip, first + i);
    const FirstRound start = first_round(
        targets[i], support::normal({seed, chip, Stream::ProgrammingError}, first + i, 0), stuck,
        constants);
    float factor = 1.0f;
    if (constants.device_to_device > 0.0f)
      factor = step_factor(constants, support::normal(device_step_key(seed, chip), first + i, 0));
    out.open_loop[i] = start.open_loop;
    if (start.open_loop_set) mark(out.open_loop_set, i);
    if (start.open_loop_reset) mark(out.open_loop_reset, i);
    if (start.verify_set) mark(out.set, i);
    if (start.verify_reset) mark(out.reset, i);

    float g = start.start;
    int cycles = start.cycles;
    IsppState ramps;
    for (std::uint32_t round = 0;; ++round) {
      const auto read_verify = [&] {
        if (constants.read_noise <= 0.0f) return g;
        return g + constants.read_noise *
                       support::normal({seed, chip, Stream::VerifyReadNoise}, first + i, round);
      };
      const float read = read_verify();
      out.converged[i] = is_inside(read, t, constants.tolerance);
      if (out.converged[i] || cycles >= constants.max_cycles || round + 1 >= rounds) break;
      const float z = support::normal({seed, chip, Stream::WriteCycle}, first + i, round + 1);
      const bool up = read < t;
      float moved = g;
      if (constants.kind == PulseModelKind::Ispp) {
        if (!ispp.prepare(ramps, up)) break;
        moved = ispp.after_pulse(ramps, g, factor, z);
      } else if (constants.kind == PulseModelKind::Redraw) {
        moved = RedrawRule{}.after_pulse(g, t, sigma, constants.step, up, z, constants);
      } else {
        moved =
            IncrementalRule{}.after_pulse(g, t, sigma, constants.step * factor, up, z, constants);
      }
      if (stuck == Stuck::No) g = moved;
      ++cycles;
      mark_pulse(out, up, round + 1, i);
    }
    out.verified[i] = g;
    out.cycles[i] = static_cast<std::uint16_t>(cycles);
    if (constants.relaxation_sigma > 0.0f)
      relax(out, i, targets[i], constants, stuck,
            support::normal({seed, chip, Stream::Relaxation}, first + i, 0));
  }
}

}  // namespace uswim::programmer
