#pragma once
#include <cstdint>
#include <filesystem>
#include <limits>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/quantity.h"

namespace uswim::support {

/// What is wrong with a configuration, all of it: one line a fault, each
/// `file:line:column: path.of.key: what is wrong (what was expected)`.
class ConfigError : public std::runtime_error {
 public:
  explicit ConfigError(std::vector<std::string> faults);
  const std::vector<std::string>& faults() const { return faults_; }

 private:
  std::vector<std::string> faults_;
};

/// A value outside [minimum, maximum] is a fault; `open_minimum`/`open_maximum` exclude the end.
struct Range {
  double minimum;
  double maximum;
  bool open_minimum = false;
  bool open_maximum = false;
};
inline Range closed(double a, double b) { return {a, b, false, false}; }
inline Range open(double a, double b) { return {a, b, true, true}; }
inline Range left_open(double a, double b) { return {a, b, true, false}; }
Range at_least(double a);
Range positive();

/// Meaning, and where the default comes from. The generated reference and schema print both.
struct Doc {
  std::string meaning;
  std::string source = {};  ///< of the default; "" where the default is no physical figure
};

/// One key as the code that reads it described it.
struct KeyDescription {
  std::string path;  ///< e.g. "tile.adc.bits"
  std::string type;  ///< "number", "whole number", "true or false", "text", "word", "list of ...",
                     ///< "duration", ...
  std::string default_value;  ///< as YAML; "" where required
  bool required = false;
  std::optional<Range> range;
  std::vector<std::string> words;  ///< allowed words of an enumeration
  std::string meaning;
  std::string source;
};

class ConfigDocument;

/// Reads one mapping of a configuration strictly: a key that nobody read, a duplicate, a wrong
/// type, a number outside its range, a missing unit are faults, and all of them are collected
/// before ConfigDocument::finish() throws. Each reading function takes the struct's member: it
/// holds the default on the way in and the value on the way out; a key of `required_*` has no
/// default.
///
///   in.number("tolerance", c.tolerance, open(0, 1), {"half width ...", "unconfirmed"});
///
/// On a document made by ConfigDocument::description() nothing is read and every key is described
/// instead: one piece of code gives the reader, the reference and the JSON schema.
class ConfigReader {
 public:
  /// A nested mapping. Absent: every key below takes its default, a required one below is a fault.
  ConfigReader section(std::string_view key, const Doc& doc);
  /// Whether the document has the key; always true on a description. Does not count as reading it.
  bool has(std::string_view key) const;
  /// True on a document made by ConfigDocument::description(): code that reads one of several
  /// alternatives enters all of them there.
  bool describing() const;

  void number(std::string_view key, double& value, Range range, const Doc& doc);
  void number(std::string_view key, std::optional<double>& value, Range range, const Doc& doc);
  template <class Whole>
  void whole(std::string_view key, Whole& value, Range range, const Doc& doc) {
    // What the type cannot hold is outside the range too.
    using Limits = std::numeric_limits<Whole>;
    if (range.minimum < static_cast<double>(Limits::min()))
      range = {static_cast<double>(Limits::min()), range.maximum, false, range.open_maximum};
    if (sizeof(Whole) < 8 && range.maximum > static_cast<double>(Limits::max()))
      range = {range.minimum, static_cast<double>(Limits::max()), range.open_minimum, false};
    std::int64_t v = static_cast<std::int64_t>(value);
    whole_number(key, v, range, doc);
    value = static_cast<Whole>(v);
  }
  void boolean(std::string_view key, bool& value, const Doc& doc);
  void text(std::string_view key, std::string& value, const Doc& doc);
  void required_text(std::string_view key, std::string& value, const Doc& doc);
  /// A path; a relative one is relative to the file that the key stands in. Whether it exists is
  /// not checked.
  void path(std::string_view key, std::filesystem::path& value, const Doc& doc);
  void required_path(std::string_view key, std::filesystem::path& value, const Doc& doc);
  void numbers(std::string_view key, std::vector<double>& value, Range each, const Doc& doc);
  void texts(std::string_view key, std::vector<std::string>& value, const Doc& doc);

  /// A word of a fixed list: `in.word("pulse_model", c.pulse_model, kPulseModelNames, doc)`, the
  /// list being a container of pairs {word, enumerator}.
  template <class Enum, class Table>
  void word(std::string_view key, Enum& value, const Table& table, const Doc& doc) {
    std::vector<std::string> words;
    std::size_t index = 0;
    for (const auto& entry : table) {
      if (entry.second == value) index = words.size();
      words.emplace_back(entry.first);
    }
    index = choice(key, index, words, doc);
    for (const auto& entry : table)
      if (index-- == 0) value = entry.second;
  }
  /// A list of words of a fixed list, without repetition.
  template <class Enum, class Table>
  void words(std::string_view key, std::vector<Enum>& value, const Table& table, const Doc& doc) {
    std::vector<std::string> all;
    std::vector<std::size_t> indices;
    for (const auto& entry : table) all.emplace_back(entry.first);
    for (const Enum& v : value) {
      std::size_t i = 0;
      for (const auto& entry : table) {
        if (entry.second == v) indices.push_back(i);
        ++i;
      }
    }
    indices = choices(key, indices, all, doc);
    value.clear();
    for (std::size_t wanted : indices) {
      std::size_t i = 0;
      for (const auto& entry : table)
        if (i++ == wanted) value.push_back(entry.second);
    }
  }

  // Quantities: "100 ns", "0.6 pJ", "2 V", "40 uS", "1.2 GHz". A bare number is a fault that shows
  // the form. SI prefixes f p n u m k M G; `range` is in the SI unit.
  void duration(std::string_view key, Duration& value,
                const Doc& doc);                                     ///< >= 0, whole picoseconds
  void energy(std::string_view key, Energy& value, const Doc& doc);  ///< >= 0
  void power(std::string_view key, Power& value, const Doc& doc);    ///< >= 0
  void voltage(std::string_view key, Voltage& value, const Doc& doc);
  void conductance(std::string_view key, Conductance& value, const Doc& doc);  ///< >= 0
  void frequency(std::string_view key, Frequency& value, const Doc& doc);      ///< > 0

  /// A fault at `key` (or at the mapping itself for "") unless `condition` holds; for checks across
  /// keys.
  void check(bool condition, std::string_view key, std::string_view what);

 private:
  friend class ConfigDocument;
  struct State;
  ConfigReader(std::shared_ptr<State> state, std::size_t node, std::string path);
  void whole_number(std::string_view key, std::int64_t& value, Range range, const Doc& doc);
  std::size_t choice(std::string_view key, std::size_t value, const std::vector<std::string>& words,
                     const Doc& doc);
  std::vector<std::size_t> choices(std::string_view key, std::vector<std::size_t> value,
                                   const std::vector<std::string>& words, const Doc& doc);

  std::shared_ptr<State> state_;
  std::size_t node_;
  std::string path_;
};

/// A YAML file, or a text, with the overrides of the command line laid over it. Reading a hostile
/// file is bounded: size, nesting depth and the number of nodes after alias expansion are limited,
/// cyclic anchors and duplicate keys are faults.
class ConfigDocument {
 public:
  /// Throws ConfigError (the file is missing, not YAML, over a limit, its top is not a mapping).
  /// `overrides`: "tile.adc.bits=6"; the value is YAML. A fault in one names it as `--set
  /// tile.adc.bits=6`.
  static ConfigDocument from_file(const std::filesystem::path& file,
                                  const std::vector<std::string>& overrides = {});
  static ConfigDocument from_text(std::string_view text, std::string name,
                                  const std::vector<std::string>& overrides = {});
  /// A document that describes keys instead of reading them.
  static ConfigDocument description();

  ConfigReader root();
  /// Throws ConfigError with every fault, unknown keys (with "did you mean") included, if there is
  /// one.
  void finish();

  /// The error of one fault at a key, for what shows only with other files: `throw
  /// document.fault("tile.adc.bits", "...")`.
  ConfigError fault(std::string_view path, std::string_view what) const;

  /// Every key that was read or described, in the order of reading.
  const std::vector<KeyDescription>& keys() const;
  /// The whole resolved configuration as YAML, defaults included, in the order of reading; reading
  /// it again gives the same configuration (paths are written so that they resolve from
  /// `relative_to`).
  std::string resolved_yaml(const std::filesystem::path& relative_to = {}) const;
  /// The same with the names of files alone: equal wherever configuration and files lie.
  std::string resolved_settings() const;
  /// JSON Schema (draft 2020-12) of the described keys, for editors.
  std::string json_schema(std::string_view title) const;
  /// Markdown table of the described keys: key, type, default with unit, range, meaning, source.
  std::string reference_markdown() const;

 private:
  std::shared_ptr<ConfigReader::State> state_;
};

}  // namespace uswim::support
