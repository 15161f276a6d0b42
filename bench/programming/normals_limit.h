#pragma once

namespace uswim::bench {

/// Processor seconds for `n` normal variates drawn in bulk, measured now: what write-verify is held
/// against.
double seconds_for_normals(double n);

}  // namespace uswim::bench
