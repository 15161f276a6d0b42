#include "programmer/selection/layer_rows.h"

#include <algorithm>
#include <numeric>

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
                  const DeviceStatistics& statistics, const RowPlanner& planner, std::size_t l) {
  LayerRows layer;
  const std::size_t rows = natural.layers()[l].rows;
  std::vector<double> need(rows, 0.0);
  for (std::size_t a = natural.first_block(l); a < natural.first_block(l) + natural.block_count(l);
       ++a) {
    const tiles::ArrayBlock& block = natural.blocks()[a];
    if (block.first_row == 0) {
      layer.options.emplace_back(rows);
      ++layer.column_blocks;
    }
    layer.fewest_blocks += block.first_output == 0;
    const std::size_t column_block = block.first_row == 0
                                         ? layer.column_blocks - 1
                                         : (a - natural.first_block(l)) % layer.column_blocks;
    for (std::size_t r = 0; r < block.rows; ++r) {
      const std::vector<Candidate> list = candidates(natural, facts, statistics, a, r);
      const std::size_t row = natural.matrix_row(l, block.first_row + r);
      for (const Candidate& candidate : list) need[row] += candidate.worth;
      layer.options[column_block][row] = planner.options(list, natural.columns(a));
    }
  }
  layer.by_need.resize(rows);
  std::iota(layer.by_need.begin(), layer.by_need.end(), 0u);
  std::stable_sort(layer.by_need.begin(), layer.by_need.end(),
                   [&](std::uint32_t a, std::uint32_t b) { return need[a] > need[b]; });
  return layer;
}

}  // namespace uswim::programmer
