#include "support/config/state.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <stdexcept>
#include <utility>

#include "support/config/scalar_text.h"

namespace uswim::support::config {
namespace {

constexpr std::size_t kMaxKnownListed = 12;
constexpr std::size_t kMaxSuggestedFor = 64;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

/// Edits (insert, delete, replace, swap of neighbours) from one word to the other; case is ignored.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1), above(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) above[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const bool same = lower(a[i - 1]) == lower(b[j - 1]);
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (same ? 0 : 1)});
      if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
          lower(a[i - 2]) == lower(b[j - 1]))
        row[j] = std::min(row[j], before[j - 2] + 1);
    }
    before.swap(above);
    above.swap(row);
  }
  return above[b.size()];
}

/// Breaks ties between words at the same distance: 'R5' is nearer to 'R4' than to 'R1'.
unsigned letter_distance(std::string_view a, std::string_view b) {
  unsigned sum = 0;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i)
    sum += static_cast<unsigned>(std::abs(lower(a[i]) - lower(b[i])));
  return sum;
}

std::string kind_of(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::Null:
      return "nothing";
    case YamlNode::Kind::Scalar:
      return shown(node.text);
    case YamlNode::Kind::List:
      return "a list";
    case YamlNode::Kind::Mapping:
      return "a section";
  }
  return "";
}

bool inside(const Range& range, long double v) {
  return (range.open_minimum ? v > range.minimum : v >= range.minimum) &&
         (range.open_maximum ? v < range.maximum : v <= range.maximum);
}

std::string expected_in(const Range& range, std::string_view noun) {
  const std::string text = range_text(range);
  return text.empty() ? fmt::format("expected {}", noun) : fmt::format("expected {}", text);
}

}  // namespace

std::string join(std::string_view section, std::string_view key) {
  if (section.empty() || key.empty()) return std::string(section.empty() ? key : section);
  return fmt::format("{}.{}", section, key);
}

std::string range_text(const Range& r) {
  const double infinity = std::numeric_limits<double>::infinity();
  const bool below = r.minimum != -infinity;
  const bool above = r.maximum != infinity;
  if (below && above && !r.open_minimum && !r.open_maximum)
    return fmt::format("{} to {}", r.minimum, r.maximum);
  std::string text;
  if (below) text = fmt::format("{} {}", r.open_minimum ? "above" : "at least", r.minimum);
  if (below && above) text += " and ";
  if (above) text += fmt::format("{} {}", r.open_maximum ? "below" : "at most", r.maximum);
  return text;
}

std::string shown(std::string_view text) {
  std::string out = "'";
  std::size_t shown_bytes = 0;
  for (; shown_bytes < std::min(text.size(), kMaxShown); ++shown_bytes) {
    const char c = text[shown_bytes];
    const bool control = static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
    out += control ? (c == '\n' ? std::string("\\n") : std::string("?")) : std::string(1, c);
  }
  // Cut between characters, and leave nothing that is not UTF-8 or is a C1 control.
  while (first_unprintable(out) != std::string_view::npos) {
    const std::size_t bad = first_unprintable(out);
    out.replace(bad, 1, "?");
  }
  out += text.size() > shown_bytes ? "...'" : "'";
  return out;
}

std::string suggestion(std::string_view wrong, const std::vector<std::string>& words) {
  if (wrong.size() > kMaxSuggestedFor) return "";
  const std::string* best = nullptr;
  std::pair<std::size_t, unsigned> best_distance;
  for (const std::string& word : words) {
    const std::size_t longer = std::max(wrong.size(), word.size());
    const std::size_t limit = std::min(std::max<std::size_t>(2, wrong.size() / 3), longer / 2);
    if (longer - std::min(wrong.size(), word.size()) > limit) continue;
    const std::pair<std::size_t, unsigned> d{edit_distance(wrong, word),
                                             letter_distance(wrong, word)};
    if (d.first > limit || (best != nullptr && !(d < best_distance))) continue;
    best = &word;
    best_distance = d;
  }
  return best == nullptr ? "" : fmt::format(" (did you mean '{}'?)", *best);
}

void State::fault(Place place, std::string path, std::string message) {
  faults.push_back({place, std::move(path), std::move(message)});
}

void State::fault_at(const YamlNode& node, const std::string& path, const std::string& message) {
  fault(node.place, path, message);
}

Asked State::ask(std::size_t section, std::string_view key, KeyDescription description,
                 Value by_default) {
  Section& in = sections[section];
  if (!in.names.emplace(key).second)
    throw std::logic_error(fmt::format("the key '{}' is read twice", join(in.path, key)));
  Asked asked{keys.size(), nullptr, join(in.path, key)};
  in.items.push_back({false, asked.index});
  description.path = asked.path;
  description.default_value = yaml_value(by_default, description.type);
  keys.push_back(description);
  values.push_back({std::string(key), by_default, by_default, false});
  if (describing) return asked;
  const YamlEntry* entry = in.node ? tree[*in.node].find(key) : nullptr;
  if (entry == nullptr || is_taken_back(*entry)) {
    if (description.required && !in.faulty) fault(in.place, asked.path, "missing required key");
    return asked;
  }
  if (tree[entry->node].kind == YamlNode::Kind::Null) {
    const bool may_be_empty =
        !description.required && (description.type == "text" || description.type == "path");
    fault(entry->key_place, asked.path,
          may_be_empty ? "has no value (an empty one is written \"\")" : "has no value");
    return asked;
  }
  asked.node = &tree[entry->node];
  return asked;
}

std::size_t State::ask_section(std::size_t section, std::string_view key, const Doc& doc) {
  if (!sections[section].names.emplace(key).second) {
    throw std::logic_error(
        fmt::format("the section '{}' is read twice", join(sections[section].path, key)));
  }
  Section child;
  child.path = join(sections[section].path, key);
  child.key = key;
  child.doc = doc;
  child.place = sections[section].place;
  child.faulty = sections[section].faulty;
  const YamlEntry* entry =
      sections[section].node ? tree[*sections[section].node].find(key) : nullptr;
  if (entry != nullptr && !is_taken_back(*entry)) {
    child.place = entry->key_place;
    const YamlNode& node = tree[entry->node];
    if (node.kind == YamlNode::Kind::Mapping) {
      child.node = entry->node;
    } else {
      child.faulty = true;
      const bool null = node.kind == YamlNode::Kind::Null;
      fault(null ? entry->key_place : node.place, child.path,
            null ? "has no value (expected a section)"
                 : fmt::format("expected a section, found {}", kind_of(node)));
    }
  }
  sections[section].items.push_back({true, sections.size()});
  sections.push_back(std::move(child));
  return sections.size() - 1;
}

bool State::is_scalar(const YamlNode& node, const std::string& path, const std::string& expected) {
  if (node.kind == YamlNode::Kind::Scalar) return true;
  fault_at(node, path,
           node.kind == YamlNode::Kind::Null
               ? fmt::format("has no value ({})", expected)
               : fmt::format("{} stands here ({})", kind_of(node), expected));
  return false;
}

bool State::is_list(const YamlNode& node, const std::string& path, const std::string& expected) {
  if (node.kind == YamlNode::Kind::List) return true;
  fault_at(node, path, fmt::format("{} is not a list ({})", kind_of(node), expected));
  return false;
}

std::optional<double> State::number(const YamlNode& node, const std::string& path,
                                    const Range& range) {
  const std::string expected = expected_in(range, "a number");
  if (!is_scalar(node, path, expected)) return std::nullopt;
  Reading<double> reading = read_number(node.text);
  if (node.quoted) reading = {std::nullopt, "is text in quotes, not a number"};
  if (reading.value && inside(range, *reading.value)) return reading.value;
  const std::string fault = reading.value ? "is outside the range" : reading.fault;
  fault_at(node, path, fmt::format("{} {} ({})", shown(node.text), fault, expected));
  return std::nullopt;
}

std::optional<std::int64_t> State::whole(const YamlNode& node, const std::string& path,
                                         const Range& range) {
  const std::string expected = expected_in(range, "a whole number");
  if (!is_scalar(node, path, expected)) return std::nullopt;
  Reading<std::int64_t> reading = read_whole(node.text);
  if (node.quoted) reading = {std::nullopt, "is text in quotes, not a whole number"};
  // long double holds every 64-bit integer.
  if (reading.value && inside(range, static_cast<long double>(*reading.value)))
    return reading.value;
  const std::string fault = reading.value ? "is outside the range" : reading.fault;
  fault_at(node, path, fmt::format("{} {} ({})", shown(node.text), fault, expected));
  return std::nullopt;
}

std::optional<bool> State::boolean(const YamlNode& node, const std::string& path) {
  const std::string expected = "expected true or false";
  if (!is_scalar(node, path, expected)) return std::nullopt;
  if (!node.quoted && (node.text == "true" || node.text == "false")) return node.text == "true";
  fault_at(node, path, fmt::format("{} is not a truth value ({})", shown(node.text), expected));
  return std::nullopt;
}

std::optional<std::string> State::text(const YamlNode& node, const std::string& path,
                                       bool may_be_empty) {
  if (!is_scalar(node, path, "expected text")) return std::nullopt;
  if (first_unprintable(node.text) != std::string_view::npos) {
    fault_at(node, path, fmt::format("{} holds a control character", shown(node.text)));
    return std::nullopt;
  }
  if (node.text.empty() && !may_be_empty) {
    fault_at(node, path, "is empty");
    return std::nullopt;
  }
  return node.text;
}

std::optional<std::size_t> State::word(const YamlNode& node, const std::string& path,
                                       const std::vector<std::string>& words) {
  const std::string all = fmt::format("{}", fmt::join(words, ", "));
  if (!is_scalar(node, path, fmt::format("expected one of {}", all))) return std::nullopt;
  const auto found = std::find(words.begin(), words.end(), node.text);
  if (found != words.end()) return static_cast<std::size_t>(found - words.begin());
  fault_at(
      node, path,
      fmt::format("{} is not one of {}{}", shown(node.text), all, suggestion(node.text, words)));
  return std::nullopt;
}

bool State::is_taken_back(const YamlEntry& entry) const {
  return tree[entry.node].kind == YamlNode::Kind::Null && entry.key_place.source > 0;
}

bool State::is_refused(const std::string& path) const {
  return std::any_of(faults.begin(), faults.end(),
                     [&](const Fault& fault) { return fault.path == path; });
}

std::vector<Fault> State::unknown_keys() const {
  std::map<std::string, std::vector<std::string>, std::less<>> homes;
  for (const Section& section : sections)
    for (const std::string& name : section.names)
      homes[name].push_back(section.path.empty() ? "the top level" : "'" + section.path + "'");
  std::vector<Fault> unknown;
  for (const Section& section : sections) {
    if (!section.node) continue;
    const std::vector<std::string> known(section.names.begin(), section.names.end());
    for (const YamlEntry& entry : tree[*section.node].entries) {
      if (section.names.count(entry.key) != 0 || is_refused(join(section.path, entry.key)))
        continue;
      std::string hint = suggestion(entry.key, known);
      const auto home = homes.find(entry.key);
      if (hint.empty() && home != homes.end())
        hint = fmt::format(" (belongs to {})", fmt::join(home->second, " or "));
      if (hint.empty() && entry.key == "<<")
        hint = " (merging is not supported: write the keys out)";
      if (hint.empty() && !known.empty() && known.size() <= kMaxKnownListed)
        hint = fmt::format(" (known here: {})", fmt::join(known, ", "));
      if (hint.empty() && known.empty()) hint = " (no key is known here)";
      std::string name = shown(entry.key);
      name = name.substr(1, name.size() - 2);
      unknown.push_back({entry.key_place, join(section.path, name), "unknown key" + hint});
    }
  }
  return unknown;
}

std::string State::line(const Fault& fault) const {
  const Source& source = sources[fault.place.source];
  std::string text = source.name;
  if (source.is_file) text += fmt::format(":{}:{}", fault.place.line, fault.place.column);
  if (!fault.path.empty()) text += fmt::format(": {}", fault.path);
  return fmt::format("{}: {}", text, fault.message);
}

}  // namespace uswim::support::config
