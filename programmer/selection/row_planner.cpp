#include "programmer/selection/row_planner.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <tuple>

namespace uswim::programmer {

std::vector<Candidate> candidates(const tiles::Mapping& mapping, const WeightFacts& facts,
                                  const DeviceStatistics& statistics, std::size_t array,
                                  std::size_t first_row, std::size_t rows) {
  std::vector<Candidate> list;
  const std::vector<float>& curvature = facts.curvature();
  const unsigned top = (1u << mapping.config().device_bits) - 1;
  const double codes = (1u << mapping.config().weight_bits) - 1;
  for (std::size_t row = first_row; row < first_row + rows; ++row)
    for (std::size_t c = 0; c < mapping.columns(array); ++c) {
      const std::size_t weight = mapping.weight_of(array, row, c);
      const double second = curvature[weight];
      if (second <= 0.0) continue;
      const auto slice = static_cast<unsigned>(c % mapping.devices_per_weight() / 2);
      const std::size_t kind = statistics.kind(mapping, facts, array, row, c);
      const double share =
          facts.scale[weight] / codes * mapping.slice_weight(slice) * top;  // weight per full scale
      const double worth = 0.5 * second * share * share * statistics.of(kind).gain;
      if (worth > 0.0)
        list.push_back({static_cast<std::uint16_t>(row), static_cast<std::uint16_t>(c),
                        static_cast<std::uint16_t>(kind), static_cast<float>(worth)});
    }
  std::sort(list.begin(), list.end(), [](const Candidate& a, const Candidate& b) {
    return std::tie(b.worth, a.row, a.column) < std::tie(a.worth, b.row, b.column);
  });
  return list;
}

namespace {

double at(const std::vector<double>& list, std::size_t k, double beyond) {
  return k < list.size() ? list[k] : beyond;
}

/// By multiplications alone, which round alike everywhere.
double power(double base, unsigned n) {
  double result = 1.0;
  for (; n > 0; n >>= 1, base *= base)
    if (n & 1) result *= base;
  return result;
}

/// `n` independent events of probability `p`, of which at most `most` happen.
struct AtMost {
  double probability = 0.0;
  double mean = 0.0;  ///< how many then happen
};
AtMost at_most(unsigned most, unsigned n, double p) {
  if (p >= 1.0) return {most >= n ? 1.0 : 0.0, static_cast<double>(std::min(most, n))};
  double term = power(1.0 - p, n), sum = term, happen = 0.0;
  for (unsigned j = 1; j <= most && j <= n; ++j) {
    sum += term *= static_cast<double>(n - j + 1) / j * p / (1.0 - p);
    happen += j * term;
  }
  // Where it is as good as impossible, as many as may.
  return {std::min(sum, 1.0), sum > 1e-200 ? happen / sum : std::min(most, n)};
}

/// Probability that a group of columns has no pulse. In one group for all columns devices stand for
/// themselves; in one of several any device is pulsed as likely as another.
class QuietGroup {
 public:
  QuietGroup(double groups, double devices) : groups_(groups), devices_(devices) {}
  /// `n` devices, each pulsed with probability p.
  void add(unsigned n, double p) {
    if (p <= 0.0) return;
    alone_ *= power(1.0 - std::min(p, 1.0), n);
    pulses_ += n * p;
  }
  double probability() const {
    if (groups_ <= 1.0) return alone_;
    return std::pow(1.0 - std::min(1.0, pulses_ / devices_), devices_ / groups_);
  }

 private:
  double groups_, devices_;
  double alone_ = 1.0, pulses_ = 0.0;
};

/// Time of the pulses of round k, of which `part` take place; in round 0 `others` devices get their
/// open-loop pulse.
double pulse_time(const DeviceStatistics& statistics, const RowTiming& t,
                  const std::vector<unsigned>& counts, std::size_t k, std::size_t columns,
                  double devices, unsigned others, double part = 1.0) {
  const double groups =
      t.drivers == 0 ? 1.0
                     : std::ceil(static_cast<double>(columns) / static_cast<double>(t.drivers));
  QuietGroup set(groups, devices), reset(groups, devices), either(groups, devices);
  set.add(others, statistics.others_set());
  reset.add(others, statistics.others_reset());
  either.add(others, statistics.others_set() + statistics.others_reset());
  for (std::size_t kind = 0; kind < counts.size(); ++kind) {
    if (counts[kind] == 0) continue;
    const LevelStatistics& s = statistics.of(kind);
    const double sets = part * at(s.set, k, 0.0), resets = part * at(s.reset, k, 0.0);
    set.add(counts[kind], sets);
    reset.add(counts[kind], resets);
    either.add(counts[kind], sets + resets);
  }
  const double no_set = set.probability(), no_reset = reset.probability(),
               neither = either.probability();
  if (!t.mixed_phases) return groups * ((1.0 - no_set) * t.set + (1.0 - no_reset) * t.reset);
  return groups * ((no_reset - neither) * t.set + (no_set - neither) * t.reset +
                   (1.0 - no_set - no_reset + neither) * std::max(t.set, t.reset));
}

}  // namespace

RowExpectation expect_row(const DeviceStatistics& statistics, const RowTiming& timing,
                          const std::vector<unsigned>& counts, std::size_t columns,
                          std::size_t rows) {
  RowExpectation row;
  unsigned total = 0, known = 0;
  for (std::size_t kind = 0; kind < counts.size(); ++kind) {
    known += counts[kind];
    if (!statistics.of(kind).untouched) total += counts[kind];
  }
  const auto devices = static_cast<double>(columns * rows);
  row.time = timing.setup + pulse_time(statistics, timing, counts, 0, columns, devices,
                                       static_cast<unsigned>(columns * rows) - known);
  if (total == 0) return row;
  const double adcs = std::ceil(static_cast<double>(columns) / timing.columns_per_adc);
  const RowClosing& closing = timing.closing;
  const auto closed_with = static_cast<unsigned>(closing.open_part * total);
  double before = 1.0;  // probability that round k - 1 takes place
  for (std::size_t k = 0; closing.rounds == 0 || k <= closing.rounds; ++k) {
    const bool is_over = closing.rounds > 0 && k == closing.rounds;
    if (is_over && !closing.writes()) break;
    double all_done = 1.0, still_open = 0.0;
    for (std::size_t kind = 0; kind < counts.size(); ++kind) {
      if (counts[kind] == 0) continue;
      const double p = at(statistics.of(kind).done, k, 1.0);
      all_done *= power(p, counts[kind]);
      still_open += (1.0 - p) * counts[kind];
    }
    const double any_open = 1.0 - all_done;
    const auto pulses = [&](double part) {
      return pulse_time(statistics, timing, counts, k, columns, devices, 0, part);
    };
    double works = any_open;
    if (k > 0 && closed_with > 0) {
      const AtMost few = at_most(closed_with, total, still_open / total);
      works = 1.0 - few.probability;
      if (closing.writes() && still_open > 0.0)
        row.time += std::max(0.0, before - works) * pulses(few.mean / still_open);
    }
    if (works < 1e-3) break;
    before = works;
    if (is_over) {
      row.time += works / any_open * pulses(1.0);
      break;
    }
    row.works.push_back(works);
    // The ADC with most columns: at least one, and about twice the mean where few are spread over
    // many. Rows driven together are read one by one.
    const auto together = static_cast<double>(rows);
    const double serial = std::clamp(2.0 * still_open / together / adcs, 1.0,
                                     static_cast<double>(timing.columns_per_adc));
    const double reads =
        rows == 1 ? any_open : together * (1.0 - std::pow(all_done, 1.0 / together));
    row.time += works / any_open * reads * (timing.read + serial * timing.conversion);
    if (k > 0) row.time += works / any_open * pulses(1.0);
  }
  return row;
}

std::vector<RowGroup> row_groups(std::size_t rows, const RowTiming& timing) {
  std::vector<RowGroup> groups;
  for (std::size_t first = 0; first < rows; first += timing.rows)
    groups.push_back({first, std::min<std::size_t>(timing.rows, rows - first)});
  return groups;
}

namespace {

/// Limits of slowness that are tried for a row, the slowest of its kinds among them.
constexpr std::size_t kMostLimits = 32;

}  // namespace

RowPlanner::RowPlanner(const DeviceStatistics& statistics, const RowTiming& timing)
    : statistics_(statistics), timing_(timing), rank_(statistics.kinds()) {
  std::vector<std::size_t> order(statistics.kinds());
  for (std::size_t k = 0; k < order.size(); ++k) order[k] = k;
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return statistics.of(a).mean_rounds < statistics.of(b).mean_rounds;
  });
  for (std::size_t r = 0; r < order.size(); ++r) rank_[order[r]] = r;
}

double RowPlanner::kept_gain(std::size_t kind, const std::vector<double>& works) const {
  const LevelStatistics& s = statistics_.of(kind);
  double gain = 0.0;
  for (std::size_t k = 0; k < works.size(); ++k)
    gain += (works[k] - at(works, k + 1, 0.0)) * at(s.gain_after, k + 1, s.gain);
  return gain / s.gain;
}

std::vector<std::size_t> RowPlanner::limits(const std::vector<Candidate>& row) const {
  std::vector<std::uint8_t> present(rank_.size(), 0);
  for (const Candidate& c : row) present[rank_[c.kind]] = 1;
  std::vector<std::size_t> ranks;
  for (std::size_t r = 0; r < present.size(); ++r)
    if (present[r] != 0) ranks.push_back(r);
  const std::size_t stride = (ranks.size() + kMostLimits - 1) / kMostLimits;
  std::vector<std::size_t> some;
  for (std::size_t i = ranks.size(); i > 0; i -= std::min(i, stride)) some.push_back(ranks[i - 1]);
  std::reverse(some.begin(), some.end());
  return some;
}

RowOptions RowPlanner::options(const std::vector<Candidate>& row, std::size_t columns,
                               std::size_t rows) const {
  std::vector<unsigned> counts(statistics_.kinds(), 0);
  std::vector<double> worth(statistics_.kinds(), 0.0);
  RowOptions list{{0, 0, 0.0, row_time(statistics_, timing_, counts, columns, rows)}};
  for (const std::size_t slowest : limits(row)) {
    std::fill(counts.begin(), counts.end(), 0);
    std::fill(worth.begin(), worth.end(), 0.0);
    unsigned n = 0, next = 1;
    double gain = 0.0;
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (admits(row[i], slowest)) {
        ++counts[row[i].kind];
        ++n;
        gain += row[i].worth;
        worth[row[i].kind] += row[i].worth;
      }
      if (n > 0 && (n == next || i + 1 == row.size())) {
        const RowExpectation e = expect_row(statistics_, timing_, counts, columns, rows);
        double kept = gain;
        if (timing_.closing.is_used()) {
          kept = 0.0;
          for (std::size_t k = 0; k < worth.size(); ++k)
            if (worth[k] > 0.0) kept += worth[k] * kept_gain(k, e.works);
        }
        list.push_back({n, slowest, kept, e.time});
        next = std::max(n + 1, n + n / 2);
      }
    }
  }
  return list;
}

namespace {

/// Time of each array when everything is verified.
std::vector<double> array_times(const tiles::Mapping& mapping, const WeightFacts& facts,
                                const DeviceStatistics& statistics, const RowTiming& timing) {
  std::vector<double> times(mapping.array_count(), 0.0);
  for (std::size_t a = 0; a < mapping.blocks().size(); ++a) {
    double& time = times[mapping.blocks()[a].array];
    for (const RowGroup& group : row_groups(mapping.blocks()[a].rows, timing)) {
      std::vector<unsigned> counts(statistics.kinds(), 0);
      for (std::size_t r = group.first; r < group.first + group.rows; ++r)
        for (std::size_t c = 0; c < mapping.columns(a); ++c)
          ++counts[statistics.kind(mapping, facts, a, r, c)];
      time += row_time(statistics, timing, counts, mapping.columns(a), group.rows);
    }
  }
  return times;
}

/// The largest price that can matter: the best ratio of gain to time.
double highest_price(const TileRows& rows) {
  double high = 0.0;
  for (const RowOptions* row : rows)
    for (const Option& o : *row)
      if (o.time > row->front().time) high = std::max(high, o.gain / (o.time - row->front().time));
  return high;
}

}  // namespace

double slowest_array_time(const tiles::Mapping& mapping, const WeightFacts& facts,
                          const DeviceStatistics& statistics, const RowTiming& timing) {
  const std::vector<double> times = array_times(mapping, facts, statistics, timing);
  return *std::max_element(times.begin(), times.end());
}

double time_of_everything(const tiles::Mapping& mapping, const WeightFacts& facts,
                          const DeviceStatistics& statistics, const RowTiming& timing) {
  const std::vector<double> times = array_times(mapping, facts, statistics, timing);
  const double slowest = *std::max_element(times.begin(), times.end());
  if (timing.rows_at_once <= 0.0) return slowest;
  return std::max(slowest, std::accumulate(times.begin(), times.end(), 0.0) / timing.rows_at_once);
}

double choose(const TileRows& rows, double price, std::vector<const Option*>& chosen) {
  chosen.resize(rows.size());
  double time = 0.0;
  for (std::size_t r = 0; r < rows.size(); ++r) {
    const Option* best = &rows[r]->front();
    for (const Option& o : *rows[r])
      if (o.gain - price * o.time > best->gain - price * best->time) best = &o;
    chosen[r] = best;
    time += best->time;
  }
  return time;
}

namespace {

/// The least price with which `time_at(price)`, which falls as the price rises, is within the
/// budget.
template <class TimeAt>
double least_price(double high, double budget, TimeAt&& time_at) {
  if (time_at(0.0) <= budget) return 0.0;
  double low = high * 1e-12;
  for (int step = 0; step < 60 && high / low > 1.0001; ++step) {
    const double price = std::sqrt(low * high);
    (time_at(price) > budget ? low : high) = price;
  }
  return high * 1.0001;
}

}  // namespace

double tile_price(const TileRows& rows, double budget) {
  std::vector<const Option*> chosen;
  return least_price(highest_price(rows), budget,
                     [&](double price) { return choose(rows, price, chosen); });
}

std::vector<double> tile_prices(const std::vector<TileRows>& tiles, double budget,
                                double rows_at_once) {
  std::vector<double> prices;
  double high = 0.0;
  for (const TileRows& rows : tiles) {
    prices.push_back(tile_price(rows, budget));
    high = std::max(high, highest_price(rows));
  }
  if (rows_at_once <= 0.0) return prices;
  std::vector<const Option*> chosen;
  const double common = least_price(high, budget * rows_at_once, [&](double price) {
    double time = 0.0;
    for (std::size_t t = 0; t < tiles.size(); ++t)
      time += choose(tiles[t], std::max(price, prices[t]), chosen);
    return time;
  });
  for (double& price : prices) price = std::max(price, common);
  return prices;
}

double plan_tile(const TileRows& rows, double budget, std::vector<const Option*>& chosen) {
  choose(rows, tile_price(rows, budget), chosen);
  double gain = 0.0;
  for (const Option* o : chosen) gain += o->gain;
  return gain;
}

}  // namespace uswim::programmer
