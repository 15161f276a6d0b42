#include "workloads/engine/row_loops.h"

#include <cstring>

#include "support/instruction_sets.h"

namespace uswim::workloads::rows {
namespace {

/// Half to even; whole bounds, so clamping first gives the same and keeps the sum where floats are
/// the whole numbers.
USWIM_INLINE std::int32_t code_of(float number, float inverse_scale, float minimum, float maximum) {
  constexpr float kWhole = 12582912.0f;  // 1.5 * 2^23
  const float value = number * inverse_scale;
  const float raised = value > minimum ? value : minimum;
  const float clamped = raised < maximum ? raised : maximum;
  return static_cast<std::int32_t>((clamped + kWhole) - kWhole);
}

}  // namespace

USWIM_EVERY_INSTRUCTION_SET
void from_codes(const std::int16_t* __restrict codes, std::size_t n, float scale,
                float* __restrict row) {
  for (std::size_t i = 0; i < n; ++i) row[i] = scale * static_cast<float>(codes[2 * i]);
}

USWIM_EVERY_INSTRUCTION_SET
void from_products(const std::int32_t* __restrict products, std::size_t n, float factor, float bias,
                   float* __restrict row) {
  for (std::size_t i = 0; i < n; ++i) row[i] = static_cast<float>(products[i]) * factor + bias;
}

USWIM_EVERY_INSTRUCTION_SET
void scale(float* row, std::size_t n, float factor, float offset) {
  for (std::size_t i = 0; i < n; ++i) row[i] = factor * row[i] + offset;
}

USWIM_EVERY_INSTRUCTION_SET
void add(float* __restrict row, std::size_t n, float factor, const float* __restrict other,
         float other_factor) {
  for (std::size_t i = 0; i < n; ++i) row[i] = factor * row[i] + other_factor * other[i];
}

USWIM_EVERY_INSTRUCTION_SET
void multiply(float* __restrict row, std::size_t n, const float* __restrict other) {
  for (std::size_t i = 0; i < n; ++i) row[i] *= other[i];
}

USWIM_EVERY_INSTRUCTION_SET
void to_codes(const float* __restrict even, const float* __restrict odd, std::size_t n,
              float inverse_scale, float minimum, float maximum, std::int16_t* __restrict codes) {
  for (std::size_t i = 0; i < n; ++i) {
    const std::int32_t low = code_of(even[i], inverse_scale, minimum, maximum);
    const std::int32_t high = code_of(odd[i], inverse_scale, minimum, maximum);
    codes[2 * i] = static_cast<std::int16_t>(low);
    codes[2 * i + 1] = static_cast<std::int16_t>(high);
  }
}

USWIM_EVERY_INSTRUCTION_SET
void to_bytes(const std::int16_t* __restrict first, const std::int16_t* __restrict second,
              std::size_t n, int minimum, std::uint8_t* __restrict bytes) {
  // Two codes of 16 bits, or four bytes, in one number: a byte's order is that of little-endian
  // machines, which all instruction sets here have.
  const std::uint32_t half = static_cast<std::uint32_t>(-minimum) & 0xffffu;
  for (std::size_t i = 0; i < n; ++i) {
    std::uint32_t low, high;
    std::memcpy(&low, first + 2 * i, sizeof low);
    std::memcpy(&high, second + 2 * i, sizeof high);
    const std::uint32_t even = (low + half) & 0xffu, odd = ((low >> 16) + half) & 0xffu;
    const std::uint32_t even2 = (high + half) & 0xffu, odd2 = ((high >> 16) + half) & 0xffu;
    const std::uint32_t four = even | odd << 8 | even2 << 16 | odd2 << 24;
    std::memcpy(bytes + 4 * i, &four, sizeof four);
  }
}

}  // namespace uswim::workloads::rows
