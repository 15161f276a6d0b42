#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace uswim::support {

/// A file or directory that cannot be read or written: one sentence with the file, the place where
/// it is known, what was expected.
class FileError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Bytes of a file; gzip is decompressed on the way (a plain file is read as it is). Throws
/// FileError when the file is missing, truncated, damaged or holds more than `limit_bytes`.
std::vector<std::uint8_t> read_file(const std::filesystem::path& file, std::size_t limit_bytes);

/// 128-bit content hash (XXH3) as 32 hexadecimal digits.
std::string content_hash(const void* data, std::size_t size);
inline std::string content_hash(std::string_view text) {
  return content_hash(text.data(), text.size());
}

/// An array as NumPy's .npy holds it, C order.
template <class T>
struct NpyArray {
  std::vector<std::size_t> shape;
  std::vector<T> values;
};
/// Reads .npy of exactly the type T (float, double, std::uint8_t (also numpy bool), std::int32_t),
/// little endian, C order, versions 1 to 3. Throws FileError naming what was found and what was
/// expected.
template <class T>
NpyArray<T> read_npy(const std::filesystem::path& file);
extern template NpyArray<float> read_npy(const std::filesystem::path&);
extern template NpyArray<double> read_npy(const std::filesystem::path&);
extern template NpyArray<std::uint8_t> read_npy(const std::filesystem::path&);
extern template NpyArray<std::int32_t> read_npy(const std::filesystem::path&);
/// Puts up to `size` bytes to `to` and tells how many; fewer mean the end.
using ReadBytes = std::function<std::size_t(void* to, std::size_t size)>;
/// The same from a stream, such as an array inside an .npz file; `name` is for messages.
template <class T>
NpyArray<T> read_npy(const ReadBytes& read, std::string_view name);
extern template NpyArray<std::uint8_t> read_npy(const ReadBytes&, std::string_view);
/// An array of uint8, int32 or int64.
NpyArray<std::int64_t> read_npy_whole(const ReadBytes& read, std::string_view name);
/// The bytes of an .npy file. `bool_values` marks uint8 data as numpy bool.
std::string npy_bytes(const std::vector<std::size_t>& shape, const std::vector<float>& values);
std::string npy_bytes(const std::vector<std::size_t>& shape,
                      const std::vector<std::uint8_t>& values, bool bool_values);

/// Throws FileError where PendingFile would: found out before the work is done. So it does where a
/// file that stands there does not begin with `beginning`: it is something else, and not replaced.
void require_writable(const std::filesystem::path& file, std::string_view beginning = {});
/// One file that appears whole or not at all: its bytes are in a hidden file beside it, flushed,
/// until commit() renames that. Its folder is made where there is none. Throws FileError.
class PendingFile {
 public:
  PendingFile(const std::filesystem::path& file, std::string_view bytes);
  ~PendingFile();
  PendingFile(const PendingFile&) = delete;
  PendingFile& operator=(const PendingFile&) = delete;
  void commit();

 private:
  std::filesystem::path shown_, destination_, temporary_;
  bool committed_ = false;
};
/// Writes one file whole or not at all.
void write_file_atomically(const std::filesystem::path& file, std::string_view bytes);

/// A result directory that appears whole or not at all: files are written to a hidden directory
/// beside it, commit() renames. An existing *result* directory (it holds summary.json) or an empty
/// one is replaced at commit; anything else of that name is refused at construction. Without
/// commit() the destructor removes what was written. Throws FileError (cannot be created, disk
/// full, ...).
class ResultDirectory {
 public:
  /// `names`: all files that such a directory may have; one that holds something else is not
  /// replaced. None: whatever it holds is.
  explicit ResultDirectory(std::filesystem::path destination, std::vector<std::string> names = {});
  ~ResultDirectory();
  ResultDirectory(const ResultDirectory&) = delete;
  ResultDirectory& operator=(const ResultDirectory&) = delete;

  void write(std::string_view name, std::string_view bytes);
  void commit();
  /// The hidden directory: what a signal handler has to remove.
  const std::filesystem::path& temporary() const { return temporary_; }

 private:
  std::filesystem::path destination_;
  std::filesystem::path temporary_;
  std::vector<std::string> names_;
  bool committed_ = false;
};

/// A CSV table under construction; every column name carries its unit. Numbers are written with the
/// fewest digits that read back the same; a NaN or infinity is an error (std::invalid_argument)
/// that names the column.
class CsvTable {
 public:
  explicit CsvTable(std::vector<std::string> columns);
  CsvTable& cell(std::string_view text);
  CsvTable& cell(double value);
  CsvTable& cell(std::uint64_t value);
  CsvTable& cell(std::int64_t value);
  CsvTable& cell(int value) { return cell(static_cast<std::int64_t>(value)); }
  CsvTable& cell(unsigned value) { return cell(static_cast<std::uint64_t>(value)); }
  /// Throws std::logic_error unless exactly one value per column was given.
  void end_row();
  std::string bytes() const { return text_; }

 private:
  std::vector<std::string> columns_;
  std::size_t filled_ = 0;
  std::string text_;
};

/// A number with the SI prefix that leaves one to three digits before the point: "12.3 us".
std::string with_prefix(double value, const char* unit);

/// Mean and standard deviation (n - 1) of values as they come (Welford).
class RunningStatistics {
 public:
  void add(double value);
  std::uint64_t count() const { return count_; }
  double mean() const { return mean_; }
  /// 0 for fewer than two values.
  double standard_deviation() const;

 private:
  std::uint64_t count_ = 0;
  double mean_ = 0.0;
  double sum_of_squares_ = 0.0;
};

}  // namespace uswim::support
