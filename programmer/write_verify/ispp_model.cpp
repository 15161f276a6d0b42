#include "programmer/write_verify/ispp_model.h"

#include "programmer/write_verify/pulse_rules.h"
#include "programmer/write_verify/record.h"

namespace uswim::programmer {
namespace {

using support::kNormalsPerBlock;
using support::Stream;

struct OpenDevice {
  float conductance, read, target, factor;
  int cycles;
  bool stuck, open;
  IsppState state;
};

class IsppModel : public PulseModel {
 public:
  IsppModel(const WriteVerifyConfig& config, const DeviceModel& device)
      : PulseModel(config, device),
        constants_(pulse_constants(config, device)),
        rule_(config.ispp) {}

  void write(const DeviceTargets& targets, std::uint64_t first, std::uint64_t seed,
             std::uint32_t chip, DeviceOutcomes& out) const override {
    const std::size_t n = targets.size();
    clear(out, n);
    std::vector<std::uint64_t> index;
    std::vector<float> z(n * kNormalsPerBlock), noise(z.size()), own_step(n);
    support::device_normals({seed, chip, Stream::ProgrammingError}, first, n, z.data());
    if (constants_.read_noise > 0.0f)
      support::device_normals({seed, chip, Stream::VerifyReadNoise}, first, n, noise.data());
    if (constants_.device_to_device > 0.0f)
      support::device_normals(device_step_key(seed, chip), first, n, own_step.data());
    std::vector<OpenDevice> open;
    for (std::size_t i = 0; i < n; ++i) {
      if (!targets[i].present) continue;
      const Stuck stuck = stuck_state(constants_, seed, chip, first + i);
      const FirstRound round = first_round(targets[i], z[i], stuck, constants_);
      out.open_loop[i] = round.open_loop;
      if (round.open_loop_set()) mark(out.open_loop_set, i);
      if (round.open_loop_reset()) mark(out.open_loop_reset, i);
      out.verified[i] = round.start;
      const float read = converted(round.start + constants_.read_noise * noise[i], constants_);
      if (is_inside(read, targets[i].target, constants_.tolerance)) continue;
      index.push_back(first + i);
      open.push_back({round.start,
                      read,
                      targets[i].target,
                      step_factor(constants_, own_step[i]),
                      0,
                      stuck != Stuck::No,
                      true,
                      {}});
    }

    for (std::uint32_t block = 0; !open.empty(); ++block) {
      const std::size_t m = open.size();
      support::normal_blocks({seed, chip, Stream::WriteCycle}, index.data(), m, block, z.data(), m);
      if (constants_.read_noise > 0.0f)
        support::normal_blocks({seed, chip, Stream::VerifyReadNoise}, index.data(), m, block,
                               noise.data(), m);
      for (std::size_t j = 0; j < kNormalsPerBlock; ++j)
        for (std::size_t k = 0; k < m; ++k)
          if (open[k].open)
            pulse(open[k], z[j * m + k], noise[j * m + k], 1 + block * kNormalsPerBlock + j,
                  index[k] - first, out);
      std::size_t kept = 0;
      for (std::size_t k = 0; k < m; ++k) {
        if (!open[k].open) continue;
        index[kept] = index[k];
        open[kept++] = open[k];
      }
      open.resize(kept);
      index.resize(kept);
    }
    relax_all(out, targets, constants_, first, seed, chip);
  }

 private:
  /// The pulse and the verify read of one round.
  void pulse(OpenDevice& d, float z, float noise, std::size_t round, std::size_t device,
             DeviceOutcomes& out) const {
    const bool up = d.read < d.target;
    if (d.cycles >= constants_.max_cycles || !rule_.prepare(d.state, up)) {
      d.open = false;
      out.converged[device] = 0;
      return;
    }
    const float moved = rule_.after_pulse(d.state, d.conductance, d.factor, z);
    if (!d.stuck) d.conductance = moved;
    d.read = converted(d.conductance + constants_.read_noise * noise, constants_);
    mark_pulse(out, up, round, device);
    out.verified[device] = d.conductance;
    out.cycles[device] = static_cast<std::uint16_t>(++d.cycles);
    d.open = !is_inside(d.read, d.target, constants_.tolerance);
  }

  PulseConstants constants_;
  IsppRule rule_;
};

}  // namespace

std::unique_ptr<PulseModel> make_ispp_model(const WriteVerifyConfig& config,
                                            const DeviceModel& device) {
  return std::make_unique<IsppModel>(config, device);
}

}  // namespace uswim::programmer
