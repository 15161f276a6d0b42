#include "programmer/array_programmer.h"

#include <cmath>
#include <cstring>
#include <stdexcept>

#include "programmer/write_verify/record.h"
#include "support/instruction_sets.h"

namespace uswim::programmer {
namespace {

/// bits select `verified` over `others` (which may be `out`), 64 cells a word.
USWIM_EVERY_INSTRUCTION_SET
void merge(const std::int16_t* others, const std::int16_t* __restrict verified, std::uint64_t bits,
           std::int16_t* out) {
  for (int i = 0; i < 64; ++i) out[i] = bits >> i & 1 ? verified[i] : others[i];
}

/// Targets of an array's devices, rows of `pitch` one after the other.
std::vector<DeviceTarget> targets_of(const tiles::Mapping& mapping, std::size_t array,
                                     const DeviceModel& device) {
  const tiles::ArrayBlock& block = mapping.arrays()[array];
  const std::size_t pitch = mapping.pitch(), columns = mapping.columns(array);
  const auto full_code = static_cast<double>((1u << mapping.config().weight_bits) - 1);
  std::vector<DeviceTarget> targets(block.rows * pitch);
  for (std::size_t r = 0; r < block.rows; ++r)
    for (std::size_t c = 0; c < pitch; ++c) {
      DeviceTarget& t = targets[r * pitch + c];
      t.present = c < columns;
      if (!t.present) continue;
      const unsigned level = mapping.level(array, r, c);
      const std::size_t weight = mapping.weight_of(array, r, c) - mapping.first_weight(block.layer);
      const double magnitude =
          std::abs(mapping.layers()[block.layer].weight_code[weight]) / full_code;
      t.target = static_cast<float>(device.target(level));
      t.level_factor = static_cast<float>(device.level_factor(level, magnitude));
    }
  return targets;
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
      targets_(targets_of(mapping, array, device)),
      cells_(mapping.arrays()[array].rows, mapping.pitch()) {
  const std::size_t pitch = mapping.pitch();
  target_levels_.resize(targets_.size(), 0);
  for (std::size_t r = 0; r < mapping.arrays()[array].rows; ++r)
    for (std::size_t c = 0; c < mapping.columns(array); ++c)
      target_levels_[r * pitch + c] = static_cast<std::uint8_t>(mapping.level(array, r, c));
}

void ArrayProgrammer::start_from(const EarlierProgramming& earlier, const DeviceModel& device) {
  earlier_targets_ = targets_of(*earlier.mapping, array_, device);
  if (earlier_targets_.size() != targets_.size())
    throw std::invalid_argument("an earlier network must fill the same arrays");
  earlier_ = earlier;
  untouched_.assign(earlier.skip_unchanged ? targets_.size() / 64 : 0, 0);
  for (std::size_t i = 0; i < targets_.size(); ++i) {
    targets_[i].programmed = targets_[i].present;
    if (!targets_[i].present || !earlier.skip_unchanged) continue;
    if (targets_[i].target != earlier_targets_[i].target) continue;
    mark(untouched_, i);
    targets_[i].present = false;
  }
}

void ArrayProgrammer::new_chip(std::uint64_t seed, std::uint32_t chip) {
  const std::uint64_t first = mapping_.device_index(array_, 0, 0);
  if (!earlier_targets_.empty()) {
    model_.write(earlier_targets_, first, seed, chip | kEarlierProgramming, outcomes_);
    std::vector<float>& left = earlier_.verified ? outcomes_.verified : outcomes_.open_loop;
    if (earlier_.drift != nullptr)
      earlier_.drift->age(earlier_.age_s, seed, chip | kEarlierProgramming, first, left);
    for (std::size_t i = 0; i < targets_.size(); ++i) targets_[i].start = left[i];
  }
  model_.write(targets_, first, seed, chip, outcomes_);
  for (std::size_t i = 0; i < targets_.size(); ++i)
    if (!untouched_.empty() && (untouched_[i / 64] >> (i % 64) & 1))
      outcomes_.open_loop[i] = outcomes_.verified[i] = targets_[i].start;
  open_loop_units_.resize(targets_.size());
  verified_units_.resize(targets_.size());
  for (std::size_t i = 0; i < targets_.size(); ++i) {
    open_loop_units_[i] = tiles::cell_units(outcomes_.open_loop[i], levels_);
    verified_units_[i] = tiles::cell_units(outcomes_.verified[i], levels_);
  }
}

RowView ArrayProgrammer::row_view(std::size_t first, std::size_t rows, const std::uint64_t* mask,
                                  RowOperation operation) const {
  const std::size_t words = mapping_.pitch() / 64;
  return {outcomes_, first * words, words, mask, scheme_, mapping_.columns(array_),
          operation, rows};
}

void ArrayProgrammer::leave_untouched(std::size_t row, std::uint64_t* mask) const {
  const std::size_t words = mapping_.pitch() / 64;
  for (std::size_t w = 0; w < words && !untouched_.empty(); ++w)
    mask[w] &= ~untouched_[row * words + w];
}

RowWork ArrayProgrammer::program_rows(std::size_t first, std::size_t rows,
                                      const std::uint8_t* levels, const std::uint64_t* mask,
                                      RowOperation operation) {
  const std::size_t pitch = mapping_.pitch();
  for (std::size_t r = 0; r < rows; ++r) {
    const std::size_t at = (first + r) * pitch;
    if (std::memcmp(levels + r * pitch, &target_levels_[at], mapping_.columns(array_)) != 0)
      throw std::logic_error("a row was sent levels that differ from the mapping");
    for (std::size_t w = 0; w < pitch / 64; ++w) {
      std::int16_t* cells = cells_.row(first + r) + w * 64;
      merge(operation == RowOperation::Verify ? cells : &open_loop_units_[at + w * 64],
            &verified_units_[at + w * 64], mask[r * pitch / 64 + w], cells);
    }
  }
  return row_work(row_view(first, rows, mask, operation));
}

}  // namespace uswim::programmer
