#pragma once
#include "workloads/network/network.h"

namespace uswim::workloads {

/// Multiplies batch norm into the weights where the result is the same: every Scale node directly
/// behind a matrix layer whose value nothing else reads. factor * (W x + b) + offset = (factor W) x
/// + (factor b + offset), up to rounding. Others stay: a ReLU or a second reader lies between, or
/// the Scale comes first, where zeros of a border would have to be scaled as well. The content hash
/// changes with the weights.
Network fold_batch_norm(Network network);

}  // namespace uswim::workloads
