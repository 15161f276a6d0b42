#pragma once

namespace uswim::support {

/// exp(x) for x <= 0 within 2e-15 of the value, made of additions and multiplications alone: the C
/// library's differs in the last digit between processors.
double portable_exp(double x);

/// log(1 + x) for x >= 0 within 1e-15 of the value, made the same way.
double portable_log1p(double x);

}  // namespace uswim::support
