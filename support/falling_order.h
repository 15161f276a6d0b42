#pragma once
#include <cstdint>
#include <vector>

namespace uswim::support {

/// Indices of `values`, of which none is NaN, so that the values fall; equal ones in the order of
/// their indices. Time grows linearly with their number.
std::vector<std::uint32_t> falling_order(const std::vector<double>& values);

}  // namespace uswim::support
