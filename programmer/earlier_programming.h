#pragma once
#include "programmer/device/drift.h"
#include "tiles/mapping.h"

namespace uswim::programmer {

/// What the devices hold before they are written: the weights of another network, or of the same.
struct EarlierProgramming {
  const tiles::Mapping* mapping = nullptr;  ///< arrays of the same size; outlives the programmer
  bool verified = true;                     ///< every device write-verified; else none
  bool skip_unchanged = false;  ///< devices that keep their level are neither written nor read
  const DriftModel* drift = nullptr;  ///< that has gone on since; null: none
  double age_s = 0.0;
};

}  // namespace uswim::programmer
