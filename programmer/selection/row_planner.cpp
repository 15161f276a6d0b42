#include "programmer/selection/row_planner.h"

#include <algorithm>
#include <cmath>

namespace uswim::programmer {

std::vector<Candidate> candidates(const tiles::Mapping& mapping, const WeightFacts& facts,
                                  const DeviceStatistics& statistics, std::size_t array,
                                  std::size_t row) {
  std::vector<Candidate> list;
  const unsigned top = (1u << mapping.config().device_bits) - 1;
  const double codes = (1u << mapping.config().weight_bits) - 1;
  for (std::size_t c = 0; c < mapping.columns(array); ++c) {
    const std::size_t weight = mapping.weight_of(array, row, c);
    const double second = facts.second_derivative[weight];
    if (second <= 0.0) continue;
    const auto slice = static_cast<unsigned>(c % mapping.devices_per_weight() / 2);
    const std::size_t kind = statistics.kind(mapping.level(array, row, c), facts.magnitude[weight]);
    const double share =
        facts.scale[weight] / codes * mapping.slice_weight(slice) * top;  // weight per full scale
    const double worth = 0.5 * second * share * share * statistics.of(kind).gain;
    if (worth > 0.0)
      list.push_back({static_cast<std::uint16_t>(c), static_cast<std::uint16_t>(kind),
                      static_cast<float>(worth)});
  }
  std::sort(list.begin(), list.end(), [](const Candidate& a, const Candidate& b) {
    return a.worth != b.worth ? a.worth > b.worth : a.column < b.column;
  });
  return list;
}

double row_time(const DeviceStatistics& statistics, const RowTiming& timing,
                const std::vector<unsigned>& counts, std::size_t columns) {
  double time = 0.0;
  unsigned total = 0;
  for (const unsigned n : counts) total += n;
  if (total == 0) return timing.write;
  const double adcs = std::ceil(static_cast<double>(columns) / timing.columns_per_adc);
  for (std::size_t k = 0;; ++k) {
    double all_done = 1.0, still_open = 0.0;
    for (std::size_t kind = 0; kind < counts.size(); ++kind) {
      if (counts[kind] == 0) continue;
      const std::vector<double>& done = statistics.of(kind).done;
      const double p = k < done.size() ? done[k] : 1.0;
      all_done *= std::pow(p, counts[kind]);
      still_open += (1.0 - p) * counts[kind];
    }
    if (1.0 - all_done < 1e-3) break;
    // The ADC with most columns: at least one, and about twice the mean where few are spread over
    // many.
    const double serial =
        std::clamp(2.0 * still_open / adcs, 1.0, static_cast<double>(timing.columns_per_adc));
    time += (1.0 - all_done) * (timing.write + timing.read + serial * timing.conversion);
  }
  return std::max(time, timing.write);
}

RowPlanner::RowPlanner(const DeviceStatistics& statistics, const RowTiming& timing)
    : statistics_(statistics), timing_(timing), rank_(statistics.kinds()) {
  std::vector<std::size_t> order(statistics.kinds());
  for (std::size_t k = 0; k < order.size(); ++k) order[k] = k;
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return statistics.of(a).mean_rounds < statistics.of(b).mean_rounds;
  });
  for (std::size_t r = 0; r < order.size(); ++r) rank_[order[r]] = r;
}

RowOptions RowPlanner::options(const std::vector<Candidate>& row, std::size_t columns) const {
  std::vector<unsigned> counts(statistics_.kinds(), 0);
  RowOptions list{{0, 0, 0.0, row_time(statistics_, timing_, counts, columns)}};
  for (std::size_t slowest = 0; slowest < rank_.size(); ++slowest) {
    std::fill(counts.begin(), counts.end(), 0);
    unsigned n = 0, next = 1;
    double gain = 0.0;
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (admits(row[i], slowest)) {
        ++counts[row[i].kind];
        ++n;
        gain += row[i].worth;
      }
      if (n > 0 && (n == next || i + 1 == row.size())) {
        list.push_back({n, slowest, gain, row_time(statistics_, timing_, counts, columns)});
        next = std::max(n + 1, n + n / 2);
      }
    }
  }
  return list;
}

double slowest_tile_time(const tiles::Mapping& mapping, const WeightFacts& facts,
                         const DeviceStatistics& statistics, const RowTiming& timing) {
  double slowest = 0.0;
  for (std::size_t a = 0; a < mapping.arrays().size(); ++a) {
    double time = 0.0;
    for (std::size_t r = 0; r < mapping.arrays()[a].rows; ++r) {
      std::vector<unsigned> counts(statistics.kinds(), 0);
      for (std::size_t c = 0; c < mapping.columns(a); ++c)
        ++counts[statistics.kind(mapping.level(a, r, c),
                                 facts.magnitude[mapping.weight_of(a, r, c)])];
      time += row_time(statistics, timing, counts, mapping.columns(a));
    }
    slowest = std::max(slowest, time);
  }
  return slowest;
}

namespace {

/// For each row the option that is best where a second costs `price`; the sum of their times.
double choose(const std::vector<const RowOptions*>& rows, double price,
              std::vector<const Option*>& chosen) {
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

}  // namespace

double plan_tile(const std::vector<const RowOptions*>& rows, double budget,
                 std::vector<const Option*>& chosen) {
  chosen.assign(rows.size(), nullptr);
  if (choose(rows, 0.0, chosen) > budget) {
    // The tile's time falls as the price of a second rises. The largest price that can matter is
    // that of the best ratio of gain to time.
    double high = 0.0;
    for (const RowOptions* row : rows)
      for (const Option& o : *row)
        if (o.time > row->front().time)
          high = std::max(high, o.gain / (o.time - row->front().time));
    double low = high * 1e-12;
    for (int step = 0; step < 60 && high / low > 1.0001; ++step) {
      const double price = std::sqrt(low * high);
      (choose(rows, price, chosen) > budget ? low : high) = price;
    }
    choose(rows, high * 1.0001, chosen);
  }
  double gain = 0.0;
  for (const Option* o : chosen) gain += o->gain;
  return gain;
}

}  // namespace uswim::programmer
