#include <fmt/format.h>

#include <cmath>
#include <stdexcept>

#include "support/results.h"

namespace uswim::support {
namespace {

/// RFC 4180: quotes where the text holds a separator, quotes inside doubled.
std::string csv_text(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + "\"";
}

}  // namespace

CsvTable::CsvTable(std::vector<std::string> columns) : columns_(std::move(columns)) {
  for (const std::string& column : columns_) cell(column);
  end_row();
}

CsvTable& CsvTable::cell(std::string_view text) {
  if (filled_ > 0) text_ += ',';
  text_ += csv_text(text);
  ++filled_;
  return *this;
}

CsvTable& CsvTable::cell(double value) {
  if (!std::isfinite(value)) {
    throw std::invalid_argument(fmt::format("{} is no value for the column '{}'", value,
                                            filled_ < columns_.size() ? columns_[filled_] : ""));
  }
  return cell(std::string_view(fmt::format("{}", value)));
}

CsvTable& CsvTable::cell(std::uint64_t value) {
  return cell(std::string_view(fmt::format("{}", value)));
}

CsvTable& CsvTable::cell(std::int64_t value) {
  return cell(std::string_view(fmt::format("{}", value)));
}

void CsvTable::end_row() {
  if (filled_ != columns_.size()) {
    throw std::logic_error(
        fmt::format("a row of {} values in a table of {} columns", filled_, columns_.size()));
  }
  text_ += '\n';
  filled_ = 0;
}

void RunningStatistics::add(double value) {
  ++count_;
  const double deviation = value - mean_;
  mean_ += deviation / static_cast<double>(count_);
  sum_of_squares_ += deviation * (value - mean_);
}

double RunningStatistics::standard_deviation() const {
  return count_ < 2 ? 0.0 : std::sqrt(sum_of_squares_ / static_cast<double>(count_ - 1));
}

std::string with_prefix(double value, const char* unit) {
  if (value == 0.0) return fmt::format("0 {}", unit);
  static constexpr const char* kPrefixes[] = {"f", "p", "n", "u", "m", "", "k", "M", "G"};
  int index = static_cast<int>(std::floor(std::log10(std::fabs(value)) / 3.0)) + 5;
  index = index < 0 ? 0 : index > 8 ? 8 : index;
  // Three digits of 999.6 are a thousand: one of the next prefix.
  if (index < 8 && std::fabs(value) / std::pow(1000.0, index - 5) >= 999.5) ++index;
  return fmt::format("{:.3g} {}{}", value / std::pow(1000.0, index - 5), kPrefixes[index], unit);
}

}  // namespace uswim::support
