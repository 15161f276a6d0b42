#pragma once
#include <cstdint>
#include <vector>

#include "programmer/selection/hardware_aware.h"

/// How row_time and the balanced placement weigh the devices of a row against the time that they
/// take.
namespace uswim::programmer {

struct Candidate {
  std::uint16_t row;
  std::uint16_t column;
  std::uint16_t kind;
  float worth;  ///< avoided loss
};

/// The devices of a row, or of several that are driven together, that are worth anything, most
/// worth first.
std::vector<Candidate> candidates(const tiles::Mapping& mapping, const WeightFacts& facts,
                                  const DeviceStatistics& statistics, std::size_t array,
                                  std::size_t first_row, std::size_t rows = 1);

/// What is to be expected of a row, or of rows driven together, of which `counts[kind]` devices are
/// verified, the others written open loop.
struct RowExpectation {
  double time = 0.0;          ///< seconds
  std::vector<double> works;  ///< works[k]: probability that round k takes place
};
/// The sum over rounds of the probability that more devices are open than the row is closed with,
/// and of the slots that their pulses take, those of the closing write included. Of several rows
/// each has its share of the counts.
RowExpectation expect_row(const DeviceStatistics& statistics, const RowTiming& timing,
                          const std::vector<unsigned>& counts, std::size_t columns,
                          std::size_t rows = 1);
inline double row_time(const DeviceStatistics& statistics, const RowTiming& timing,
                       const std::vector<unsigned>& counts, std::size_t columns,
                       std::size_t rows = 1) {
  return expect_row(statistics, timing, counts, columns, rows).time;
}

/// Rows of an array that are driven together.
struct RowGroup {
  std::size_t first, rows;
};
std::vector<RowGroup> row_groups(std::size_t rows, const RowTiming& timing);

/// The time of the slowest array when everything is verified.
double slowest_array_time(const tiles::Mapping& mapping, const WeightFacts& facts,
                          const DeviceStatistics& statistics, const RowTiming& timing);
/// The time of the chip, which is longer where power is short.
double time_of_everything(const tiles::Mapping& mapping, const WeightFacts& facts,
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
  RowOptions options(const std::vector<Candidate>& row, std::size_t columns,
                     std::size_t rows = 1) const;

 private:
  /// Ranks of kinds in the row, ascending, beyond which nothing may be slower.
  std::vector<std::size_t> limits(const std::vector<Candidate>& row) const;
  /// Part of a kind's gain that is left where rows are closed early.
  double kept_gain(std::size_t kind, const std::vector<double>& works) const;

  const DeviceStatistics& statistics_;
  const RowTiming& timing_;
  std::vector<std::size_t> rank_;  ///< of each kind, by the rounds that it takes
};

using TileRows = std::vector<const RowOptions*>;
/// For each row the option that is best where a second costs `price`; the sum of their times.
double choose(const TileRows& rows, double price, std::vector<const Option*>& chosen);
/// The least price with which a tile's rows stay within `budget` seconds (a Lagrange multiplier, by
/// bisection).
double tile_price(const TileRows& rows, double budget);
/// The same for all tiles. With `rows_at_once` > 0 their rows together take at most as many times
/// the budget: no price is below the one with which they do.
std::vector<double> tile_prices(const std::vector<TileRows>& tiles, double budget,
                                double rows_at_once);
/// For each of a tile's rows the option with which the tile avoids most loss within `budget`
/// seconds. Returns the avoided loss.
double plan_tile(const TileRows& rows, double budget, std::vector<const Option*>& chosen);

}  // namespace uswim::programmer
