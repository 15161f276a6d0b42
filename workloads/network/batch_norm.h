#pragma once
#include "workloads/network/network.h"

namespace uswim::workloads {

/// Multiplies batch norm into the weights where the result is the same: every Scale node directly
/// behind a matrix layer whose value nothing else reads. factor * (W x + b) + offset = (factor W) x
/// + (factor b + offset), up to rounding. Others stay: a ReLU or a second reader lies between; the
/// Scale comes first, where zeros of a border would have to be scaled as well; or the weights are
/// codes, of the file or of `weight_bits` bits, which factors that differ by output would take off
/// their grid. The content hash changes with the weights.
Network fold_batch_norm(Network network, unsigned weight_bits);

}  // namespace uswim::workloads
