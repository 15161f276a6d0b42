#include <fmt/format.h>
#include <fmt/ranges.h>

#include <filesystem>
#include <functional>
#include <limits>
#include <string>

#include "support/config/scalar_text.h"
#include "support/config/state.h"
#include "support/config_reader.h"

namespace uswim::support {
namespace {

using config::KeyValue;
using config::Section;
using config::State;
using config::Unit;
using config::Value;

const double kInfinity = std::numeric_limits<double>::infinity();

bool is_plain(std::string_view text) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  const auto inner = [&](char c) {
    return letter(c) || (c >= '0' && c <= '9') ||
           std::string_view("_-./").find(c) != std::string_view::npos;
  };
  const bool is_path = text.substr(0, 2) == "./" || text.substr(0, 3) == "../";
  if (text.empty() || !(letter(text[0]) || text[0] == '_' || text[0] == '/' || is_path))
    return false;
  for (const char c : text)
    if (!inner(c)) return false;
  // What some YAML reader takes for a truth value, null or a number.
  std::string lower(text.substr(0, 9));
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  for (const char* taken :
       {"true", "false", "yes", "no", "on", "off", "y", "n", "null", "nan", "inf", "infinity"})
    if (lower == taken) return false;
  return true;
}

std::string yaml_text(const std::string& text) {
  if (is_plain(text)) return text;
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (c == '\n') {
      quoted += "\\n";
    } else if (c == '\r') {
      quoted += "\\r";
    } else if (c == '\t') {
      quoted += "\\t";
    } else {
      quoted += c;
    }
  }
  return quoted + "\"";
}

std::string yaml_of(const Value& value, const std::string& type) {
  if (value.is_null()) return "";
  if (value.is_boolean()) return value.get<bool>() ? "true" : "false";
  if (value.is_number_float()) return config::write_number(value.get<double>());
  if (value.is_number()) return fmt::format("{}", value.get<std::int64_t>());
  if (value.is_array()) {
    std::vector<std::string> each;
    for (const Value& v : value) each.push_back(yaml_of(v, type));
    return fmt::format("[{}]", fmt::join(each, ", "));
  }
  const std::string text = value.get<std::string>();
  const bool free_text = type == "text" || type == "path" || type == "list of texts";
  return free_text || type == "word" || type == "list of words" ? yaml_text(text) : text;
}

/// `path` as it must be written in a file in `base` to mean the same file.
std::string relative_from(const std::filesystem::path& path, const std::filesystem::path& base) {
  namespace fs = std::filesystem;
  const fs::path whole = fs::absolute(path).lexically_normal();
  const fs::path whole_base = fs::absolute(base.empty() ? fs::path(".") : base).lexically_normal();
  const fs::path relative = whole.lexically_relative(whole_base);
  // With a link on the way, '..' may lead elsewhere.
  std::error_code ignored;
  const fs::path meant = fs::weakly_canonical(whole, ignored);
  if (!ignored && fs::weakly_canonical(whole_base / relative, ignored) != meant && !ignored) {
    const fs::path real = meant.lexically_relative(fs::weakly_canonical(whole_base, ignored));
    if (!ignored) return real.generic_string();
  }
  return relative.generic_string();
}

using WrittenPath = std::function<std::string(const std::string& resolved)>;

/// The lines of one section's content; `empty` tells whether none of them is a value.
std::string yaml_section(const State& state, const Section& section, const std::string& indent,
                         const WrittenPath& written_path, bool& empty) {
  std::string text;
  empty = true;
  for (const Section::Item& item : section.items) {
    if (item.is_section) {
      const Section& child = state.sections[item.index];
      bool child_empty = true;
      const std::string inner =
          yaml_section(state, child, indent + "  ", written_path, child_empty);
      if (child_empty && !child.node) continue;
      text += fmt::format("{}{}:{}\n", indent, child.key, child_empty ? " {}" : "");
      text += inner;
      empty = false;
      continue;
    }
    const KeyValue& value = state.values[item.index];
    const KeyDescription& key = state.keys[item.index];
    if (value.resolved.is_null()) {
      text += fmt::format("{}# {}: {}\n", indent, value.key, key.required ? "required" : "not set");
      continue;
    }
    const Value written = value.is_relative_path
                              ? Value(written_path(value.resolved.get<std::string>()))
                              : value.resolved;
    text += fmt::format("{}{}: {}\n", indent, value.key, yaml_of(written, key.type));
    empty = false;
  }
  return text;
}

const Unit* unit_of(const std::string& type) {
  for (const Unit* unit : {&config::kSecond, &config::kJoule, &config::kWatt, &config::kVolt,
                           &config::kSiemens, &config::kHertz})
    if (type == unit->noun) return unit;
  return nullptr;
}

std::string with_source(const std::string& meaning, const std::string& source) {
  return source.empty() ? meaning : fmt::format("{} (source: {})", meaning, source);
}

void add_range(Value& schema, const Range& range, bool whole) {
  const auto bound = [&](double v) {
    return whole && std::abs(v) < 9e15 ? Value(static_cast<std::int64_t>(v)) : Value(v);
  };
  if (range.minimum != -kInfinity)
    schema[range.open_minimum ? "exclusiveMinimum" : "minimum"] = bound(range.minimum);
  if (range.maximum != kInfinity)
    schema[range.open_maximum ? "exclusiveMaximum" : "maximum"] = bound(range.maximum);
}

Value key_schema(const KeyDescription& key, const KeyValue& value) {
  Value schema = Value::object();
  schema["description"] = with_source(key.meaning, key.source);
  Value element = Value::object();
  if (key.type == "number" || key.type == "list of numbers") {
    element["type"] = "number";
  } else if (key.type == "whole number") {
    element["type"] = "integer";
  } else if (key.type == "true or false") {
    element["type"] = "boolean";
  } else if (key.type == "word" || key.type == "list of words") {
    element["enum"] = key.words;
  } else {
    element["type"] = "string";
  }
  if (const Unit* unit = unit_of(key.type)) {
    element["pattern"] = config::quantity_pattern(*unit, !key.range || key.range->minimum < 0.0);
  } else if (key.range) {
    add_range(element, *key.range, key.type == "whole number");
  }
  if (key.type.rfind("list of ", 0) == 0) {
    schema["type"] = "array";
    schema["items"] = element;
    if (key.type == "list of words") schema["uniqueItems"] = true;
  } else {
    schema.update(element);
  }
  if (key.required && element["type"] == "string") schema["minLength"] = 1;
  if (!value.by_default.is_null()) schema["default"] = value.by_default;
  return schema;
}

/// `needed` tells whether something below must be given.
Value section_schema(const State& state, const Section& section, bool& needed) {
  Value properties = Value::object();
  Value required = Value::array();
  for (const Section::Item& item : section.items) {
    if (item.is_section) {
      const Section& child = state.sections[item.index];
      bool child_needed = false;
      properties[child.key] = section_schema(state, child, child_needed);
      // Code that asks whether the section is there can do without it.
      if (child_needed && section.asked_about.count(child.key) == 0) required.push_back(child.key);
      continue;
    }
    const KeyValue& value = state.values[item.index];
    properties[value.key] = key_schema(state.keys[item.index], value);
    if (state.keys[item.index].required) required.push_back(value.key);
  }
  Value schema = Value::object();
  schema["type"] = "object";
  if (!section.doc.meaning.empty())
    schema["description"] = with_source(section.doc.meaning, section.doc.source);
  schema["additionalProperties"] = false;
  schema["properties"] = std::move(properties);
  needed = !required.empty();
  if (needed) schema["required"] = std::move(required);
  return schema;
}

std::string cell(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '|') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out;
}

std::string allowed(const KeyDescription& key) {
  if (!key.words.empty()) {
    std::vector<std::string> quoted;
    for (const std::string& word : key.words) quoted.push_back("`" + word + "`");
    return fmt::format("{}", fmt::join(quoted, ", "));
  }
  if (!key.range) return "";
  const Unit* unit = unit_of(key.type);
  if (unit == nullptr) return config::range_text(*key.range);
  const auto quantity = [&](double v) { return config::write_quantity(v, *unit); };
  if (key.range->minimum == -kInfinity) return "";
  if (key.range->maximum == kInfinity) return "at least " + quantity(key.range->minimum);
  return quantity(key.range->minimum) + " to " + quantity(key.range->maximum);
}

void markdown_section(const State& state, const Section& section, std::string& out) {
  std::string rows;
  for (const Section::Item& item : section.items) {
    if (item.is_section) continue;
    const KeyDescription& key = state.keys[item.index];
    std::string by_default = key.required ? "required" : "not set";
    if (!key.default_value.empty()) by_default = fmt::format("`{}`", key.default_value);
    rows += fmt::format("| `{}` | {} | {} | {} | {} | {} |\n", key.path, key.type, cell(by_default),
                        cell(allowed(key)), cell(key.meaning), cell(key.source));
  }
  if (!section.path.empty()) {
    out += fmt::format("### `{}`\n\n", section.path);
    if (!section.doc.meaning.empty())
      out += with_source(section.doc.meaning, section.doc.source) + "\n\n";
  }
  if (!rows.empty()) {
    out +=
        "| key | type | default | allowed | meaning | source of the default |\n"
        "|---|---|---|---|---|---|\n" +
        rows + "\n";
  }
  for (const Section::Item& item : section.items)
    if (item.is_section) markdown_section(state, state.sections[item.index], out);
}

}  // namespace

std::string config::yaml_value(const Value& value, const std::string& type) {
  return yaml_of(value, type);
}

std::string ConfigDocument::resolved_yaml(const std::filesystem::path& relative_to) const {
  const auto from_there = [&](const std::string& path) { return relative_from(path, relative_to); };
  bool empty = true;
  std::string text = yaml_section(*state_, state_->sections[0], "", from_there, empty);
  return empty ? text + "{}\n" : text;
}

std::string ConfigDocument::resolved_settings() const {
  const auto name = [](const std::string& path) {
    return std::filesystem::path(path).filename().string();
  };
  bool empty = true;
  return yaml_section(*state_, state_->sections[0], "", name, empty);
}

std::string ConfigDocument::json_schema(std::string_view title) const {
  bool needed = false;
  Value schema = {{"$schema", "https://json-schema.org/draft/2020-12/schema"}, {"title", title}};
  schema.update(section_schema(*state_, state_->sections[0], needed));
  return schema.dump(2, ' ', false, Value::error_handler_t::replace) + "\n";
}

std::string ConfigDocument::reference_markdown() const {
  std::string text;
  markdown_section(*state_, state_->sections[0], text);
  while (text.size() > 1 && text[text.size() - 2] == '\n') text.pop_back();
  return text;
}

}  // namespace uswim::support
