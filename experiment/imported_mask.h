#pragma once
#include <filesystem>

#include "experiment/selection_config.h"
#include "programmer/selection/device_mask.h"
#include "support/results.h"
#include "tiles/mapping.h"

namespace uswim::experiment {

/// `selection.mask`: an entry per weight [weights], or per cell [array][row][column], as
/// selected_devices.npy has them. Entries are 0 or 1; cells without a device have any. Throws
/// support::FileError.
class ImportedMask {
 public:
  /// Reads the file, before it is known where the weights stand.
  ImportedMask(const std::filesystem::path& file, MaskPolarity polarity, std::size_t weights);
  programmer::DeviceMask devices(const tiles::Mapping& mapping) const;

 private:
  std::filesystem::path file_;
  MaskPolarity polarity_;
  support::NpyArray<std::uint8_t> array_;
};

}  // namespace uswim::experiment
