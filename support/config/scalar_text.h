#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// Numbers and quantities as text. Reading gives the double nearest to the decimal that is written,
/// prefix included; writing gives the shortest decimal that reads back as the same double.
namespace uswim::support::config {

/// A physical unit that configuration values carry.
struct Unit {
  std::string_view noun;     ///< "frequency"
  std::string_view article;  ///< "a"
  std::string_view symbol;   ///< "Hz"
  std::string_view example;  ///< "1.2 GHz"
};
inline constexpr Unit kSecond{"duration", "a", "s", "100 ns"};
inline constexpr Unit kJoule{"energy", "an", "J", "0.6 pJ"};
inline constexpr Unit kWatt{"power", "a", "W", "1.5 mW"};
inline constexpr Unit kVolt{"voltage", "a", "V", "2 V"};
inline constexpr Unit kSiemens{"conductance", "a", "S", "40 uS"};
inline constexpr Unit kHertz{"frequency", "a", "Hz", "1.2 GHz"};

/// Why a text is no number, as the rest of the sentence "'1.2x' ...".
template <class T>
struct Reading {
  std::optional<T> value;
  std::string fault;
};

Reading<double> read_number(std::string_view text);
Reading<std::int64_t> read_whole(std::string_view text);
/// In the SI unit.
Reading<double> read_quantity(std::string_view text, const Unit& unit);
/// Exact; a time that is no whole number of picoseconds is a fault.
Reading<std::int64_t> read_picoseconds(std::string_view text);

std::string write_number(double value);
/// "600 fJ": the prefix that puts the mantissa into [1, 1000) where there is one.
std::string write_quantity(double si_value, const Unit& unit);
std::string write_picoseconds(std::int64_t picoseconds);

/// Regular expression (ECMA 262) of what read_quantity accepts.
std::string quantity_pattern(const Unit& unit, bool may_be_negative);

}  // namespace uswim::support::config
