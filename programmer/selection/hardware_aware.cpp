#include "programmer/selection/hardware_aware.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <stdexcept>
#include <tuple>

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

/// Of devices `first`, `first + 1` ... of the sample chip, which are alike.
LevelStatistics measure(const PulseModel& pulses, const std::vector<DeviceTarget>& targets,
                        std::uint64_t first, std::uint64_t seed, std::uint32_t chip) {
  DeviceOutcomes outcomes;
  pulses.write(targets, first, seed, chip, outcomes);
  LevelStatistics s;
  const std::size_t samples = targets.size();
  const auto n = static_cast<double>(samples);
  std::vector<double> finished(outcomes.rounds + 1, 0.0);
  std::vector<std::size_t> last_round(samples, 0);
  s.set.assign(outcomes.rounds, 0.0);
  s.reset.assign(outcomes.rounds, 0.0);
  for (std::size_t i = 0; i < samples; ++i) {
    const double open = outcomes.open_loop[i] - targets[i].target,
                 verified = outcomes.verified[i] - targets[i].target;
    s.gain += (open * open - verified * verified) / n;
    s.mean_cycles += outcomes.cycles[i] / n;
    s.open_loop_set += bit(outcomes.open_loop_set, i) / n;
    s.open_loop_reset += bit(outcomes.open_loop_reset, i) / n;
    // Its last verify read is in the round of its last pulse; round 0 is read in any case.
    const std::size_t last = outcomes.later_pulses(i);
    s.set[0] += bit(outcomes.first_set, i) / n;
    s.reset[0] += bit(outcomes.reset, i) / n;
    for (std::size_t r = 1; r <= last; ++r)
      (bit(outcomes.reset, r * outcomes.words() * 64 + i) ? s.reset : s.set)[r] += 1 / n;
    last_round[i] = last;
    finished[last + 1] += 1.0 / n;
    s.mean_rounds += static_cast<double>(last + 1) / n;
  }
  if (pulses.closing().is_used()) {
    // The write with which a row is closed is the same after any round.
    const bool writes = pulses.closing().writes();
    const std::size_t few = writes ? samples : std::min(samples, kClosedSamples);
    const auto closed_after = [&](std::size_t i, std::size_t r) {
      return pulses.closed_after(targets[i], first + i, seed, chip, static_cast<std::uint32_t>(r));
    };
    s.gain_after.assign(outcomes.rounds + 1, 0.0);
    for (std::size_t i = 0; i < few; ++i) {
      const double open = outcomes.open_loop[i] - targets[i].target;
      const float written = writes ? closed_after(i, 1) : 0.0f;
      for (std::size_t r = 1; r <= outcomes.rounds; ++r) {
        const float left = last_round[i] < r ? outcomes.verified[i]
                           : writes          ? written
                                             : closed_after(i, r);
        const double closed = left - targets[i].target;
        s.gain_after[r] += (open * open - closed * closed) / static_cast<double>(few);
      }
    }
  }
  s.done.assign(finished.size(), 0.0);
  double sum = 0.0;
  for (std::size_t r = 0; r < finished.size(); ++r) s.done[r] = sum += finished[r];
  return s;
}

/// A weight's magnitude outside or inside the middle, for level_of: weight.
double magnitude_of_kind(std::size_t kind) { return kind % 2 == 0 ? 0.0 : 0.5; }

/// Devices of kind `kind` of DeviceStatistics::kind(level, weight_magnitude).
DeviceTarget target_of_kind(const DeviceModel& device, std::size_t kind) {
  const auto level = static_cast<unsigned>(kind / 2);
  return {true, static_cast<float>(device.target(level)),
          static_cast<float>(device.level_factor(level, magnitude_of_kind(kind)))};
}

/// A device that its new level leaves alone.
LevelStatistics untouched() {
  LevelStatistics s;
  s.untouched = true;
  s.done = {1.0};
  return s;
}

}  // namespace

DeviceStatistics::DeviceStatistics(const DeviceModel& device, const PulseModel& pulses,
                                   std::uint64_t seed, std::size_t samples)
    : device_(device), kinds_(device.levels() * 2) {
  for (std::size_t k = 0; k < kinds_.size(); ++k) {
    // Without an error class of its own the middle is of the other kind.
    if (kind(static_cast<unsigned>(k / 2), magnitude_of_kind(k)) != k) continue;
    const std::vector<DeviceTarget> targets(samples, target_of_kind(device, k));
    kinds_[k] = measure(pulses, targets, k * samples, seed, kSampleChip);
    // A row without any device that gets one is rare.
    if (kinds_[k].open_loop_reset > 0.0) others_reset_ = 1.0;
  }
}

DeviceStatistics::DeviceStatistics(const DeviceModel& device, const PulseModel& pulses,
                                   std::uint64_t seed, const tiles::Mapping& mapping,
                                   const WeightFacts& facts, const EarlierProgramming& earlier,
                                   std::size_t samples)
    : device_(device), others_set_(0.0) {
  if (facts.earlier_code.size() != facts.weights())
    throw std::invalid_argument("devices that hold something need the codes of what they hold");
  const std::size_t erased_kinds = device.levels() * 2;
  std::vector<std::uint64_t> devices_of(erased_kinds * erased_kinds, 0);
  for (std::size_t a = 0; a < mapping.blocks().size(); ++a)
    for (std::size_t r = 0; r < mapping.blocks()[a].rows; ++r)
      for (std::size_t c = 0; c < mapping.columns(a); ++c)
        ++devices_of[pair_of(mapping, facts, a, r, c)];
  kind_of_pair_.assign(devices_of.size(), 0);
  DeviceOutcomes held;
  for (std::size_t pair = 0; pair < devices_of.size(); ++pair) {
    if (devices_of[pair] == 0) continue;
    kind_of_pair_[pair] = static_cast<std::uint32_t>(kinds_.size());
    const std::uint64_t first = pair * samples;
    const DeviceTarget before = target_of_kind(device, pair % erased_kinds);
    DeviceTarget after = target_of_kind(device, pair / erased_kinds);
    if (earlier.skip_unchanged && after.target == before.target) {
      kinds_.push_back(untouched());
      continue;
    }
    pulses.write(std::vector<DeviceTarget>(samples, before), first, seed,
                 kSampleChip | kEarlierProgramming, held);
    std::vector<float>& left = earlier.verified ? held.verified : held.open_loop;
    if (earlier.drift != nullptr)
      earlier.drift->age(earlier.age_s, seed, kSampleChip | kEarlierProgramming, first, left);
    after.programmed = true;
    std::vector<DeviceTarget> targets(samples, after);
    for (std::size_t i = 0; i < samples; ++i) targets[i].start = left[i];
    kinds_.push_back(measure(pulses, targets, first, seed, kSampleChip & ~kEarlierProgramming));
    const double share =
        static_cast<double>(devices_of[pair]) / static_cast<double>(mapping.devices());
    others_set_ += share * kinds_.back().open_loop_set;
    others_reset_ += share * kinds_.back().open_loop_reset;
  }
}

std::size_t DeviceStatistics::kind(unsigned level, double weight_magnitude) const {
  const bool middle =
      device_.level_factor(level, weight_magnitude) != device_.level_factor(level, 0.0);
  return level * 2 + (middle ? 1 : 0);
}

std::size_t DeviceStatistics::pair_of(const tiles::Mapping& mapping, const WeightFacts& facts,
                                      std::size_t array, std::size_t row,
                                      std::size_t column) const {
  const std::size_t weight = mapping.weight_of(array, row, column);
  const int code = facts.earlier_code[weight];
  const double full_code = (1u << mapping.config().weight_bits) - 1;
  const std::size_t before = kind(mapping.level_of_code(code, column), std::abs(code) / full_code);
  return kind(mapping.level(array, row, column), facts.magnitude[weight]) * device_.levels() * 2 +
         before;
}

std::size_t DeviceStatistics::kind(const tiles::Mapping& mapping, const WeightFacts& facts,
                                   std::size_t array, std::size_t row, std::size_t column) const {
  if (!kind_of_pair_.empty()) return kind_of_pair_[pair_of(mapping, facts, array, row, column)];
  return kind(mapping.level(array, row, column),
              facts.magnitude[mapping.weight_of(array, row, column)]);
}

DeviceMask select_worth_per_cycle(const tiles::Mapping& mapping, const WeightFacts& facts,
                                  const DeviceStatistics& statistics, double fraction) {
  if (!(fraction >= 0.0 && fraction <= 1.0))
    throw std::invalid_argument("a verified fraction must lie in [0, 1]");
  if (fraction == 1.0) return device_mask(mapping, SelectionMask(mapping.weights(), 1));
  struct Ranked {
    double score;  ///< infinite where no cycle is expected
    float worth;
    std::uint64_t device;
    std::uint32_t array;
    std::uint16_t row, column;
  };
  // Of erased devices at least one, though some of the lowest level get none: what masks have been
  // planned with.
  const double fewest = facts.earlier_code.empty() ? 1.0 : 0.0;
  std::vector<Ranked> ranked;
  for (std::size_t a = 0; a < mapping.blocks().size(); ++a)
    for (std::size_t r = 0; r < mapping.blocks()[a].rows; ++r)
      for (const Candidate& c : candidates(mapping, facts, statistics, a, r))
        ranked.push_back({c.worth / std::max(fewest, statistics.of(c.kind).mean_cycles), c.worth,
                          mapping.device_index(a, r, c.column), static_cast<std::uint32_t>(a),
                          c.row, c.column});
  std::sort(ranked.begin(), ranked.end(), [](const Ranked& a, const Ranked& b) {
    return std::tie(b.score, b.worth, a.device) < std::tie(a.score, a.worth, b.device);
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
  struct PlannedRow {
    std::size_t block;
    std::vector<Candidate> candidates;
    RowOptions options;
  };
  std::vector<std::vector<PlannedRow>> rows(mapping.array_count());  // of each array
  for (std::size_t b = 0; b < mapping.blocks().size(); ++b)
    for (const RowGroup& group : row_groups(mapping.blocks()[b].rows, timing)) {
      PlannedRow row{b, candidates(mapping, facts, statistics, b, group.first, group.rows), {}};
      row.options = planner.options(row.candidates, mapping.columns(b), group.rows);
      rows[mapping.blocks()[b].array].push_back(std::move(row));
    }
  std::vector<TileRows> arrays(rows.size());
  for (std::size_t a = 0; a < rows.size(); ++a)
    for (const PlannedRow& row : rows[a]) arrays[a].push_back(&row.options);
  const std::vector<double> prices = tile_prices(arrays, budget, timing.rows_at_once);
  std::vector<const Option*> chosen;
  for (std::size_t a = 0; a < rows.size(); ++a) {
    choose(arrays[a], prices[a], chosen);
    for (std::size_t r = 0; r < rows[a].size(); ++r) {
      unsigned left = chosen[r]->count;
      for (const Candidate& c : rows[a][r].candidates) {
        if (left == 0) break;
        if (!planner.admits(c, chosen[r]->slowest)) continue;
        mask.set(rows[a][r].block, c.row, c.column);
        --left;
      }
    }
  }
  return mask;
}

}  // namespace uswim::programmer
