#include "experiment/imported_mask.h"

#include <fmt/format.h>

#include <vector>

namespace uswim::experiment {

using support::FileError;

ImportedMask::ImportedMask(const std::filesystem::path& file, MaskPolarity polarity,
                           std::size_t weights)
    : file_(file), polarity_(polarity), array_(support::read_npy<std::uint8_t>(file)) {
  if (array_.shape.size() == 3) return;
  if (array_.values.size() != weights)
    throw FileError(fmt::format("{}: {} entries, the network has {} weights", file.string(),
                                array_.values.size(), weights));
  for (std::size_t i = 0; i < weights; ++i)
    if (array_.values[i] > 1)
      throw FileError(
          fmt::format("{}: entry {} is {} (expected 0 or 1)", file.string(), i, array_.values[i]));
}

programmer::DeviceMask ImportedMask::devices(const tiles::Mapping& mapping) const {
  const std::uint8_t verified = polarity_ == MaskPolarity::OneIsVerified ? 1 : 0;
  if (array_.shape.size() != 3) {
    programmer::SelectionMask weights(array_.values.size());
    for (std::size_t i = 0; i < weights.size(); ++i) weights[i] = array_.values[i] == verified;
    return programmer::device_mask(mapping, weights);
  }
  const std::size_t rows = mapping.config().array_rows, columns = mapping.config().array_columns;
  if (array_.shape != std::vector<std::size_t>{mapping.array_count(), rows, columns})
    throw FileError(fmt::format("{}: cells of {} arrays of {} x {}, the mapping has {} of {} x {}",
                                file_.string(), array_.shape[0], array_.shape[1], array_.shape[2],
                                mapping.array_count(), rows, columns));
  programmer::DeviceMask mask(mapping);
  for (std::size_t b = 0; b < mapping.blocks().size(); ++b)
    for (std::size_t r = 0; r < mapping.blocks()[b].rows; ++r) {
      const std::uint8_t* const cell = &array_.values[mapping.chip_row(b, r) * columns];
      for (std::size_t c = 0; c < mapping.columns(b); ++c) {
        if (cell[c] > 1)
          throw FileError(fmt::format(
              "{}: the cell of array {}, row {}, column {} is {}, but it holds a device (expected "
              "0 or 1)",
              file_.string(), mapping.blocks()[b].array, mapping.chip_row(b, r) % rows, c,
              cell[c]));
        if (cell[c] == verified) mask.set(b, r, c);
      }
    }
  return mask;
}

}  // namespace uswim::experiment
