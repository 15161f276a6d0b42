#include "programmer/array_programmer.h"
#include "programmer/write_verify/pulse_rules.h"

namespace uswim::programmer {

RowWork ArrayProgrammer::rewrite_row(std::size_t row, const std::uint8_t* levels,
                                     const std::uint64_t* mask) {
  const std::size_t pitch = mapping_.pitch(), per_weight = mapping_.devices_per_weight();
  const PulseConstants constants = pulse_constants({}, device_);
  const auto full_code = static_cast<double>((1u << mapping_.config().weight_bits) - 1);
  const auto units = static_cast<float>((levels_ - 1) * tiles::kUnitsPerLevel);
  tiles::CellArray& cells = written_cells();
  const std::uint32_t rewrite = rewrites_[row]++;
  double set_power_W = 0.0, reset_power_W = 0.0;
  if (written_levels_.empty()) find_levels(0, devices_ / pitch, written_levels_);
  std::vector<std::uint64_t> set(pitch / 64, 0), reset(pitch / 64, 0);
  for (std::size_t w = 0; w < pitch / 64; ++w)
    for (std::uint64_t left = mask[w]; left != 0; left &= left - 1) {
      const std::size_t column = w * 64 + static_cast<std::size_t>(__builtin_ctzll(left));
      const std::uint8_t level = levels[column];
      std::uint8_t& written = written_levels_[row * pitch + column];
      const bool up = level > written || (level == written && level > 0);
      (up ? set : reset)[w] |= std::uint64_t{1} << (column % 64);
      written = level;
      const std::uint64_t device = mapping_.device_index(array_, row, column);
      std::int16_t& cell = cells.row(row)[column];
      const float before = cell / units;
      float after = before;
      if (stuck_state(constants, seed_, chip_, device) == Stuck::No) {
        double code = 0.0;
        for (std::size_t c = column / per_weight * per_weight, end = c + per_weight; c < end; ++c)
          code += levels[c] * mapping_.slice_weight(static_cast<unsigned>(c % per_weight / 2));
        const double error =
            device_.sigma(level, code / full_code) *
            support::normal({seed_, chip_, support::Stream::Rewrite}, device, rewrite);
        after = static_cast<float>(device_.target(level) + error);
        cell = tiles::cell_units(after, levels_);
      }
      (up ? set_power_W : reset_power_W) += model_.pulse_power_W(up, before, after);
    }
  RowWork work = pulse_work(set, reset, scheme_);
  work.set_power_W = set_power_W;
  work.reset_power_W = reset_power_W;
  return work;
}

}  // namespace uswim::programmer
