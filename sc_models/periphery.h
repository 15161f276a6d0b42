#pragma once
#include <algorithm>
#include <systemc>

#include "programmer/write_verify/row_work.h"
#include "sc_models/chip_config.h"
#include "sc_models/energy_monitor.h"
#include "tiles/tile_config.h"

namespace uswim::sc_models {

/// A block of a tile's periphery: turns counts into time (whole clock cycles) and books the energy
/// under its tile. Configurations outlive it.
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

/// Pulses the devices of a row, slot after slot.
class WriteDriverBank : public TileBlock {
 public:
  WriteDriverBank(const sc_core::sc_module_name& name, std::size_t tile,
                  const tiles::TileConfig& config, const ChipConfig& chip, EnergyMonitor& energy)
      : TileBlock(name, tile, energy),
        config_(config),
        set_time_(config.set.width.rounded_up_to(chip.period())),
        reset_time_(config.reset.width.rounded_up_to(chip.period())),
        row_setup_(config.write.row_setup.rounded_up_to(chip.period())) {}
  support::Duration row_setup() const { return row_setup_; }
  /// Of a row or of one of its rounds.
  template <class Work>
  support::Duration time(const Work& w) const {
    return set_time_ * w.set_slots + reset_time_ * w.reset_slots +
           std::max(set_time_, reset_time_) * w.mixed_slots;
  }
  /// While the fullest slot of a row lasts, half-selected cells included; where both polarities
  /// share slots an upper bound.
  support::Power peak_power(const programmer::RowWork& w) const {
    return std::max({tiles::slot_power(config_, config_.set, w.fullest_set),
                     tiles::slot_power(config_, config_.reset, w.fullest_reset),
                     std::max(config_.set.power(), config_.reset.power()) * w.fullest_mixed});
  }
  /// The pulses of a row.
  void pulse(const programmer::RowWork& w) {
    if (config_.write.pulse_energy == tiles::CellEnergy::Conductance) {
      const auto energy = [](const tiles::PulseConfig& pulse, double power_W) {
        return support::Power::from_si(power_W) * pulse.width;
      };
      spend(Component::WriteSet, energy(config_.set, w.set_power_W), 1);
      spend(Component::WriteReset, energy(config_.reset, w.reset_power_W), 1);
      spend(Component::Erase, energy(config_.reset, w.erase_power_W), 1);
      return;
    }
    spend(Component::WriteSet, config_.set.energy, w.set_pulses);
    spend(Component::WriteReset, config_.reset.energy, w.reset_pulses - w.erase_pulses);
    spend(Component::Erase, config_.reset.energy, w.erase_pulses);
  }

 private:
  const tiles::TileConfig& config_;
  support::Duration set_time_, reset_time_, row_setup_;
};

/// What pulses cost beside themselves: word lines, level shifters, cells that share lines with the
/// pulsed ones, changes of the polarity that the charge pumps supply. `mean_target`: of the array's
/// cells, used or not, fraction of the full scale.
class WriteLines : public TileBlock {
 public:
  WriteLines(const sc_core::sc_module_name& name, std::size_t tile, const tiles::TileConfig& config,
             const ChipConfig& chip, double mean_target, EnergyMonitor& energy)
      : TileBlock(name, tile, energy),
        config_(config),
        mean_target_(mean_target),
        shift_time_(config.write.level_shifter_time.rounded_up_to(chip.period())) {
    if (chip.charge_pumps.count == 0) return;
    change_time_ = chip.charge_pumps.start_time.rounded_up_to(chip.period());
    change_energy_ = chip.charge_pumps.start_energy;
  }
  support::Duration shift_time(std::uint64_t phases) const {
    return shift_time_ * static_cast<std::int64_t>(phases);
  }
  support::Duration change_time(std::uint64_t changes) const {
    return change_time_ * static_cast<std::int64_t>(changes);
  }
  /// Energy of the phases of `rows` rows; `changes` of polarity before and in them.
  void write(const programmer::RowWork& w, std::uint64_t rows, std::uint64_t changes) {
    spend(Component::WordLine, config_.write.word_line_energy, rows);
    spend(Component::LevelShifter, config_.write.level_shifter_energy,
          std::uint64_t{w.set_pulses} + w.reset_pulses);
    half_select(config_.set, w.set_slots, w.set_pulses, w.set_excess_V2);
    half_select(config_.reset, w.reset_slots, w.reset_pulses, w.reset_excess_V2);
    spend(Component::ChargePump, change_energy_, changes);
  }

 private:
  /// Of the cells beside the pulses of one polarity in a row; `excess_V2`: as in RowWork.
  void half_select(const tiles::PulseConfig& pulse, std::uint64_t slots, std::uint64_t pulses,
                   double excess_V2) {
    const std::uint64_t cells = tiles::half_selected_cells(config_, slots, pulses);
    if (cells == 0) return;
    const double volts = pulse.voltage.in_si();
    const double square_V2 = volts * volts + excess_V2 / static_cast<double>(pulses);
    spend(Component::HalfSelect, tiles::half_select_energy(config_, pulse, square_V2, mean_target_),
          cells);
  }

  const tiles::TileConfig& config_;
  double mean_target_;
  support::Duration shift_time_, change_time_;
  support::Energy change_energy_;
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
        cell_energy_(config.verify.cell_energy),
        verify_energy_(config.verify_read_energy * config.verify.reads),
        verify_sensing_(config.verify_read_time * config.verify.reads),
        settle_energy_(config.verify.settle_energy * config.verify.reads),
        read_energy_(config.array_read_energy),
        verify_time_((config.verify.settle.rounded_up_to(chip.period()) +
                      config.verify_read_time.rounded_up_to(chip.period())) *
                     config.verify.reads),
        read_time_(config.array_read_time.rounded_up_to(chip.period())) {}
  /// `rounds` of verifying.
  support::Duration verify_time(std::uint64_t rounds) const {
    return verify_time_ * static_cast<std::int64_t>(rounds);
  }
  /// The verify reads of a row.
  void verify(const programmer::RowWork& w) {
    if (cell_energy_ == tiles::CellEnergy::Conductance)
      spend(Component::VerifyRead, support::Power::from_si(w.read_power_W) * verify_sensing_, 1);
    else
      spend(Component::VerifyRead, verify_energy_, w.verify_reads);
    spend(Component::BitLine, settle_energy_, w.verify_reads);
  }
  support::Duration read(std::uint64_t reads) {
    spend(Component::ArrayRead, read_energy_, reads);
    return read_time_ * static_cast<std::int64_t>(reads);
  }

 private:
  tiles::CellEnergy cell_energy_;
  support::Energy verify_energy_;     ///< of a device, all reads of a verify
  support::Duration verify_sensing_;  ///< of these reads, without settling
  support::Energy settle_energy_;     ///< as verify_energy_
  support::Energy read_energy_;
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
  support::Duration time(std::uint64_t serial) const {
    return conversion_time_ * static_cast<std::int64_t>(serial);
  }
  void convert(std::uint64_t conversions) { spend(Component::Adc, each_, conversions); }

 private:
  support::Energy each_;
  support::Duration conversion_time_;
};

/// A pair of comparators at every column, for verify reads without a conversion.
class ComparatorBank : public TileBlock {
 public:
  ComparatorBank(const sc_core::sc_module_name& name, std::size_t tile,
                 const tiles::TileConfig& config, const ChipConfig& chip, EnergyMonitor& energy)
      : TileBlock(name, tile, energy),
        each_(config.verify.compare_energy),
        time_(config.verify.compare_time.rounded_up_to(chip.period())) {}
  support::Duration time(std::uint64_t reads) const {
    return time_ * static_cast<std::int64_t>(reads);
  }
  void compare(std::uint64_t devices) { spend(Component::VerifyRead, each_, devices); }

 private:
  support::Energy each_;
  support::Duration time_;
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
