#include "experiment/curve_plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "experiment/comparison.h"
#include "experiment/run.h"

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

struct Line {
  std::string policy;
  std::vector<CurvePoint> points;
};

std::vector<Line> lines_of(const std::vector<CurvePoint>& curve) {
  std::vector<Line> lines;
  for (const CurvePoint& p : curve) {
    if (lines.empty() || lines.back().policy != p.policy) lines.push_back({p.policy, {}});
    lines.back().points.push_back(p);
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

/// One diagram: accuracy over one cost.
class Panel {
 public:
  /// `most`: the largest cost.
  Panel(double left, double top_accuracy, double bottom_accuracy, double most)
      : left_(left), top_(top_accuracy), bottom_(bottom_accuracy), most_(most) {}

  double x(double cost) const { return left_ + kPlotWidth * cost / most_; }
  double right() const { return left_ + kPlotWidth; }
  double y(double accuracy) const {
    return kTop + kPlotHeight * (top_ - accuracy) / (top_ - bottom_);
  }

  std::string frame(const std::string& label) const {
    std::string svg;
    const double apart = std::max(0.2, tick_step(most_));
    for (int i = 0; i * apart <= most_ + 1e-9; ++i)
      svg += fmt::format(
          "<line x1='{0:.1f}' x2='{0:.1f}' y1='{1:.1f}' y2='{2:.1f}' stroke='#ddd'/>"
          "<text x='{0:.1f}' y='{3:.1f}' text-anchor='middle'>{4:.1f}</text>\n",
          x(apart * i), kTop, kTop + kPlotHeight, kTop + kPlotHeight + 17, apart * i);
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
               kTop + kPlotHeight + 36, label);
  }

  std::string curve(const Line& line, const CurvePoint& all, Currency currency, const char* colour,
                    const char* dash) const {
    std::string upper, lower, middle, dots;
    for (const CurvePoint& p : line.points) {
      const double at = x(cost_of(p, all, currency));
      upper += fmt::format("{:.1f},{:.1f} ", at, y(p.accuracy_mean + p.accuracy_sd));
      lower = fmt::format("{:.1f},{:.1f} ", at, y(p.accuracy_mean - p.accuracy_sd)) + lower;
      middle += fmt::format("{:.1f},{:.1f} ", at, y(p.accuracy_mean));
      dots += fmt::format("<circle cx='{:.1f}' cy='{:.1f}' r='2.5' fill='{}'/>", at,
                          y(p.accuracy_mean), colour);
    }
    return fmt::format(
        "<polygon points='{}{}' fill='{}' fill-opacity='0.12'/>"
        "<polyline points='{}' fill='none' stroke='{}' stroke-width='1.8' "
        "stroke-dasharray='{}'/>{}\n",
        upper, lower, colour, middle, colour, dash, dots);
  }

 private:
  double left_, top_, bottom_, most_;
};

}  // namespace

std::string curve_svg(const std::vector<CurvePoint>& curve, const CurvePoint& all,
                      double ideal_accuracy) {
  double top = ideal_accuracy, bottom = ideal_accuracy;
  for (const CurvePoint& p : curve) {
    top = std::max(top, p.accuracy_mean + p.accuracy_sd);
    bottom = std::min(bottom, p.accuracy_mean - p.accuracy_sd);
  }
  const double margin = std::max(0.02 * (top - bottom), 0.001);
  top += margin;
  bottom -= margin;

  const std::vector<Line> lines = lines_of(curve);
  std::vector<std::pair<Currency, const char*>> panels{
      {Currency::Nwc, "normalised write cycles (NWC)"}};
  if (all.verifies_everything)  // otherwise nothing is known to compare with
    panels.emplace_back(Currency::Time, "programming time, relative to verifying everything");
  const double width = kLeft + 2 * kPlotWidth + kGap + 20;
  const double legend = kTop + kPlotHeight + 60;
  std::string svg = fmt::format(
      "<svg xmlns='http://www.w3.org/2000/svg' width='{0:.0f}' height='{1:.0f}' viewBox='0 0 "
      "{0:.0f} "
      "{1:.0f}' font-family='sans-serif' font-size='12'>\n<rect width='100%' height='100%' "
      "fill='white'/>\n<text x='{2:.0f}' y='20'>accuracy, %, mean over {3} chips, band: one "
      "standard "
      "deviation to either side; dashes: no device error</text>\n",
      width, legend + kLegendLine * static_cast<double>((lines.size() + 3) / 4) + 6, kLeft,
      all.chips);
  double left = kLeft;
  for (const auto& [currency, label] : panels) {
    double most = 1.0;  // rows that are closed early may cost more than all of them
    for (const CurvePoint& p : curve) most = std::max(most, cost_of(p, all, currency));
    const Panel panel(left, top, bottom, most);
    svg += panel.frame(label);
    svg += fmt::format(
        "<line x1='{:.1f}' x2='{:.1f}' y1='{:.1f}' y2='{:.1f}' stroke='#444' "
        "stroke-dasharray='5 4'/>\n",
        panel.x(0), panel.right(), panel.y(ideal_accuracy), panel.y(ideal_accuracy));
    for (std::size_t i = 0; i < lines.size(); ++i)
      svg += panel.curve(lines[i], all, currency, kColours[i % kColours.size()], dash_of(i));
    left += kPlotWidth + kGap;
  }
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const double x = kLeft + 220 * static_cast<double>(i % 4);
    const double y = legend + kLegendLine * static_cast<double>(i / 4);
    svg += fmt::format(
        "<line x1='{0:.1f}' x2='{1:.1f}' y1='{2:.1f}' y2='{2:.1f}' stroke='{3}' stroke-width='2' "
        "stroke-dasharray='{4}'/><text x='{5:.1f}' y='{6:.1f}'>{7}</text>\n",
        x, x + 30, y - 4, kColours[i % kColours.size()], dash_of(i), x + 36, y, lines[i].policy);
  }
  return svg + "</svg>\n";
}

}  // namespace uswim::experiment
