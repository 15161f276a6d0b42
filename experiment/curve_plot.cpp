#include "experiment/curve_plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "experiment/comparison.h"
#include "experiment/run.h"
#include "support/results.h"

namespace uswim::experiment {
namespace {

// Okabe and Ito's colours, which colour-blind readers tell apart, and a dash per line beside them.
constexpr std::array<const char*, 8> kColours{"#0072B2", "#D55E00", "#009E73", "#CC79A7",
                                              "#E69F00", "#56B4E9", "#000000", "#999999"};
constexpr std::array<const char*, 4> kDashes{"", "7 3", "2 3", "8 3 2 3"};

/// Of the i-th line; lines of one colour have different ones.
const char* dash_of(std::size_t i) { return kDashes[(i + i / kColours.size()) % kDashes.size()]; }

constexpr double kPlotWidth = 400, kPlotHeight = 300, kLeft = 62, kTop = 34, kGap = 84;
constexpr double kLegendLine = 17;

/// A point of a line: what it costs, and the accuracy.
struct LinePoint {
  double cost, accuracy, sd;
};
struct Line {
  std::string name;
  std::vector<LinePoint> points;
};

/// A line per policy; `cost` of a point.
template <class Cost>
std::vector<Line> lines_of(const std::vector<CurvePoint>& curve, const Cost& cost) {
  std::vector<Line> lines;
  for (const CurvePoint& p : curve) {
    if (lines.empty() || lines.back().name != p.policy) lines.push_back({p.policy, {}});
    lines.back().points.push_back({cost(p), p.accuracy_mean, p.accuracy_sd});
  }
  return lines;
}

/// A round step that cuts `span` into five pieces or a few more.
double tick_step(double span) {
  const double power = std::pow(10.0, std::floor(std::log10(span / 5)));
  for (const double factor : {1.0, 2.0, 5.0})
    if (span / (factor * power) <= 8) return factor * power;
  return 10 * power;
}

/// Write cycles as they are counted, the rest relative to verifying everything.
double cost_of(const CurvePoint& p, const CurvePoint& all, Currency currency) {
  return currency == Currency::Nwc ? p.nwc_mean : relative_cost(p, all, currency);
}

/// Where costs stand along the lower edge of a diagram.
struct Axis {
  std::string label;
  double first, last;  ///< costs at its ends, or their common logarithms
  bool is_logarithmic;
  std::vector<std::pair<double, std::string>> ticks;  ///< costs
  double scaled(double cost) const { return is_logarithmic ? std::log10(cost) : cost; }
};

/// From 0 to the largest cost, at least to 1.
Axis linear_axis(const std::string& label, const std::vector<Line>& lines) {
  double most = 1.0;  // rows that are closed early may cost more than all of them
  for (const Line& line : lines)
    for (const LinePoint& p : line.points) most = std::max(most, p.cost);
  Axis axis{label, 0.0, most, false, {}};
  const double apart = std::max(0.2, tick_step(most));
  for (int i = 0; i * apart <= most + 1e-9; ++i)
    axis.ticks.emplace_back(apart * i, fmt::format("{:.1f}", apart * i));
  return axis;
}

/// Whole decades around all costs, which are above 0.
Axis logarithmic_axis(const std::string& label, const char* unit, const std::vector<Line>& lines) {
  double first = HUGE_VAL, last = -HUGE_VAL;
  for (const Line& line : lines)
    for (const LinePoint& p : line.points) {
      first = std::min(first, std::floor(std::log10(p.cost)));
      last = std::max(last, std::ceil(std::log10(p.cost)));
    }
  if (last <= first) last = first + 1;
  Axis axis{label, first, last, true, {}};
  for (double k = first; k <= last; ++k)
    axis.ticks.emplace_back(std::pow(10.0, k), support::with_prefix(std::pow(10.0, k), unit));
  return axis;
}

/// One diagram: accuracy over one cost.
class Panel {
 public:
  Panel(double left, double top_accuracy, double bottom_accuracy, const Axis& axis)
      : left_(left), top_(top_accuracy), bottom_(bottom_accuracy), axis_(axis) {}

  double x(double cost) const {
    return left_ + kPlotWidth * (axis_.scaled(cost) - axis_.first) / (axis_.last - axis_.first);
  }
  double left() const { return left_; }
  double right() const { return left_ + kPlotWidth; }
  double y(double accuracy) const {
    return kTop + kPlotHeight * (top_ - accuracy) / (top_ - bottom_);
  }

  std::string frame() const {
    std::string svg;
    for (const auto& [cost, text] : axis_.ticks)
      svg += fmt::format(
          "<line x1='{0:.1f}' x2='{0:.1f}' y1='{1:.1f}' y2='{2:.1f}' stroke='#ddd'/>"
          "<text x='{0:.1f}' y='{3:.1f}' text-anchor='middle'>{4}</text>\n",
          x(cost), kTop, kTop + kPlotHeight, kTop + kPlotHeight + 17, text);
    const double step = tick_step(100 * (top_ - bottom_));
    const int decimals = step >= 1 ? 0 : static_cast<int>(std::ceil(-std::log10(step) - 1e-9));
    for (double k = std::ceil(100 * bottom_ / step); k * step <= 100 * top_ + 1e-9; ++k)
      svg += fmt::format(
          "<line x1='{0:.1f}' x2='{1:.1f}' y1='{2:.1f}' y2='{2:.1f}' stroke='#ddd'/>"
          "<text x='{3:.1f}' y='{4:.1f}' text-anchor='end'>{5:.{6}f}</text>\n",
          left_, left_ + kPlotWidth, y(k * step / 100), left_ - 6, y(k * step / 100) + 4, k * step,
          decimals);
    return svg +
           fmt::format(
               "<rect x='{0:.1f}' y='{1:.1f}' width='{2:.1f}' height='{3:.1f}' fill='none' "
               "stroke='#444'/><text x='{4:.1f}' y='{5:.1f}' text-anchor='middle'>{6}</text>\n",
               left_, kTop, kPlotWidth, kPlotHeight, left_ + kPlotWidth / 2,
               kTop + kPlotHeight + 36, axis_.label);
  }

  std::string curve(const Line& line, const char* colour, const char* dash) const {
    std::string upper, lower, middle, dots;
    for (const LinePoint& p : line.points) {
      const double at = x(p.cost);
      upper += fmt::format("{:.1f},{:.1f} ", at, y(p.accuracy + p.sd));
      lower = fmt::format("{:.1f},{:.1f} ", at, y(p.accuracy - p.sd)) + lower;
      middle += fmt::format("{:.1f},{:.1f} ", at, y(p.accuracy));
      dots += fmt::format("<circle cx='{:.1f}' cy='{:.1f}' r='2.5' fill='{}'/>", at, y(p.accuracy),
                          colour);
    }
    return fmt::format(
        "<polygon points='{}{}' fill='{}' fill-opacity='0.12'/>"
        "<polyline points='{}' fill='none' stroke='{}' stroke-width='1.8' "
        "stroke-dasharray='{}'/>{}\n",
        upper, lower, colour, middle, colour, dash, dots);
  }

 private:
  double left_, top_, bottom_;
  Axis axis_;
};

/// The lines of a diagram; those of all diagrams of a plot have the same names.
struct Diagram {
  Axis axis;
  std::vector<Line> lines;
};

/// Diagrams side by side under a heading, a legend below.
std::string plot(const std::string& heading, const std::vector<Diagram>& diagrams,
                 double ideal_accuracy) {
  const std::vector<Line>& lines = diagrams.front().lines;
  double top = ideal_accuracy, bottom = ideal_accuracy;
  for (const Line& line : lines)
    for (const LinePoint& p : line.points) {
      top = std::max(top, p.accuracy + p.sd);
      bottom = std::min(bottom, p.accuracy - p.sd);
    }
  const double margin = std::max(0.02 * (top - bottom), 0.001);
  top += margin;
  bottom -= margin;

  const double width = kLeft + 2 * kPlotWidth + kGap + 20;
  const double legend = kTop + kPlotHeight + 60;
  std::string svg = fmt::format(
      "<svg xmlns='http://www.w3.org/2000/svg' width='{0:.0f}' height='{1:.0f}' viewBox='0 0 "
      "{0:.0f} "
      "{1:.0f}' font-family='sans-serif' font-size='12'>\n<rect width='100%' height='100%' "
      "fill='white'/>\n<text x='{2:.0f}' y='20'>{3}</text>\n",
      width, legend + kLegendLine * static_cast<double>((lines.size() + 3) / 4) + 6, kLeft,
      heading);
  double left = kLeft;
  for (const Diagram& diagram : diagrams) {
    const Panel panel(left, top, bottom, diagram.axis);
    svg += panel.frame();
    svg += fmt::format(
        "<line x1='{:.1f}' x2='{:.1f}' y1='{:.1f}' y2='{:.1f}' stroke='#444' "
        "stroke-dasharray='5 4'/>\n",
        panel.left(), panel.right(), panel.y(ideal_accuracy), panel.y(ideal_accuracy));
    for (std::size_t i = 0; i < lines.size(); ++i)
      svg += panel.curve(diagram.lines[i], kColours[i % kColours.size()], dash_of(i));
    left += kPlotWidth + kGap;
  }
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const double x = kLeft + 220 * static_cast<double>(i % 4);
    const double y = legend + kLegendLine * static_cast<double>(i / 4);
    svg += fmt::format(
        "<line x1='{0:.1f}' x2='{1:.1f}' y1='{2:.1f}' y2='{2:.1f}' stroke='{3}' stroke-width='2' "
        "stroke-dasharray='{4}'/><text x='{5:.1f}' y='{6:.1f}'>{7}</text>\n",
        x, x + 30, y - 4, kColours[i % kColours.size()], dash_of(i), x + 36, y, lines[i].name);
  }
  return svg + "</svg>\n";
}

std::string heading_of(unsigned chips) {
  return fmt::format(
      "accuracy, %, mean over {} chips, band: one standard deviation to either side; dashes: no "
      "device error",
      chips);
}

}  // namespace

std::string curve_svg(const std::vector<CurvePoint>& curve, const CurvePoint& all,
                      double ideal_accuracy) {
  const auto diagram = [&](Currency currency, const char* label) {
    const std::vector<Line> lines =
        lines_of(curve, [&](const CurvePoint& p) { return cost_of(p, all, currency); });
    return Diagram{linear_axis(label, lines), lines};
  };
  std::vector<Diagram> diagrams{diagram(Currency::Nwc, "normalised write cycles (NWC)")};
  if (all.verifies_everything)  // otherwise nothing is known to compare with
    diagrams.push_back(
        diagram(Currency::Time, "programming time, relative to verifying everything"));
  return plot(heading_of(all.chips), diagrams, ideal_accuracy);
}

std::string in_situ_svg(const std::vector<CurvePoint>& curve,
                        const std::vector<InSituSummary>& in_situ, double ideal_accuracy) {
  std::vector<Diagram> diagrams;
  const auto add = [&](const char* label, const char* unit, const auto& of_point,
                       const auto& of_iteration) {
    std::vector<Line> lines = lines_of(curve, of_point);
    lines.push_back({"in-situ training", {}});
    for (const InSituSummary& s : in_situ)
      lines.back().points.push_back({of_iteration(s), s.accuracy_mean, s.accuracy_sd});
    for (const Line& line : lines)
      for (const LinePoint& p : line.points)
        if (!(p.cost > 0.0)) return;
    diagrams.push_back({logarithmic_axis(label, unit, lines), lines});
  };
  add(
      "time of programming, or of writing and training", "s",
      [](const CurvePoint& p) { return p.time_s_mean; },
      [](const InSituSummary& s) { return s.writing_s + s.training_s; });
  add(
      "energy of programming, or of writing and training", "J",
      [](const CurvePoint& p) { return p.energy_J_mean; },
      [](const InSituSummary& s) { return s.energy_J; });
  return diagrams.empty() ? "" : plot(heading_of(curve.front().chips), diagrams, ideal_accuracy);
}

}  // namespace uswim::experiment
