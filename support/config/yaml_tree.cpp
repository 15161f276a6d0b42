#include "support/config/yaml_tree.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <cstdint>
#include <sstream>
#include <tuple>
#include <unordered_map>
#include <utility>

namespace uswim::support::config {

bool operator<(const Place& a, const Place& b) {
  return std::tie(a.source, a.line, a.column) < std::tie(b.source, b.line, b.column);
}

const YamlEntry* YamlNode::find(std::string_view key) const {
  for (const YamlEntry& entry : entries)
    if (entry.key == key) return &entry;
  return nullptr;
}

std::size_t first_unprintable(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  for (std::size_t i = 0; i < text.size();) {
    const unsigned lead = byte(i);
    if (lead < 0x80) {
      if ((lead < 0x20 && lead != '\t' && lead != '\n' && lead != '\r') || lead == 0x7f) return i;
      ++i;
      continue;
    }
    const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    if (lead < 0xc2 || lead > 0xf4 || i + length > text.size()) return i;
    std::uint32_t point = lead & (0x7fu >> length);
    for (std::size_t k = 1; k < length; ++k) {
      if ((byte(i + k) & 0xc0) != 0x80) return i;
      point = (point << 6) | (byte(i + k) & 0x3f);
    }
    const bool overlong = (length == 3 && point < 0x800) || (length == 4 && point < 0x10000);
    const bool surrogate = point >= 0xd800 && point <= 0xdfff;
    const bool control = point < 0xa0;
    if (overlong || surrogate || control || point > 0x10ffff) return i;
    i += length;
  }
  return std::string_view::npos;
}

namespace {

std::size_t byte_at(const YAML::Mark& mark) {
  return mark.pos < 0 ? std::size_t{0} : static_cast<std::size_t>(mark.pos);
}

/// Turns byte positions of one text into places.
class Places {
 public:
  Places(std::string_view text, std::size_t source)
      : source_(source), characters_(text.size() + 1) {
    line_starts_.push_back(0);
    std::uint32_t count = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
      characters_[i] = count;
      if ((static_cast<unsigned char>(text[i]) & 0xc0) != 0x80) ++count;
      if (text[i] == '\n') line_starts_.push_back(i + 1);
    }
    characters_[text.size()] = count;
  }

  Place at(std::size_t position) const {
    position = std::min(position, characters_.size() - 1);
    const auto next = std::upper_bound(line_starts_.begin(), line_starts_.end(), position);
    const std::size_t start = *(next - 1);
    return {source_, static_cast<std::size_t>(next - line_starts_.begin()),
            std::size_t{characters_[position] - characters_[start]} + 1};
  }
  Place at(const YAML::Mark& mark) const { return at(byte_at(mark)); }

 private:
  std::size_t source_;
  std::vector<std::size_t> line_starts_;
  std::vector<std::uint32_t> characters_;  // before each byte
};

}  // namespace

std::size_t YamlTree::add(YamlNode node) {
  if (nodes_.size() >= kMaxNodes)
    throw YamlError(node.place, fmt::format("more than {} values, aliases expanded", kMaxNodes));
  nodes_.push_back(std::move(node));
  return nodes_.size() - 1;
}

void YamlTree::count_text(std::size_t bytes, Place place) {
  text_bytes_ += bytes;
  if (text_bytes_ > kMaxTextBytes)
    throw YamlError(place,
                    fmt::format("more than {} bytes of text, aliases expanded", kMaxTextBytes));
}

std::size_t YamlTree::copy(std::size_t from, Place place, std::size_t depth) {
  if (nodes_[from].kind >= YamlNode::Kind::List && depth >= kMaxDepth)
    throw YamlError(place,
                    fmt::format("nested deeper than {} levels, aliases expanded", kMaxDepth));
  YamlNode node;
  node.kind = nodes_[from].kind;
  node.place = place;
  node.quoted = nodes_[from].quoted;
  count_text(nodes_[from].text.size(), place);
  node.text = nodes_[from].text;
  const std::size_t to = add(std::move(node));
  for (std::size_t i = 0; i < nodes_[from].entries.size(); ++i) {
    const std::size_t child = copy(nodes_[from].entries[i].node, place, depth + 1);
    count_text(nodes_[from].entries[i].key.size(), place);
    YamlEntry entry{nodes_[from].entries[i].key, place, child};
    nodes_[to].entries.push_back(std::move(entry));
  }
  return to;
}

namespace {

/// The parser's own words, and what to do where they do not say it.
std::string in_plain_words(const std::string& message) {
  static const std::pair<std::string_view, std::string_view> kHints[] = {
      {"illegal map value", "check the indentation; a text with ': ' in it needs quotes"},
      {"end of sequence flow not found", "a ',' or the closing ']' is missing before this place"},
      {"end of map flow not found", "a ',' or the closing '}' is missing before this place"},
      {"illegal EOF in scalar", "a closing quote is missing"},
      {"end of map not found",
       "this does not belong to the mapping before it: indentation, a quote?"},
      {"unknown token", "a text that starts with this character needs quotes"},
  };
  for (const auto& [words, hint] : kHints)
    if (message == words) return fmt::format("not valid YAML: {} ({})", words, hint);
  return fmt::format("not valid YAML: {}", message);
}

}  // namespace

class TreeBuilder final : public YAML::EventHandler {
 public:
  TreeBuilder(YamlTree& tree, std::string_view text, const Places& places,
              std::vector<Fault>& faults)
      : tree_(tree), text_(text), places_(places), faults_(faults) {}

  std::size_t root() {
    if (!has_root_)
      root_ = tree_.add({YamlNode::Kind::Null, places_.at(std::size_t{0}), {}, false, {}});
    if (tree_[root_].kind == YamlNode::Kind::Null) tree_[root_].place = places_.at(std::size_t{0});
    return root_;
  }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ == 1) return;
    const bool marked = text_.substr(byte_at(mark), 3) == "---";
    throw YamlError(places_.at(mark),
                    marked ? "a second document starts here (one is allowed)"
                           : "does not belong to what stands before it (check the indentation)");
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const Place place = places_.at(mark);
    if (at_key()) throw YamlError(place, "a key has no name");
    attach(tree_.add({YamlNode::Kind::Null, place, {}, false, {}}), anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const Place place = places_.at(mark);
    if (at_key()) throw YamlError(place, "a key cannot be an alias");
    const auto known = anchors_.find(anchor);
    if (known == anchors_.end()) throw YamlError(place, "this alias contains itself");
    attach(tree_.copy(known->second, place, frames_.size()), 0);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    const Place place = places_.at(mark);
    refuse_tag(tag, place);
    if (tag == "!" && !is_closed(byte_at(mark)))
      throw YamlError(place, "not valid YAML: the closing quote is missing");
    tree_.count_text(value.size(), place);
    if (at_key()) {
      if (anchor != 0) throw YamlError(place, "a key cannot have an anchor");
      take_key(value, place);
      return;
    }
    attach(tree_.add({YamlNode::Kind::Scalar, place, value, tag == "!", {}}), anchor);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(YamlNode::Kind::List, mark, tag, anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(YamlNode::Kind::Mapping, mark, tag, anchor);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Frame {
    std::size_t node;
    YAML::anchor_t anchor;
    bool mapping;
    bool at_key;
    std::string key;
    Place key_place;
    std::unordered_map<std::string, Place> seen;
  };

  bool at_key() const { return !frames_.empty() && frames_.back().at_key; }

  static void refuse_tag(const std::string& tag, Place place) {
    // "?" stands for no tag, "!" for a scalar in quotes.
    if (!tag.empty() && tag != "?" && tag != "!")
      throw YamlError(place, fmt::format("the tag '{}' is not supported", tag));
  }

  /// Whether the quoted scalar at `i` ends before the text does: yaml-cpp takes a line end before
  /// the end of the text for a closing quote, and with it all that follows the opening one.
  bool is_closed(std::size_t i) const {
    const std::string_view spaces = " \t\r\n";
    while (i < text_.size() && (text_[i] == '&' || text_[i] == '!' || text_[i] == '#')) {
      i = text_.find_first_of(text_[i] == '#' ? "\n" : spaces, i);
      i = text_.find_first_not_of(spaces, i);
    }
    if (i >= text_.size() || (text_[i] != '"' && text_[i] != '\'')) return true;
    const char quote = text_[i++];
    for (; i < text_.size(); ++i) {
      if (quote == '"' && text_[i] == '\\') {
        ++i;
      } else if (text_[i] == quote) {
        if (quote == '"' || text_.substr(i + 1, 1) != "'") return true;
        ++i;
      }
    }
    return false;
  }

  std::string path_to(const std::string& key) const {
    std::string path;
    for (const Frame& frame : frames_) {
      if (!frame.mapping) {
        path += fmt::format("[{}]", tree_[frame.node].entries.size());
        continue;
      }
      if (!path.empty()) path += '.';
      path += &frame == &frames_.back() ? key : frame.key;
    }
    return path;
  }

  void take_key(const std::string& key, Place place) {
    Frame& frame = frames_.back();
    const auto [first, is_new] = frame.seen.try_emplace(key, place);
    if (!is_new) {
      faults_.push_back({place, path_to(key),
                         fmt::format("repeated key (it stands at {}:{} already)",
                                     first->second.line, first->second.column)});
    }
    frame.key = key;
    frame.key_place = place;
    frame.at_key = false;
  }

  void attach(std::size_t node, YAML::anchor_t anchor) {
    if (anchor != 0) anchors_[anchor] = node;
    if (frames_.empty()) {
      root_ = node;
      has_root_ = true;
      return;
    }
    Frame& frame = frames_.back();
    if (!frame.mapping) {
      tree_[frame.node].entries.push_back({"", tree_[node].place, node});
      return;
    }
    // yaml-cpp gives a missing value the place of the token after it.
    if (tree_[node].kind == YamlNode::Kind::Null) tree_[node].place = frame.key_place;
    tree_[frame.node].entries.push_back({frame.key, frame.key_place, node});
    frame.at_key = true;
  }

  void open(YamlNode::Kind kind, const YAML::Mark& mark, const std::string& tag,
            YAML::anchor_t anchor) {
    const Place place = places_.at(mark);
    if (at_key())
      throw YamlError(place,
                      "a key must be text, not a list or a mapping (or a bracket is not closed)");
    refuse_tag(tag, place);
    if (frames_.size() >= kMaxDepth)
      throw YamlError(place, fmt::format("nested deeper than {} levels", kMaxDepth));
    const bool mapping = kind == YamlNode::Kind::Mapping;
    const std::size_t node = tree_.add({kind, place, {}, false, {}});
    frames_.push_back({node, anchor, mapping, mapping, {}, {}, {}});
  }

  void close() {
    const std::size_t node = frames_.back().node;
    const YAML::anchor_t anchor = frames_.back().anchor;
    frames_.pop_back();
    attach(node, anchor);
  }

  YamlTree& tree_;
  std::string_view text_;
  const Places& places_;
  std::vector<Fault>& faults_;
  std::vector<Frame> frames_;
  std::unordered_map<YAML::anchor_t, std::size_t> anchors_;  // of complete nodes
  std::size_t root_ = 0;
  bool has_root_ = false;
  int documents_ = 0;
};

std::size_t YamlTree::parse(std::string_view text, std::size_t source, std::vector<Fault>& faults) {
  if (text.size() > kMaxFileBytes)
    throw YamlError({source, 1, 1}, fmt::format("larger than {} bytes", kMaxFileBytes));
  if (text.substr(0, 3) == "\xef\xbb\xbf") text.remove_prefix(3);
  const Places places(text, source);
  // yaml-cpp takes a byte 4 for the end of the file, and guesses UTF-16 from zero bytes.
  if (const std::size_t bad = first_unprintable(text); bad != std::string_view::npos)
    throw YamlError(places.at(bad),
                    "neither UTF-8 text nor YAML (a control character or stray byte)");
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    TreeBuilder builder(*this, text, places, faults);
    while (parser.HandleNextDocument(builder)) {
    }
    return builder.root();
  } catch (const YAML::Exception& e) {
    throw YamlError(places.at(e.mark), in_plain_words(e.msg));
  }
}

}  // namespace uswim::support::config
