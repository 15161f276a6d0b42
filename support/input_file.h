#pragma once
#include <zlib.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace uswim::support {

/// Whether a file may be a pipe, whose bytes another program writes.
enum class Pipes { Refused, Allowed };

/// A file open for reading; gzip is decompressed on the way. Refuses folders and devices, which may
/// never end. Throws FileError.
class InputFile {
 public:
  explicit InputFile(const std::filesystem::path& file, Pipes pipes = Pipes::Refused);
  /// Reads up to `size` bytes; fewer mean the end of the file.
  std::size_t read(void* to, std::size_t size);
  /// Appends up to `size` bytes, in pieces: what a damaged header promises takes no memory before
  /// it is there. Fewer mean the end of the file.
  std::size_t append(std::vector<std::uint8_t>& bytes, std::size_t size);

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
