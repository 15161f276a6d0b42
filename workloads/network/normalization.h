#pragma once
#include <vector>

#include "workloads/network/network.h"

namespace uswim::workloads {

/// What a network was trained on: (pixel / 255 - mean) / deviation, channel by channel. Empty:
/// pixel / 255 as it is.
struct Normalization {
  std::vector<double> mean;       ///< per channel, or one for all
  std::vector<double> deviation;  ///< the same; none is 0
};

/// Puts the normalisation behind the network's input, as a Scale node. Throws NetworkError when its
/// channels are not the network's.
void normalize_input(Network& network, const Normalization& normalization);

}  // namespace uswim::workloads
