#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "support/random.h"
#include "tiles/bit_lists.h"
#include "tiles/cell_array.h"
#include "tiles/mapping.h"

namespace uswim::tiles {

namespace bit_serial {
struct CellRows;
}  // namespace bit_serial

/// Input vectors of a layer, 16 side by side: [group][position of the layer's row][lane].
struct InputGroups {
  static constexpr std::size_t kLanes = 16;
  const std::int16_t* codes = nullptr;
  std::size_t groups = 0;
  std::size_t lanes = kLanes;  ///< of every group that are wanted
  InputCode code;
};

/// Noise of reading cells at every conversion. Draw `bit` of (Stream::AdcReadNoise, a vector's
/// number x columns of the chip + column of the chip): no matter what else is multiplied, when, or
/// how.
struct AdcNoise {
  float sigma = 0.0f;  ///< of one cell, in cell units
  std::uint64_t seed = 0;
  std::uint32_t chip = 0;
  const std::uint64_t* vector = nullptr;  ///< number of each input vector, [group][lane]
};
/// Of cells whose reads have a standard deviation of `sigma`, fraction of the full scale; vectors
/// without a number yet.
AdcNoise adc_noise(const Mapping& mapping, double sigma, std::uint64_t seed, std::uint32_t chip);

/// Draws AdcNoise.
class ReadErrorDraws {
 public:
  /// Errors of the conversions of one input vector, of that number, and one array. Good until the
  /// next draw.
  ReadErrors draw(const Mapping& mapping, std::size_t array, unsigned bits, std::uint64_t vector,
                  const AdcNoise& noise);

 private:
  std::vector<std::uint64_t> conversions_;  ///< by column
  std::vector<float> errors_;               ///< [bit][column]
};

/// Products of many input vectors with all arrays of a layer: the integers of
/// multiply_bit_serial(), faster.
///
/// Four rows with one-bit inputs can contribute 16 different sums to a column. They are tabulated,
/// 32 columns side by side in 16 bits, so that their sums take a look-up and two additions per four
/// rows. Only groups of which a row is driven are looked up: each bit of an input vector has a list
/// of them (BitLists), which all columns share; a bit that no row has set has none, since the ADC
/// converts zero to zero. 16 bits hold the sums over as many places of a list as the cells' values
/// allow, whichever they are (PartBounds); of the sum of all, their ADC is content with the upper
/// bits, roughly, and the lowest 16 (bit_serial::Division). An array of few rows has few input
/// patterns: what they come to behind the ADCs is tabulated itself.
class BitSerialProducts {
 public:
  /// `cells[a]`: the programmed array a; read at every multiplication. Neither is copied.
  BitSerialProducts(const Mapping& mapping, std::vector<const CellArray*> cells, unsigned adc_bits);
  /// sums[group][output][lane] in cell units x weight code x input code, as multiply_bit_serial()
  /// has them; grows where it is too small. With noise, which may be null, it takes the plain way:
  /// no table holds all sums.
  void multiply(std::size_t layer, const InputGroups& inputs, std::vector<std::int64_t>& sums,
                const AdcNoise* noise = nullptr);

 private:
  struct RowBlock;
  void multiply_block(const RowBlock& block, const InputGroups& inputs, const AdcNoise* noise,
                      std::int64_t* sums);
  bool multiply_by_tables(const RowBlock& block, const bit_serial::InputRows& inputs,
                          InputCode code);
  bool multiply_by_patterns(const RowBlock& block, const bit_serial::InputRows& inputs,
                            InputCode code, std::size_t stride);
  void multiply_plainly(const RowBlock& block, const InputGroups& inputs, const AdcNoise* noise,
                        std::int64_t* sums);
  bit_serial::CellRows chunk_at(const bit_serial::CellRows& cells, std::size_t first);

  const Mapping& mapping_;
  std::vector<const CellArray*> cells_;
  unsigned adc_bits_;
  std::vector<bit_serial::BitLists> lists_;  // of one row block, by range of bits
  std::vector<std::int16_t> rows_, table_;   // of one chunk of columns
  std::vector<std::uint16_t> column_codes_;  // of one chunk of columns; else zeroes
  std::vector<std::int32_t> pair_sums_;      // of one row block
  std::vector<std::int32_t> of_pattern_;     // [pattern][output]
  std::vector<std::int64_t> vector_sums_;
  ReadErrorDraws error_draws_;
};

}  // namespace uswim::tiles
