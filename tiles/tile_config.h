#pragma once
#include <array>
#include <string_view>
#include <utility>

#include "support/config_reader.h"
#include "support/quantity.h"

namespace uswim::tiles {

/// A write pulse of one polarity.
struct PulseConfig {
  support::Duration width = support::Duration::nanoseconds(10);
  support::Energy energy = support::picojoules(0.6);  ///< per pulsed device
  /// While it lasts, per pulsed device; 0 for a pulse without duration.
  support::Power power() const {
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

struct WriteConfig {
  unsigned drivers = 0;  ///< devices of a row pulsed at once; 0: the whole row
  WritePhases phases = WritePhases::Separate;
  support::Duration row_setup;  ///< once per row
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
  unsigned reads = 1;                                                  ///< averaged per verify
  support::Duration settle;                                            ///< before each read
  support::Duration compare_time = support::Duration::nanoseconds(2);  ///< both comparisons
  support::Energy compare_energy = support::picojoules(0.0032);        ///< per device read
};

/// One crossbar with its periphery. Every default carries its source in read_tile().
struct TileConfig {
  unsigned rows = 128;
  unsigned columns = 128;
  PulseConfig set;
  PulseConfig reset;
  WriteConfig write;
  VerifyConfig verify;
  support::Duration verify_read_time = support::Duration::nanoseconds(10);
  support::Energy verify_read_energy = support::picojoules(0.1);  ///< per device read
  support::Duration array_read_time = support::Duration::nanoseconds(100);
  support::Energy array_read_energy = support::picojoules(30.0);  ///< whole array, one input bit
  support::Energy dac_energy = support::picojoules(0.417);        ///< per driven row and input bit
  AdcConfig adc;
  support::Energy shift_add_energy = support::picojoules(0.021);  ///< per converted column
};
TileConfig read_tile(support::ConfigReader in);

}  // namespace uswim::tiles
