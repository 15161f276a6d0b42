#include "experiment/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <sstream>

#include "experiment/comparison.h"
#include "experiment/curve_plot.h"
#include "experiment/summary.h"
#include "support/results.h"
#include "uswim_version.h"

namespace uswim::experiment {
namespace {

using support::with_prefix;

constexpr const char* kStyle = R"(
body{font:15px/1.5 system-ui,sans-serif;max-width:980px;margin:2em auto;padding:0 1em;color:#222}
h1{font-size:1.5em;margin-bottom:0}h2{font-size:1.15em;margin:2em 0 .5em}
p{margin:.4em 0}.note{color:#666;font-size:.87em}
table{border-collapse:collapse;font-variant-numeric:tabular-nums}
td,th{padding:.18em .8em;text-align:right;border-bottom:1px solid #e4e4e4}
th{font-weight:600;border-bottom:2px solid #bbb}td:first-child,th:first-child{text-align:left}
tr.first td{border-top:2px solid #bbb}
.cards{display:flex;flex-wrap:wrap;gap:.8em;margin:1em 0}
.card{border:1px solid #ddd;border-radius:6px;padding:.5em 1em;min-width:8em}
.card b{display:block;font-size:1.3em}
.bar{display:inline-block;height:.8em;background:#0072B2;vertical-align:baseline}
.bar.idle{background:#cfd8dc}td.bars{text-align:left;width:420px}
svg{max-width:100%;height:auto}
)";

std::string escaped(const std::string& text) {
  std::string safe;
  for (const char c : text)
    if (c == '&')
      safe += "&amp;";
    else if (c == '<')
      safe += "&lt;";
    else if (c == '>')
      safe += "&gt;";
    else if (c == '\'')
      safe += "&#39;";
    else
      safe += c;
  return safe;
}

std::string row(const char* cell, const std::vector<std::string>& cells, const char* kind = "") {
  std::string html = fmt::format("<tr{}>", kind);
  for (const std::string& c : cells) html += fmt::format("<{0}>{1}</{0}>", cell, c);
  return html + "</tr>\n";
}

std::string bar(double part, const char* kind = "bar") {
  constexpr double kFull = 400;  // pixels
  return fmt::format("<span class='{}' style='width:{:.1f}px'></span>", kind, kFull * part);
}

std::string card(const std::string& what, const std::string& figure) {
  return fmt::format("<div class='card'>{}<b>{}</b></div>\n", what, figure);
}

std::string percent(double fraction) { return fmt::format("{:.2f} %", 100 * fraction); }
/// Mean and standard deviation over chips.
std::string spread(double mean, double sd, unsigned chips) {
  return chips < 2 ? percent(mean) : fmt::format("{:.2f} ± {:.2f} %", 100 * mean, 100 * sd);
}

std::string head(const std::string& title, const Experiment& experiment, const RunResult& result) {
  const Config& config = experiment.config;
  const tiles::Mapping& mapping = experiment.mapping;
  const CurvePoint& all = result.verify_all;
  std::string html = fmt::format(
      "<!doctype html>\n<html lang='en'><head><meta charset='utf-8'><title>{0}</title>"
      "<style>{1}</style></head><body>\n<h1>{0}</h1>\n"
      "<p class='note'>uswim {2}; {3} weights on {4} devices, {5} arrays; {6} chips, seed "
      "{7}</p>\n",
      escaped(title), kStyle, kVersion, mapping.weights(), mapping.devices(), mapping.array_count(),
      config.chips, config.seed);
  html += "<div class='cards'>\n";
  if (result.ideal_accuracy)
    html +=
        card("ideal accuracy", percent(*result.ideal_accuracy)) +
        card(all.verifies_everything ? "all verified" : "as written", percent(all.accuracy_mean));
  html += card("programming time", with_prefix(all.time_s_mean, "s"));
  html += card("programming energy", with_prefix(all.energy_J_mean, "J"));
  html += card("peak power", with_prefix(all.peak_power_W_mean, "W"));
  const InferenceResult& i = result.monte_carlo.inference;
  if (i.images > 0)
    html += card("inference latency", with_prefix(static_cast<double>(i.latency_ps) * 1e-12, "s")) +
            card("images per second", fmt::format("{:.4g}", i.images_per_second));
  html += fmt::format(
      "</div>\n<p class='note'>Time, energy and power: {}, mean over chips.",
      all.verifies_everything ? "every weight write-verified" : "no weight write-verified");
  if (result.ideal_accuracy)
    html += fmt::format(" Accuracies without ADCs: {} test images.", experiment.accuracy_images());
  const std::string not_converged = not_converged_text(all, mapping.devices());
  if (!not_converged.empty()) html += " " + not_converged;
  const std::string life = rated_life_text(config.device.rated_cycles, result.curve);
  if (!life.empty()) html += " " + life;
  return html + "</p>\n";
}

/// Every point in all currencies, absolute and as a part of verifying everything.
std::string points(const RunResult& result) {
  const bool relative = result.verify_all.verifies_everything;
  std::string html = "<h2>Policies and fractions</h2>\n<table>\n";
  std::vector<std::string> names{"policy", "fraction", "NWC", "time"};
  if (relative) names.emplace_back("of all");
  names.emplace_back("energy");
  if (relative) names.emplace_back("of all");
  if (result.ideal_accuracy) names.emplace_back("accuracy");
  html += row("th", names);
  std::string last;
  for (const CurvePoint& p : result.curve) {
    std::vector<std::string> cells{escaped(p.policy), fmt::format("{:.3g}", p.fraction),
                                   fmt::format("{:.3f}", p.nwc_mean),
                                   with_prefix(p.time_s_mean, "s")};
    const auto part = [&](Currency c) {
      return fmt::format("{:.3f}", relative_cost(p, result.verify_all, c));
    };
    if (relative) cells.push_back(part(Currency::Time));
    cells.push_back(with_prefix(p.energy_J_mean, "J"));
    if (relative) cells.push_back(part(Currency::Energy));
    if (result.ideal_accuracy) cells.push_back(spread(p.accuracy_mean, p.accuracy_sd, p.chips));
    html += row("td", cells, p.policy == last ? "" : " class='first'");
    last = p.policy;
  }
  return html + "</table>\n";
}

/// What it costs to come close to the ideal accuracy.
std::string reaching(const Config& config, const RunResult& result) {
  const double goal = *result.ideal_accuracy - config.accuracy_drop;
  std::string html = fmt::format(
      "<h2>To reach {} ({:.3g} points below the ideal)</h2>\n<p class='note'>How many times "
      "cheaper "
      "than verifying everything, interpolated between the points.</p>\n<table>\n",
      percent(goal), 100 * config.accuracy_drop);
  html += row("th", {"policy", "write cycles", "time", "energy"});
  for (const SpeedUp& s : speed_ups(result.curve, result.verify_all, goal)) {
    std::vector<std::string> cells{escaped(s.policy)};
    const bool reached = std::any_of(
        result.curve.begin(), result.curve.end(),
        [&](const CurvePoint& p) { return p.policy == s.policy && p.accuracy_mean >= goal; });
    for (const auto& factor : s.factor)
      cells.push_back(factor    ? fmt::format("{:.2f} x", *factor)
                      : reached ? "costs nothing"
                                : "not reached");
    html += row("td", cells);
  }
  return html + "</table>\n";
}

/// What the ADCs take of the accuracy.
std::string with_adcs(const Experiment& experiment, const std::vector<HardwareResult>& results) {
  if (results.empty()) return "";
  std::string html = fmt::format(
      "<h2>With {}-bit ADCs</h2>\n<p class='note'>Policy {}, {} test images, bit-serial "
      "inputs.</p>\n<table>\n",
      experiment.config.tile.adc.bits, escaped(experiment.evaluations.front().policy),
      results.front().images);
  html += row("th", {"chip", "fraction", "accuracy", "with ideal ADCs"});
  for (const HardwareResult& h : results) {
    const auto images = static_cast<double>(h.images);
    html += row("td", {fmt::format("{}", h.chip), fmt::format("{:.3g}", h.fraction),
                       percent(static_cast<double>(h.correct_hardware) / images),
                       percent(static_cast<double>(h.correct_ideal_adc) / images)});
  }
  return html + "</table>\n";
}

std::string iterative(const std::vector<IterativeSummary>& summaries) {
  if (summaries.empty()) return "";
  std::string html =
      "<h2>Iterative selection, measured on the chip</h2>\n<p class='note'>Mean over chips; "
      "in one go: the same devices, known beforehand.</p>\n<table>\n" +
      row("th", {"policy", "chips that came close", "steps", "fraction", "time", "of measuring",
                 "in one go", "energy", "accuracy"});
  for (const IterativeSummary& s : summaries)
    html +=
        row("td", {escaped(s.policy), fmt::format("{} of {}", s.within_the_drop, s.chips),
                   fmt::format("{:.1f}", s.steps), fmt::format("{:.3f}", s.fraction),
                   with_prefix(s.total_s(), "s"), with_prefix(s.measuring_s, "s"),
                   with_prefix(s.one_shot_s + s.one_shot_mask_s, "s"), with_prefix(s.energy_J, "J"),
                   spread(s.accuracy_mean, s.accuracy_sd, s.chips)});
  return html + "</table>\n";
}

std::string in_situ(const RunResult& result, unsigned chips) {
  const std::vector<InSituSummary>& summaries = result.in_situ;
  if (summaries.empty()) return "";
  std::string html =
      "<h2>In-situ training</h2>\n" + in_situ_svg(result.curve, summaries, *result.ideal_accuracy) +
      "<table>\n" +
      row("th", {"iteration", "pulses per device", "time", "of writing", "energy", "accuracy"});
  for (const InSituSummary& s : summaries)
    html +=
        row("td", {fmt::format("{}", s.iteration), fmt::format("{:.3f}", s.write_pulses_per_device),
                   with_prefix(s.writing_s + s.training_s, "s"), with_prefix(s.writing_s, "s"),
                   with_prefix(s.energy_J, "J"), spread(s.accuracy_mean, s.accuracy_sd, chips)});
  return html + "</table>\n";
}

/// Accuracies at times after programming.
std::string retention(const RunResult& result, const std::vector<std::string>& times) {
  if (result.retention.empty()) return "";
  std::vector<std::string> names{"policy", "fraction"};
  for (const std::string& time : times) names.push_back("after " + time);
  std::string html = "<h2>Accuracy later on</h2>\n<table>\n" + row("th", names);
  for (const RetentionSummary& s : result.retention) {
    std::vector<std::string> cells{escaped(s.policy), fmt::format("{:.3g}", s.fraction)};
    for (const RetentionSummary::Accuracy& a : s.later)
      cells.push_back(spread(a.mean, a.sd, static_cast<unsigned>(a.chips)));
    html += row("td", cells);
  }
  return html + "</table>\n";
}

std::string breakdown(const char* heading,
                      const std::array<double, sc_models::kComponents>& parts) {
  const double total = std::accumulate(parts.begin(), parts.end(), 0.0);
  std::string html = fmt::format("<h2>{}</h2>\n<table>\n", heading);
  for (std::size_t i = 0; i < parts.size(); ++i)
    if (parts[i] > 0.0)
      html +=
          fmt::format("<tr><td>{}</td><td>{}</td><td>{:.1f} %</td><td class='bars'>{}</td></tr>\n",
                      sc_models::kComponentNames[i], with_prefix(parts[i], "J"),
                      100 * parts[i] / total, bar(parts[i] / total));
  return html + "</table>\n";
}

/// The tiles that finish last; others wait for them.
std::string slowest_tiles(const tiles::Mapping& mapping, const Experiment& experiment,
                          const RunResult& result) {
  constexpr std::size_t kShown = 12;
  std::vector<const TileResult*> tiles;
  for (const TileResult& t : result.monte_carlo.tiles) {
    const Evaluation& e = experiment.evaluations[t.evaluation];
    if (e.policy == result.verify_all.policy && e.fraction == result.verify_all.fraction)
      tiles.push_back(&t);
  }
  if (tiles.empty()) return "";
  std::stable_sort(tiles.begin(), tiles.end(), [](const TileResult* a, const TileResult* b) {
    return b->report.finished_after < a->report.finished_after;
  });
  const double longest = tiles.front()->report.finished_after.in_seconds();
  std::string html = fmt::format(
      "<h2>Tiles that finish last</h2>\n<p class='note'>{} of {}, chip 0. Blue: at work; grey: "
      "waiting for the interconnect, a pump or power.</p>\n<table>\n",
      std::min(kShown, tiles.size()), tiles.size());
  html += row("th", {"layer", "tile", "rows", "finished after", ""});
  for (std::size_t i = 0; i < std::min(kShown, tiles.size()); ++i) {
    const sc_models::TileReport& r = tiles[i]->report;
    const double end = r.finished_after.in_seconds(), busy = r.busy.in_seconds();
    const double scale = longest > 0.0 ? 1.0 / longest : 0.0;
    html += fmt::format(
        "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td class='bars'>{}{}</td></tr>\n",
        escaped(mapping.layers()[mapping.blocks()[tiles[i]->tile].layer].name), tiles[i]->tile,
        r.rows, with_prefix(end, "s"), bar(busy * scale),
        bar(std::max(0.0, end - busy) * scale, "bar idle"));
  }
  return html + "</table>\n";
}

/// Two columns of a table of numbers, after its line of names.
std::vector<std::pair<double, double>> columns_of(const std::string& csv) {
  std::vector<std::pair<double, double>> points;
  std::istringstream lines(csv);
  std::string line;
  std::getline(lines, line);
  while (std::getline(lines, line)) {
    const std::size_t comma = line.find(',');
    points.emplace_back(std::stod(line.substr(0, comma)), std::stod(line.substr(comma + 1)));
  }
  return points;
}

/// Steps: each value holds until the next point. `counts`: places are whole numbers.
std::string step_plot(const char* heading, const std::vector<std::pair<double, double>>& points,
                      const char* unit_x, const char* unit_y, bool counts = false) {
  if (points.size() < 2) return "";
  constexpr double kWidth = 850, kHeight = 170, kLeft = 84, kTop = 12, kMostShown = 4000;
  const auto greater_y = [](const auto& a, const auto& b) { return a.second < b.second; };
  const double end = points.back().first, begin = points.front().first;
  const double top = std::max_element(points.begin(), points.end(), greater_y)->second;
  if (!(end > begin) || !(top > 0.0)) return "";
  const auto x = [&](double v) { return kLeft + kWidth * (v - begin) / (end - begin); };
  const auto y = [&](double v) { return kTop + kHeight * (1 - v / top); };
  // Of the points that fall onto one place, the highest.
  const std::size_t together = 1 + points.size() / static_cast<std::size_t>(kMostShown);
  std::string path = fmt::format("M{:.1f},{:.1f}", x(begin), y(0));
  for (std::size_t i = 0; i < points.size(); i += together) {
    const auto first = points.begin() + static_cast<std::ptrdiff_t>(i);
    const auto last =
        points.begin() + static_cast<std::ptrdiff_t>(std::min(i + together, points.size()));
    path += fmt::format("H{:.1f}V{:.1f}", x(first->first),
                        y(std::max_element(first, last, greater_y)->second));
  }
  path += fmt::format("H{:.1f}V{:.1f}", x(end), y(0));
  std::string svg = fmt::format(
      "<h2>{0}</h2>\n<svg width='{1:.0f}' height='{2:.0f}' viewBox='0 0 {1:.0f} {2:.0f}' "
      "font-family='sans-serif' font-size='12'>"
      "<path d='{3}' fill='#0072B2' fill-opacity='.2' stroke='#0072B2'/>",
      heading, kLeft + kWidth + 40, kTop + kHeight + 30, path);
  for (int i = 0; i <= 5; ++i) {
    const double place = begin + (end - begin) * i / 5;
    const double at = counts ? std::round(place) : place;
    svg += fmt::format("<text x='{:.1f}' y='{:.1f}' text-anchor='middle'>{}</text>", x(at),
                       kTop + kHeight + 18, with_prefix(at, unit_x));
  }
  for (int i = 0; i <= 2; ++i)
    svg += fmt::format("<text x='{:.1f}' y='{:.1f}' text-anchor='end'>{}</text>", kLeft - 6,
                       y(top * i / 2) + 4, with_prefix(top * i / 2, unit_y));
  return svg + "</svg>\n";
}

}  // namespace

std::string report_html(const std::string& title, const tiles::Mapping& mapping,
                        const Experiment& experiment, const RunResult& result,
                        const std::array<double, sc_models::kComponents>& energy_J,
                        const std::vector<std::string>& files) {
  std::string html = head(title, experiment, result);
  if (result.ideal_accuracy)
    html += curve_svg(result.curve, result.verify_all, *result.ideal_accuracy);
  if (result.ideal_accuracy && result.verify_all.verifies_everything)
    html += reaching(experiment.config, result);
  html += points(result);
  html += retention(result, experiment.config.accuracy_times);
  html += with_adcs(experiment, result.monte_carlo.hardware);
  html += iterative(result.iterative);
  html += in_situ(result, experiment.config.chips);
  html += breakdown("Energy of programming", energy_J);
  const InferenceResult& inference = result.monte_carlo.inference;
  if (inference.images > 0) {
    std::array<double, sc_models::kComponents> per_image = inference.energy_J;
    for (double& e : per_image) e /= static_cast<double>(inference.images);
    html += breakdown("Energy of one image", per_image);
  }
  html += slowest_tiles(mapping, experiment, result);
  const auto& drawn = result.monte_carlo.files;
  if (const auto power = drawn.find("power.csv"); power != drawn.end())
    html += step_plot("Power over time: chip 0, the first policy at its largest fraction below 1",
                      columns_of(power->second), "s", "W");
  if (const auto cycles = drawn.find("cycles_histogram.csv"); cycles != drawn.end()) {
    std::vector<std::pair<double, double>> devices = columns_of(cycles->second);
    devices.emplace_back(devices.back().first + 1, 0.0);  // where the last column ends
    html += step_plot("Devices by the write cycles that verifying them takes", devices, "cycles",
                      "devices", true);
  }
  html += "<h2>Files</h2>\n<p>";
  for (const std::string& name : files)
    html += fmt::format("<a href='{0}'>{0}</a> ", escaped(name));
  return html + "</p>\n</body></html>\n";
}

}  // namespace uswim::experiment
