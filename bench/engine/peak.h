#pragma once

namespace uswim::bench {

/// 10^9 operations (two per multiply-accumulate) per second of the dot product of the kernels in
/// use, from a loop that touches registers only. 0 for the generic kernels. Measured for some
/// milliseconds at each call, since a machine's clock and its other users change.
double peak_gops();

}  // namespace uswim::bench
