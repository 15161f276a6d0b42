#include "programmer/selection/hardware_aware.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "programmer/selection/row_planner.h"

namespace uswim::programmer {
namespace {

/// No chip of a run has this number: samples must not be the devices that they predict.
constexpr std::uint32_t kSampleChip = 0xffffffffu;
/// Fewer where every round is computed anew, one device at a time.
constexpr std::size_t kClosedSamples = 1024;

bool bit(const std::vector<std::uint64_t>& words, std::size_t i) {
  return words[i / 64] >> (i % 64) & 1;
}

}  // namespace

DeviceStatistics::DeviceStatistics(const DeviceModel& device, const PulseModel& pulses,
                                   std::uint64_t seed, std::size_t samples)
    : device_(device), kinds_(device.levels() * 2) {
  DeviceOutcomes outcomes;
  for (unsigned level = 0; level < device.levels(); ++level)
    for (const double magnitude :
         {0.0, 0.5}) {  // outside and inside the middle, for level_of: weight
      const std::size_t k = kind(level, magnitude);
      const auto target = static_cast<float>(device.target(level));
      const std::vector<DeviceTarget> targets(
          samples, {true, target, static_cast<float>(device.level_factor(level, magnitude))});
      pulses.write(targets, k * samples, seed, kSampleChip, outcomes);
      LevelStatistics& s = kinds_[k];
      s = {};
      const auto n = static_cast<double>(samples);
      std::vector<double> finished(outcomes.rounds + 1, 0.0);
      std::vector<std::size_t> last_round(samples, 0);
      s.set.assign(outcomes.rounds, 0.0);
      s.reset.assign(outcomes.rounds, 0.0);
      s.open_loop_reset = bit(outcomes.open_loop_reset, 0);
      for (std::size_t i = 0; i < samples; ++i) {
        const double open = outcomes.open_loop[i] - target,
                     verified = outcomes.verified[i] - target;
        s.gain += (open * open - verified * verified) / n;
        s.mean_cycles += outcomes.cycles[i] / n;
        // Its last verify read is in the round of its last pulse; round 0 is read in any case.
        std::size_t last = 0;
        for (std::size_t r = 0; r < outcomes.rounds; ++r) {
          const std::size_t at = r * outcomes.words() * 64 + i;
          const bool set = bit(outcomes.set, at), reset = bit(outcomes.reset, at);
          s.set[r] += set / n;
          s.reset[r] += reset / n;
          if (set || reset) last = r;
        }
        last_round[i] = last;
        finished[last + 1] += 1.0 / n;
        s.mean_rounds += static_cast<double>(last + 1) / n;
      }
      if (pulses.closing().is_used()) {
        const std::size_t few = std::min(samples, kClosedSamples);
        s.gain_after.assign(outcomes.rounds + 1, 0.0);
        for (std::size_t i = 0; i < few; ++i)
          for (std::size_t r = 1; r <= outcomes.rounds; ++r) {
            const double open = outcomes.open_loop[i] - target;
            const double closed =
                (last_round[i] < r
                     ? outcomes.verified[i]
                     : pulses.closed_after(targets[i], k * samples + i, seed, kSampleChip,
                                           static_cast<std::uint32_t>(r))) -
                target;
            s.gain_after[r] += (open * open - closed * closed) / static_cast<double>(few);
          }
      }
      s.done.assign(finished.size(), 0.0);
      double sum = 0.0;
      for (std::size_t r = 0; r < finished.size(); ++r) s.done[r] = sum += finished[r];
    }
}

std::size_t DeviceStatistics::kind(unsigned level, double weight_magnitude) const {
  const bool middle =
      device_.level_factor(level, weight_magnitude) != device_.level_factor(level, 0.0);
  return level * 2 + (middle ? 1 : 0);
}

DeviceMask select_worth_per_cycle(const tiles::Mapping& mapping, const WeightFacts& facts,
                                  const DeviceStatistics& statistics, double fraction) {
  if (!(fraction >= 0.0 && fraction <= 1.0))
    throw std::invalid_argument("a verified fraction must lie in [0, 1]");
  if (fraction == 1.0) return device_mask(mapping, SelectionMask(mapping.weights(), 1));
  struct Ranked {
    double score;
    std::uint64_t device;
    std::uint32_t array;
    std::uint16_t row, column;
  };
  std::vector<Ranked> ranked;
  for (std::size_t a = 0; a < mapping.arrays().size(); ++a)
    for (std::size_t r = 0; r < mapping.arrays()[a].rows; ++r)
      for (const Candidate& c : candidates(mapping, facts, statistics, a, r))
        ranked.push_back({c.worth / std::max(1.0, statistics.of(c.kind).mean_cycles),
                          mapping.device_index(a, r, c.column), static_cast<std::uint32_t>(a),
                          c.row, c.column});
  std::sort(ranked.begin(), ranked.end(), [](const Ranked& a, const Ranked& b) {
    return a.score != b.score ? a.score > b.score : a.device < b.device;
  });
  const auto selected =
      static_cast<std::size_t>(std::llround(fraction * static_cast<double>(mapping.devices())));
  DeviceMask mask(mapping);
  for (std::size_t i = 0; i < std::min(selected, ranked.size()); ++i)
    mask.set(ranked[i].array, ranked[i].row, ranked[i].column);
  return mask;
}

DeviceMask select_row_time(const tiles::Mapping& mapping, const WeightFacts& facts,
                           const DeviceStatistics& statistics, const RowTiming& timing,
                           double fraction) {
  if (!(fraction >= 0.0 && fraction <= 1.0))
    throw std::invalid_argument("a fraction of the time must lie in [0, 1]");
  if (fraction == 1.0) return device_mask(mapping, SelectionMask(mapping.weights(), 1));
  const RowPlanner planner(statistics, timing);
  const double budget = fraction * time_of_everything(mapping, facts, statistics, timing);
  DeviceMask mask(mapping);
  if (fraction == 0.0) return mask;
  std::vector<std::vector<std::vector<Candidate>>> rows(mapping.arrays().size());
  std::vector<std::vector<RowOptions>> options(rows.size());
  std::vector<TileRows> tiles(rows.size());
  for (std::size_t a = 0; a < rows.size(); ++a) {
    for (const RowGroup& group : row_groups(mapping.arrays()[a].rows, timing)) {
      rows[a].push_back(candidates(mapping, facts, statistics, a, group.first, group.rows));
      options[a].push_back(planner.options(rows[a].back(), mapping.columns(a), group.rows));
    }
    for (const RowOptions& o : options[a]) tiles[a].push_back(&o);
  }
  const std::vector<double> prices = tile_prices(tiles, budget, timing.rows_at_once);
  std::vector<const Option*> chosen;
  for (std::size_t a = 0; a < rows.size(); ++a) {
    choose(tiles[a], prices[a], chosen);
    for (std::size_t r = 0; r < rows[a].size(); ++r) {
      unsigned left = chosen[r]->count;
      for (const Candidate& c : rows[a][r]) {
        if (left == 0) break;
        if (!planner.admits(c, chosen[r]->slowest)) continue;
        mask.set(a, c.row, c.column);
        --left;
      }
    }
  }
  return mask;
}

}  // namespace uswim::programmer
