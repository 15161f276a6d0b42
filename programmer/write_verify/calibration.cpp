#include "programmer/write_verify/calibration.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace uswim::programmer {
namespace {

constexpr std::uint64_t kSeed = 1;
constexpr double kSmallestStep = 1e-3;
constexpr double kMet = 0.02;  // relative; the sampling error of the figures is below half of it

/// Of their logarithms: half and twice are as far off.
double deviation(double reached, double wanted) { return std::log(reached / wanted); }

/// Four significant digits: what is printed is what was tried.
double rounded(double v) { return std::stod(fmt::format("{:.4g}", v)); }

class Search {
 public:
  Search(const WriteVerifyFigures& wanted, const WriteVerifyConfig& config,
         const DeviceModel& device)
      : wanted_(wanted), config_(config), device_(device), targets_(kCalibrationDevices) {
    config_.pulse_model = PulseModelKind::Incremental;
    for (std::size_t i = 0; i < targets_.size(); ++i)
      targets_[i].target = (static_cast<float>(i) + 0.5f) / static_cast<float>(kCalibrationDevices);
  }

  void consider(double step, double noise) {
    Calibration c;
    c.config = config_;
    c.config.step = rounded(std::clamp(step, kSmallestStep, largest_step()));
    c.config.step_noise = rounded(std::clamp(noise, 0.0, c.config.step));
    make_pulse_model(c.config, device_)->write(targets_, 0, kSeed, 0, outcomes_);
    double cycles = 0.0, squares = 0.0;
    for (std::size_t i = 0; i < targets_.size(); ++i) {
      const double residual = static_cast<double>(outcomes_.verified[i]) - targets_[i].target;
      cycles += outcomes_.cycles[i];
      squares += residual * residual;
      c.not_converged += outcomes_.converged[i] == 0;
    }
    c.reached.cycles = cycles / static_cast<double>(targets_.size());
    c.reached.residual = std::sqrt(squares / static_cast<double>(targets_.size()));
    const double cost = std::hypot(deviation(c.reached.cycles, wanted_.cycles),
                                   deviation(c.reached.residual, wanted_.residual));
    if (cost >= best_cost_) return;
    best_cost_ = cost;
    best_ = c;
  }

  double largest_step() const { return std::clamp(2.0 * config_.tolerance, kSmallestStep, 1.0); }
  const Calibration& best() const { return best_; }

 private:
  WriteVerifyFigures wanted_;
  WriteVerifyConfig config_;
  const DeviceModel& device_;
  std::vector<DeviceTarget> targets_;
  DeviceOutcomes outcomes_;
  double best_cost_ = HUGE_VAL;
  Calibration best_;
};

}  // namespace

Calibration calibrate(const WriteVerifyFigures& wanted, const WriteVerifyConfig& config,
                      const DeviceModel& device) {
  if (!(wanted.cycles > 0.0) || !(wanted.residual > 0.0))
    throw std::invalid_argument("wanted write cycles and residual must be above 0");
  Search search(wanted, config, device);
  constexpr int kSteps = 31, kNoises = 11;
  const double span = search.largest_step() / kSmallestStep;
  for (int s = 0; s < kSteps; ++s)
    for (int z = 0; z < kNoises; ++z) {
      const double step = kSmallestStep * std::pow(span, s / (kSteps - 1.0));
      search.consider(step, step * z / (kNoises - 1.0));
    }
  // Half a cell of the grid; narrower only where no neighbour is better, since the figures leave a
  // narrow valley.
  double ratio = std::pow(span, 0.5 / (kSteps - 1.0)), width = 0.05;
  for (int round = 0, narrowed = 0; round < 60 && narrowed < 7; ++round) {
    const double step = search.best().config.step, noise = search.best().config.step_noise;
    for (int s = -1; s <= 1; ++s)
      for (int z = -2; z <= 2; ++z)
        if (s != 0 || z != 0) search.consider(step * std::pow(ratio, s), noise + step * width * z);
    if (search.best().config.step != step || search.best().config.step_noise != noise) continue;
    ratio = std::sqrt(ratio);
    width /= 2;
    ++narrowed;
  }
  return search.best();
}

std::vector<std::string> missed_figures(const WriteVerifyFigures& wanted,
                                        const Calibration& found) {
  std::vector<std::string> missed;
  const double given_up = static_cast<double>(found.not_converged) / kCalibrationDevices;
  const std::string of_those = given_up < 0.005
                                   ? ""
                                   : fmt::format(
                                         "; {:.2g} % of the devices are given up at {} cycles, "
                                         "'programming.max_cycles'",
                                         100 * given_up, found.config.max_cycles);
  if (std::fabs(deviation(found.reached.cycles, wanted.cycles)) > kMet)
    missed.push_back(fmt::format(
        "write cycles {:.4g} asked, {:.4g} reached: found no step and step_noise that give both "
        "figures with tolerance {} and at most {} cycles{}",
        wanted.cycles, found.reached.cycles, found.config.tolerance, found.config.max_cycles,
        of_those));
  if (std::fabs(deviation(found.reached.residual, wanted.residual)) > kMet)
    missed.push_back(fmt::format(
        "residual {:.4g} asked, {:.4g} reached: with tolerance {} a device stops at its first read "
        "inside the window{}{}",
        wanted.residual, found.reached.residual, found.config.tolerance, of_those,
        !of_those.empty()                          ? ""
        : found.reached.residual > wanted.residual ? "; a narrower tolerance brings the "
                                                     "residual closer, as does less "
                                                     "device.read_noise where there is some"
                                                   : "; a wider tolerance brings the residual "
                                                     "closer"));
  return missed;
}

std::string calibration_yaml(const WriteVerifyFigures& wanted, const Calibration& found) {
  const WriteVerifyConfig& c = found.config;
  std::string_view start;
  for (const auto& [word, state] : kStartStates)
    if (state == c.start) start = word;
  std::string text = fmt::format(
      "programming:\n  pulse_model: incremental\n  tolerance: {}\n  max_cycles: {}\n"
      "  incremental:\n    start: {}\n    step: {}\n    step_noise: {}\n"
      "# {} devices, targets uniform over the full scale: {:.2f} write cycles, rms residual "
      "{:.4f}, "
      "{} not converged\n",
      c.tolerance, c.max_cycles, start, c.step, c.step_noise, kCalibrationDevices,
      found.reached.cycles, found.reached.residual, found.not_converged);
  for (const std::string& sentence : missed_figures(wanted, found))
    text += "# not met: " + sentence + "\n";
  return text;
}

}  // namespace uswim::programmer
