#pragma once
#include <cstdint>
#include <vector>

namespace uswim::support {

/// Indices of `values`, of which none is NaN, so that the values fall; equal ones in the order of
/// their indices. Time grows linearly with their number.
std::vector<std::uint32_t> falling_order(const std::vector<double>& values);
/// The same, but of equal ones the larger of `second` first, then in the order of their indices.
std::vector<std::uint32_t> falling_order(const std::vector<double>& values,
                                         const std::vector<float>& second);

}  // namespace uswim::support
