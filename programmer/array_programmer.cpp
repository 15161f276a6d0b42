#include "programmer/array_programmer.h"

#include <cmath>
#include <cstring>
#include <stdexcept>

#include "support/instruction_sets.h"

namespace uswim::programmer {
namespace {

/// bits select `verified` over `others` (which may be `out`), 64 cells a word.
USWIM_EVERY_INSTRUCTION_SET
void merge(const std::int16_t* others, const std::int16_t* __restrict verified, std::uint64_t bits,
           std::int16_t* out) {
  for (int i = 0; i < 64; ++i) out[i] = bits >> i & 1 ? verified[i] : others[i];
}

}  // namespace

ArrayProgrammer::ArrayProgrammer(const tiles::Mapping& mapping, std::size_t array,
                                 const DeviceModel& device, const PulseModel& model,
                                 const RowScheme& scheme)
    : mapping_(mapping),
      array_(array),
      model_(model),
      levels_(device.levels()),
      scheme_(scheme),
      cells_(mapping.arrays()[array].rows, mapping.pitch()) {
  const tiles::ArrayBlock& block = mapping.arrays()[array];
  const std::size_t pitch = mapping.pitch(), columns = mapping.columns(array);
  const auto full_code = static_cast<double>((1u << mapping.config().weight_bits) - 1);
  targets_.resize(block.rows * pitch);
  target_levels_.resize(block.rows * pitch, 0);
  for (std::size_t r = 0; r < block.rows; ++r)
    for (std::size_t c = 0; c < pitch; ++c) {
      DeviceTarget& t = targets_[r * pitch + c];
      t.present = c < columns;
      if (!t.present) continue;
      const unsigned level = mapping.level(array, r, c);
      const std::size_t weight = mapping.weight_of(array, r, c) - mapping.first_weight(block.layer);
      const double magnitude =
          std::abs(mapping.layers()[block.layer].weight_code[weight]) / full_code;
      t.target = static_cast<float>(device.target(level));
      t.level_factor = static_cast<float>(device.level_factor(level, magnitude));
      target_levels_[r * pitch + c] = static_cast<std::uint8_t>(level);
    }
}

void ArrayProgrammer::new_chip(std::uint64_t seed, std::uint32_t chip) {
  model_.write(targets_, mapping_.device_index(array_, 0, 0), seed, chip, outcomes_);
  open_loop_units_.resize(targets_.size());
  verified_units_.resize(targets_.size());
  for (std::size_t i = 0; i < targets_.size(); ++i) {
    open_loop_units_[i] = tiles::cell_units(outcomes_.open_loop[i], levels_);
    verified_units_[i] = tiles::cell_units(outcomes_.verified[i], levels_);
  }
}

RowView ArrayProgrammer::row_view(std::size_t row, const std::uint64_t* mask,
                                  RowOperation operation) const {
  const std::size_t words = mapping_.pitch() / 64;
  return {outcomes_, row * words, words, mask, scheme_, mapping_.columns(array_), operation};
}

RowWork ArrayProgrammer::program_row(std::size_t row, const std::uint8_t* levels,
                                     const std::uint64_t* mask, RowOperation operation) {
  const std::size_t pitch = mapping_.pitch();
  if (std::memcmp(levels, &target_levels_[row * pitch], mapping_.columns(array_)) != 0)
    throw std::logic_error("a row was sent levels that differ from the mapping");
  for (std::size_t w = 0; w < pitch / 64; ++w) {
    std::int16_t* cells = cells_.row(row) + w * 64;
    merge(operation == RowOperation::Verify ? cells : &open_loop_units_[row * pitch + w * 64],
          &verified_units_[row * pitch + w * 64], mask[w], cells);
  }
  return row_work(row_view(row, mask, operation));
}

}  // namespace uswim::programmer
