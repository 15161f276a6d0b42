#pragma once
#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

/// Write-verify as a Markov chain on the conductance, whose distribution follows pulse by pulse
/// from numerical integration: an oracle in double precision that draws nothing and shares no code
/// with the pulse models.
namespace uswim::programmer::chain {

inline double normal_cdf(double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); }

/// Integral of normal_cdf up to x.
inline double normal_cdf_integral(double x) {
  constexpr double kDensityAtZero = 0.3989422804014327;
  return x * normal_cdf(x) + kDensityAtZero * std::exp(-0.5 * x * x);
}

/// What a verify read compares.
struct Window {
  double target, tolerance, read_noise;
};

/// What one pulse adds to the conductance.
struct Pulse {
  double mean, sd;
};

/// Where a device stands in its ramps; `incremental` has none, so it stays as it is.
struct Position {
  int direction = 0;  ///< of the last pulse: 1 SET, -1 RESET, 0 none yet
  int pulse = 0;      ///< of the running ramp, the next one
  int iteration = 0;  ///< 0 before the first pulse
  bool operator<(const Position& o) const {
    return std::tie(direction, pulse, iteration) < std::tie(o.direction, o.pulse, o.iteration);
  }
};

/// Step `mean` towards the target, whatever was before.
struct IncrementalPulses {
  double step, noise;
  std::optional<Pulse> next(Position&, int direction) const {
    return Pulse{direction * step, noise};
  }
};

struct Ramp {
  double start, step, stop;
};
/// A ramp per direction: `start`, `step` more with each pulse up to `stop`, then `pulses_at_end`
/// pulses there. A reversal begins the other ramp anew; each RESET ramp but a first one begins an
/// iteration.
struct IsppPulses {
  Ramp set, reset;
  double threshold, gain, noise;
  int pulses_at_end, iterations;
  std::optional<Pulse> next(Position& p, int direction) const {
    if (p.iteration == 0)
      p.iteration = 1;
    else if (p.direction != direction) {
      p.pulse = 0;
      if (direction < 0) ++p.iteration;
    }
    p.direction = direction;
    const Ramp& ramp = direction > 0 ? set : reset;
    int below_stop = 0;
    while (ramp.start + below_stop * ramp.step < ramp.stop - 1e-9) ++below_stop;
    if (p.iteration > iterations || p.pulse >= below_stop + pulses_at_end) return std::nullopt;
    const double volts = p.pulse < below_stop ? ramp.start + p.pulse * ramp.step : ramp.stop;
    ++p.pulse;
    const double change = gain * std::max(0.0, volts - threshold);
    return Pulse{direction * change, noise * change};
  }
};

/// How write-verify begins: a normal conductance, and the pulses that have led to it.
struct Start {
  double mean, sd;
  unsigned cycles;
};

struct Distribution {
  std::map<std::pair<unsigned, bool>, double> outcomes;  ///< by cycles and whether it converged
  double first_border = 0.0;                             ///< of the cells, relative to the target
  std::vector<double> residual;  ///< probability per cell of devices that converged

  double converged() const {
    double sum = 0.0;
    for (const auto& [outcome, p] : outcomes) sum += outcome.second ? p : 0.0;
    return sum;
  }
  double total() const {
    double sum = 0.0;
    for (const auto& [outcome, p] : outcomes) sum += p;
    return sum;
  }
};

/// Cells on which the probability is taken as even. Borders fall on those of the window where its
/// width is a multiple of them.
constexpr double kCell = 1e-3;
constexpr int kCells = 3000;
/// What is left of a state below this is dropped; all that was is missing in `total`.
constexpr double kNegligible = 1e-10;

using Cells = std::vector<double>;

/// Adds what a pulse makes of `from` to `to`: exact for an even probability in each cell.
inline void add_pulse(const Cells& from, const Pulse& pulse, Cells& to) {
  const double sd = std::max(pulse.sd, 1e-9), reach = 6.5 * sd;
  const int lowest = static_cast<int>(std::floor((pulse.mean - reach) / kCell)) - 1;
  const int highest = static_cast<int>(std::ceil((pulse.mean + reach) / kCell)) + 1;
  const auto integral = [&](double x) { return normal_cdf_integral((x - pulse.mean) / sd); };
  Cells kernel;
  for (int d = lowest; d <= highest; ++d)
    kernel.push_back(
        sd / kCell *
        (integral((d + 1) * kCell) - 2 * integral(d * kCell) + integral((d - 1) * kCell)));
  for (int i = 0; i < kCells; ++i) {
    if (from[i] < 1e-18) continue;
    const int begin = std::max(0, i + lowest), end = std::min(kCells - 1, i + highest);
    for (int j = begin; j <= end; ++j) to[j] += from[i] * kernel[j - i - lowest];
  }
}

/// Cycles and residuals of write-verify with at most `max_cycles` pulses.
template <class Pulses>
Distribution integrate(const Window& window, const Start& start, unsigned max_cycles,
                       const Pulses& pulses) {
  // The middle of the cells is about the window's lower border.
  const double low = window.target - window.tolerance - kCells / 2 * kCell;
  const auto middle = [&](int i) { return low + (i + 0.5) * kCell; };
  // Probability that a read of a conductance lies below x.
  const auto read_below = [&](double g, double x) {
    if (window.read_noise <= 0.0) return g < x ? 1.0 : 0.0;
    return normal_cdf((x - g) / window.read_noise);
  };
  Distribution result;
  result.first_border = low - window.target;
  result.residual.assign(kCells, 0.0);

  std::map<Position, Cells> open;
  Cells& first = open[{}];
  for (int i = 0; i < kCells; ++i) {
    const auto below = [&](double x) {
      return normal_cdf((x - start.mean) / std::max(start.sd, 1e-9));
    };
    first.push_back(below(low + (i + 1) * kCell) - below(low + i * kCell));
  }
  for (unsigned cycles = start.cycles; !open.empty(); ++cycles) {
    std::map<Position, Cells> next;
    for (const auto& [position, mass] : open) {
      Cells below(kCells), above(kCells);
      double sum_below = 0.0, sum_above = 0.0;
      for (int i = 0; i < kCells; ++i) {
        const double to_below = read_below(middle(i), window.target - window.tolerance);
        const double to_above = 1.0 - read_below(middle(i), window.target + window.tolerance);
        sum_below += below[i] = mass[i] * to_below;
        sum_above += above[i] = mass[i] * to_above;
        const double inside = mass[i] - below[i] - above[i];
        result.outcomes[{cycles, true}] += inside;
        result.residual[i] += inside;
      }
      for (const int direction : {1, -1}) {
        const double sum = direction > 0 ? sum_below : sum_above;
        if (sum < kNegligible) continue;
        Position after = position;
        const auto pulse = cycles < max_cycles ? pulses.next(after, direction) : std::nullopt;
        if (!pulse) {
          result.outcomes[{cycles, false}] += sum;
          continue;
        }
        Cells& to = next[after];
        to.resize(kCells, 0.0);
        add_pulse(direction > 0 ? below : above, *pulse, to);
      }
    }
    open = std::move(next);
  }
  return result;
}

}  // namespace uswim::programmer::chain
