#include "tiles/cell_array.h"

#include <cstring>

#include "support/instruction_sets.h"

namespace uswim::tiles {

USWIM_EVERY_INSTRUCTION_SET
void cell_units(const float* conductance, std::size_t n, unsigned levels, std::int16_t* units) {
  const auto scale = static_cast<float>((levels - 1) * kUnitsPerLevel);
  // Adding 1.5 * 2^23 leaves the nearest whole number, halves to even, in the lower bits: what
  // lrintf() does, for whole vectors.
  constexpr float kRound = 12582912.0f;
  for (std::size_t i = 0; i < n; ++i) {
    float u = conductance[i] * scale;
    u = u < -32767.0f ? -32767.0f : u;
    u = u > 32767.0f ? 32767.0f : u;
    std::int32_t bits;
    const float rounded = u + kRound;
    std::memcpy(&bits, &rounded, sizeof bits);
    units[i] = static_cast<std::int16_t>(bits);
  }
}

Adc::Adc(unsigned bits, std::size_t rows, unsigned levels) : largest_code((1 << bits) - 1) {
  const std::int64_t range = static_cast<std::int64_t>(rows) * (levels - 1) * kUnitsPerLevel;
  const std::int64_t needed = (range + largest_code - 1) / largest_code;
  step = static_cast<std::int32_t>(std::max<std::int64_t>(kUnitsPerLevel, needed));
}

void multiply_bit_serial(const CellArray& cells, const Mapping& mapping, std::size_t array,
                         const std::int32_t* inputs, const InputCode& code, const Adc& adc,
                         std::int64_t* sums, const ReadErrors* errors) {
  const ArrayBlock& block = mapping.blocks()[array];
  const std::size_t columns = mapping.columns(array);
  const unsigned per_weight = mapping.devices_per_weight();
  std::vector<std::int32_t> column_sum(columns);
  for (unsigned bit = 0; bit < code.bits; ++bit) {
    std::fill(column_sum.begin(), column_sum.end(), 0);
    std::size_t driven = 0;
    for (std::size_t r = 0; r < block.rows; ++r) {
      if (!(inputs[r] >> bit & 1)) continue;
      ++driven;
      const std::int16_t* row = cells.row(r);
      for (std::size_t c = 0; c < columns; ++c) column_sum[c] += row[c];
    }
    if (errors != nullptr) {
      const float spread = errors->sigma * std::sqrt(static_cast<float>(driven));
      for (std::size_t c = 0; c < columns; ++c)
        column_sum[c] +=
            static_cast<std::int32_t>(std::lrintf(errors->normal[bit * columns + c] * spread));
    }
    for (std::size_t c = 0; c < columns; ++c) {
      const auto slice = static_cast<unsigned>(c % per_weight / 2);
      const std::int64_t value = static_cast<std::int64_t>(adc.convert(column_sum[c])) *
                                 mapping.slice_weight(slice) * code.weight(bit);
      sums[c / per_weight] += c % 2 == 0 ? value : -value;
    }
  }
}

void read_effective_weights(const CellArray& cells, const Mapping& mapping, std::size_t array,
                            float* layer_weights) {
  const ArrayBlock& block = mapping.blocks()[array];
  const std::size_t layer_rows = mapping.layers()[block.layer].rows;
  const unsigned slices = mapping.slices();
  for (std::size_t r = 0; r < block.rows; ++r) {
    const std::int16_t* cell = cells.row(r);
    for (std::size_t o = 0; o < block.outputs; ++o) {
      std::int32_t units = 0;
      for (unsigned s = 0; s < slices; ++s, cell += 2)
        units += mapping.slice_weight(s) * (cell[0] - cell[1]);
      layer_weights[mapping.matrix_output(block.layer, block.first_output + o) * layer_rows +
                    mapping.matrix_row(block.layer, block.first_row + r)] =
          static_cast<float>(units) * (1.0f / kUnitsPerLevel);
    }
  }
}

}  // namespace uswim::tiles
