#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "support/config/state.h"
#include "support/config_reader.h"
#include "support/results.h"

namespace uswim::support {
namespace {

constexpr std::size_t kMaxFaultsInMessage = 50;

using config::Fault;
using config::Place;
using config::State;
using config::YamlEntry;
using config::YamlError;
using config::YamlNode;

std::string joined(const std::vector<std::string>& faults) {
  std::string text;
  for (std::size_t i = 0; i < std::min(faults.size(), kMaxFaultsInMessage); ++i)
    text += (i == 0 ? "" : "\n") + faults[i];
  if (faults.size() > kMaxFaultsInMessage)
    text += fmt::format("\nand {} more faults", faults.size() - kMaxFaultsInMessage);
  return text;
}

[[noreturn]] void refuse(const State& state, const Fault& fault) {
  throw ConfigError({state.line(fault)});
}

std::vector<std::string> keys_of(std::string_view path) {
  std::vector<std::string> keys;
  for (std::size_t begin = 0;;) {
    const std::size_t dot = path.find('.', begin);
    keys.emplace_back(path.substr(begin, dot - begin));
    if (dot == std::string_view::npos) return keys;
    begin = dot + 1;
  }
}

/// Lays `path.of.key=value` over the tree; `source` is its index among the sources. Without a value
/// the key is as if it had been left out.
void lay_over(State& state, std::size_t root, std::size_t source, std::string_view text) {
  const Place place{source, 1, 1};
  const std::size_t equals = text.find('=');
  const std::string_view path = text.substr(0, equals);
  const std::vector<std::string> keys = keys_of(path);
  if (equals == std::string_view::npos || std::count(keys.begin(), keys.end(), "") != 0 ||
      keys.size() >= config::kMaxDepth ||
      config::first_unprintable(path) != std::string_view::npos) {
    state.fault(place, "", "is not of the form path.of.key=value");
    return;
  }
  std::size_t at = root;
  std::string walked;
  for (std::size_t i = 0; i + 1 < keys.size(); ++i) {
    walked = config::join(walked, keys[i]);
    const YamlEntry* entry = state.tree[at].find(keys[i]);
    const std::size_t next = entry != nullptr
                                 ? entry->node
                                 : state.tree.add({YamlNode::Kind::Mapping, place, {}, false, {}});
    if (entry == nullptr) state.tree[at].entries.push_back({keys[i], place, next});
    if (state.tree[next].kind == YamlNode::Kind::Null)
      state.tree[next].kind = YamlNode::Kind::Mapping;
    if (state.tree[next].kind != YamlNode::Kind::Mapping) {
      state.fault(
          place, std::string(path),
          fmt::format("'{}' is a value, not a section that could hold '{}'", walked, keys[i + 1]));
      return;
    }
    at = next;
  }
  std::vector<Fault> faults;
  const std::size_t value = state.tree.parse(text.substr(equals + 1), source, faults);
  for (Fault& fault : faults)
    state.fault(fault.place, config::join(path, fault.path), std::move(fault.message));
  auto& entries = state.tree[at].entries;
  const std::size_t before = entries.size();
  entries.erase(std::remove_if(entries.begin(), entries.end(),
                               [&](const YamlEntry& e) { return e.key == keys.back(); }),
                entries.end());
  // One that was not there stays, so that a key that is not known is a fault.
  if (state.tree[value].kind != YamlNode::Kind::Null || entries.size() == before)
    entries.push_back({keys.back(), place, value});
}

std::string override_name(const std::string& text) {
  const std::string quoted = config::shown(text);
  return "--set " + quoted.substr(1, quoted.size() - 2);
}

void load(State& state, std::string_view text, const std::vector<std::string>& overrides) {
  for (const std::string& o : overrides)
    state.sources.push_back({override_name(o), std::filesystem::current_path(), false});
  config::Section root;
  std::size_t source = 0;
  try {
    const std::size_t top = state.tree.parse(text, source, state.faults);
    if (state.tree[top].kind == YamlNode::Kind::Null)
      state.tree[top].kind = YamlNode::Kind::Mapping;
    if (state.tree[top].kind != YamlNode::Kind::Mapping) {
      refuse(state, {state.tree[top].place, "",
                     "the top of a configuration is a mapping of keys to values"});
    }
    for (const std::string& o : overrides) lay_over(state, top, ++source, o);
    root.node = top;
    root.place = state.tree[top].place;
  } catch (const YamlError& e) {
    std::string path;
    if (source > 0) path = overrides[source - 1].substr(0, overrides[source - 1].find('='));
    refuse(state, {e.place, path, e.what()});
  }
  state.sections.push_back(std::move(root));
}

}  // namespace

ConfigError::ConfigError(std::vector<std::string> faults)
    : std::runtime_error(joined(faults)), faults_(std::move(faults)) {}

ConfigDocument ConfigDocument::from_file(const std::filesystem::path& file,
                                         const std::vector<std::string>& overrides) {
  std::vector<std::uint8_t> bytes;
  try {
    bytes = read_file(file, config::kMaxFileBytes);
  } catch (const FileError& e) {
    throw ConfigError({e.what()});
  }
  ConfigDocument document;
  document.state_ = std::make_shared<ConfigReader::State>();
  document.state_->sources.push_back({file.string(), file.parent_path(), true});
  load(*document.state_, {reinterpret_cast<const char*>(bytes.data()), bytes.size()}, overrides);
  return document;
}

ConfigDocument ConfigDocument::from_text(std::string_view text, std::string name,
                                         const std::vector<std::string>& overrides) {
  ConfigDocument document;
  document.state_ = std::make_shared<ConfigReader::State>();
  document.state_->sources.push_back({std::move(name), {}, true});
  load(*document.state_, text, overrides);
  return document;
}

ConfigDocument ConfigDocument::description() {
  ConfigDocument document;
  document.state_ = std::make_shared<ConfigReader::State>();
  document.state_->describing = true;
  document.state_->sources.push_back({"", {}, true});
  document.state_->sections.emplace_back();
  return document;
}

ConfigReader ConfigDocument::root() { return ConfigReader(state_, 0, ""); }

void ConfigDocument::finish() {
  std::vector<Fault> faults = state_->faults;
  for (Fault& unknown : state_->unknown_keys()) faults.push_back(std::move(unknown));
  if (faults.empty()) return;
  std::stable_sort(faults.begin(), faults.end(),
                   [](const Fault& a, const Fault& b) { return a.place < b.place; });
  std::vector<std::string> lines;
  for (const Fault& fault : faults) lines.push_back(state_->line(fault));
  throw ConfigError(std::move(lines));
}

ConfigError ConfigDocument::fault(std::string_view path, std::string_view what) const {
  // Where the key stands, or the nearest section that is there.
  Place place = state_->sections.front().place;
  std::optional<std::size_t> node = state_->sections.front().node;
  for (const std::string& key : keys_of(path)) {
    const YamlEntry* entry = node ? state_->tree[*node].find(key) : nullptr;
    if (entry == nullptr) break;
    node = entry->node;
    place = state_->tree[*node].place;
  }
  return ConfigError({state_->line({place, std::string(path), std::string(what)})});
}

const std::vector<KeyDescription>& ConfigDocument::keys() const { return state_->keys; }

}  // namespace uswim::support
