#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <limits>
#include <optional>
#include <stdexcept>

#include "support/input_file.h"
#include "support/results.h"

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "arrays are read as the file holds them");

namespace uswim::support {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr std::size_t kMaxHeaderBytes = 64 << 10;
constexpr std::size_t kMaxDataBytes = std::size_t{4} << 30;
constexpr std::size_t kMaxDimensions = 32;
constexpr std::size_t kPiece = std::size_t{16} << 20;
constexpr std::size_t kAlignment = 64;  // of the data, as NumPy writes it

struct Header {
  std::string dtype;
  bool fortran_order = false;
  std::vector<std::size_t> shape;
};

/// Reads the Python dictionary of a header. Throws std::invalid_argument with what is wrong.
class HeaderParser {
 public:
  explicit HeaderParser(std::string_view text) : rest_(text) {}

  Header parse() {
    Header header;
    bool dtype = false, order = false, shape = false;
    expect('{');
    while (!take('}')) {
      const std::string key = quoted();
      expect(':');
      bool* seen = nullptr;
      if (key == "descr") {
        seen = &dtype;
        if (!starts_with('\'') && !starts_with('"'))
          throw std::invalid_argument("a structured dtype");
        header.dtype = quoted();
      } else if (key == "fortran_order") {
        seen = &order;
        header.fortran_order = boolean();
      } else if (key == "shape") {
        seen = &shape;
        header.shape = tuple();
      } else {
        throw std::invalid_argument("an unknown key in its header");
      }
      if (*seen) throw std::invalid_argument("a repeated key in its header");
      *seen = true;
      if (!take(',')) {
        expect('}');
        break;
      }
    }
    skip_spaces();
    if (!rest_.empty() || !dtype || !order || !shape) malformed();
    return header;
  }

 private:
  [[noreturn]] static void malformed() { throw std::invalid_argument("a malformed header"); }

  void skip_spaces() {
    const std::size_t n = rest_.find_first_not_of(" \t\r\n");
    rest_.remove_prefix(std::min(n, rest_.size()));
  }
  bool starts_with(char c) {
    skip_spaces();
    return !rest_.empty() && rest_.front() == c;
  }
  bool take(char c) {
    const bool there = starts_with(c);
    if (there) rest_.remove_prefix(1);
    return there;
  }
  bool take_word(std::string_view word) {
    skip_spaces();
    if (rest_.substr(0, word.size()) != word) return false;
    rest_.remove_prefix(word.size());
    return true;
  }
  void expect(char c) {
    if (!take(c)) malformed();
  }

  std::string quoted() {
    const char quote = starts_with('"') ? '"' : '\'';
    expect(quote);
    const std::size_t end = rest_.find(quote);
    if (end == std::string_view::npos) malformed();
    std::string text(rest_.substr(0, end));
    rest_.remove_prefix(end + 1);
    return text;
  }
  bool boolean() {
    if (take_word("True")) return true;
    if (take_word("False")) return false;
    malformed();
  }
  std::vector<std::size_t> tuple() {
    std::vector<std::size_t> shape;
    expect('(');
    while (!take(')')) {
      if (starts_with('-')) throw std::invalid_argument("a negative size in its shape");
      std::size_t size = 0;
      const auto result = std::from_chars(rest_.data(), rest_.data() + rest_.size(), size);
      if (result.ec == std::errc::result_out_of_range)
        throw std::invalid_argument("a shape beyond any memory");
      if (result.ec != std::errc()) malformed();
      rest_.remove_prefix(static_cast<std::size_t>(result.ptr - rest_.data()));
      shape.push_back(size);
      if (shape.size() > kMaxDimensions) throw std::invalid_argument("too many dimensions");
      if (!take(',')) {
        // (3) is a number in Python, not a tuple.
        if (shape.size() == 1) malformed();
        expect(')');
        break;
      }
    }
    return shape;
  }

  std::string_view rest_;
};

template <class T>
constexpr const char* kDtype = nullptr;
template <>
constexpr const char* kDtype<float> = "<f4";
template <>
constexpr const char* kDtype<double> = "<f8";
template <>
constexpr const char* kDtype<std::uint8_t> = "|u1";
template <>
constexpr const char* kDtype<std::int32_t> = "<i4";
template <>
constexpr const char* kDtype<std::int64_t> = "<i8";

/// Number of elements; nothing where the bytes would pass the limit.
std::optional<std::size_t> element_count(const std::vector<std::size_t>& shape,
                                         std::size_t element_bytes) {
  // A zero anywhere makes the array empty, however large the other sizes are.
  if (std::find(shape.begin(), shape.end(), std::size_t{0}) != shape.end()) return 0;
  std::size_t count = 1;
  for (const std::size_t size : shape) {
    if (size > kMaxDataBytes / element_bytes / count) return std::nullopt;
    count *= size;
  }
  return count;
}

std::string header_bytes(const std::vector<std::size_t>& shape, std::string_view dtype) {
  const std::string tuple =
      fmt::format("({}{})", fmt::join(shape, ", "), shape.size() == 1 ? "," : "");
  std::string dictionary =
      fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': {}, }}", dtype, tuple);
  const std::size_t preamble = kMagic.size() + 4;
  const std::size_t whole = (preamble + dictionary.size() + kAlignment) / kAlignment * kAlignment;
  dictionary.resize(whole - preamble - 1, ' ');
  dictionary += '\n';
  std::string bytes(kMagic);
  bytes += {'\x01', '\x00', static_cast<char>(dictionary.size() & 0xff),
            static_cast<char>(dictionary.size() >> 8)};
  return bytes + dictionary;
}

template <class T>
std::string array_bytes(const std::vector<std::size_t>& shape, const std::vector<T>& values,
                        std::string_view dtype) {
  if (element_count(shape, sizeof(T)) != values.size())
    throw std::logic_error("the shape of an array does not fit the number of its values");
  std::string bytes = header_bytes(shape, dtype);
  if (!values.empty())
    bytes.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
  return bytes;
}

/// Reads one array from a stream of bytes; every fault names it.
class ArrayReader {
 public:
  ArrayReader(const ReadBytes& read, std::string_view name, std::string expected)
      : read_(read), name_(name), expected_(std::move(expected)) {}

  [[noreturn]] void refuse(std::string_view found, std::string_view expected) const {
    throw FileError(fmt::format("{}: {} (expected {})", name_, found, expected));
  }

  Header header() const {
    unsigned char preamble[12] = {};
    const std::size_t got = read_(preamble, 10);
    if (got < kMagic.size() || std::memcmp(preamble, kMagic.data(), kMagic.size()) != 0)
      refuse("is not an .npy file", expected_);
    if (got < 10) refuse("ends inside its header", expected_);
    const unsigned version = preamble[6];
    if (version < 1 || version > 3) refuse(fmt::format("has .npy version {}", version), "1 to 3");
    std::size_t header_size = preamble[8] | static_cast<std::size_t>(preamble[9]) << 8;
    if (version > 1) {
      if (read_(preamble + 10, 2) < 2) refuse("ends inside its header", expected_);
      header_size |= static_cast<std::size_t>(preamble[10]) << 16;
      header_size |= static_cast<std::size_t>(preamble[11]) << 24;
    }
    if (header_size > kMaxHeaderBytes)
      refuse(fmt::format("has a header of {} bytes", header_size),
             fmt::format("at most {}", kMaxHeaderBytes));
    std::string header_text(header_size, '\0');
    if (read_(header_text.data(), header_size) < header_size)
      refuse("ends inside its header", expected_);
    try {
      return HeaderParser(header_text).parse();
    } catch (const std::invalid_argument& e) {
      refuse(fmt::format("has {}", e.what()), expected_);
    }
  }

  template <class T>
  NpyArray<T> values(Header header) const {
    const bool is_bool = sizeof(T) == 1 && header.dtype == "|b1";
    if (header.dtype != kDtype<T> && !is_bool)
      refuse(fmt::format("holds dtype {}", header.dtype),
             fmt::format("{}{}", kDtype<T>, sizeof(T) == 1 ? " or |b1" : ""));
    if (header.fortran_order) refuse("is in Fortran order", "C order");
    const std::string shape = fmt::format("({})", fmt::join(header.shape, ", "));
    const auto count = element_count(header.shape, sizeof(T));
    if (!count)
      refuse(fmt::format("has the shape {}", shape),
             fmt::format("at most {} bytes", kMaxDataBytes));

    NpyArray<T> result;
    // In pieces, so that memory grows with what the file holds, not with what its header claims.
    while (result.values.size() < *count) {
      const std::size_t before = result.values.size();
      const std::size_t piece = std::min(*count - before, kPiece / sizeof(T));
      result.values.resize(before + piece);
      if (read_(result.values.data() + before, piece * sizeof(T)) < piece * sizeof(T))
        refuse("ends inside its data", fmt::format("{} values for the shape {}", *count, shape));
    }
    char extra;
    if (read_(&extra, 1) != 0)
      refuse("holds more data than its shape says",
             fmt::format("{} values for the shape {}", *count, shape));
    if (is_bool && std::any_of(result.values.begin(), result.values.end(),
                               [](T v) { return v != T{0} && v != T{1}; }))
      refuse("holds a byte other than 0 and 1 in an array of dtype |b1", "truth values");
    result.shape = std::move(header.shape);
    return result;
  }

  /// Of any width, as 64-bit numbers.
  template <class T>
  NpyArray<std::int64_t> widened(Header header) const {
    NpyArray<T> narrow = values<T>(std::move(header));
    return {std::move(narrow.shape), {narrow.values.begin(), narrow.values.end()}};
  }

 private:
  const ReadBytes& read_;
  std::string name_;
  std::string expected_;
};

}  // namespace

template <class T>
NpyArray<T> read_npy(const ReadBytes& read, std::string_view name) {
  const ArrayReader reader(read, name, fmt::format("a NumPy array of dtype {}", kDtype<T>));
  return reader.values<T>(reader.header());
}

template <class T>
NpyArray<T> read_npy(const std::filesystem::path& file) {
  InputFile in(file);
  return read_npy<T>([&](void* to, std::size_t size) { return in.read(to, size); }, file.string());
}

NpyArray<std::int64_t> read_npy_whole(const ReadBytes& read, std::string_view name) {
  const ArrayReader reader(read, name, "a NumPy array of whole numbers");
  Header header = reader.header();
  if (header.dtype == kDtype<std::int64_t>) return reader.values<std::int64_t>(std::move(header));
  if (header.dtype == kDtype<std::int32_t>) return reader.widened<std::int32_t>(std::move(header));
  if (header.dtype != kDtype<std::uint8_t> && header.dtype != "|b1")
    reader.refuse(fmt::format("holds dtype {}", header.dtype), "whole numbers: |u1, <i4 or <i8");
  return reader.widened<std::uint8_t>(std::move(header));
}

template NpyArray<float> read_npy(const std::filesystem::path&);
template NpyArray<double> read_npy(const std::filesystem::path&);
template NpyArray<std::uint8_t> read_npy(const std::filesystem::path&);
template NpyArray<std::int32_t> read_npy(const std::filesystem::path&);
template NpyArray<std::uint8_t> read_npy(const ReadBytes&, std::string_view);

std::string npy_bytes(const std::vector<std::size_t>& shape, const std::vector<float>& values) {
  return array_bytes(shape, values, kDtype<float>);
}

std::string npy_bytes(const std::vector<std::size_t>& shape,
                      const std::vector<std::uint8_t>& values, bool bool_values) {
  return array_bytes(shape, values, bool_values ? "|b1" : kDtype<std::uint8_t>);
}

}  // namespace uswim::support
