#pragma once
#include <zlib.h>

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>

namespace uswim::support {

/// A file open for reading; gzip is decompressed on the way. Throws FileError.
class InputFile {
 public:
  explicit InputFile(const std::filesystem::path& file);
  /// Reads up to `size` bytes; fewer mean the end of the file.
  std::size_t read(void* to, std::size_t size);

 private:
  struct Close {
    void operator()(gzFile file) const { gzclose_r(file); }
  };
  [[noreturn]] void fail(int code) const;

  std::string name_;
  std::unique_ptr<gzFile_s, Close> file_;
};

/// The system's words for `errno`.
std::string system_message(int error);

}  // namespace uswim::support
