#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "support/config_reader.h"
#include "support/quantity.h"

namespace uswim::tiles {

/// A write pulse of one polarity.
struct PulseConfig {
  support::Duration width = support::Duration::nanoseconds(10);
  support::Energy energy = support::picojoules(0.6);  ///< per pulsed device, with CellEnergy::Fixed
  support::Voltage voltage = support::volts(2.0);     ///< with CellEnergy::Conductance
  /// With CellEnergy::Conductance: of a device at the full scale. Not a key of its own.
  std::optional<support::Power> largest_power = {};
  /// While it lasts, per pulsed device, at most; 0 for a pulse without duration.
  support::Power power() const {
    if (largest_power) return *largest_power;
    const double seconds = width.in_seconds();
    return support::Power::from_si(seconds > 0.0 ? energy.in_si() / seconds : 0.0);
  }
};

/// The converters of one array. The range spans 0 to the largest sum that a column of ideal cells
/// can give.
struct AdcConfig {
  unsigned bits = 8;
  support::Frequency sample_rate = support::gigahertz(1.2);
  support::Energy energy = support::picojoules(1.67);  ///< per conversion
  unsigned columns_per_adc = 8;  ///< power of two; converted one after the other
};

/// Whether SET and RESET pulses of a row wait for each other.
enum class WritePhases { Separate, Mixed };
inline constexpr std::array<std::pair<std::string_view, WritePhases>, 2> kWritePhases{
    {{"separate", WritePhases::Separate}, {"mixed", WritePhases::Mixed}}};

/// What a device takes in a pulse or a read: a figure, or V^2 G t with its own conductance there.
enum class CellEnergy { Fixed, Conductance };
inline constexpr std::array<std::pair<std::string_view, CellEnergy>, 2> kCellEnergies{
    {{"fixed", CellEnergy::Fixed}, {"conductance", CellEnergy::Conductance}}};

/// Write pulse of a device as its file states it, with the range in which the file holds.
struct DevicePulse {
  support::Voltage voltage, lowest_voltage, highest_voltage;
  support::Duration width, shortest, longest;
  std::optional<support::Energy> energy;
  bool is_ohmic = true;  ///< V^2 G t is its energy, near enough
};

/// A read of a device, as far as its file states it; the voltage has the range in which it holds.
struct DeviceRead {
  std::optional<support::Voltage> voltage;
  support::Voltage lowest_voltage, highest_voltage;
  std::optional<support::Duration> time;
  std::optional<support::Energy> energy;
};

/// What a device's file says of writing and reading it. Without it the tile has its own defaults.
struct DeviceFigures {
  std::optional<DevicePulse> set, reset;
  DeviceRead read;
};

/// What cells beside the pulsed ones see on the lines that they share with them: nothing (access
/// transistors), half the voltage on the pulsed rows and columns, or a third everywhere.
enum class HalfSelect { None, Half, Third };
inline constexpr std::array<std::pair<std::string_view, HalfSelect>, 3> kHalfSelects{
    {{"none", HalfSelect::None}, {"half", HalfSelect::Half}, {"third", HalfSelect::Third}}};

/// Whether rows are erased by pulses of their own before they are written, or were before.
enum class EraseRows { NotCounted, Counted };
inline constexpr std::array<std::pair<std::string_view, EraseRows>, 2> kEraseRows{
    {{"not_counted", EraseRows::NotCounted}, {"counted", EraseRows::Counted}}};

struct WriteConfig {
  CellEnergy pulse_energy = CellEnergy::Fixed;
  unsigned drivers = 0;  ///< devices of a row pulsed at once; 0: the whole row
  unsigned rows = 1;     ///< rows driven at once
  WritePhases phases = WritePhases::Separate;
  EraseRows erase = EraseRows::NotCounted;
  support::Duration row_setup;       ///< once per row
  support::Energy word_line_energy;  ///< once per row
  HalfSelect half_select = HalfSelect::None;
  double half_select_nonlinearity = 1.0;  ///< how much less than a linear cell a half-selected one
                                          ///< draws
  support::Duration level_shifter_time;   ///< before every phase of pulses
  support::Energy level_shifter_energy;   ///< per pulse
};

/// What a verify read is: a conversion, or comparisons with the two ends of the accepted window.
enum class VerifyMode { Adc, Compare };
inline constexpr std::array<std::pair<std::string_view, VerifyMode>, 2> kVerifyModes{
    {{"adc", VerifyMode::Adc}, {"compare", VerifyMode::Compare}}};

/// What a verify reads: the devices still open, or every column in use of the row.
enum class VerifyColumns { Open, Row };
inline constexpr std::array<std::pair<std::string_view, VerifyColumns>, 2> kVerifyColumns{
    {{"open", VerifyColumns::Open}, {"row", VerifyColumns::Row}}};

struct VerifyConfig {
  VerifyMode mode = VerifyMode::Adc;
  VerifyColumns columns = VerifyColumns::Open;
  unsigned reads = 1;     ///< averaged per verify
  unsigned adc_bits = 0;  ///< steps of a device's full scale, 2^adc_bits; 0: exact
  CellEnergy cell_energy = CellEnergy::Fixed;
  support::Voltage read_voltage = support::volts(0.4);  ///< with CellEnergy::Conductance
  support::Duration settle;                             ///< before each read
  support::Energy settle_energy;                        ///< of a bit line, per device read
  support::Duration compare_time = support::Duration::nanoseconds(2);  ///< both comparisons
  support::Energy compare_energy = support::picojoules(0.0032);        ///< per device read
};

/// One crossbar with its periphery. Every default carries its source in read_tile().
struct TileConfig {
  unsigned rows = 128;
  unsigned columns = 128;
  /// With CellEnergy::Conductance: of a device at 0 and at the full scale. Not keys of their own.
  support::Conductance lowest_level, highest_level;
  PulseConfig set;
  PulseConfig reset;
  WriteConfig write;
  VerifyConfig verify;
  support::Duration verify_read_time = support::Duration::nanoseconds(10);
  support::Energy verify_read_energy =
      support::picojoules(0.1);  ///< per device read, with CellEnergy::Fixed
  support::Duration array_read_time = support::Duration::nanoseconds(100);
  support::Energy array_read_energy = support::picojoules(30.0);  ///< whole array, one input bit
  support::Energy dac_energy = support::picojoules(0.417);        ///< per driven row and input bit
  AdcConfig adc;
  support::Energy shift_add_energy = support::picojoules(0.021);  ///< per converted column
};
TileConfig read_tile(support::ConfigReader in, const DeviceFigures& device = {});

/// Cells that see a part of the voltage while `pulses` devices of one row are pulsed in `slots`,
/// summed over the slots; the whole array counts, used or not.
std::uint64_t half_selected_cells(const TileConfig& tile, std::uint64_t slots,
                                  std::uint64_t pulses);
/// What one of them spends while a pulse lasts, as far as it is linear: a part of the pulsed
/// device's energy, or with CellEnergy::Conductance of V^2 G t, with `square_V2` the mean square of
/// the pulses' amplitudes and G of a cell at `part` of the full scale.
support::Energy half_select_energy(const TileConfig& tile, const PulseConfig& pulse,
                                   double square_V2, double part);
/// Drawn, at most, while `pulses` devices of a row are pulsed at once, by these and by the cells
/// that see a part of the voltage.
support::Power slot_power(const TileConfig& tile, const PulseConfig& pulse, unsigned pulses);

}  // namespace uswim::tiles
