#pragma once
#include <systemc>

#include "sc_models/chip_config.h"
#include "sc_models/energy_monitor.h"
#include "tiles/tile_config.h"

namespace uswim::sc_models {

/// A block of a tile's periphery: turns counts into time (whole clock cycles) and books the energy
/// under its tile.
class TileBlock : public sc_core::sc_module {
 protected:
  TileBlock(const sc_core::sc_module_name& name, std::size_t tile, EnergyMonitor& energy)
      : sc_module(name), tile_(tile), energy_(energy) {}
  void spend(Component component, support::Energy each, std::uint64_t count) {
    energy_.add(tile_, component, each * static_cast<double>(count));
  }

 private:
  std::size_t tile_;
  EnergyMonitor& energy_;
};

/// Pulses the devices of a row, all devices of one polarity together.
class WriteDriverBank : public TileBlock {
 public:
  WriteDriverBank(const sc_core::sc_module_name& name, std::size_t tile,
                  const tiles::TileConfig& config, const ChipConfig& chip, EnergyMonitor& energy)
      : TileBlock(name, tile, energy),
        set_(config.set),
        reset_(config.reset),
        set_time_(config.set.width.rounded_up_to(chip.period())),
        reset_time_(config.reset.width.rounded_up_to(chip.period())) {}
  support::Duration set(std::uint64_t phases, std::uint64_t pulses) {
    spend(Component::WriteSet, set_.energy, pulses);
    return set_time_ * static_cast<std::int64_t>(phases);
  }
  support::Duration reset(std::uint64_t phases, std::uint64_t pulses) {
    spend(Component::WriteReset, reset_.energy, pulses);
    return reset_time_ * static_cast<std::int64_t>(phases);
  }

 private:
  tiles::PulseConfig set_, reset_;
  support::Duration set_time_, reset_time_;
};

/// One-bit drivers of the rows; settle within the array's read time.
class DacBank : public TileBlock {
 public:
  DacBank(const sc_core::sc_module_name& name, std::size_t tile, const tiles::TileConfig& config,
          EnergyMonitor& energy)
      : TileBlock(name, tile, energy), each_(config.dac_energy) {}
  void drive(std::uint64_t rows) { spend(Component::Dac, each_, rows); }

 private:
  support::Energy each_;
};

/// The cells as a load: a verify read of single devices, or a read of the whole array.
class SenseArray : public TileBlock {
 public:
  SenseArray(const sc_core::sc_module_name& name, std::size_t tile, const tiles::TileConfig& config,
             const ChipConfig& chip, EnergyMonitor& energy)
      : TileBlock(name, tile, energy),
        verify_energy_(config.verify_read_energy),
        read_energy_(config.array_read_energy),
        verify_time_(config.verify_read_time.rounded_up_to(chip.period())),
        read_time_(config.array_read_time.rounded_up_to(chip.period())) {}
  support::Duration verify(std::uint64_t reads, std::uint64_t devices) {
    spend(Component::VerifyRead, verify_energy_, devices);
    return verify_time_ * static_cast<std::int64_t>(reads);
  }
  support::Duration read(std::uint64_t reads) {
    spend(Component::ArrayRead, read_energy_, reads);
    return read_time_ * static_cast<std::int64_t>(reads);
  }

 private:
  support::Energy verify_energy_, read_energy_;
  support::Duration verify_time_, read_time_;
};

/// Converters shared by columns: `serial` conversions follow each other, `conversions` are made in
/// all.
class AdcBank : public TileBlock {
 public:
  AdcBank(const sc_core::sc_module_name& name, std::size_t tile, const tiles::TileConfig& config,
          const ChipConfig& chip, EnergyMonitor& energy)
      : TileBlock(name, tile, energy),
        each_(config.adc.energy),
        conversion_time_(support::period_of(config.adc.sample_rate).rounded_up_to(chip.period())) {}
  support::Duration convert(std::uint64_t serial, std::uint64_t conversions) {
    spend(Component::Adc, each_, conversions);
    return conversion_time_ * static_cast<std::int64_t>(serial);
  }

 private:
  support::Energy each_;
  support::Duration conversion_time_;
};

/// Adds up bits, slices and signs while the next column is converted: energy, no time of its own.
class ShiftAddUnit : public TileBlock {
 public:
  ShiftAddUnit(const sc_core::sc_module_name& name, std::size_t tile,
               const tiles::TileConfig& config, EnergyMonitor& energy)
      : TileBlock(name, tile, energy), each_(config.shift_add_energy) {}
  void add(std::uint64_t values) { spend(Component::ShiftAdd, each_, values); }

 private:
  support::Energy each_;
};

}  // namespace uswim::sc_models
