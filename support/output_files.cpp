#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <fstream>
#include <functional>
#include <system_error>
#include <utility>

#include "support/input_file.h"
#include "support/results.h"
#include "support/write_bytes.h"

namespace uswim::support {
namespace {

namespace fs = std::filesystem;

constexpr int kNameAttempts = 100;

[[noreturn]] void fail(const fs::path& file, std::string_view what, int error) {
  throw FileError(fmt::format("{}: {}: {}", file.string(), what, system_message(error)));
}

/// Writes and closes `descriptor`; errors name `shown`.
void write_all(int descriptor, std::string_view bytes, const fs::path& shown, bool flush) {
  int error = write_bytes(descriptor, bytes);
  if (error == 0 && flush && ::fsync(descriptor) != 0) error = errno;
  // Some file systems report a full disk only here.
  if (::close(descriptor) != 0 && error == 0) error = errno;
  if (error != 0) fail(shown, "cannot be written", error);
}

/// A name beside `destination` for which `create` succeeds; it returns false with EEXIST if taken.
fs::path hidden_beside(const fs::path& destination, std::string_view purpose,
                       const std::function<bool(const fs::path&)>& create) {
  for (int attempt = 0; attempt < kNameAttempts; ++attempt) {
    std::string name =
        fmt::format(".{}.{}-{}", destination.filename().string(), purpose, ::getpid());
    if (attempt > 0) name += fmt::format("-{}", attempt);
    fs::path path = destination.parent_path() / name;
    if (create(path)) return path;
    if (errno != EEXIST) break;
  }
  fail(destination, "cannot be created", errno);
}

void make_directories(const fs::path& directory, const fs::path& shown) {
  std::error_code error;
  fs::create_directories(directory, error);
  if (error) fail(shown, "its directory cannot be created", error.value());
}

/// The place that `path` stands for: absolute, without a trailing slash, links followed.
fs::path real_destination(const fs::path& path) {
  fs::path whole = fs::absolute(path).lexically_normal();
  if (!whole.has_filename()) whole = whole.parent_path();
  std::error_code error;
  if (fs::is_symlink(fs::symlink_status(whole, error))) whole = fs::weakly_canonical(whole, error);
  return whole;
}

/// Throws unless nothing, an empty directory or a result directory stands there; with `names`, one
/// that holds nothing but these.
void require_replaceable(const fs::path& destination, const std::vector<std::string>& names) {
  std::error_code error;
  const fs::file_status status = fs::status(destination, error);
  if (status.type() == fs::file_type::not_found) return;
  if (status.type() == fs::file_type::none) fail(destination, "cannot be looked at", error.value());
  if (status.type() != fs::file_type::directory) {
    throw FileError(
        fmt::format("{}: is a file (expected a directory for results)", destination.string()));
  }
  const fs::path here = fs::current_path(error);
  if (!error && here.lexically_relative(destination).native().rfind("..", 0) != 0)
    throw FileError(fmt::format(
        "{}: is the directory that the program runs in, or above it, so it is not replaced",
        destination.string()));
  if (fs::exists(destination / "summary.json", error)) {
    for (const auto& entry : fs::directory_iterator(destination, error))
      if (!names.empty() &&
          (!entry.is_regular_file(error) ||
           std::find(names.begin(), names.end(), entry.path().filename()) == names.end()))
        throw FileError(fmt::format(
            "{}: is no file of results, and its directory is about to be replaced by them: move it "
            "elsewhere, or give the results another place",
            entry.path().string()));
    return;
  }
  const bool empty = fs::is_empty(destination, error);
  if (error) fail(destination, "cannot be looked at", error.value());
  if (!empty) {
    throw FileError(
        fmt::format("{}: holds other files and no summary.json, so it is not replaced by results",
                    destination.string()));
  }
}

/// A new file beside `file` that is to take its place.
struct Temporary {
  fs::path destination, path;
  int descriptor = -1;
};
Temporary temporary_for(const fs::path& file) {
  Temporary t;
  t.destination = real_destination(file);
  std::error_code ignored;
  const fs::file_status status = fs::status(t.destination, ignored);
  if (fs::exists(status) && !fs::is_regular_file(status))
    throw FileError(fmt::format("{}: is not a regular file, so it is not replaced", file.string()));
  make_directories(t.destination.parent_path(), file);
  t.path = hidden_beside(t.destination, "partial", [&](const fs::path& path) {
    t.descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    return t.descriptor >= 0;
  });
  return t;
}

}  // namespace

void require_writable(const fs::path& file, std::string_view beginning) {
  std::error_code ignored;
  if (fs::is_regular_file(file, ignored) && fs::file_size(file, ignored) > 0) {
    std::string found(beginning.size(), '\0');
    std::ifstream(file, std::ios::binary)
        .read(found.data(), static_cast<std::streamsize>(found.size()));
    if (found != beginning)
      throw FileError(
          fmt::format("{}: is a file of something else, so it is not replaced", file.string()));
  }
  const Temporary t = temporary_for(file);
  ::close(t.descriptor);
  ::unlink(t.path.c_str());
}

PendingFile::PendingFile(const fs::path& file, std::string_view bytes) : shown_(file) {
  Temporary t = temporary_for(file);
  destination_ = std::move(t.destination);
  temporary_ = std::move(t.path);
  try {
    write_all(t.descriptor, bytes, file, true);
  } catch (...) {
    ::unlink(temporary_.c_str());
    throw;
  }
}

PendingFile::~PendingFile() {
  if (!committed_) ::unlink(temporary_.c_str());
}

void PendingFile::commit() {
  if (::rename(temporary_.c_str(), destination_.c_str()) != 0)
    fail(shown_, "cannot be renamed into place", errno);
  committed_ = true;
}

int write_bytes(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const ::ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
    if (written >= 0)
      bytes.remove_prefix(static_cast<std::size_t>(written));
    else if (errno != EINTR)
      return errno;
  }
  return 0;
}

void write_file_atomically(const fs::path& file, std::string_view bytes) {
  PendingFile(file, bytes).commit();
}

ResultDirectory::ResultDirectory(fs::path destination, std::vector<std::string> names)
    : destination_(real_destination(destination)), names_(std::move(names)) {
  if (!destination_.has_filename())
    throw FileError(fmt::format("{}: cannot be a directory for results", destination.string()));
  require_replaceable(destination_, names_);
  make_directories(destination_.parent_path(), destination_);
  temporary_ = hidden_beside(destination_, "partial",
                             [](const fs::path& path) { return ::mkdir(path.c_str(), 0777) == 0; });
}

ResultDirectory::~ResultDirectory() {
  if (committed_) return;
  std::error_code ignored;
  fs::remove_all(temporary_, ignored);
}

void ResultDirectory::write(std::string_view name, std::string_view bytes) {
  const fs::path relative = fs::path(name).lexically_normal();
  if (committed_ || relative.is_absolute() || !relative.has_filename() ||
      *relative.begin() == ".." || relative == ".")
    throw std::logic_error(fmt::format("'{}' is no name for a file of a result directory", name));
  if (!names_.empty() && std::find(names_.begin(), names_.end(), name) == names_.end())
    throw std::logic_error(fmt::format("'{}' is not among the names of result files", name));
  const fs::path shown = destination_ / relative;
  if (relative.has_parent_path()) make_directories(temporary_ / relative.parent_path(), shown);
  const fs::path file = temporary_ / relative;
  const int descriptor = ::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (descriptor < 0) fail(shown, "cannot be created", errno);
  write_all(descriptor, bytes, shown, false);
}

void ResultDirectory::commit() {
  if (committed_) throw std::logic_error("a result directory is committed once");
  require_replaceable(destination_, names_);
  fs::path old;
  if (::rename(temporary_.c_str(), destination_.c_str()) != 0) {
    if (errno != ENOTEMPTY && errno != EEXIST)
      fail(destination_, "cannot be renamed into place", errno);
    old = hidden_beside(destination_, "replaced", [&](const fs::path& path) {
      // rename() would replace an empty directory.
      return ::mkdir(path.c_str(), 0777) == 0;
    });
    if (::rename(destination_.c_str(), old.c_str()) != 0) {
      const int error = errno;
      ::rmdir(old.c_str());
      fail(destination_, "the older results cannot be moved away", error);
    }
    if (::rename(temporary_.c_str(), destination_.c_str()) != 0) {
      const int error = errno;
      if (::rename(old.c_str(), destination_.c_str()) != 0)
        fail(destination_, fmt::format("lost its place; its files are in {}", old.string()), error);
      fail(destination_, "cannot be renamed into place", error);
    }
  }
  committed_ = true;
  std::error_code ignored;
  if (!old.empty()) fs::remove_all(old, ignored);
}

}  // namespace uswim::support
