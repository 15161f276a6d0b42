#include "support/input_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>
#include <system_error>

#include "support/results.h"

namespace uswim::support {

namespace {
constexpr std::size_t kPiece = std::size_t{256} << 10;
}

std::string system_message(int error) { return std::generic_category().message(error); }

InputFile::InputFile(const std::filesystem::path& file, Pipes pipes) : name_(file.string()) {
  struct stat status {};
  // Before it is opened: that would wait for the other end of a pipe.
  if (::stat(file.c_str(), &status) == 0 && !S_ISREG(status.st_mode) &&
      (pipes == Pipes::Refused || !S_ISFIFO(status.st_mode)))
    throw FileError(fmt::format("{}: is a {} (expected a file)", name_,
                                S_ISDIR(status.st_mode)    ? "directory"
                                : S_ISFIFO(status.st_mode) ? "pipe"
                                : S_ISSOCK(status.st_mode) ? "socket"
                                                           : "device"));
  const int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0)
    throw FileError(fmt::format("{}: cannot be opened: {}", name_, system_message(errno)));
  file_.reset(gzdopen(descriptor, "rb"));
  if (!file_) {
    ::close(descriptor);
    throw FileError(fmt::format("{}: cannot be opened: out of memory", name_));
  }
}

void InputFile::fail(int code) const {
  if (code == Z_ERRNO)
    throw FileError(fmt::format("{}: cannot be read: {}", name_, system_message(errno)));
  if (code == Z_BUF_ERROR)
    throw FileError(fmt::format("{}: its gzip data end early (the file is cut off)", name_));
  throw FileError(fmt::format("{}: its gzip data are damaged", name_));
}

std::size_t InputFile::read(void* to, std::size_t size) {
  std::size_t done = 0;
  while (done < size) {
    const auto wanted = static_cast<unsigned>(std::min(size - done, kPiece));
    const int got = gzread(file_.get(), static_cast<char*>(to) + done, wanted);
    int code = Z_OK;
    gzerror(file_.get(), &code);
    // A stream that is cut off gives its bytes first and Z_BUF_ERROR beside them.
    if (got < 0 || (code != Z_OK && code != Z_STREAM_END)) fail(code);
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

std::size_t InputFile::append(std::vector<std::uint8_t>& bytes, std::size_t size) {
  const std::size_t begin = bytes.size();
  for (;;) {
    const std::size_t before = bytes.size(), left = size - (before - begin);
    const std::size_t piece = std::min(std::max(kPiece, before), left);
    bytes.resize(before + piece);
    const std::size_t got = read(bytes.data() + before, piece);
    bytes.resize(before + got);
    if (got < piece || got == left) return bytes.size() - begin;
  }
}

std::vector<std::uint8_t> read_file(const std::filesystem::path& file, std::size_t limit_bytes) {
  std::vector<std::uint8_t> bytes;
  // One byte more than is allowed tells a full file from a larger one.
  const std::size_t most = limit_bytes + (limit_bytes < bytes.max_size() ? 1 : 0);
  if (InputFile(file, Pipes::Allowed).append(bytes, most) > limit_bytes)
    throw FileError(fmt::format("{}: holds more than {} bytes, the limit for this kind of file",
                                file.string(), limit_bytes));
  return bytes;
}

std::string content_hash(const void* data, std::size_t size) {
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, XXH3_128bits(data, size));
  std::string text;
  for (const unsigned char byte : canonical.digest) text += fmt::format("{:02x}", byte);
  return text;
}

}  // namespace uswim::support
