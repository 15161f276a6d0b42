#include "programmer/write_verify/pulse_power.h"

#include <algorithm>
#include <stdexcept>

#include "programmer/write_verify/pulse_rules.h"
#include "support/device_normals.h"

namespace uswim::programmer {
namespace {

using support::kNormalsPerBlock;
using support::Stream;

/// A device whose pulses after round 0 are being gone through.
struct PulsedDevice {
  std::size_t place;
  float conductance, target, sigma, factor;
  bool stuck;
  int left;  ///< pulses
  IsppState state;
};

class PoweredModel : public PulseModel {
 public:
  PoweredModel(const WriteVerifyConfig& config, const DeviceModel& device)
      : PulseModel(config, device),
        constants_(pulse_constants(config, device)),
        rule_(config.ispp),
        power_(*config.power),
        config_(config),
        device_(device) {
    if (config.pulse_model == PulseModelKind::Statistical)
      throw std::invalid_argument("the statistical model has no conductance at a pulse");
    config_.power.reset();
    model_ = make_pulse_model(config_, device);
  }

  void write(const DeviceTargets& targets, std::uint64_t first, std::uint64_t seed,
             std::uint32_t chip, DeviceOutcomes& out) const override {
    model_->write(targets, first, seed, chip, out);
    go_through(targets, first, seed, chip, out, nullptr);
  }

  ClosedPower power_when_closed(const DeviceTarget& target, std::uint64_t device,
                                std::uint64_t seed, std::uint32_t chip, std::uint32_t rounds,
                                bool up) const override {
    DeviceOutcomes out;
    write_plainly(config_, device_, std::vector<DeviceTarget>{target}, device, seed, chip, out,
                  rounds);
    float left = 0.0f;
    go_through(std::vector<DeviceTarget>{target}, device, seed, chip, out, &left);
    ClosedPower p{out.set_power_W.front(), out.reset_power_W.front(), out.read_power_W.front()};
    if (has_ramps()) {
      p.set_excess_V2 = double{out.set_excess_V2.front()};
      p.reset_excess_V2 = double{out.reset_excess_V2.front()};
    }
    if (closing().writes())
      (up ? p.set_W : p.reset_W) +=
          power(amplitude_V(up), left, closing_write(target, device, seed, chip));
    return p;
  }

  double pulse_power_W(bool up, float before, float after) const override {
    return double{power(amplitude_V(up), before, after)};
  }

 private:
  /// Powers of the pulses that `out` records and of the reads behind them; `left`, where it is not
  /// null: conductances that the last of them leave, relaxation not included.
  void go_through(const DeviceTargets& targets, std::uint64_t first, std::uint64_t seed,
                  std::uint32_t chip, DeviceOutcomes& out, float* left) const {
    const std::size_t n = targets.size();
    for (std::vector<float>* power : {&out.open_loop_power_W, &out.set_power_W, &out.reset_power_W,
                                      &out.read_power_W, &out.erase_power_W, &out.erased_power_W})
      power->assign(n, 0.0f);
    if (has_ramps()) {
      out.set_excess_V2.assign(n, 0.0f);
      out.reset_excess_V2.assign(n, 0.0f);
    }

    std::vector<std::uint64_t> index;
    std::vector<float> z(n * kNormalsPerBlock), own_step(n);
    support::device_normals({seed, chip, Stream::ProgrammingError}, first, n, z.data());
    if (constants_.device_to_device > 0.0f)
      support::device_normals(device_step_key(seed, chip), first, n, own_step.data());
    std::vector<PulsedDevice> open;
    for (std::size_t i = 0; i < n; ++i) {
      if (!targets[i].present) continue;
      const Stuck stuck = stuck_state(constants_, seed, chip, first + i);
      const FirstRound r = first_round(targets[i], z[i], stuck, constants_);
      out.erased_power_W[i] = power(amplitude_V(false), r.before, r.before);
      out.read_power_W[i] = read_power(r.start);
      if (left != nullptr) left[i] = r.start;
      if (r.open_loop_set() || r.open_loop_reset()) {
        out.open_loop_power_W[i] = power(amplitude_V(r.open_loop_set()), r.before, r.open_loop);
        out.erase_power_W[i] = power(amplitude_V(false), r.open_loop, r.before);
      }
      if (r.verify_set() || r.verify_reset())
        (r.verify_set() ? out.set_power_W : out.reset_power_W)[i] =
            power(amplitude_V(r.verify_set()), r.before, r.start);
      if (out.cycles[i] == r.cycles()) continue;
      index.push_back(first + i);
      open.push_back({i,
                      r.start,
                      targets[i].target,
                      constants_.nominal_sigma * targets[i].level_factor,
                      step_factor(constants_, own_step[i]),
                      stuck != Stuck::No,
                      out.cycles[i] - r.cycles(),
                      {}});
    }

    for (std::uint32_t block = 0; !open.empty(); ++block) {
      const std::size_t m = open.size();
      support::normal_blocks({seed, chip, Stream::WriteCycle}, index.data(), m, block, z.data(), m);
      for (std::size_t j = 0; j < kNormalsPerBlock; ++j)
        for (std::size_t k = 0; k < m; ++k)
          if (open[k].left > 0) {
            pulse(open[k], z[j * m + k], 1 + block * kNormalsPerBlock + j, out);
            if (left != nullptr) left[open[k].place] = open[k].conductance;
          }
      std::size_t kept = 0;
      for (std::size_t k = 0; k < m; ++k) {
        if (open[k].left == 0) continue;
        index[kept] = index[k];
        open[kept++] = open[k];
      }
      open.resize(kept);
      index.resize(kept);
    }
  }

  bool has_ramps() const { return constants_.kind == PulseModelKind::Ispp; }
  double amplitude_V(bool up) const { return (up ? power_.set : power_.reset).in_si(); }

  float power(double amplitude_V, float before, float after) const {
    const double part = 0.5 * (static_cast<double>(before) + static_cast<double>(after));
    const double lowest = power_.lowest.in_si();
    const double conductance_S = std::max(0.0, lowest + part * (power_.highest.in_si() - lowest));
    return static_cast<float>(amplitude_V * amplitude_V * conductance_S);
  }

  float read_power(float conductance) const {
    return power(power_.read.in_si(), conductance, conductance);
  }

  void pulse(PulsedDevice& d, float z, std::size_t round, DeviceOutcomes& out) const {
    const bool up = !(out.reset[round * out.words() + d.place / 64] >> (d.place % 64) & 1);
    const float before = d.conductance;
    float after;
    double volts = amplitude_V(up);
    if (has_ramps()) {
      rule_.prepare(d.state, up);
      volts = rule_.amplitude_V(d.state);
      (up ? out.set_excess_V2 : out.reset_excess_V2)[d.place] +=
          static_cast<float>(volts * volts - amplitude_V(up) * amplitude_V(up));
      after = rule_.after_pulse(d.state, before, d.factor, z);
    } else if (constants_.kind == PulseModelKind::Redraw) {
      after = RedrawRule{}.after_pulse(before, d.target, d.sigma, 0.0f, z, constants_);
    } else {
      const float step = constants_.step * d.factor;
      after = IncrementalRule{}.after_pulse(before, d.target, d.sigma, up ? step : -step, z,
                                            constants_);
    }
    if (!d.stuck) d.conductance = after;
    (up ? out.set_power_W : out.reset_power_W)[d.place] += power(volts, before, d.conductance);
    out.read_power_W[d.place] += read_power(d.conductance);
    --d.left;
  }

  PulseConstants constants_;
  IsppRule rule_;
  PulsePowerConfig power_;
  WriteVerifyConfig config_;  ///< without powers
  DeviceModel device_;
  std::unique_ptr<PulseModel> model_;
};

}  // namespace

std::unique_ptr<PulseModel> make_powered_model(const WriteVerifyConfig& config,
                                               const DeviceModel& device) {
  return std::make_unique<PoweredModel>(config, device);
}

}  // namespace uswim::programmer
