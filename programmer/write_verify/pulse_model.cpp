#include "programmer/write_verify/pulse_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "programmer/write_verify/chunk_loops.h"
#include "programmer/write_verify/ispp_model.h"
#include "programmer/write_verify/pulse_power.h"
#include "programmer/write_verify/pulse_rules.h"
#include "programmer/write_verify/pulsed_model.h"
#include "programmer/write_verify/record.h"

namespace uswim::programmer {

using support::Stream;

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
                    "open counts as not converged"});
  closing.whole("rounds", c.closing.rounds, support::closed(0, 1000),
                {"after so many rounds, the one of the first read included; 0: never"});
  closing.number("open_part", c.closing.open_part, support::closed(0, 0.99),
                 {"as soon as at most this part of the row's selected devices is open"});
  closing.word("then", c.closing.then, kOpenAtClose,
               {"what becomes of devices still open. leave: they stay as they are; "
                "write_open_loop: one more pulse each, without a verify, with the error of an "
                "open-loop write; it is no write cycle, but counts in time, energy and pulses",
                "unconfirmed"});
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
      "ispp",
      {"pulse_model: ispp; the amplitude changes the step, and with tile.write.pulse_energy: "
       "conductance the pulse's energy"}));
  auto statistical = in.section("statistical", {"pulse_model: statistical"});
  statistical.number("verified_sigma", c.verified_sigma, support::closed(0, 1),
                     {"standard deviation after write-verify before the level's factor, fraction "
                      "of the full scale",
                      "SWIM code: 0.03"});
  statistical.whole("cycles", c.cycles, support::closed(1, 1000),
                    {"write cycles of every verified device", "unconfirmed: widely quoted 10"});
  statistical.check(
      c.pulse_model != PulseModelKind::Statistical || c.cycles <= c.max_cycles, "cycles",
      fmt::format("every device gets {} write cycles, more than 'programming.max_cycles' ({}) "
                  "allows",
                  c.cycles, c.max_cycles));
  return c;
}

namespace {

/// The papers' code: write-verify swaps the error for a smaller one and costs a fixed number of
/// cycles.
class StatisticalModel : public PulseModel {
 public:
  StatisticalModel(const WriteVerifyConfig& config, const DeviceModel& device)
      : PulseModel(config, device),
        constants_(pulse_constants(config, device)),
        verified_sigma_(static_cast<float>(config.verified_sigma)),
        cycles_(static_cast<std::uint16_t>(config.cycles)) {
    constants_.read_noise = 0.0f;  // nothing is read, so no errors of reads are drawn
  }

  void write(const DeviceTargets& targets, std::uint64_t first, std::uint64_t seed,
             std::uint32_t chip, DeviceOutcomes& out) const override {
    resize(out, targets.size());
    add_rounds(out, cycles_);
    chunk::ChunkDevices devices;
    for (std::size_t at = 0; at < targets.size(); at += chunk::kChunk)
      write_chunk(targets, at, std::min(chunk::kChunk, targets.size() - at), first + at, seed, chip,
                  devices, out);
    for (std::size_t round = 1; round < cycles_; ++round)
      std::copy_n(out.reset.begin(), out.words(),
                  out.reset.begin() + static_cast<std::ptrdiff_t>(round * out.words()));
    relax_all(out, targets, constants_, first, seed, chip);
  }

 private:
  void write_chunk(const DeviceTargets& targets, std::size_t at, std::size_t n, std::uint64_t first,
                   std::uint64_t seed, std::uint32_t chip, chunk::ChunkDevices& d,
                   DeviceOutcomes& out) const {
    alignas(64) float residual[chunk::kPadded];
    std::uint8_t pulses[chunk::kChunk] = {};
    float* const verified = &out.verified[at];
    chunk::first_rounds(constants_, targets, at, n, first, seed, chip, d, &out.open_loop[at],
                        verified);
    support::device_normals({seed, chip, Stream::StatisticalResidual}, first, n, residual);
    chunk::swap_errors(&targets.levels[at], n, verified_sigma_, residual, cycles_, verified,
                       &out.cycles[at], d.flags);
    for (std::size_t i = 0; i < n && constants_.may_be_stuck(); ++i) {
      if (d.target[i] < 0.0f || static_cast<Stuck>(d.stuck[i]) == Stuck::No) continue;
      verified[i] = out.open_loop[at + i];
      out.converged[at + i] = is_inside(verified[i], d.target[i], constants_.tolerance);
    }
    chunk::as_bytes(d.flags, n, pulses);
    chunk::record_first_round(pulses, at, n, out);
  }

  PulseConstants constants_;
  float verified_sigma_;
  std::uint16_t cycles_;
};

/// One device at a time: reads that are rounded one by one are many draws, and rarely asked for.
class RoundedReadsModel : public PulseModel {
 public:
  RoundedReadsModel(const WriteVerifyConfig& config, const DeviceModel& device)
      : PulseModel(config, device), config_(config), device_(device) {}
  void write(const DeviceTargets& targets, std::uint64_t first, std::uint64_t seed,
             std::uint32_t chip, DeviceOutcomes& out) const override {
    write_plainly(config_, device_, targets, first, seed, chip, out);
  }

 private:
  WriteVerifyConfig config_;
  DeviceModel device_;
};

/// The mean of a verify's reads in a round, each rounded by the converter. The first read has the
/// draws of a verify with one read; read k the draw k 2^22 + round, which is none of those.
float rounded_reads_mean(float g, const WriteVerifyConfig& config, const PulseConstants& c,
                         const support::StreamKey& key, std::uint64_t device, std::uint32_t round) {
  const std::uint32_t reads = config.rounded_reads;
  const float noise = c.read_noise * std::sqrt(static_cast<float>(reads));  // of one read
  float sum = 0.0f;
  for (std::uint32_t k = 0; k < reads; ++k) {
    const float error = k > 0        ? support::normal(key, device, (k << 22) + round)
                        : round == 0 ? support::device_normal(key, device)
                                     : support::normal(key, device, round - 1);
    sum += converted(g + noise * error, c);
  }
  return sum / static_cast<float>(reads);
}

}  // namespace

std::vector<std::uint64_t> DeviceOutcomes::set_by_round() const {
  std::vector<std::uint64_t> set = first_set;
  set.resize(rounds * words(), 0);
  for (std::size_t i = 0; i < devices; ++i)
    for (std::size_t round = 1; round <= later_pulses(i); ++round) {
      const std::size_t word = round * words() + i / 64;
      set[word] |= std::uint64_t{1} << (i % 64) & ~reset[word];
    }
  return set;
}

DeviceTargets::DeviceTargets(const std::vector<DeviceTarget>& targets) {
  const bool programmed = std::any_of(targets.begin(), targets.end(),
                                      [](const DeviceTarget& t) { return t.programmed; });
  for (const DeviceTarget& t : targets) {
    levels.push_back({t.present ? t.target : kNoDevice, t.level_factor});
    if (programmed) start.push_back(t.programmed ? t.start : std::nanf(""));
  }
}

std::unique_ptr<PulseModel> make_pulse_model(const WriteVerifyConfig& config,
                                             const DeviceModel& device) {
  if (config.power) return make_powered_model(config, device);
  if (config.pulse_model == PulseModelKind::Statistical)
    return std::make_unique<StatisticalModel>(config, device);
  if (config.averages_rounded_reads(device))
    return std::make_unique<RoundedReadsModel>(config, device);
  if (config.pulse_model == PulseModelKind::Ispp) return make_ispp_model(config, device);
  return make_pulsed_model(config, device);
}

float PulseModel::closing_write(const DeviceTarget& target, std::uint64_t device,
                                std::uint64_t seed, std::uint32_t chip) const {
  const PulseConstants c = pulse_constants(config_, device_);
  const float error = support::device_normal({seed, chip, Stream::ClosingWrite}, device);
  return first_round(target, error, stuck_state(c, seed, chip, device), c).open_loop;
}

float PulseModel::closed_after(const DeviceTarget& target, std::uint64_t device, std::uint64_t seed,
                               std::uint32_t chip, std::uint32_t rounds) const {
  if (config_.closing.then == OpenAtClose::WriteOpenLoop) {
    const PulseConstants c = pulse_constants(config_, device_);
    const Stuck stuck = stuck_state(c, seed, chip, device);
    const float written = closing_write(target, device, seed, chip);
    if (stuck != Stuck::No || c.relaxation_sigma <= 0.0f) return written;
    return written +
           c.relaxation_sigma * support::device_normal({seed, chip, Stream::Relaxation}, device);
  }
  DeviceOutcomes out;
  write_plainly(config_, device_, std::vector<DeviceTarget>{target}, device, seed, chip, out,
                rounds);
  return out.verified.front();
}

void write_plainly(const WriteVerifyConfig& config, const DeviceModel& device,
                   const DeviceTargets& targets, std::uint64_t first, std::uint64_t seed,
                   std::uint32_t chip, DeviceOutcomes& out, std::uint32_t rounds) {
  const PulseConstants constants = pulse_constants(config, device);
  const IsppRule ispp(config.ispp);
  const bool averages = config.averages_rounded_reads(device);
  clear(out, targets.size());
  for (std::size_t i = 0; i < targets.size(); ++i) {
    if (!targets[i].present) continue;
    const float t = targets[i].target;
    const float sigma = constants.nominal_sigma * targets[i].level_factor;
    const Stuck stuck = stuck_state(constants, seed, chip, first + i);
    const FirstRound start = first_round(
        targets[i], support::device_normal({seed, chip, Stream::ProgrammingError}, first + i),
        stuck, constants);
    float factor = 1.0f;
    if (constants.device_to_device > 0.0f)
      factor =
          step_factor(constants, support::device_normal(device_step_key(seed, chip), first + i));
    out.open_loop[i] = start.open_loop;
    if (start.open_loop_set()) mark(out.open_loop_set, i);
    if (start.open_loop_reset()) mark(out.open_loop_reset, i);
    if (start.verify_set()) mark(out.first_set, i);
    if (start.verify_reset()) mark(out.reset, i);

    float g = start.start;
    int cycles = start.cycles();
    IsppState ramps;
    for (std::uint32_t round = 0;; ++round) {
      const auto read_verify = [&] {
        if (constants.read_noise <= 0.0f) return converted(g, constants);
        const support::StreamKey key{seed, chip, Stream::VerifyReadNoise};
        if (averages) return rounded_reads_mean(g, config, constants, key, first + i, round);
        const float error = round == 0 ? support::device_normal(key, first + i)
                                       : support::normal(key, first + i, round - 1);
        return converted(g + constants.read_noise * error, constants);
      };
      const float read = read_verify();
      out.converged[i] = is_inside(read, t, constants.tolerance);
      if (out.converged[i] || cycles >= constants.max_cycles || round + 1 >= rounds) break;
      const float z = support::normal({seed, chip, Stream::WriteCycle}, first + i, round);
      const bool up = read < t;
      float moved = g;
      if (constants.kind == PulseModelKind::Ispp) {
        if (!ispp.prepare(ramps, up)) break;
        moved = ispp.after_pulse(ramps, g, factor, z);
      } else if (constants.kind == PulseModelKind::Redraw) {
        moved = RedrawRule{}.after_pulse(g, t, sigma, 0.0f, z, constants);
      } else {
        const float step = constants.step * factor;
        moved = IncrementalRule{}.after_pulse(g, t, sigma, up ? step : -step, z, constants);
      }
      if (stuck == Stuck::No) g = moved;
      ++cycles;
      mark_pulse(out, up, round + 1, i);
    }
    out.verified[i] = g;
    out.cycles[i] = static_cast<std::uint16_t>(cycles);
    if (constants.relaxation_sigma > 0.0f)
      relax(out, i, targets[i], constants, stuck,
            support::device_normal({seed, chip, Stream::Relaxation}, first + i));
  }
}

}  // namespace uswim::programmer
