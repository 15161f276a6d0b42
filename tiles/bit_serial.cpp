#include "tiles/bit_serial.h"

#include <algorithm>
#include <utility>

#include "tiles/bit_serial_kernel.h"
#include "tiles/lane_sums.h"

namespace uswim::tiles {

using bit_serial::kColumns;
using bit_serial::kLanes;
static_assert(InputGroups::kLanes == kLanes);

namespace {

/// Arrays of at most so many rows are tabulated by input pattern, if enough inputs pay for it.
constexpr std::size_t kMostPatternRows = 10;
constexpr unsigned kMostBits = 16;

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
                     block.adc.step <= kLargestStep && largest_sum < kIntegers &&
                     inputs.code.bits <= kMostBits;
  const std::size_t patterns = std::max(kLanes, std::size_t{1} << std::min(block.rows, kLanes));
  const bool few_patterns = block.rows <= kMostPatternRows &&
                            patterns < inputs.groups * inputs.lanes * inputs.code.bits / 4;
  const bit_serial::InputRows rows{inputs.codes + block.first_row * kLanes, inputs.groups,
                                   inputs.lanes, block.rows, block.layer_rows * kLanes};
  bit_serial::OutputSums outputs{block.outputs,
                                 mapping_.slices(),
                                 block.outputs * mapping_.slices(),
                                 mapping_.config().device_bits,
                                 block.adc.step,
                                 !block.first};
  bool done = false;
  if (exact && few_patterns) {
    outputs.slices = 1;
    outputs.pitch =
        (block.outputs + bit_serial::kOutputs - 1) / bit_serial::kOutputs * bit_serial::kOutputs;
    done = multiply_by_patterns(block, rows, inputs.code, outputs.pitch);
  } else if (exact) {
    done = multiply_by_tables(block, rows, inputs.code);
  }
  if (done) {
    bit_serial::add_outputs(pair_sums_.data(), inputs.groups, outputs, sums);
  } else {
    if (block.first) std::fill_n(sums, inputs.groups * kLanes * block.outputs, 0);
    multiply_plainly(block, inputs, noise, sums);
  }
}

/// Sums of pairs in ADC steps, of the lanes wanted. False if 16 bits do not do.
bool BitSerialProducts::multiply_by_tables(const RowBlock& block,
                                           const bit_serial::InputRows& inputs, InputCode code) {
  std::vector<bit_serial::CellRows> arrays;
  for (std::size_t a = block.first_array; a < block.first_array + block.arrays; ++a)
    arrays.push_back({cells_[a]->row(0), block.rows, mapping_.pitch(), mapping_.columns(a)});
  if (bit_serial::tables_of(block.rows) > bit_serial::kMostTables) return false;
  bit_serial::PartSums part;
  bool found = false;
  for (std::size_t rows = bit_serial::kRows; !found && rows > 0; rows /= 2) {
    bit_serial::PartBounds bounds(rows);
    for (const bit_serial::CellRows& cells : arrays)
      for (std::size_t first = 0; first < cells.columns; first += kColumns)
        bounds.add(chunk_at(cells, first));
    found = bounds.find(part);
  }
  if (!found) return false;
  unsigned at_once = 1;
  while (at_once < code.bits && std::int64_t{block.adc.largest_code} << (at_once + 1) <= 1 << 16)
    ++at_once;
  std::vector<bit_serial::BitRange> ranges;
  std::size_t longest = 0;
  for (unsigned bit = 0; bit < code.bits; bit += at_once) {
    ranges.push_back({bit, std::min(bit + at_once, code.bits)});
    if (lists_.size() < ranges.size()) lists_.emplace_back();
    bit_serial::BitLists& lists = lists_[ranges.size() - 1];
    lists.make(inputs, ranges.back(), code.is_signed && ranges.back().end == code.bits, part.shape);
    longest = std::max(longest, lists.longest());
  }
  const std::int32_t half = block.adc.step / 2;
  bit_serial::Converters converters{
      {}, half, static_cast<std::int16_t>(block.adc.largest_code), false};
  const auto parts = static_cast<std::int64_t>(longest);
  const std::int64_t lowest = half - parts * part.below, highest = half + parts * part.above;
  if (!bit_serial::make_division(lowest, highest, longest, block.adc.step, converters.division)) {
    converters.exact = true;
    if (!bit_serial::make_division(lowest, highest, 0, block.adc.step, converters.division))
      return false;
  }
  const std::size_t vectors = inputs.groups * kLanes;
  const std::size_t pairs = block.outputs * mapping_.slices();
  grow(column_codes_, vectors * kColumns);
  grow(pair_sums_, vectors * pairs);
  grow(table_, bit_serial::tables_of(block.rows) * bit_serial::kTable + 64 / sizeof(std::int16_t));
  std::int32_t* sum = pair_sums_.data();
  for (const bit_serial::CellRows& cells : arrays)
    for (std::size_t first = 0; first < cells.columns; first += kColumns) {
      const std::size_t columns = std::min(kColumns, cells.columns - first);
      bit_serial::make_tables(chunk_at(cells, first), aligned(table_));
      for (std::size_t i = 0; i < ranges.size(); ++i) {
        bit_serial::convert(aligned(table_), converters, part, lists_[i], column_codes_.data());
        const bool has_sign = code.is_signed && ranges[i].end == code.bits;
        bit_serial::take_pairs(column_codes_.data(), inputs.groups,
                               {sum, pairs, columns / 2, ranges[i].first, i > 0, has_sign});
      }
      sum += columns / 2 * kLanes;
    }
  return true;
}

/// kColumns columns of an array, zeroes where it has not as many.
bit_serial::CellRows BitSerialProducts::chunk_at(const bit_serial::CellRows& cells,
                                                 std::size_t first) {
  const std::int16_t* const begin = cells.first + first;
  if (first + kColumns <= cells.columns) return {begin, cells.rows, cells.pitch, kColumns};
  rows_.assign(cells.rows * kColumns, 0);
  for (std::size_t r = 0; r < cells.rows; ++r)
    std::copy_n(begin + r * cells.pitch, cells.columns - first, rows_.data() + r * kColumns);
  return {rows_.data(), cells.rows, kColumns, kColumns};
}

/// With r rows there are 2^r patterns of a bit: what each comes to is computed once. To pair_sums_
/// go those of outputs, of `stride`.
bool BitSerialProducts::multiply_by_patterns(const RowBlock& block,
                                             const bit_serial::InputRows& inputs, InputCode code,
                                             std::size_t stride) {
  const std::size_t patterns = std::max(kLanes, std::size_t{1} << block.rows);
  std::vector<std::int16_t> codes(patterns * block.rows);
  for (std::size_t p = 0; p < patterns; ++p)
    for (std::size_t r = 0; r < block.rows; ++r)
      codes[(p / kLanes * block.rows + r) * kLanes + p % kLanes] = p >> r & 1;
  const bit_serial::InputRows all{codes.data(), patterns / kLanes, kLanes, block.rows,
                                  block.rows * kLanes};
  if (!multiply_by_tables(block, all, {1, false})) return false;
  of_pattern_.assign(patterns * stride, 0);
  for (std::size_t p = 0; p < patterns; ++p)
    for (std::size_t o = 0; o < block.outputs; ++o) {
      const std::size_t slices = mapping_.slices(),
                        pair = (p / kLanes * block.outputs + o) * slices;
      for (unsigned slice = 0; slice < slices; ++slice)
        of_pattern_[p * stride + o] +=
            mapping_.slice_weight(slice) * pair_sums_[(pair + slice) * kLanes + p % kLanes];
    }
  static_assert(kMostPatternRows <= bit_serial::kRows * bit_serial::kTablesOfWord);
  grow(pair_sums_, inputs.groups * kLanes * stride);
  std::uint32_t words[kMostBits * kLanes];
  std::uint16_t planes[kMostBits];
  for (std::size_t g = 0; g < inputs.groups; ++g) {
    bit_serial::spread_bits(inputs.codes + g * inputs.pitch, block.rows, {0, code.bits}, words,
                            planes);
    bit_serial::add_patterns({words, code.bits, code.is_signed}, of_pattern_.data(), stride,
                             pair_sums_.data() + g * kLanes * stride);
  }
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
      const ArrayBlock& array = mapping_.blocks()[a];
      vector_sums_.assign(array.outputs, 0);
      multiply_bit_serial(*cells_[a], mapping_, a, vector.data(), inputs.code, block.adc,
                          vector_sums_.data(), noise != nullptr ? &errors : nullptr);
      for (std::size_t o = 0; o < array.outputs; ++o)
        sums[(group * block.outputs + array.first_output + o) * kLanes + lane] += vector_sums_[o];
    }
  }
}

}  // namespace uswim::tiles
