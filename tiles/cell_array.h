#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "tiles/mapping.h"

namespace uswim::tiles {

/// Conductances are kept as integers in 1/1024 of one level, so that every sum over cells is exact
/// and does not depend on its order. The rounding is three orders below the device's error.
inline constexpr std::int32_t kUnitsPerLevel = 1024;

/// The cells of one array.
class CellArray {
 public:
  CellArray(std::size_t rows, std::size_t pitch) : pitch_(pitch), units_(rows * pitch, 0) {}
  std::int16_t* row(std::size_t r) { return units_.data() + r * pitch_; }
  const std::int16_t* row(std::size_t r) const { return units_.data() + r * pitch_; }

 private:
  std::size_t pitch_;
  std::vector<std::int16_t> units_;
};

/// A conductance (fraction of the full scale) in cell units; `levels` = 2^bits. Saturates at +-31
/// levels.
inline std::int16_t cell_units(float conductance, unsigned levels) {
  const float units = conductance * static_cast<float>((levels - 1) * kUnitsPerLevel);
  return static_cast<std::int16_t>(std::lrintf(std::clamp(units, -32767.0f, 32767.0f)));
}

/// The same of `n` conductances.
void cell_units(const float* conductance, std::size_t n, unsigned levels, std::int16_t* units);

/// Uniform ADC for the sum of a column, in cell units. The least significant step is one level
/// where the bits suffice for the largest sum (then ideal cells convert without loss), otherwise
/// the range divided by the codes.
struct Adc {
  std::int32_t step = kUnitsPerLevel;
  std::int32_t largest_code = 255;
  /// `rows`: driven rows of the array with one-bit inputs.
  Adc(unsigned bits, std::size_t rows, unsigned levels);
  /// The converted sum, back in cell units.
  std::int32_t convert(std::int32_t sum) const {
    const std::int32_t code = (sum + step / 2) / step;  // negative sums end at code 0 either way
    return std::clamp(code, 0, largest_code) * step;
  }
};

/// What the drivers send bit by bit: a whole number in [0, 2^bits) or, signed, a two's complement
/// in
/// [-2^(bits - 1), 2^(bits - 1)).
struct InputCode {
  unsigned bits = 1;
  bool is_signed = false;
  /// Value of a bit.
  std::int64_t weight(unsigned bit) const {
    const std::int64_t magnitude = std::int64_t{1} << bit;
    return is_signed && bit + 1 == bits ? -magnitude : magnitude;
  }
};

/// Errors of reading cells, as the ADCs see them: a column's sum for one input bit is off by a
/// normal deviate whose variance is that of one cell times the driven rows.
struct ReadErrors {
  float sigma = 0.0f;             ///< of one cell, in cell units
  const float* normal = nullptr;  ///< standard normal deviates, [bit][column of the array]
};

/// Product of one input vector with one array: inputs bit by bit, every column through the ADC,
/// shifted and added over bits, slices and signs. `inputs`: the block's rows. `sums`: one per
/// output of the block, in cell units x weight code x input code; added to what is there. `errors`:
/// of its reads, or null.
void multiply_bit_serial(const CellArray& cells, const Mapping& mapping, std::size_t array,
                         const std::int32_t* inputs, const InputCode& code, const Adc& adc,
                         std::int64_t* sums, const ReadErrors* errors = nullptr);

/// Weights of the block in units of the weight code, read back from the cells: what an ideal ADC
/// sees. Writes outputs x rows of the whole layer, row-major, at the block's place.
void read_effective_weights(const CellArray& cells, const Mapping& mapping, std::size_t array,
                            float* layer_weights);

}  // namespace uswim::tiles
