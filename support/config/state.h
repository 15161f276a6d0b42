#pragma once
#include <cstddef>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "support/config/yaml_tree.h"
#include "support/config_reader.h"

namespace uswim::support::config {

/// A value as YAML and JSON both hold it. Quantities and words are texts.
using Value = nlohmann::ordered_json;

/// A mapping that was asked for, whether the document has it or not.
struct Section {
  std::string path;
  std::string key;
  Doc doc;
  std::optional<std::size_t> node;  ///< in the tree; none: the document does not have it
  Place place;                      ///< of its key, or of the nearest section that is there
  bool faulty = false;              ///< its value is no mapping: what it lacks is not reported

  struct Item {
    bool is_section;
    std::size_t index;
  };
  std::vector<Item> items;            ///< in the order of reading
  std::set<std::string> names;        ///< of the items
  std::set<std::string> asked_about;  ///< through ConfigReader::has()
};

/// What a key held by default and holds now; null: not set.
struct KeyValue {
  std::string key;
  Value by_default;
  Value resolved;
  bool is_relative_path = false;  ///< written relative to wherever the result is written
};

/// One key while it is being read.
struct Asked {
  std::size_t index;     ///< in State::keys and State::values
  const YamlNode* node;  ///< null where the default stays
  std::string path;
};

/// Where a text of the configuration comes from.
struct Source {
  std::string name;                   ///< "configs/lenet.yaml" or "--set tile.adc.bits=6"
  std::filesystem::path relative_to;  ///< what relative paths in it start from
  bool is_file;
};

/// Everything about one document: the tree, what was asked of it, what is wrong with it.
struct State {
  bool describing = false;
  YamlTree tree;
  std::vector<Source> sources;
  std::vector<Fault> faults;
  std::vector<Section> sections;  ///< the first is the root
  std::vector<KeyDescription> keys;
  std::vector<KeyValue> values;

  /// Registers a key as asked for. Throws std::logic_error if it was asked for before.
  Asked ask(std::size_t section, std::string_view key, KeyDescription description,
            Value by_default);
  std::size_t ask_section(std::size_t section, std::string_view key, const Doc& doc);
  void fault(Place place, std::string path, std::string message);
  void fault_at(const YamlNode& node, const std::string& path, const std::string& message);

  // A value of the wanted kind, or a fault and nothing. `expected` stands at the end of the fault.
  std::optional<double> number(const YamlNode& node, const std::string& path, const Range& range);
  std::optional<std::int64_t> whole(const YamlNode& node, const std::string& path,
                                    const Range& range);
  std::optional<bool> boolean(const YamlNode& node, const std::string& path);
  std::optional<std::string> text(const YamlNode& node, const std::string& path, bool may_be_empty);
  std::optional<std::size_t> word(const YamlNode& node, const std::string& path,
                                  const std::vector<std::string>& words);
  bool is_scalar(const YamlNode& node, const std::string& path, const std::string& expected);
  bool is_list(const YamlNode& node, const std::string& path, const std::string& expected);

  /// `--set KEY=`: as if the key had been left out.
  bool is_taken_back(const YamlEntry& entry) const;
  /// Whether there is a fault of the key already.
  bool is_refused(const std::string& path) const;
  /// One fault for each key that the document has and nobody asked for.
  std::vector<Fault> unknown_keys() const;
  /// `file:line:column: path: message`
  std::string line(const Fault& fault) const;
};

/// As it stands in a YAML file after its key; `type` is KeyDescription::type.
std::string yaml_value(const Value& value, const std::string& type);
/// "a.b" for section "a" and key "b".
std::string join(std::string_view section, std::string_view key);
/// "1 to 1000000", "above 0", "above 0 and below 1".
std::string range_text(const Range& range);
/// Of a configuration's text, in messages.
inline constexpr std::size_t kMaxShown = 60;
/// A text of the configuration as a message may show it: in quotes, shortened, nothing unprintable.
std::string shown(std::string_view text);
/// " (did you mean 'tolerance'?)" or "": the nearest of `words`, if one is near.
std::string suggestion(std::string_view wrong, const std::vector<std::string>& words);

}  // namespace uswim::support::config

namespace uswim::support {
struct ConfigReader::State : config::State {};
}  // namespace uswim::support
