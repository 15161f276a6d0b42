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

/// Of the codes and steps that 16 bits hold.
constexpr std::int32_t kLargestCode = 32767, kLargestStep = 65535;
constexpr std::int64_t kIntegers = std::int64_t{1} << 31;

/// Layers take turns with the buffers: what they leave is not zeroed again.
template <class T>
void grow(std::vector<T>& buffer, std::size_t size) {
  if (buffer.size() < size) buffer.resize(size);
}

/// Of a buffer, from the first cache line that begins in it.
std::int16_t* aligned(std::vector<std::int16_t>& buffer) {
  const auto address = reinterpret_cast<std::uintptr_t>(buffer.data());
  return buffer.data() + (64 - address % 64) % 64 / sizeof(std::int16_t);
}

}  // namespace

AdcNoise adc_noise(const Mapping& mapping, double sigma, std::uint64_t seed, std::uint32_t chip) {
  const double full_scale = ((1u << mapping.config().device_bits) - 1) * kUnitsPerLevel;
  return {static_cast<float>(sigma * full_scale), seed, chip, nullptr};
}

ReadErrors ReadErrorDraws::draw(const Mapping& mapping, std::size_t array, unsigned bits,
                                std::uint64_t vector, const AdcNoise& noise) {
  const std::size_t columns = mapping.columns(array);
  const std::uint64_t of_chip = mapping.blocks().size() * mapping.pitch();
  conversions_.resize(columns);
  for (std::size_t c = 0; c < columns; ++c)
    conversions_[c] = vector * of_chip + array * mapping.pitch() + c;
  constexpr unsigned kBlock = support::kNormalsPerBlock;
  const unsigned blocks = (bits + kBlock - 1) / kBlock;
  errors_.resize(blocks * kBlock * columns);
  for (unsigned b = 0; b < blocks; ++b)
    support::normal_blocks({noise.seed, noise.chip, support::Stream::AdcReadNoise},
                           conversions_.data(), columns, b, &errors_[b * kBlock * columns],
                           columns);
  return {noise.sigma, errors_.data()};
}

/// The arrays that share rows of a layer, and so their inputs and ADC, side by side.
struct BitSerialProducts::RowBlock {
  std::size_t first_array = 0, arrays = 0;
  std::size_t first_row = 0, rows = 0, layer_rows = 0;
  std::size_t outputs = 0;
  Adc adc;
  bool first = false;  ///< of the layer: sums begin with it
};

BitSerialProducts::BitSerialProducts(const Mapping& mapping, std::vector<const CellArray*> cells,
                                     unsigned adc_bits)
    : mapping_(mapping), cells_(std::move(cells)), adc_bits_(adc_bits) {}

void BitSerialProducts::multiply(std::size_t layer, const InputGroups& inputs,
                                 std::vector<std::int64_t>& sums, const AdcNoise* noise) {
  const MappedLayer& matrix = mapping_.layers()[layer];
  grow(sums, inputs.groups * kLanes * matrix.outputs);
  const std::size_t end = mapping_.first_block(layer) + mapping_.block_count(layer);
  for (std::size_t a = mapping_.first_block(layer); a < end;) {
    const ArrayBlock& first = mapping_.blocks()[a];
    RowBlock block{a,
                   0,
                   first.first_row,
                   first.rows,
                   matrix.rows,
                   matrix.outputs,
                   Adc(adc_bits_, first.rows, 1u << mapping_.config().device_bits),
                   a == mapping_.first_block(layer)};
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
  const bool exact = noise == nullptr && block.adc.largest_code <= kLargestCode &&
                     block.adc.step <= kLargestStep && largest_sum < kIntegers;
  const std::size_t patterns = std::max(kLanes, std::size_t{1} << std::min(block.rows, kLanes));
  const bool few_patterns = block.rows <= kMostPatternRows &&
                            patterns < inputs.groups * inputs.lanes * inputs.code.bits / 4;
  std::size_t stride = block.outputs;
  bool done = false;
  if (exact && few_patterns) {
    stride =
        (block.outputs + bit_serial::kOutputs - 1) / bit_serial::kOutputs * bit_serial::kOutputs;
    done = multiply_by_patterns(block, inputs, stride);
  } else if (exact) {
    done = multiply_by_tables(block, inputs, stride, block_sums_);
  }
  const std::size_t vectors = inputs.groups * kLanes;
  if (done) {
    bit_serial::add_block(block_sums_.data(), {vectors, block.outputs, stride}, block.adc.step,
                          !block.first, sums);
  } else {
    if (block.first) std::fill_n(sums, vectors * block.outputs, 0);
    multiply_plainly(block, inputs, noise, sums);
  }
}

/// Sums in ADC steps of the lanes wanted, [group][lane][output of `stride`]. False if 16 bits do
/// not do.
bool BitSerialProducts::multiply_by_tables(const RowBlock& block, const InputGroups& inputs,
                                           std::size_t stride, std::vector<std::int32_t>& sums) {
  // As many tables to a word as keep its sums in 16 bits, cells being as large as they may.
  const unsigned device_bits = mapping_.config().device_bits;
  for (unsigned per_word = device_bits <= 2   ? 4
                           : device_bits == 3 ? 2
                                              : 1;
       per_word > 0; per_word /= 2)
    if (multiply_by_tables(block, inputs, per_word, stride, sums)) return true;
  return false;
}

bool BitSerialProducts::multiply_by_tables(const RowBlock& block, const InputGroups& inputs,
                                           unsigned per_word, std::size_t stride,
                                           std::vector<std::int32_t>& sums) {
  const bit_serial::Bits places = spread(block, inputs, per_word);
  grow(sums, inputs.groups * kLanes * stride);
  grow(column_codes_, inputs.groups * kLanes * kColumns);
  const unsigned bits = inputs.code.bits;
  unsigned at_once = 1;
  while (at_once < bits && std::int64_t{block.adc.largest_code} << (at_once + 1) <= 1 << 16)
    ++at_once;
  const std::size_t columns = block.outputs * mapping_.devices_per_weight();
  for (std::size_t first = 0; first < columns; first += kColumns) {
    bit_serial::Division division;
    if (!tabulate(block, first, per_word, division)) return false;
    for (unsigned bit = 0; bit < bits; bit += at_once) {
      const bit_serial::BitRange range{bit, std::min(bit + at_once, bits)};
      bit_serial::convert({aligned(table_), ends_.data(), start_.data(), division,
                           static_cast<std::int16_t>(block.adc.largest_code)},
                          places, range, column_codes_.data());
      add_columns(block, places, range, first, std::min(kColumns, columns - first), stride, sums);
    }
  }
  return true;
}

bit_serial::Bits BitSerialProducts::spread(const RowBlock& block, const InputGroups& inputs,
                                           unsigned per_word) {
  const std::size_t words = bit_serial::words_of(block.rows, per_word);
  const std::size_t of_group = inputs.code.bits * words * kLanes;
  grow(words_, inputs.groups * of_group);
  grow(planes_, inputs.groups * inputs.code.bits);
  for (std::size_t g = 0; g < inputs.groups; ++g) {
    bit_serial::spread_bits(inputs.codes + (g * block.layer_rows + block.first_row) * kLanes,
                            block.rows, inputs.code.bits, per_word, words_.data() + g * of_group,
                            planes_.data() + g * inputs.code.bits);
  }
  return {words_.data(), planes_.data(), inputs.groups,    words,
          inputs.lanes,  per_word,       inputs.code.bits, inputs.code.is_signed};
}

/// Column j of a block: device j / outputs of the weight of output j % outputs. So the columns of a
/// chunk are mostly alike but for their output.
bool BitSerialProducts::tabulate(const RowBlock& block, std::size_t first_column, unsigned per_word,
                                 bit_serial::Division& division) {
  const std::size_t words = bit_serial::words_of(block.rows, per_word);
  const std::size_t tables = words * per_word;
  const std::size_t per_weight = mapping_.devices_per_weight();
  const std::size_t columns = std::min(kColumns, block.outputs * per_weight - first_column);
  rows_.resize(tables * bit_serial::kRows * kColumns);
  const std::int16_t* first_cells[kColumns];
  for (std::size_t c = 0; c < columns; ++c) {
    const std::size_t output = (first_column + c) % block.outputs;
    const std::size_t device = (first_column + c) / block.outputs;
    std::size_t a = block.first_array;  // outputs are not always cut evenly
    while (output >= mapping_.blocks()[a].first_output + mapping_.blocks()[a].outputs) ++a;
    const std::size_t column = (output - mapping_.blocks()[a].first_output) * per_weight + device;
    first_cells[c] = cells_[a]->row(0) + column;
  }
  std::int16_t* row = rows_.data();
  for (std::size_t r = 0; r < block.rows; ++r, row += kColumns) {
    for (std::size_t c = 0; c < columns; ++c) row[c] = first_cells[c][r * mapping_.pitch()];
    std::fill(row + columns, row + kColumns, std::int16_t{0});
  }
  std::fill(row, rows_.data() + rows_.size(), std::int16_t{0});
  grow(table_, tables * bit_serial::kTable + 64 / sizeof(std::int16_t));
  start_.resize(kColumns);
  ends_.resize(words + 1);
  bit_serial::Sums sums;
  if (!bit_serial::make_tables(rows_.data(), words, per_word, aligned(table_), start_.data(),
                               ends_.data(), sums))
    return false;
  const std::int32_t half = block.adc.step / 2;
  for (std::int32_t& start : start_) start += half;
  return bit_serial::make_division(sums.lowest + half, sums.highest + half, sums.runs,
                                   block.adc.step, division);
}

/// Adds a chunk's codes to the sums of their outputs, with the weight of their slice, sign and
/// bits.
void BitSerialProducts::add_columns(const RowBlock& block, const bit_serial::Bits& bits,
                                    bit_serial::BitRange range, std::size_t first,
                                    std::size_t count, std::size_t stride,
                                    std::vector<std::int32_t>& sums) const {
  for (std::size_t begin = 0; begin < count;) {
    const std::size_t output = (first + begin) % block.outputs;
    const auto device = static_cast<unsigned>((first + begin) / block.outputs);
    const std::size_t length = std::min(count - begin, block.outputs - output);
    const std::int32_t magnitude = mapping_.slice_weight(device / 2) << range.first;
    const bool add = device > 0 || range.first > 0;
    bit_serial::add_weighted({begin, length, output, device % 2 == 0 ? magnitude : -magnitude, add},
                             bits, range, column_codes_.data(), stride, sums.data());
    begin += length;
  }
}

/// With r rows there are 2^r patterns of a bit: what each comes to is computed once.
bool BitSerialProducts::multiply_by_patterns(const RowBlock& block, const InputGroups& inputs,
                                             std::size_t stride) {
  const std::size_t patterns = std::max(kLanes, std::size_t{1} << block.rows);
  std::vector<std::int16_t> codes(patterns * block.rows);
  for (std::size_t p = 0; p < patterns; ++p)
    for (std::size_t r = 0; r < block.rows; ++r)
      codes[(p / kLanes * block.rows + r) * kLanes + p % kLanes] = p >> r & 1;
  RowBlock alone = block;
  alone.first_row = 0;
  alone.layer_rows = block.rows;
  const InputGroups all{codes.data(), patterns / kLanes, kLanes, {1, false}};
  if (!multiply_by_tables(alone, all, stride, pattern_sums_)) return false;
  static_assert(kMostPatternRows <= bit_serial::kRows * bit_serial::kMostPerWord);
  grow(block_sums_, inputs.groups * kLanes * stride);
  bit_serial::add_patterns(spread(block, inputs, bit_serial::kMostPerWord), pattern_sums_.data(),
                           stride, block_sums_.data());
  return true;
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
      if (noise != nullptr)
        errors = error_draws_.draw(mapping_, a, inputs.code.bits,
                                   noise->vector[group * kLanes + lane], *noise);
      multiply_bit_serial(
          *cells_[a], mapping_, a, vector.data(), inputs.code, block.adc,
          sums + (group * kLanes + lane) * block.outputs + mapping_.blocks()[a].first_output,
          noise != nullptr ? &errors : nullptr);
    }
  }
}

}  // namespace uswim::tiles
