#include "tiles/bit_serial.h"

#include <algorithm>
#include <utility>

#include "tiles/bit_serial_kernel.h"

namespace uswim::tiles {

using bit_serial::kColumns;
using bit_serial::kLanes;
static_assert(InputGroups::kLanes == kLanes);

namespace {

/// Arrays of at most so many rows are tabulated by input pattern, if enough inputs pay for it.
constexpr std::size_t kMostPatternRows = 10;

/// 2^22: below, floats tell apart all quotients of the ADC; see multiply_by_tables().
constexpr std::int64_t kExactQuotients = std::int64_t{1} << 22;
constexpr std::int64_t kIntegers = std::int64_t{1} << 31;

/// Of a buffer, from the first cache line that begins in it.
std::int16_t* aligned(std::vector<std::int16_t>& buffer) {
  const auto address = reinterpret_cast<std::uintptr_t>(buffer.data());
  return buffer.data() + (64 - address % 64) % 64 / sizeof(std::int16_t);
}

}  // namespace

/// The arrays that share rows of a layer, and so their inputs and ADC, side by side.
struct BitSerialProducts::RowBlock {
  std::size_t first_array = 0, arrays = 0;
  std::size_t first_row = 0, rows = 0, layer_rows = 0;
  std::size_t outputs = 0;
  Adc adc;
};

BitSerialProducts::BitSerialProducts(const Mapping& mapping, std::vector<const CellArray*> cells,
                                     unsigned adc_bits)
    : mapping_(mapping), cells_(std::move(cells)), adc_bits_(adc_bits) {}

void BitSerialProducts::multiply(std::size_t layer, const InputGroups& inputs,
                                 std::vector<std::int64_t>& sums, const AdcNoise* noise) {
  const MappedLayer& matrix = mapping_.layers()[layer];
  sums.assign(inputs.groups * kLanes * matrix.outputs, 0);
  const std::size_t end = mapping_.first_block(layer) + mapping_.block_count(layer);
  for (std::size_t a = mapping_.first_block(layer); a < end;) {
    const ArrayBlock& first = mapping_.blocks()[a];
    RowBlock block{a,
                   0,
                   first.first_row,
                   first.rows,
                   matrix.rows,
                   matrix.outputs,
                   Adc(adc_bits_, first.rows, 1u << mapping_.config().device_bits)};
    while (a < end && mapping_.blocks()[a].first_row == first.first_row) ++a;
    block.arrays = a - block.first_array;
    multiply_block(block, inputs, noise, sums.data());
  }
}

void BitSerialProducts::multiply_block(const RowBlock& block, const InputGroups& inputs,
                                       const AdcNoise* noise, std::int64_t* sums) {
  std::int64_t largest_sum = 0;  // of an output, in ADC steps
  for (unsigned slice = 0; slice < mapping_.slices(); ++slice)
    largest_sum += std::int64_t{mapping_.slice_weight(slice)} * block.adc.largest_code;
  largest_sum <<= inputs.code.bits;
  const bool exact =
      noise == nullptr &&
      (std::int64_t{block.adc.largest_code} + 2) * block.adc.step < kExactQuotients &&
      largest_sum < kIntegers;
  const std::size_t patterns = std::max(kLanes, std::size_t{1} << std::min(block.rows, kLanes));
  const bool few_patterns = block.rows <= kMostPatternRows &&
                            patterns < inputs.groups * inputs.lanes * inputs.code.bits / 4;
  bool done = false;
  if (exact && few_patterns) {
    done = multiply_by_patterns(block, inputs);
  } else if (exact) {
    done = multiply_by_tables(block, inputs, block_sums_);
  }
  if (!done) return multiply_plainly(block, inputs, noise, sums);
  const std::size_t count = inputs.groups * kLanes * block.outputs;
  for (std::size_t i = 0; i < count; ++i) sums[i] += std::int64_t{block_sums_[i]} * block.adc.step;
}

/// Sums in ADC steps, [group][lane][output]. False if 16 bits do not hold the tables.
bool BitSerialProducts::multiply_by_tables(const RowBlock& block, const InputGroups& inputs,
                                           std::vector<std::int32_t>& sums) {
  const std::size_t tables = bit_serial::tables_of(block.rows);
  const unsigned bits = inputs.code.bits;
  spread(block, inputs);
  sums.assign(inputs.groups * kLanes * block.outputs, 0);
  column_codes_.resize(inputs.groups * inputs.lanes * kColumns);
  const bit_serial::Bits places{look_ups_.data(), planes_.data(), inputs.groups,        tables,
                                inputs.lanes,     bits,           inputs.code.is_signed};
  const std::size_t columns = block.outputs * mapping_.devices_per_weight();
  for (std::size_t first = 0; first < columns; first += kColumns) {
    if (!tabulate(block, first)) return false;
    // floor((sum + step / 2) / step) with (2 (sum + step / 2) + 1) / (2 step): the half keeps the
    // quotient further from a whole number than the two roundings of the product move it.
    const auto half_step = static_cast<float>(block.adc.step / 2) + 0.5f;
    bit_serial::convert({aligned(table_), ends_.data(), start_.data(), half_step,
                         1.0f / static_cast<float>(block.adc.step), block.adc.largest_code},
                        places, column_codes_.data());
    add_columns(block, places, first, std::min(kColumns, columns - first), sums);
  }
  return true;
}

void BitSerialProducts::spread(const RowBlock& block, const InputGroups& inputs) {
  const std::size_t of_group = inputs.code.bits * bit_serial::tables_of(block.rows) * kLanes;
  look_ups_.resize(inputs.groups * of_group);
  planes_.resize(inputs.groups * inputs.code.bits);
  for (std::size_t g = 0; g < inputs.groups; ++g) {
    bit_serial::spread_bits(inputs.codes + (g * block.layer_rows + block.first_row) * kLanes,
                            block.rows, inputs.code.bits, look_ups_.data() + g * of_group,
                            planes_.data() + g * inputs.code.bits);
  }
}

/// Column j of a block: device j / outputs of the weight of output j % outputs. So the 32 columns
/// of a chunk are mostly alike but for their output.
bool BitSerialProducts::tabulate(const RowBlock& block, std::size_t first_column) {
  const std::size_t tables = bit_serial::tables_of(block.rows);
  const std::size_t per_weight = mapping_.devices_per_weight();
  const std::size_t columns = std::min(kColumns, block.outputs * per_weight - first_column);
  rows_.assign(tables * bit_serial::kRows * kColumns, 0);
  for (std::size_t c = 0; c < columns; ++c) {
    const std::size_t output = (first_column + c) % block.outputs;
    const std::size_t device = (first_column + c) / block.outputs;
    std::size_t a = block.first_array;  // outputs are not always cut evenly
    while (output >= mapping_.blocks()[a].first_output + mapping_.blocks()[a].outputs) ++a;
    const CellArray& cells = *cells_[a];
    const std::size_t column = (output - mapping_.blocks()[a].first_output) * per_weight + device;
    std::int16_t* place = rows_.data() + bit_serial::place_of(c);
    for (std::size_t r = 0; r < block.rows; ++r) place[r * kColumns] = cells.row(r)[column];
  }
  table_.resize(tables * bit_serial::kTable + kColumns);
  start_.resize(kColumns);
  ends_.resize(tables + 1);
  return bit_serial::make_tables(rows_.data(), tables, aligned(table_), start_.data(),
                                 ends_.data());
}

/// Adds a chunk's codes to the sums of their outputs, with the weight of their slice and sign.
void BitSerialProducts::add_columns(const RowBlock& block, const bit_serial::Bits& bits,
                                    std::size_t first, std::size_t count,
                                    std::vector<std::int32_t>& sums) const {
  for (std::size_t begin = 0; begin < count;) {
    const std::size_t output = (first + begin) % block.outputs;
    const auto device = static_cast<unsigned>((first + begin) / block.outputs);
    const std::size_t length = std::min(count - begin, block.outputs - output);
    const std::int32_t magnitude = mapping_.slice_weight(device / 2);
    bit_serial::add_weighted({begin, length, output, device % 2 == 0 ? magnitude : -magnitude},
                             bits, column_codes_.data(), block.outputs, sums.data());
    begin += length;
  }
}

/// With r rows there are 2^r patterns of a bit: what each comes to is computed once.
bool BitSerialProducts::multiply_by_patterns(const RowBlock& block, const InputGroups& inputs) {
  const std::size_t patterns = std::max(kLanes, std::size_t{1} << block.rows);
  std::vector<std::int16_t> codes(patterns * block.rows);
  for (std::size_t p = 0; p < patterns; ++p)
    for (std::size_t r = 0; r < block.rows; ++r)
      codes[(p / kLanes * block.rows + r) * kLanes + p % kLanes] = p >> r & 1;
  RowBlock alone = block;
  alone.first_row = 0;
  alone.layer_rows = block.rows;
  const InputGroups all{codes.data(), patterns / kLanes, kLanes, {1, false}};
  if (!multiply_by_tables(alone, all, pattern_sums_)) return false;
  spread(block, inputs);
  const std::size_t tables = bit_serial::tables_of(block.rows);
  const unsigned bits = inputs.code.bits;
  block_sums_.assign(inputs.groups * kLanes * block.outputs, 0);
  for (std::size_t v = 0; v < inputs.groups * inputs.lanes; ++v) {
    const std::size_t group = v / inputs.lanes, lane = v % inputs.lanes;
    std::int32_t* sum = block_sums_.data() + (group * kLanes + lane) * block.outputs;
    for (unsigned bit = 0; bit < bits; ++bit) {
      const std::uint16_t* place = look_ups_.data() + (group * bits + bit) * tables * kLanes + lane;
      std::size_t pattern = 0;
      for (std::size_t t = 0; t < tables; ++t)
        pattern |= place[t * kLanes] / kColumns << (bit_serial::kRows * t);
      if (pattern == 0) continue;
      const auto weight = static_cast<std::int32_t>(inputs.code.weight(bit));
      const std::int32_t* of_pattern = pattern_sums_.data() + pattern * block.outputs;
      for (std::size_t o = 0; o < block.outputs; ++o) sum[o] += weight * of_pattern[o];
    }
  }
  return true;
}

void BitSerialProducts::draw_errors(std::size_t array, unsigned bits, std::uint64_t vector,
                                    const AdcNoise& noise) {
  const std::size_t columns = mapping_.columns(array);
  const std::uint64_t of_chip = mapping_.blocks().size() * mapping_.pitch();
  conversions_.resize(columns);
  for (std::size_t c = 0; c < columns; ++c)
    conversions_[c] = vector * of_chip + array * mapping_.pitch() + c;
  constexpr unsigned kBlock = support::kNormalsPerBlock;
  const unsigned blocks = (bits + kBlock - 1) / kBlock;
  errors_.resize(blocks * kBlock * columns);
  for (unsigned b = 0; b < blocks; ++b)
    support::normal_blocks({noise.seed, noise.chip, support::Stream::AdcReadNoise},
                           conversions_.data(), columns, b, &errors_[b * kBlock * columns],
                           columns);
}

void BitSerialProducts::multiply_plainly(const RowBlock& block, const InputGroups& inputs,
                                         const AdcNoise* noise, std::int64_t* sums) {
  std::vector<std::int32_t> vector(block.rows);
  for (std::size_t v = 0; v < inputs.groups * inputs.lanes; ++v) {
    const std::size_t group = v / inputs.lanes, lane = v % inputs.lanes;
    const std::int16_t* codes =
        inputs.codes + (group * block.layer_rows + block.first_row) * kLanes + lane;
    for (std::size_t r = 0; r < block.rows; ++r) vector[r] = codes[r * kLanes];
    for (std::size_t a = block.first_array; a < block.first_array + block.arrays; ++a) {
      ReadErrors errors;
      if (noise != nullptr) {
        draw_errors(a, inputs.code.bits, noise->vector[group * kLanes + lane], *noise);
        errors = {noise->sigma, errors_.data()};
      }
      multiply_bit_serial(
          *cells_[a], mapping_, a, vector.data(), inputs.code, block.adc,
          sums + (group * kLanes + lane) * block.outputs + mapping_.blocks()[a].first_output,
          noise != nullptr ? &errors : nullptr);
    }
  }
}

}  // namespace uswim::tiles
