#include "support/config/scalar_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <utility>

namespace uswim::support::config {
namespace {

struct Prefix {
  std::string_view symbol;
  int exponent;
};
// The first spelling of an exponent is the one that is written.
constexpr std::array<Prefix, 11> kPrefixes{{{"f", -15},
                                            {"p", -12},
                                            {"n", -9},
                                            {"u", -6},
                                            {"\u00b5", -6},
                                            {"\u03bc", -6},
                                            {"m", -3},
                                            {"", 0},
                                            {"k", 3},
                                            {"M", 6},
                                            {"G", 9}}};
constexpr int kSmallestPrefix = -15;
constexpr int kLargestPrefix = 9;

// No configuration has use for exponents beyond this; it keeps the sums of exponents inside int.
constexpr int kHugeExponent = 1'000'000;

// Duration::from_seconds() has the same; it leaves room for rounding up to whole clock cycles.
constexpr std::int64_t kLongestPicoseconds = 9'000'000'000'000'000'000;

/// sign * digits * 10^exponent; no leading or trailing zeros in `digits`, which is "" for zero.
struct Decimal {
  bool negative = false;
  std::string digits;
  int exponent = 0;
};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Reads the decimal that `text` starts with and removes it from `text`.
std::optional<Decimal> take_decimal(std::string_view& text) {
  std::size_t i = 0;
  Decimal d;
  if (i < text.size() && (text[i] == '+' || text[i] == '-')) d.negative = text[i++] == '-';
  bool any = false;
  int places = 0;
  for (bool after_point = false; i < text.size(); ++i) {
    if (text[i] == '.' && !after_point) {
      after_point = true;
      continue;
    }
    if (!is_digit(text[i])) break;
    any = true;
    if (after_point) ++places;
    if (!d.digits.empty() || text[i] != '0') d.digits += text[i];
  }
  if (!any) return std::nullopt;
  int power = 0;
  if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
    std::size_t j = i + 1;
    bool minus = false;
    if (j < text.size() && (text[j] == '+' || text[j] == '-')) minus = text[j++] == '-';
    if (j < text.size() && is_digit(text[j])) {
      for (; j < text.size() && is_digit(text[j]); ++j)
        power = std::min(power * 10 + (text[j] - '0'), kHugeExponent);
      if (minus) power = -power;
      i = j;
    }
  }
  d.exponent = power - places;
  while (!d.digits.empty() && d.digits.back() == '0') {
    d.digits.pop_back();
    ++d.exponent;
  }
  text.remove_prefix(i);
  return d;
}

Reading<double> to_double(const Decimal& d) {
  if (d.digits.empty()) return {d.negative ? -0.0 : 0.0, {}};
  const std::string text = fmt::format("{}{}e{}", d.negative ? "-" : "", d.digits, d.exponent);
  double value = 0.0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  if (result.ec == std::errc::result_out_of_range)
    return {std::nullopt, "is too large or too small for a double"};
  return {value, {}};
}

/// "12.5" for digits 125 and exponent -1; for exponents that need few zeros.
std::string positional(const Decimal& d) {
  const int point = static_cast<int>(d.digits.size()) + d.exponent;
  std::string text = d.negative ? "-" : "";
  if (d.exponent >= 0)
    return text + d.digits + std::string(static_cast<std::size_t>(d.exponent), '0');
  if (point <= 0)
    return text + "0." + std::string(static_cast<std::size_t>(-point), '0') + d.digits;
  return text + d.digits.substr(0, static_cast<std::size_t>(point)) + "." +
         d.digits.substr(static_cast<std::size_t>(point));
}

std::string engineering(Decimal d, const Unit& unit) {
  if (d.digits.empty()) return fmt::format("{}0 {}", d.negative ? "-" : "", unit.symbol);
  const int leading =
      static_cast<int>(d.digits.size()) - 1 + d.exponent;  // power of the first digit
  int wanted = (leading >= 0 ? leading / 3 : (leading - 2) / 3) * 3;
  // A little beyond the prefixes, 1000 GHz reads better than 1e12 Hz.
  if (wanted == kLargestPrefix + 3) wanted = kLargestPrefix;
  if (wanted == kSmallestPrefix - 3) wanted = kSmallestPrefix;
  for (const Prefix& prefix : kPrefixes) {
    if (prefix.exponent != wanted) continue;
    d.exponent -= wanted;
    return fmt::format("{} {}{}", positional(d), prefix.symbol, unit.symbol);
  }
  return fmt::format("{}{}e{} {}", d.negative ? "-" : "", d.digits, d.exponent, unit.symbol);
}

bool is_nan_or_infinity(std::string_view text) {
  if (!text.empty() && (text[0] == '+' || text[0] == '-')) text.remove_prefix(1);
  if (!text.empty() && text[0] == '.') text.remove_prefix(1);
  std::string lower(text.substr(0, 9));
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return lower == "nan" || lower == "inf" || lower == "infinity";
}

/// The decimal of `text` in units of `unit`, prefix applied.
Reading<Decimal> take_quantity(std::string_view text, const Unit& unit) {
  if (is_nan_or_infinity(text)) return {std::nullopt, "is not a finite quantity"};
  std::string_view rest = text;
  std::optional<Decimal> d = take_decimal(rest);
  const std::string not_one = fmt::format("is not {} {}", unit.article, unit.noun);
  if (!d) return {std::nullopt, not_one};
  if (rest.empty()) return {std::nullopt, "has no unit"};
  while (!rest.empty() && rest.front() == ' ') rest.remove_prefix(1);
  const std::size_t symbol = unit.symbol.size();
  if (rest.size() < symbol || rest.substr(rest.size() - symbol) != unit.symbol)
    return {std::nullopt, not_one};
  rest.remove_suffix(symbol);
  for (const Prefix& prefix : kPrefixes) {
    if (prefix.symbol != rest) continue;
    d->exponent += prefix.exponent;
    return {d, {}};
  }
  return {std::nullopt, not_one};
}

}  // namespace

Reading<double> read_number(std::string_view text) {
  if (is_nan_or_infinity(text)) return {std::nullopt, "is not a finite number"};
  std::string_view rest = text;
  const std::optional<Decimal> d = take_decimal(rest);
  if (!d || !rest.empty()) return {std::nullopt, "is not a number"};
  return to_double(*d);
}

Reading<std::int64_t> read_whole(std::string_view text) {
  if (is_nan_or_infinity(text)) return {std::nullopt, "is not a finite number"};
  std::string_view digits = text;
  if (!digits.empty() && digits.front() == '+') digits.remove_prefix(1);
  std::int64_t value = 0;
  const char* end = digits.data() + digits.size();
  const auto result = std::from_chars(digits.data(), end, value);
  const bool second_sign = digits.size() != text.size() && !digits.empty() && digits[0] == '-';
  if (result.ptr != end || result.ec == std::errc::invalid_argument || second_sign)
    return {std::nullopt, "is not a whole number"};
  if (result.ec == std::errc::result_out_of_range) return {std::nullopt, "is out of range"};
  return {value, {}};
}

Reading<double> read_quantity(std::string_view text, const Unit& unit) {
  const Reading<Decimal> quantity = take_quantity(text, unit);
  if (!quantity.value) return {std::nullopt, quantity.fault};
  return to_double(*quantity.value);
}

Reading<std::int64_t> read_picoseconds(std::string_view text) {
  Reading<Decimal> quantity = take_quantity(text, kSecond);
  if (!quantity.value) return {std::nullopt, quantity.fault};
  Decimal& d = *quantity.value;
  if (d.digits.empty()) return {0, {}};
  d.exponent += 12;
  if (d.exponent < 0)
    return {std::nullopt, "is not a whole number of picoseconds, the resolution of simulated time"};
  const std::string too_long = "is longer than a simulated time can be, 104 days";
  if (d.exponent > 18) return {std::nullopt, too_long};
  const Reading<std::int64_t> whole = read_whole(positional(d));
  if (!whole.value || *whole.value > kLongestPicoseconds) return {std::nullopt, too_long};
  return whole;
}

std::string write_number(double value) { return fmt::format("{}", value); }

std::string write_quantity(double si_value, const Unit& unit) {
  const std::string shortest = write_number(si_value);
  std::string_view rest = shortest;
  const std::optional<Decimal> d = take_decimal(rest);
  // Only a value that no configuration can hold comes here.
  if (!d || !rest.empty()) return fmt::format("{} {}", shortest, unit.symbol);
  return engineering(*d, unit);
}

std::string write_picoseconds(std::int64_t picoseconds) {
  const std::string digits = fmt::format("{}", picoseconds);
  std::string_view rest = digits;
  Decimal d = *take_decimal(rest);
  d.exponent -= 12;
  return engineering(std::move(d), kSecond);
}

std::string quantity_pattern(const Unit& unit, bool may_be_negative) {
  std::string prefixes;
  for (const Prefix& prefix : kPrefixes) prefixes += prefix.symbol;
  return fmt::format("^[{}]?([0-9]+\\.?[0-9]*|\\.[0-9]+)([eE][-+]?[0-9]+)? *[{}]?{}$",
                     may_be_negative ? "-+" : "+", prefixes, unit.symbol);
}

}  // namespace uswim::support::config
