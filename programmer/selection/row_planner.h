#pragma once
#include <cstdint>
#include <vector>

#include "programmer/selection/hardware_aware.h"

/// How row_time and the balanced placement weigh the devices of a row against the time that they
/// take.
namespace uswim::programmer {

struct Candidate {
  std::uint16_t column;
  std::uint16_t kind;
  float worth;  ///< avoided loss
};

/// The devices of one row that are worth anything, most worth first.
std::vector<Candidate> candidates(const tiles::Mapping& mapping, const WeightFacts& facts,
                                  const DeviceStatistics& statistics, std::size_t array,
                                  std::size_t row);

/// Expected time of a row in which `counts[kind]` devices are verified: the sum over rounds of the
/// probability that a device is still open.
double row_time(const DeviceStatistics& statistics, const RowTiming& timing,
                const std::vector<unsigned>& counts, std::size_t columns);

/// The time of the slowest tile when everything is verified.
double slowest_tile_time(const tiles::Mapping& mapping, const WeightFacts& facts,
                         const DeviceStatistics& statistics, const RowTiming& timing);

/// One way to treat a row: verify its first `count` candidates that are not slower than `slowest`
/// (a rank of kinds).
struct Option {
  unsigned count = 0;
  std::size_t slowest = 0;
  double gain = 0.0;
  double time = 0.0;
};
using RowOptions = std::vector<Option>;

class RowPlanner {
 public:
  RowPlanner(const DeviceStatistics& statistics, const RowTiming& timing);
  bool admits(const Candidate& c, std::size_t slowest) const { return rank_[c.kind] <= slowest; }
  /// Options worth considering: numbers of devices that grow by half, for every limit of slowness.
  RowOptions options(const std::vector<Candidate>& row, std::size_t columns) const;

 private:
  const DeviceStatistics& statistics_;
  const RowTiming& timing_;
  std::vector<std::size_t> rank_;  ///< of each kind, by the rounds that it takes
};

/// For each of a tile's rows the option with which the tile avoids most loss within `budget`
/// seconds (Lagrange multiplier by bisection). Returns the avoided loss.
double plan_tile(const std::vector<const RowOptions*>& rows, double budget,
                 std::vector<const Option*>& chosen);

}  // namespace uswim::programmer
