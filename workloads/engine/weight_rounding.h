#pragma once
#include <cstddef>
#include <cstdint>

/// Rounding effective weights to whole numbers of a power-of-two unit.
namespace uswim::workloads::rounding {

/// Finer steps than 2^-24 of a weight code mean nothing, and a layer of very small weights must not
/// make the unit vanish.
inline constexpr int kFinestExponent = 24;
/// No sum of products reaches it.
inline constexpr std::int64_t kSumLimit = std::int64_t{1} << 31;

/// Throws std::invalid_argument if a weight is not finite.
float largest_magnitude(const float* weights, std::size_t count);

/// The finest unit, 2^-exponent, in which a number of magnitude `largest` rounds to at most
/// `largest_code` = 2^n - 1. Halving a number never makes its rounded magnitude greater, so every
/// coarser unit fits too.
int finest_exponent(float largest, int largest_code);

/// codes = round_half_even(weights * scale), of less than 2^22; returns the sum of their
/// magnitudes.
std::int64_t round_row(const float* weights, std::size_t rows, float scale, std::int16_t* codes);

}  // namespace uswim::workloads::rounding
