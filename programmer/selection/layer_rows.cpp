#include "programmer/selection/layer_rows.h"

#include <algorithm>
#include <numeric>

#include "support/parallel.h"

namespace uswim::programmer {

std::vector<std::vector<std::uint32_t>> deal(const std::vector<std::uint32_t>& by_need,
                                             std::size_t blocks) {
  std::vector<std::vector<std::uint32_t>> dealt(blocks);
  for (std::size_t i = 0; i < by_need.size(); ++i) {
    const std::size_t round = i / blocks, seat = i % blocks;
    // The last round may be short; it goes forwards, since Mapping makes the first blocks the
    // longer ones.
    const bool backwards = round % 2 == 1 && (round + 1) * blocks <= by_need.size();
    dealt[backwards ? blocks - 1 - seat : seat].push_back(by_need[i]);
  }
  for (auto& rows : dealt) std::sort(rows.begin(), rows.end());
  return dealt;
}

LayerRows collect(const tiles::Mapping& natural, const WeightFacts& facts,
                  const DeviceStatistics& statistics, const RowPlanner& planner, std::size_t l,
                  const PlacementRun& run) {
  LayerRows layer;
  const std::size_t rows = natural.layers()[l].rows;
  const std::size_t first = natural.first_block(l), arrays = natural.block_count(l);
  for (std::size_t a = first; a < first + arrays; ++a) {
    layer.column_blocks += natural.blocks()[a].first_row == 0;
    layer.fewest_blocks += natural.blocks()[a].first_output == 0;
  }
  layer.options.assign(layer.column_blocks, std::vector<RowOptions>(rows));
  std::vector<std::vector<double>> worth(layer.column_blocks, std::vector<double>(rows, 0.0));
  const auto look_at = [&](std::size_t a) {
    const tiles::ArrayBlock& block = natural.blocks()[a];
    const std::size_t column_block = (a - first) % layer.column_blocks;
    for (std::size_t r = 0; r < block.rows; ++r) {
      const std::vector<Candidate> list = candidates(natural, facts, statistics, a, r);
      const std::size_t row = natural.matrix_row(l, block.first_row + r);
      for (const Candidate& candidate : list) worth[column_block][row] += candidate.worth;
      layer.options[column_block][row] = planner.options(list, natural.columns(a));
    }
  };
  constexpr std::size_t kBetweenWords = 32;  // arrays between two words of progress
  for (std::size_t done = 0; done < arrays; done += kBetweenWords) {
    const std::size_t n = std::min(kBetweenWords, arrays - done);
    support::in_parallel(run.threads, n, [&](support::IndexRange part) {
      for (std::size_t i = part.begin; i < part.end; ++i) look_at(first + done + i);
    });
    run.progress(n);
  }
  std::vector<double> need(rows, 0.0);
  for (const std::vector<double>& of_block : worth)
    for (std::size_t row = 0; row < rows; ++row) need[row] += of_block[row];
  layer.by_need.resize(rows);
  std::iota(layer.by_need.begin(), layer.by_need.end(), 0u);
  std::stable_sort(layer.by_need.begin(), layer.by_need.end(),
                   [&](std::uint32_t a, std::uint32_t b) { return need[a] > need[b]; });
  return layer;
}

}  // namespace uswim::programmer
