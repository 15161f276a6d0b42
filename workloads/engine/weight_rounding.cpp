#include "workloads/engine/weight_rounding.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <stdexcept>

namespace uswim::workloads::rounding {
namespace {

std::uint32_t bits_of(float value) {
  std::uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

/// Round half to even, |value| < 2^22, in steps that compilers vectorise everywhere.
inline std::int32_t round_to_int(float value) {
  constexpr float kWhole = 12582912.0f;  // 1.5 * 2^23: the sum's last bit counts one
  return static_cast<std::int32_t>((value + kWhole) - kWhole);
}

}  // namespace

/// Floats without their sign are ordered as their bits are.
float largest_magnitude(const float* weights, std::size_t count) {
  std::uint32_t largest = 0;
  for (std::size_t i = 0; i < count; ++i)
    largest = std::max(largest, bits_of(weights[i]) & 0x7fffffffu);
  float value;
  std::memcpy(&value, &largest, sizeof value);
  if (!std::isfinite(value)) throw std::invalid_argument("a weight is infinite or not a number");
  return value;
}

int finest_exponent(float largest, int largest_code) {
  if (!(largest > 0.0f)) return 0;
  int exponent = 0, bits = 0;
  std::frexp(largest, &exponent);
  std::frexp(static_cast<float>(largest_code), &bits);
  exponent = std::min(bits - exponent, kFinestExponent);
  return round_to_int(std::ldexp(largest, exponent)) > largest_code ? exponent - 1 : exponent;
}

std::int64_t round_row(const float* weights, std::size_t rows, float scale, std::int16_t* codes) {
  std::int64_t sum = 0;
  constexpr std::size_t kPart = 32768;  // of these magnitudes, the sum fits 32 bits
  for (std::size_t first = 0; first < rows; first += kPart) {
    const std::size_t last = std::min(rows, first + kPart);
    std::int32_t part = 0;
    for (std::size_t r = first; r < last; ++r) {
      const std::int32_t code = round_to_int(weights[r] * scale);
      codes[r] = static_cast<std::int16_t>(code);
      part += code < 0 ? -code : code;
    }
    sum += part;
  }
  return sum;
}

}  // namespace uswim::workloads::rounding
