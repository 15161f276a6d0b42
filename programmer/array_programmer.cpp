#include "programmer/array_programmer.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <ctime>
#include <stdexcept>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "programmer/write_verify/record.h"
#include "tiles/packed_levels.h"

namespace uswim::programmer {
namespace {

/// Devices drawn at a time: their targets and outcomes stay in the second cache.
constexpr std::size_t kDrawnTogether = 4096;

/// What arrays that a thread draws one after the other share.
struct DrawingMemory {
  DeviceTargets targets;
  DeviceOutcomes outcomes;
  DevicePulses pulses;
  std::uint64_t drawing = 0;  ///< whose pulses these are
  std::vector<std::uint8_t> packed_levels;
  std::uint64_t packed = 0;  ///< the drawing whose levels these are
};
thread_local DrawingMemory memory_of_thread;

double thread_seconds() {
  timespec t;
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

/// bits select `verified` over `others` (which may be `out`), 64 cells a word.
void merge(const std::int16_t* others, const std::int16_t* verified, std::uint64_t bits,
           std::int16_t* out) {
#if defined(__SSE2__)
  const __m128i bit_of_lane = _mm_setr_epi16(1, 2, 4, 8, 16, 32, 64, 128);
  for (int i = 0; i < 64; i += 8) {
    const __m128i part = _mm_set1_epi16(static_cast<short>(bits >> i & 0xff));
    const __m128i chosen = _mm_cmpeq_epi16(_mm_and_si128(part, bit_of_lane), bit_of_lane);
    const __m128i from = _mm_loadu_si128(reinterpret_cast<const __m128i*>(verified + i));
    const __m128i kept = _mm_loadu_si128(reinterpret_cast<const __m128i*>(others + i));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + i),
                     _mm_or_si128(_mm_and_si128(chosen, from), _mm_andnot_si128(chosen, kept)));
  }
#else
  for (int i = 0; i < 64; ++i) out[i] = bits >> i & 1 ? verified[i] : others[i];
#endif
}

}  // namespace

ArrayProgrammer::ArrayProgrammer(const tiles::Mapping& mapping, std::size_t array,
                                 const DeviceModel& device, const PulseModel& model,
                                 const RowScheme& scheme)
    : mapping_(mapping),
      array_(array),
      device_(device),
      model_(model),
      levels_(device.levels()),
      scheme_(scheme),
      columns_(mapping.columns(array)),
      devices_(mapping.blocks()[array].rows * mapping.pitch()),
      looks_at_weight_(device.looks_at_weight()),
      rewrites_(mapping.blocks()[array].rows, 0),
      is_pending_(mapping.blocks()[array].rows, 0) {
  for (unsigned level = 0; level < levels_; ++level)
    target_of_level_.push_back({static_cast<float>(device.target(level)),
                                static_cast<float>(device.level_factor(level, 0.0))});
}

void ArrayProgrammer::start_from(const EarlierProgramming& earlier, const DeviceModel& device) {
  earlier_levels_ = earlier.mapping->levels(array_);
  if (earlier_levels_.size() != devices_)
    throw std::invalid_argument("an earlier network must fill the same arrays");
  earlier_ = earlier;
  untouched_.assign(earlier.skip_unchanged ? devices_ / 64 : 0, 0);
  if (!earlier.skip_unchanged) return;
  std::vector<std::uint8_t> levels;
  find_levels(0, devices_ / mapping_.pitch(), levels);
  for (std::size_t i = 0; i < devices_; ++i)
    if (i % mapping_.pitch() < columns_ &&
        device.target(levels[i]) == device.target(earlier_levels_[i]))
      mark(untouched_, i);
}

void ArrayProgrammer::find_levels(std::size_t row, std::size_t rows,
                                  std::vector<std::uint8_t>& levels) const {
  const std::size_t pitch = mapping_.pitch(), devices = rows * pitch;
  levels.resize(devices);
  tiles::unpack_levels(&packed_levels()[row * tiles::packed_row_bytes(mapping_)], devices,
                       mapping_.config().device_bits, levels.data());
}

void ArrayProgrammer::find_targets(std::size_t first, std::size_t n,
                                   const std::uint8_t* levels_of_rows,
                                   DeviceTargets& targets) const {
  const std::size_t pitch = mapping_.pitch(), per_weight = mapping_.devices_per_weight();
  const auto full_code = static_cast<double>((1u << mapping_.config().weight_bits) - 1);
  targets.levels.resize(n);
  targets.start.clear();
  DeviceTargets::Level* t = targets.levels.data();
  // Row by row, the first and the last one in part.
  for (std::size_t row = first / pitch * pitch; row < first + n; row += pitch) {
    const std::uint8_t* const levels = levels_of_rows;
    levels_of_rows += pitch;
    const std::size_t begin = std::max(first, row), end = std::min(first + n, row + pitch);
    const std::size_t present = std::clamp(row + columns_, begin, end);
    for (std::size_t at = begin; at < present && !looks_at_weight_; ++at)
      *t++ = target_of_level_[levels[at - row]];
    // Where it follows the weight, the error's factor is that of all its devices.
    for (std::size_t at = begin; at < present && looks_at_weight_;) {
      const std::size_t weight = (at - row) / per_weight * per_weight;
      double code = 0.0;
      for (std::size_t k = 0; k < per_weight; ++k)
        code += levels[weight + k] * mapping_.slice_weight(static_cast<unsigned>(k / 2));
      const auto factor = static_cast<float>(device_.level_factor(0, code / full_code));
      for (; at < std::min(present, row + weight + per_weight); ++at)
        *t++ = {target_of_level_[levels[at - row]].target, factor};
    }
    t = std::fill_n(t, end - present, DeviceTargets::Level{DeviceTargets::kNoDevice});
  }
}

void ArrayProgrammer::find_targets_and_states(std::size_t first, std::size_t n,
                                              DeviceTargets& targets,
                                              DeviceOutcomes& earlier) const {
  const std::size_t pitch = mapping_.pitch(), row = first / pitch;
  if (!earlier_levels_.empty()) {
    const std::uint64_t device = mapping_.device_index(array_, 0, 0) + first;
    find_targets(first, n, &earlier_levels_[row * pitch], targets);
    model_.write(targets, device, seed_, chip_ | kEarlierProgramming, earlier);
    std::vector<float>& left = earlier_.verified ? earlier.verified : earlier.open_loop;
    if (earlier_.drift != nullptr)
      earlier_.drift->age(earlier_.age_s, seed_, chip_ | kEarlierProgramming, device, left);
  }
  std::vector<std::uint8_t> levels;
  find_levels(row, (first + n + pitch - 1) / pitch - row, levels);
  find_targets(first, n, levels.data(), targets);
  if (earlier_levels_.empty()) return;
  targets.start = earlier_.verified ? earlier.verified : earlier.open_loop;
  for (std::size_t i = 0; i < n; ++i)
    if (is_untouched(first + i)) targets.levels[i].target = DeviceTargets::kNoDevice;
}

void ArrayProgrammer::draw(std::size_t first, std::size_t n, DeviceTargets& targets,
                           DeviceOutcomes& out) const {
  find_targets_and_states(first, n, targets, out);
  model_.write(targets, mapping_.device_index(array_, 0, 0) + first, seed_, chip_, out);
  for (std::size_t i = 0; i < n && !untouched_.empty(); ++i)
    if (is_untouched(first + i)) out.open_loop[i] = out.verified[i] = targets.start[i];
}

DeviceOutcomes ArrayProgrammer::draw_outcomes() const {
  DeviceTargets targets;
  DeviceOutcomes out;
  draw(0, devices_, targets, out);
  return out;
}

void ArrayProgrammer::keep_units(std::size_t first, const DeviceOutcomes& outcomes) const {
  open_loop_units_.resize(devices_);
  verified_units_.resize(devices_);
  const std::size_t n = outcomes.devices;
  tiles::cell_units(outcomes.open_loop.data(), n, levels_, &open_loop_units_[first]);
  tiles::cell_units(outcomes.verified.data(), n, levels_, &verified_units_[first]);
}

void ArrayProgrammer::keep_units() const {
  if (open_loop_units_.empty()) keep_units(0, draw_outcomes());
}

void ArrayProgrammer::new_chip(std::uint64_t seed, std::uint32_t chip, const ChipUse& use) {
  static std::atomic<std::uint64_t> drawings = 0;
  cells_.reset();
  std::fill(is_pending_.begin(), is_pending_.end(), std::uint8_t{0});
  any_pending_ = false;
  seed_ = seed;
  chip_ = chip;
  use_ = use;
  if (!use.cells_are_read) {
    open_loop_units_.clear();
    verified_units_.clear();
  }
  write_cycles_.reset();
  drawing_ = ++drawings;
  pulses_ = {};
  if (!use.is_programmed_again) {
    packed_levels_ = std::vector<std::uint8_t>();  // `= {}` would keep the memory
    return;
  }
  draw_pulses();
  pulses_ = memory_of_thread.pulses;
}

void ArrayProgrammer::draw_pulses() const {
  const double begin = thread_seconds();
  auto& [targets, outcomes, pulses, drawing, packed_levels, packed] = memory_of_thread;
  drawing = 0;
  pulses.clear();
  erase_power_W_.clear();
  for (std::size_t first = 0; first < devices_; first += kDrawnTogether) {
    const std::size_t n = std::min(kDrawnTogether, devices_ - first);
    draw(first, n, targets, outcomes);
    pulses.append(outcomes);
    if (!outcomes.erased_power_W.empty()) erase_power_W_.resize(is_pending_.size(), 0.0);
    for (std::size_t i = 0; i < n && !erase_power_W_.empty(); ++i)
      erase_power_W_[(first + i) / mapping_.pitch()] += double{outcomes.erased_power_W[i]};
    if (use_.cells_are_read) keep_units(first, outcomes);
  }
  drawing = drawing_;
  write_cycles_ = pulses.write_cycles();
  drawing_s_ += thread_seconds() - begin;
}

const std::vector<std::uint8_t>& ArrayProgrammer::packed_levels() const {
  if (use_.is_programmed_again) {
    if (packed_levels_.empty()) packed_levels_ = tiles::packed_levels(mapping_, array_);
    return packed_levels_;
  }
  DrawingMemory& memory = memory_of_thread;
  if (memory.packed != drawing_) memory.packed_levels = tiles::packed_levels(mapping_, array_);
  memory.packed = drawing_;
  return memory.packed_levels;
}

const DevicePulses& ArrayProgrammer::pulses() const {
  if (use_.is_programmed_again) return pulses_;
  if (memory_of_thread.drawing != drawing_) draw_pulses();
  return memory_of_thread.pulses;
}

std::uint64_t ArrayProgrammer::write_cycles() const {
  if (!write_cycles_) pulses();
  return *write_cycles_;
}

RowView ArrayProgrammer::row_view(std::size_t first, std::size_t rows, const std::uint64_t* mask,
                                  RowOperation operation) const {
  const std::size_t words = mapping_.pitch() / 64;
  return {pulses(), first * words, words, mask, scheme_, columns_, operation, rows};
}

void ArrayProgrammer::leave_untouched(std::size_t row, std::uint64_t* mask) const {
  const std::size_t words = mapping_.pitch() / 64;
  for (std::size_t w = 0; w < words && !untouched_.empty(); ++w)
    mask[w] &= ~untouched_[row * words + w];
}

void ArrayProgrammer::check_levels(std::size_t row, const std::uint8_t* packed) const {
  const std::uint8_t* const wanted = &packed_levels()[row * tiles::packed_row_bytes(mapping_)];
  const std::size_t bits = columns_ * tiles::bits_per_packed_level(mapping_.config().device_bits);
  const std::size_t whole = bits / 8;
  const unsigned rest = (1u << bits % 8) - 1;
  if (std::memcmp(packed, wanted, whole) != 0 ||
      (rest != 0 && ((packed[whole] ^ wanted[whole]) & rest) != 0))
    throw std::logic_error("a row was sent levels that differ from the mapping");
}

RowWork ArrayProgrammer::program_rows(std::size_t first, std::size_t rows,
                                      const std::uint64_t* mask, RowOperation operation) {
  const std::size_t pitch = mapping_.pitch(), words = pitch / 64;
  tiles::CellArray* verified = operation == RowOperation::Verify ? &written_cells() : nullptr;
  if (verified != nullptr) keep_units();
  for (std::size_t r = 0; r < rows; ++r) {
    const std::size_t row = first + r, at = row * pitch;
    if (operation == RowOperation::Program) {
      keep_mask(row, mask + r * words);
      is_pending_[row] = 1;
    }
    for (std::size_t w = 0; w < words && verified != nullptr; ++w) {
      std::int16_t* cells = verified->row(row) + w * 64;
      merge(cells, &verified_units_[at + w * 64], mask[r * words + w], cells);
    }
    rewrites_[row] = 0;
  }
  if (!written_levels_.empty()) {
    std::vector<std::uint8_t> levels;
    find_levels(first, rows, levels);
    std::copy(levels.begin(), levels.end(), &written_levels_[first * pitch]);
  }
  any_pending_ |= operation == RowOperation::Program;
  const RowView view = row_view(first, rows, mask, operation);
  RowWork work = row_work(view);
  if (scheme_.closing.is_used()) close_open_devices(first, view, work);
  return work;
}

double ArrayProgrammer::target_sum() const {
  std::vector<std::uint8_t> levels;
  find_levels(0, is_pending_.size(), levels);
  double sum = 0.0;
  for (std::size_t i = 0; i < devices_; ++i)
    if (i % mapping_.pitch() < columns_) sum += double{target_of_level_[levels[i]].target};
  return sum;
}

double ArrayProgrammer::erase_power_W(std::size_t first, std::size_t rows) const {
  double sum = 0.0;
  write_cycles();  // drawn by then
  for (std::size_t r = first; r < first + rows && !erase_power_W_.empty(); ++r)
    sum += erase_power_W_[r];
  return sum;
}

tiles::CellArray& ArrayProgrammer::written_cells() const {
  if (!cells_) cells_.emplace(is_pending_.size(), mapping_.pitch());
  for (std::size_t row = 0; row < is_pending_.size() && any_pending_; ++row) {
    if (is_pending_[row]) write_row(row, *cells_);
    is_pending_[row] = 0;
  }
  any_pending_ = false;
  return *cells_;
}

void ArrayProgrammer::keep_cells_only() {
  written_cells();
  open_loop_units_ = std::vector<std::int16_t>();  // `= {}` would keep the memory
  verified_units_ = std::vector<std::int16_t>();
}

void ArrayProgrammer::write_row(std::size_t row, tiles::CellArray& to) const {
  const std::size_t words = mapping_.pitch() / 64;
  keep_units();
  for (std::size_t w = row * words; w < (row + 1) * words; ++w)
    merge(&open_loop_units_[w * 64], &verified_units_[w * 64],
          pending_mask_.empty() ? ~std::uint64_t{0} : pending_mask_[w],
          to.row(row) + w % words * 64);
}

void ArrayProgrammer::keep_mask(std::size_t row, const std::uint64_t* mask) {
  const std::size_t words = mapping_.pitch() / 64;
  if (pending_mask_.empty()) {
    std::uint64_t open = 0;  // places without a device hold 0 either way
    for (std::size_t w = 0; w < words && w * 64 < columns_; ++w)
      open |= ~mask[w] & (columns_ - w * 64 < 64 ? (std::uint64_t{1} << columns_ % 64) - 1
                                                 : ~std::uint64_t{0});
    if (open == 0) return;
    pending_mask_.assign(devices_ / 64, ~std::uint64_t{0});
  }
  std::copy_n(mask, words, &pending_mask_[row * words]);
}

void ArrayProgrammer::copy_cells(tiles::CellArray& to) const {
  for (std::size_t row = 0; row < is_pending_.size(); ++row) {
    if (is_pending_[row])
      write_row(row, to);
    else if (cells_)
      std::copy_n(cells_->row(row), mapping_.pitch(), to.row(row));
    else
      std::fill_n(to.row(row), mapping_.pitch(), std::int16_t{0});
  }
}

void ArrayProgrammer::close_open_devices(std::size_t first_row, const RowView& view,
                                         RowWork& work) {
  tiles::CellArray& cells = written_cells();
  const RowRounds row_rounds(view);
  const std::size_t rounds = rounds_of(row_rounds);
  DeviceTargets target;
  DeviceOutcomes earlier;
  for (std::size_t w = 0; w < view.words * view.rows; ++w)
    for (std::uint64_t left = row_rounds.pulsed(rounds, w); left != 0; left &= left - 1) {
      const std::size_t row = first_row + w / view.words;
      const std::size_t column =
          w % view.words * 64 + static_cast<std::size_t>(__builtin_ctzll(left));
      find_targets_and_states(row * mapping_.pitch() + column, 1, target, earlier);
      const std::uint64_t device = mapping_.device_index(array_, row, column);
      const auto after = static_cast<std::uint32_t>(rounds);
      const float conductance = model_.closed_after(target[0], device, seed_, chip_, after);
      cells.row(row)[column] = tiles::cell_units(conductance, levels_);
      if (!view.pulses.has_power()) continue;
      const bool up = row_rounds.at(rounds, w).set >> (column % 64) & 1;
      const PulseModel::ClosedPower power =
          model_.power_when_closed(target[0], device, seed_, chip_, after, up);
      work.set_power_W += power.set_W;
      work.reset_power_W += power.reset_W;
      work.read_power_W += power.read_W;
      work.set_excess_V2 += power.set_excess_V2;
      work.reset_excess_V2 += power.reset_excess_V2;
    }
}

}  // namespace uswim::programmer
