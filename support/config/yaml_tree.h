#pragma once
#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace uswim::support::config {

/// Limits on what a configuration may hold, all counted after alias expansion.
inline constexpr std::size_t kMaxFileBytes = std::size_t{1} << 20;
inline constexpr std::size_t kMaxNodes = 100'000;
inline constexpr std::size_t kMaxTextBytes = std::size_t{8} << 20;
inline constexpr std::size_t kMaxDepth = 32;

/// Where a key or value stands. Source 0 is the file, source n the n-th override. Line and column
/// (in characters) count from 1.
struct Place {
  std::size_t source = 0;
  std::size_t line = 1;
  std::size_t column = 1;
};
bool operator<(const Place& a, const Place& b);

/// One thing that is wrong; `path` is "" for the document as a whole.
struct Fault {
  Place place;
  std::string path;
  std::string message;
};

/// Text that cannot be made into a tree.
class YamlError : public std::runtime_error {
 public:
  YamlError(Place where, const std::string& message) : std::runtime_error(message), place(where) {}
  Place place;
};

struct YamlEntry {
  std::string key;  ///< "" in a list
  Place key_place;
  std::size_t node;
};

struct YamlNode {
  enum class Kind { Null, Scalar, List, Mapping };
  Kind kind = Kind::Null;
  Place place;
  std::string text;     ///< of a scalar
  bool quoted = false;  ///< a scalar in quotes or a block scalar
  std::vector<YamlEntry> entries;

  const YamlEntry* find(std::string_view key) const;
};

/// YAML as a tree that keeps the place of every key and value. Aliases are expanded into copies.
class YamlTree {
 public:
  /// Adds the one document in `text` and returns its root, a Null node if there is none. A repeated
  /// key is added to `faults` and its first value holds; anything else wrong throws YamlError.
  std::size_t parse(std::string_view text, std::size_t source, std::vector<Fault>& faults);

  const YamlNode& operator[](std::size_t index) const { return nodes_[index]; }
  YamlNode& operator[](std::size_t index) { return nodes_[index]; }
  /// Throws YamlError at `node.place` once the limit on nodes is reached.
  std::size_t add(YamlNode node);

 private:
  friend class TreeBuilder;
  std::size_t copy(std::size_t from, Place place, std::size_t depth);
  void count_text(std::size_t bytes, Place place);

  std::vector<YamlNode> nodes_;
  std::size_t text_bytes_ = 0;
};

/// Position of the first byte that is no UTF-8 or a control character other than tab and line
/// break; npos if there is none.
std::size_t first_unprintable(std::string_view text);

}  // namespace uswim::support::config
