#pragma once
#include <cstddef>
#include <cstdint>

/// Inner loops of RowStep and of copies of codes: n numbers of a row, a multiple of 16. Compiled
/// for every instruction set, with equal results.
namespace uswim::workloads::rows {

/// row = scale * code, of every other code from `codes` on.
void from_codes(const std::int16_t* codes, std::size_t n, float scale, float* row);
/// row = product * factor + bias
void from_products(const std::int32_t* products, std::size_t n, float factor, float bias,
                   float* row);
void scale(float* row, std::size_t n, float factor, float offset);
/// row = factor * row + other_factor * other
void add(float* row, std::size_t n, float factor, const float* other, float other_factor);
void multiply(float* row, std::size_t n, const float* other);
/// Two rows to pairs of codes, each clamp(round_half_even(number * inverse_scale), minimum,
/// maximum).
void to_codes(const float* even, const float* odd, std::size_t n, float inverse_scale,
              float minimum, float maximum, std::int16_t* codes);

/// Four channels side by side, each code less `minimum`: bytes[4 i ...] = first[2 i], first[2 i +
/// 1], second[2 i], second[2 i + 1]. Differences lie in [0, 255].
void to_bytes(const std::int16_t* first, const std::int16_t* second, std::size_t n, int minimum,
              std::uint8_t* bytes);

}  // namespace uswim::workloads::rows
