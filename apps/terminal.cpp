#include "apps/terminal.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "experiment/comparison.h"
#include "experiment/summary.h"
#include "experiment/worker_processes.h"
#include "support/results.h"

namespace uswim::apps {

using support::with_prefix;
using Clock = std::chrono::steady_clock;

ProgressLine::ProgressLine()
    : is_terminal_(::isatty(STDERR_FILENO) == 1), begin_(Clock::now()), last_(begin_) {}
ProgressLine::~ProgressLine() { clear(); }

void ProgressLine::clear() {
  if (shown_) std::fputs("\r\033[K", stderr);
  shown_ = false;
}

void ProgressLine::operator()(const std::string& stage, std::size_t done, std::size_t total) {
  if (!is_terminal_) return;
  const auto now = Clock::now();
  if (stage != stage_) {
    clear();
    stage_ = stage;
    begin_ = last_ = now;
    at_begin_ = done;
  }
  const double elapsed = std::chrono::duration<double>(now - begin_).count();
  if (elapsed < 1.0 || std::chrono::duration<double>(now - last_).count() < 0.2) return;
  last_ = now;
  shown_ = true;
  // The first parts of a stage tell little of the others.
  constexpr double kSeconds = 2.0, kPart = 0.03, kSecondsWithoutThatPart = 20.0;
  const double part = static_cast<double>(done - at_begin_) /
                      static_cast<double>(std::max<std::size_t>(total, at_begin_ + 1) - at_begin_);
  std::string left = "";
  if (done > at_begin_ && total > 0 && elapsed >= kSeconds &&
      (part >= kPart || elapsed >= kSecondsWithoutThatPart))
    left = fmt::format(", {:.0f} s left", elapsed / static_cast<double>(done - at_begin_) *
                                              static_cast<double>(total - done));
  std::fputs(fmt::format("\r\033[K{}: {} of {}{}", stage, done, total, left).c_str(), stderr);
  std::fflush(stderr);
}

experiment::Progress stoppable(ProgressLine& line) {
  return [&line](const std::string& stage, std::size_t done, std::size_t total) {
    experiment::throw_if_interrupted();
    line(stage, done, total);
  };
}

namespace {

/// Policies against each other in what they cost for their accuracy.
std::string comparison_tables(const experiment::Config& config, const experiment::RunResult& r) {
  std::string out;
  const auto line = [&](const std::string& text) { out += text + '\n'; };
  const experiment::CurvePoint& all = r.verify_all;
  line("");
  const double goal = 100 * (*r.ideal_accuracy - config.accuracy_drop);
  line(fmt::format(
      "To reach {:.2f} % ({:.2g} points below ideal), as a part of verifying everything:", goal,
      100 * config.accuracy_drop));
  line(fmt::format("{:<15} {:>18} {:>18} {:>18}", "policy", "NWC (fraction)", "time (fraction)",
                   "energy (fraction)"));
  if (all.accuracy_mean < *r.ideal_accuracy - config.accuracy_drop)
    line(fmt::format("(verifying everything reaches {:.2f} %)", 100 * all.accuracy_mean));
  for (const experiment::CostToReach& c : r.cost) {
    if (!c.is_reached()) {
      line(fmt::format("{:<15} not reached at any evaluated fraction", c.policy));
      continue;
    }
    std::string row = fmt::format("{:<15}", c.policy);
    for (std::size_t k = 0; k < c.cheapest.size(); ++k) {
      const double cost =
          experiment::relative_cost(*c.cheapest[k], all, experiment::kCurrencies[k]);
      // Nothing of nothing, where verifying everything has no such cost.
      const std::string part = std::isfinite(cost) ? fmt::format("{:.3f}", cost) : "0 of 0";
      row += fmt::format(" {:>18}", fmt::format("{} ({:.3g})", part, c.cheapest[k]->fraction));
    }
    line(row);
  }

  line("");
  line("Accuracy, %, at equal cost, as a part of verifying everything (interpolated):");
  const std::vector<double> costs{0.2, 0.3, 0.5};
  line(fmt::format("{:<15}{:^21}{:^21}{:^20}", "", "NWC", "time", "energy"));
  std::string head = fmt::format("{:<15}", "policy");
  for (int currency = 0; currency < 3; ++currency)
    for (const double cost : costs) head += fmt::format("{:>7.1f}", cost);
  line(head);
  std::string row;
  for (const experiment::EqualCost& e :
       experiment::compare_at_equal_cost(r.curve, r.verify_all, costs)) {
    if (row.empty()) row = fmt::format("{:<15}", e.policy);
    row += e.accuracy ? fmt::format("{:>7.2f}", 100 * *e.accuracy) : fmt::format("{:>7}", "-");
    if (e.currency == experiment::Currency::Energy && e.cost == costs.back()) {
      line(row);
      row.clear();
    }
  }
  return out;
}

/// Accuracies at times after programming: as many as 80 columns hold.
std::string retention_table(const experiment::Config& config, const experiment::RunResult& r) {
  const std::size_t times = std::min<std::size_t>(config.accuracy_times.size(), 5);
  std::string out =
      fmt::format("\nAccuracy, %, after programming:\n{:<15} {:>8}", "policy", "fraction");
  for (std::size_t t = 0; t < times; ++t) out += fmt::format(" {:>10}", config.accuracy_times[t]);
  if (times < config.accuracy_times.size()) out += "\n(later times: retention.csv)";
  for (const experiment::RetentionSummary& s : r.retention) {
    out += fmt::format("\n{:<15} {:>8.3g}", s.policy, s.fraction);
    for (std::size_t t = 0; t < times; ++t) out += fmt::format(" {:>10.2f}", 100 * s.later[t].mean);
  }
  return out + '\n';
}

/// In %, with its spread where there is one.
std::string accuracy(double mean, double sd, unsigned chips) {
  return fmt::format("{:6.2f}", 100 * mean) +
         (chips > 1 ? fmt::format(" +- {:.2f}", 100 * sd) : std::string());
}

}  // namespace

std::string result_tables(const experiment::Config& config, const experiment::RunResult& r) {
  std::string out;
  const auto line = [&](const std::string& text) { out += text + '\n'; };
  line(fmt::format("{:<15} {:>8} {:>6} {:>11} {:>12}   {}", "policy", "fraction", "NWC",
                   "prog. time", "prog. energy", r.ideal_accuracy ? "accuracy, %" : ""));
  std::string last;
  for (const experiment::CurvePoint& p : r.curve) {
    if (!last.empty() && last != p.policy) line("");
    last = p.policy;
    line(fmt::format(
        "{:<15} {:>8.3g} {:>6.3f} {:>11} {:>12}   {}", p.policy, p.fraction, p.nwc_mean,
        with_prefix(p.time_s_mean, "s"), with_prefix(p.energy_J_mean, "J"),
        r.ideal_accuracy ? accuracy(p.accuracy_mean, p.accuracy_sd, config.chips) : ""));
  }
  line("");
  line(fmt::format("{}{}{}",
                   config.chips > 1 ? fmt::format("mean over {} chips", config.chips) : "one chip",
                   r.ideal_accuracy && config.chips > 1 ? ", +- standard deviation" : "",
                   r.ideal_accuracy ? "; accuracy with an ideal ADC" : ""));
  const std::string not_converged = experiment::not_converged_text(r.verify_all, r.devices);
  if (!not_converged.empty()) {
    // At 80 columns the sentence has two lines.
    const std::size_t end = not_converged.rfind(' ', 80);
    line(not_converged.substr(0, end));
    line(not_converged.substr(end + 1));
  }
  const std::string life = experiment::rated_life_text(config.device.rated_cycles, r.curve);
  if (!life.empty()) line(life);
  if (r.ideal_accuracy) {
    line(fmt::format("ideal accuracy (no device error): {:.2f} %", 100 * *r.ideal_accuracy));
    if (r.verify_all.fraction > 0.0) out += comparison_tables(config, r);
  }

  if (!r.retention.empty()) out += retention_table(config, r);

  if (!r.iterative.empty()) {
    line("");
    line(fmt::format("Iterative selection, {:.3g} % a step, {} images measured on the chip,",
                     100 * config.selection.iterative.step, config.selection.iterative.images));
    line(fmt::format("until within {:.2g} points of ideal:", 100 * config.accuracy_drop));
    line(fmt::format("{:<15} {:>7} {:>5} {:>8} {:>7} {:>7} {:>8} {:>7} {:>6}", "policy", "reached",
                     "steps", "fraction", "time", "measure", "one shot", "energy", "acc."));
    for (const experiment::IterativeSummary& s : r.iterative)
      line(fmt::format("{:<15} {:>7} {:>5.1f} {:>8.3f} {:>7} {:>7} {:>8} {:>7} {:>6.2f}", s.policy,
                       fmt::format("{}/{}", s.within_the_drop, s.chips), s.steps, s.fraction,
                       with_prefix(s.total_s(), "s"), with_prefix(s.measuring_s, "s"),
                       with_prefix(s.one_shot_s + s.one_shot_mask_s, "s"),
                       with_prefix(s.energy_J, "J"), 100 * s.accuracy_mean));
    line("time: writing, measuring and masks; measure: of it the measuring; one shot: the");
    line("same devices, known beforehand; acc.: accuracy at the end, %");
  }

  if (!r.in_situ.empty()) {
    line("");
    line(fmt::format("In-situ training, {} images a batch, devices written after each: {}",
                     config.in_situ.batch,
                     config.in_situ.rewriting == experiment::Rewriting::All ? "all" : "changed"));
    line(fmt::format("{:>9} {:>17} {:>10} {:>10} {:>10}   {}", "iteration", "pulses per device",
                     "time", "of writing", "energy", "accuracy, %"));
    unsigned next = 0;  // 0, 1, 2, 4, ... and the last
    for (const experiment::InSituSummary& s : r.in_situ) {
      if (s.iteration < next && &s != &r.in_situ.back()) continue;
      next = std::max(1u, 2 * s.iteration);
      line(fmt::format("{:>9} {:>17.3f} {:>10} {:>10} {:>10}   {}", s.iteration,
                       s.write_pulses_per_device, with_prefix(s.writing_s + s.training_s, "s"),
                       with_prefix(s.writing_s, "s"), with_prefix(s.energy_J, "J"),
                       accuracy(s.accuracy_mean, s.accuracy_sd, config.chips)));
    }
  }

  if (!r.monte_carlo.hardware.empty()) {
    line("");
    line(fmt::format("The ADC's cost: bit-serial inputs, {}-bit ADC, {} images",
                     config.tile.adc.bits, r.monte_carlo.hardware.front().images));
    line(fmt::format("{:<6} {:>8} {:>18} {:>16}", "chip", "fraction", "with ADC, %",
                     "ideal ADC, %"));
    for (const experiment::HardwareResult& h : r.monte_carlo.hardware)
      line(fmt::format(
          "{:<6} {:>8.3g} {:>18.2f} {:>16.2f}", h.chip, h.fraction,
          100.0 * static_cast<double>(h.correct_hardware) / static_cast<double>(h.images),
          100.0 * static_cast<double>(h.correct_ideal_adc) / static_cast<double>(h.images)));
  }
  const experiment::InferenceResult& i = r.monte_carlo.inference;
  if (i.images == 0) return out;
  double energy = 0.0;
  for (const double e : i.energy_J) energy += e;
  line("");
  line(fmt::format("Inference of {}: latency {}, {:.4g} images/s, {} per image",
                   i.images == 1 ? "1 image" : fmt::format("{} images", i.images),
                   with_prefix(static_cast<double>(i.latency_ps) * 1e-12, "s"), i.images_per_second,
                   with_prefix(energy / static_cast<double>(i.images), "J")));
  return out;
}

std::string stage_times(const experiment::Config&, const experiment::RunResult& r) {
  const experiment::StageSeconds& s = r.monte_carlo.seconds;
  return fmt::format(
      "wall time: loading {:.2f} s, sensitivity {:.2f} s, placing {:.2f} s, chips {:.2f} s\n"
      "processor time of the chips: selection {:.2f} s, device outcomes {:.2f} s\n"
      "({:.3g} write cycles/s), timed programming {:.2f} s, read-back {:.2f} s,\n"
      "accuracy {:.2f} s, timed inference {:.2f} s, accuracy with ADCs {:.2f} s\n",
      r.load_s, r.sensitivity_s, r.placing_s, r.monte_carlo_s, s.selection, s.outcomes,
      s.outcomes > 0 ? static_cast<double>(s.write_cycles) / s.outcomes : 0.0, s.simulation,
      s.read_back, s.accuracy, s.inference, s.hardware);
}

}  // namespace uswim::apps
