#pragma once
#include <array>
#include <cstddef>
#include <string_view>
#include <vector>

#include "support/quantity.h"

namespace uswim::sc_models {

/// Who spends energy.
enum class Component {
  WriteSet,
  WriteReset,
  VerifyRead,
  ArrayRead,
  Dac,
  Adc,
  ShiftAdd,
  Bus,
  Buffer,
  Digital,
  HostLink,
  HalfSelect,
  WordLine,
  LevelShifter,
  ChargePump,
  Erase,
  BitLine,
};
inline constexpr std::array<std::string_view, 17> kComponentNames{
    "write_set", "write_reset",   "verify_read", "array_read", "dac",       "adc",
    "shift_add", "bus",           "buffer",      "digital",    "host_link", "half_select",
    "word_line", "level_shifter", "charge_pump", "erase",      "bit_line"};
inline constexpr std::size_t kComponents = kComponentNames.size();

/// Energy by component; the total is the sum and nothing else.
class EnergyBreakdown {
 public:
  void add(Component c, support::Energy e) { parts_[static_cast<std::size_t>(c)] += e; }
  support::Energy of(Component c) const { return parts_[static_cast<std::size_t>(c)]; }
  const std::array<support::Energy, kComponents>& parts() const { return parts_; }
  support::Energy total() const {
    support::Energy sum;
    for (support::Energy e : parts_) sum += e;
    return sum;
  }
  EnergyBreakdown& operator+=(const EnergyBreakdown& o) {
    for (std::size_t i = 0; i < kComponents; ++i) parts_[i] += o.parts_[i];
    return *this;
  }

 private:
  std::array<support::Energy, kComponents> parts_{};
};

/// Collects what the modules report: per tile, and for what the tiles share.
class EnergyMonitor {
 public:
  explicit EnergyMonitor(std::size_t tiles) : tiles_(tiles) {}
  void add(std::size_t tile, Component c, support::Energy e) { tiles_[tile].add(c, e); }
  void add_shared(Component c, support::Energy e) { shared_.add(c, e); }
  const EnergyBreakdown& of_tile(std::size_t tile) const { return tiles_[tile]; }
  EnergyBreakdown total() const {
    EnergyBreakdown sum = shared_;
    for (const EnergyBreakdown& t : tiles_) sum += t;
    return sum;
  }
  void reset() {
    shared_ = {};
    for (EnergyBreakdown& t : tiles_) t = {};
  }

 private:
  std::vector<EnergyBreakdown> tiles_;
  EnergyBreakdown shared_;
};

}  // namespace uswim::sc_models
