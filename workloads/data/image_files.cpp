#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <sstream>
#include <utility>

#include "support/results.h"
#include "workloads/data/dataset.h"
#include "workloads/data/decode_image.h"

namespace uswim::workloads {
namespace {

namespace fs = std::filesystem;
using support::FileError;

constexpr std::size_t kLargestList = std::size_t{256} << 20;
constexpr std::size_t kLargestImageFile = std::size_t{64} << 20;

struct Entry {
  fs::path file;
  std::string word;   ///< its label as it stands
  std::string place;  ///< for messages
};

/// A NUL would cut the messages, an escape would reach the terminal.
void check_text(const std::vector<std::uint8_t>& bytes, const std::string& file) {
  const auto is_control = [](std::uint8_t b) {
    return (b < 0x20 && b != '\t' && b != '\n' && b != '\r') || b == 0x7f;
  };
  const auto bad = std::find_if(bytes.begin(), bytes.end(), is_control);
  if (bad == bytes.end()) return;
  throw FileError(fmt::format(
      "{}:{}: byte {} is 0x{:02x}: this is no text file (expected a file's name and its label in "
      "each line)",
      file, 1 + std::count(bytes.begin(), bad, '\n'), bad - bytes.begin(), *bad));
}

std::vector<Entry> listed(const DataSource& source) {
  const std::vector<std::uint8_t> bytes = support::read_file(source.labels, kLargestList);
  check_text(bytes, source.labels.string());
  std::istringstream lines(std::string(bytes.begin(), bytes.end()));
  std::vector<Entry> entries;
  std::string line, name, word;
  for (std::size_t number = 1; std::getline(lines, line); ++number) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    const std::string place = fmt::format("{}:{}", source.labels.string(), number);
    std::istringstream fields(line);
    if (!(fields >> name >> word))
      throw FileError(fmt::format("{}: no label (expected a file's name and its label)", place));
    const fs::path relative(name);
    if (relative.is_absolute() ||
        std::find(relative.begin(), relative.end(), "..") != relative.end())
      throw FileError(fmt::format("{}: '{}' leads out of the folder of images", place, name));
    entries.push_back({source.images / relative, word, place});
  }
  return entries;
}

bool is_image(const fs::path& file) {
  std::string ending = file.extension().string();
  std::transform(ending.begin(), ending.end(), ending.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return ending == ".png" || ending == ".jpg" || ending == ".jpeg";
}

/// The first file of every class, then the second ones: whatever takes the first images of the set
/// gets as many of each class. `entries` are sorted by class.
std::vector<Entry> round_robin(std::vector<Entry> entries) {
  std::vector<std::pair<std::size_t, std::size_t>> turns;  // place in its class, place in entries
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const bool same_class = i > 0 && entries[i].word == entries[i - 1].word;
    turns.emplace_back(same_class ? turns.back().first + 1 : 0, i);
  }
  std::sort(turns.begin(), turns.end());
  std::vector<Entry> dealt;
  for (const auto& [turn, i] : turns) dealt.push_back(std::move(entries[i]));
  return dealt;
}

std::vector<Entry> in_class_folders(const fs::path& images) {
  std::vector<Entry> entries;
  for (const fs::directory_entry& folder : fs::directory_iterator(images)) {
    if (!folder.is_directory()) continue;
    for (const fs::directory_entry& file : fs::recursive_directory_iterator(folder.path()))
      if (file.is_regular_file() && is_image(file.path()))
        entries.push_back({file.path(), folder.path().filename().string(), file.path().string()});
  }
  // The order in which a folder lists its files is not the same everywhere.
  std::sort(entries.begin(), entries.end(),
            [](const Entry& a, const Entry& b) { return a.file < b.file; });
  return round_robin(std::move(entries));
}

bool as_number(const std::string& word, std::size_t& number) {
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
  return error == std::errc() && end == word.data() + word.size();
}

/// Words are numbered in alphabetical order, so one that is missing would move all behind it.
std::vector<std::size_t> numbered_words(const std::vector<Entry>& entries, const DataSource& source,
                                        std::size_t classes) {
  std::map<std::string, std::size_t> index;
  for (const Entry& e : entries) index.emplace(e.word, 0);
  if (index.size() != classes) {
    const bool folders = source.labels.empty();
    throw FileError(fmt::format(
        "{}: {} {} ('{}' to '{}') for a network of {} classes: {} are numbered in alphabetical "
        "order, which takes one for each class (whole numbers in a list of labels stand for "
        "themselves)",
        (folders ? source.images : source.labels).string(), index.size(),
        folders ? "folders with images" : "different words as labels", index.begin()->first,
        index.rbegin()->first, classes, folders ? "folders" : "words"));
  }
  std::size_t next = 0;
  for (auto& [word, i] : index) i = next++;
  std::vector<std::size_t> labels;
  for (const Entry& e : entries) labels.push_back(index[e.word]);
  return labels;
}

std::vector<std::size_t> whole_numbers(const std::vector<Entry>& entries) {
  std::vector<std::size_t> labels(entries.size());
  for (std::size_t i = 0; i < entries.size(); ++i)
    if (!as_number(entries[i].word, labels[i]))
      throw FileError(fmt::format("{}: label '{}' is not a whole number, as the first one is",
                                  entries[i].place, entries[i].word));
  return labels;
}

}  // namespace

Dataset read_image_files(const DataSource& source, const DataExpectation& expected) {
  std::vector<Entry> entries;
  try {
    entries = source.labels.empty() ? in_class_folders(source.images) : listed(source);
  } catch (const fs::filesystem_error& error) {
    throw FileError(fmt::format("{}: {}", source.images.string(), error.code().message()));
  }
  if (entries.empty())
    throw FileError(
        source.labels.empty()
            ? fmt::format("{}: no folder in it holds a PNG or JPEG", source.images.string())
            : fmt::format("{}: names no image", source.labels.string()));
  std::size_t ignored = 0;
  const bool words = source.labels.empty() || !as_number(entries.front().word, ignored);
  const std::vector<std::size_t> labels =
      words ? numbered_words(entries, source, expected.classes) : whole_numbers(entries);
  const std::size_t classes = expected.classes;
  Dataset data;
  data.count = std::min(entries.size(), source.limit);
  for (std::size_t i = 0; i < data.count; ++i) {
    if (labels[i] >= classes)
      throw FileError(fmt::format("{}: label {} ('{}'), expected 0 to {}", entries[i].place,
                                  labels[i], entries[i].word, classes - 1));
    const std::vector<std::uint8_t> bytes = support::read_file(entries[i].file, kLargestImageFile);
    const DecodedImage image = decode_image(bytes.data(), bytes.size(), expected.channels,
                                            data.shape, entries[i].file.string());
    data.shape = image.shape;
    data.pixels.insert(data.pixels.end(), image.pixels.begin(), image.pixels.end());
    data.labels.push_back(static_cast<std::uint16_t>(labels[i]));
  }
  return data;
}

}  // namespace uswim::workloads
