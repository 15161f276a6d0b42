#include "support/config_reader.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <utility>

#include "support/config/scalar_text.h"
#include "support/config/state.h"

namespace uswim::support {

using config::Asked;
using config::Value;
using config::YamlNode;

namespace {

// The clock's period is a whole number of picoseconds, at least one and at most 11 days.
constexpr Range kFrequencies{1e-6, 1e12, false, false};
const double kInfinity = std::numeric_limits<double>::infinity();

KeyDescription describe(std::string type, const Doc& doc) {
  KeyDescription d;
  d.type = std::move(type);
  d.meaning = doc.meaning;
  d.source = doc.source;
  return d;
}

bool inside(const Range& range, double v) {
  return (range.open_minimum ? v > range.minimum : v >= range.minimum) &&
         (range.open_maximum ? v < range.maximum : v <= range.maximum);
}

/// A default that could not be read back would make the resolved configuration useless.
void require_default(bool good, std::string_view section, std::string_view key) {
  if (!good)
    throw std::logic_error(fmt::format("the default of '{}' cannot be a value of this key",
                                       config::join(section, key)));
}

void read_path(config::State& s, const Asked& asked, std::filesystem::path& value,
               bool may_be_empty) {
  s.values[asked.index].is_relative_path = value.is_relative() && !value.empty();
  if (asked.node == nullptr) return;
  const auto text = s.text(*asked.node, asked.path, may_be_empty);
  if (!text) return;
  const std::filesystem::path written = *text;
  s.values[asked.index].is_relative_path = written.is_relative() && !written.empty();
  value = written.empty() ? written : s.sources[asked.node->place.source].relative_to / written;
  s.values[asked.index].resolved = value.generic_string();
}

void read_quantity(config::State& s, std::size_t section, const std::string& section_path,
                   std::string_view key, double& si, const config::Unit& unit, Range range,
                   const Doc& doc) {
  require_default(std::isfinite(si) && inside(range, si), section_path, key);
  KeyDescription d = describe(std::string(unit.noun), doc);
  d.range = range;
  const Asked asked = s.ask(section, key, std::move(d), config::write_quantity(si, unit));
  const std::string example =
      fmt::format("expected {} {} such as '{}'", unit.article, unit.noun, unit.example);
  if (asked.node == nullptr || !s.is_scalar(*asked.node, asked.path, example)) return;
  const auto reading = config::read_quantity(asked.node->text, unit);
  if (!reading.value) {
    s.fault_at(*asked.node, asked.path,
               fmt::format("{} {} ({})", config::shown(asked.node->text), reading.fault, example));
  } else if (!inside(range, *reading.value)) {
    const std::string low = config::write_quantity(range.minimum, unit);
    s.fault_at(*asked.node, asked.path,
               fmt::format("{} is outside the range (expected {})", config::shown(asked.node->text),
                           range.maximum == kInfinity
                               ? "at least " + low
                               : low + " to " + config::write_quantity(range.maximum, unit)));
  } else {
    si = *reading.value;
    s.values[asked.index].resolved = config::write_quantity(si, unit);
  }
}

}  // namespace

Range at_least(double a) { return {a, kInfinity, false, true}; }
Range positive() { return {0.0, kInfinity, true, true}; }

ConfigReader::ConfigReader(std::shared_ptr<State> state, std::size_t node, std::string path)
    : state_(std::move(state)), node_(node), path_(std::move(path)) {}

ConfigReader ConfigReader::section(std::string_view key, const Doc& doc) {
  const std::size_t child = state_->ask_section(node_, key, doc);
  return ConfigReader(state_, child, state_->sections[child].path);
}

bool ConfigReader::describing() const { return state_->describing; }

bool ConfigReader::has(std::string_view key) const {
  config::Section& section = state_->sections[node_];
  section.asked_about.emplace(key);
  if (state_->describing) return true;
  const config::YamlEntry* entry = section.node ? state_->tree[*section.node].find(key) : nullptr;
  return entry != nullptr && !state_->is_taken_back(*entry);
}

void ConfigReader::number(std::string_view key, double& value, Range range, const Doc& doc) {
  std::optional<double> v = value;
  number(key, v, range, doc);
  value = *v;
}

void ConfigReader::number(std::string_view key, std::optional<double>& value, Range range,
                          const Doc& doc) {
  require_default(!value || (std::isfinite(*value) && inside(range, *value)), path_, key);
  KeyDescription d = describe("number", doc);
  d.range = range;
  const Asked asked = state_->ask(node_, key, std::move(d), value ? Value(*value) : Value(nullptr));
  if (asked.node == nullptr) return;
  if (const auto read = state_->number(*asked.node, asked.path, range)) {
    value = *read;
    state_->values[asked.index].resolved = *read;
  }
}

void ConfigReader::whole_number(std::string_view key, std::int64_t& value, Range range,
                                const Doc& doc) {
  require_default(inside(range, static_cast<double>(value)), path_, key);
  KeyDescription d = describe("whole number", doc);
  d.range = range;
  const Asked asked = state_->ask(node_, key, std::move(d), value);
  if (asked.node == nullptr) return;
  if (const auto read = state_->whole(*asked.node, asked.path, range)) {
    value = *read;
    state_->values[asked.index].resolved = *read;
  }
}

void ConfigReader::boolean(std::string_view key, bool& value, const Doc& doc) {
  const Asked asked = state_->ask(node_, key, describe("true or false", doc), value);
  if (asked.node == nullptr) return;
  if (const auto read = state_->boolean(*asked.node, asked.path)) {
    value = *read;
    state_->values[asked.index].resolved = *read;
  }
}

void ConfigReader::text(std::string_view key, std::string& value, const Doc& doc) {
  require_default(config::first_unprintable(value) == std::string_view::npos, path_, key);
  const Asked asked = state_->ask(node_, key, describe("text", doc), value);
  if (asked.node == nullptr) return;
  if (auto read = state_->text(*asked.node, asked.path, true)) {
    value = *read;
    state_->values[asked.index].resolved = *std::move(read);
  }
}

void ConfigReader::required_text(std::string_view key, std::string& value, const Doc& doc) {
  KeyDescription d = describe("text", doc);
  d.required = true;
  const Asked asked = state_->ask(node_, key, std::move(d), nullptr);
  if (asked.node == nullptr) return;
  if (auto read = state_->text(*asked.node, asked.path, false)) {
    value = *read;
    state_->values[asked.index].resolved = *std::move(read);
  }
}

void ConfigReader::path(std::string_view key, std::filesystem::path& value, const Doc& doc) {
  require_default(config::first_unprintable(value.string()) == std::string_view::npos, path_, key);
  const Asked asked = state_->ask(node_, key, describe("path", doc), value.generic_string());
  read_path(*state_, asked, value, true);
}

void ConfigReader::required_path(std::string_view key, std::filesystem::path& value,
                                 const Doc& doc) {
  KeyDescription d = describe("path", doc);
  d.required = true;
  const Asked asked = state_->ask(node_, key, std::move(d), nullptr);
  read_path(*state_, asked, value, false);
}

void ConfigReader::numbers(std::string_view key, std::vector<double>& value, Range each,
                           const Doc& doc) {
  for (const double v : value) require_default(std::isfinite(v) && inside(each, v), path_, key);
  KeyDescription d = describe("list of numbers", doc);
  d.range = each;
  const Asked asked = state_->ask(node_, key, std::move(d), value);
  if (asked.node == nullptr ||
      !state_->is_list(*asked.node, asked.path, "expected a list such as [0, 0.5]"))
    return;
  std::vector<double> all;
  const auto& entries = asked.node->entries;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const auto read =
        state_->number(state_->tree[entries[i].node], fmt::format("{}[{}]", asked.path, i), each);
    if (read) all.push_back(*read);
  }
  if (all.size() != entries.size()) return;
  state_->values[asked.index].resolved = all;
  value = std::move(all);
}

void ConfigReader::texts(std::string_view key, std::vector<std::string>& value, const Doc& doc) {
  for (const std::string& v : value)
    require_default(config::first_unprintable(v) == std::string_view::npos, path_, key);
  const Asked asked = state_->ask(node_, key, describe("list of texts", doc), value);
  if (asked.node == nullptr ||
      !state_->is_list(*asked.node, asked.path, "expected a list such as [one, two]"))
    return;
  std::vector<std::string> all;
  const auto& entries = asked.node->entries;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    auto read =
        state_->text(state_->tree[entries[i].node], fmt::format("{}[{}]", asked.path, i), true);
    if (read) all.push_back(*std::move(read));
  }
  if (all.size() != entries.size()) return;
  state_->values[asked.index].resolved = all;
  value = std::move(all);
}

std::size_t ConfigReader::choice(std::string_view key, std::size_t value,
                                 const std::vector<std::string>& words, const Doc& doc) {
  require_default(value < words.size(), path_, key);
  KeyDescription d = describe("word", doc);
  d.words = words;
  const Asked asked = state_->ask(node_, key, std::move(d), words[value]);
  if (asked.node == nullptr) return value;
  const auto read = state_->word(*asked.node, asked.path, words);
  if (!read) return value;
  state_->values[asked.index].resolved = words[*read];
  return *read;
}

std::vector<std::size_t> ConfigReader::choices(std::string_view key, std::vector<std::size_t> value,
                                               const std::vector<std::string>& words,
                                               const Doc& doc) {
  KeyDescription d = describe("list of words", doc);
  d.words = words;
  Value by_default = Value::array();
  for (const std::size_t v : value) by_default.push_back(words[v]);
  const Asked asked = state_->ask(node_, key, std::move(d), std::move(by_default));
  const std::string expected = fmt::format("expected a list of {}", fmt::join(words, ", "));
  if (asked.node == nullptr || !state_->is_list(*asked.node, asked.path, expected)) return value;
  std::vector<std::size_t> all;
  Value resolved = Value::array();
  const auto& entries = asked.node->entries;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const YamlNode& node = state_->tree[entries[i].node];
    const std::string path = fmt::format("{}[{}]", asked.path, i);
    const auto read = state_->word(node, path, words);
    if (!read) continue;
    if (std::find(all.begin(), all.end(), *read) != all.end()) {
      state_->fault_at(node, path, fmt::format("'{}' stands twice in the list", words[*read]));
      continue;
    }
    all.push_back(*read);
    resolved.push_back(words[*read]);
  }
  if (all.size() != entries.size()) return value;
  state_->values[asked.index].resolved = std::move(resolved);
  return all;
}

void ConfigReader::duration(std::string_view key, Duration& value, const Doc& doc) {
  require_default(value >= Duration(), path_, key);
  const config::Unit& unit = config::kSecond;
  KeyDescription d = describe(std::string(unit.noun), doc);
  d.range = at_least(0.0);
  const Asked asked =
      state_->ask(node_, key, std::move(d), config::write_picoseconds(value.in_picoseconds()));
  const std::string example = fmt::format("expected a duration such as '{}'", unit.example);
  if (asked.node == nullptr || !state_->is_scalar(*asked.node, asked.path, example)) return;
  const std::string shown = config::shown(asked.node->text);
  const auto reading = config::read_picoseconds(asked.node->text);
  if (!reading.value) {
    state_->fault_at(*asked.node, asked.path,
                     fmt::format("{} {} ({})", shown, reading.fault, example));
  } else if (*reading.value < 0) {
    state_->fault_at(*asked.node, asked.path,
                     fmt::format("{} is outside the range (expected at least 0 s)", shown));
  } else {
    value = Duration::picoseconds(*reading.value);
    state_->values[asked.index].resolved = config::write_picoseconds(*reading.value);
  }
}

void ConfigReader::energy(std::string_view key, Energy& value, const Doc& doc) {
  double si = value.in_si();
  read_quantity(*state_, node_, path_, key, si, config::kJoule, at_least(0.0), doc);
  value = Energy::from_si(si);
}

void ConfigReader::power(std::string_view key, Power& value, const Doc& doc) {
  double si = value.in_si();
  read_quantity(*state_, node_, path_, key, si, config::kWatt, at_least(0.0), doc);
  value = Power::from_si(si);
}

void ConfigReader::voltage(std::string_view key, Voltage& value, const Doc& doc) {
  double si = value.in_si();
  read_quantity(*state_, node_, path_, key, si, config::kVolt, open(-kInfinity, kInfinity), doc);
  value = Voltage::from_si(si);
}

void ConfigReader::conductance(std::string_view key, Conductance& value, const Doc& doc) {
  double si = value.in_si();
  read_quantity(*state_, node_, path_, key, si, config::kSiemens, at_least(0.0), doc);
  value = Conductance::from_si(si);
}

void ConfigReader::frequency(std::string_view key, Frequency& value, const Doc& doc) {
  double si = value.in_si();
  read_quantity(*state_, node_, path_, key, si, config::kHertz, kFrequencies, doc);
  value = Frequency::from_si(si);
}

void ConfigReader::check(bool condition, std::string_view key, std::string_view what) {
  if (condition || state_->describing) return;
  const config::Section& section = state_->sections[node_];
  config::Place place = section.place;
  if (section.node && !key.empty()) {
    if (const config::YamlEntry* entry = state_->tree[*section.node].find(key))
      place = state_->tree[entry->node].place;
  }
  state_->fault(place, config::join(path_, key), std::string(what));
}

}  // namespace uswim::support
