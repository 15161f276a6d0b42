#include "experiment/checkpoint.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include "support/write_bytes.h"

namespace uswim::experiment {
namespace {

namespace fs = std::filesystem;
using support::FileError;

constexpr std::string_view kTitle = "uswim checkpoint 1 ";
constexpr std::size_t kHash = 32;  // hexadecimal digits

template <class T>
void put(std::string& to, T number) {
  to.append(reinterpret_cast<const char*>(&number), sizeof number);
}

/// Takes a number off the front of `from`; false where it has too few bytes.
template <class T>
bool take(std::string_view& from, T& number) {
  if (from.size() < sizeof number) return false;
  std::memcpy(&number, from.data(), sizeof number);
  from.remove_prefix(sizeof number);
  return true;
}

/// Takes one chip off the front of `from`; false where it is not whole.
bool take_chip(std::string_view& from, std::uint32_t& chip, std::vector<Message>& messages) {
  std::string_view rest = from;
  std::uint64_t size = 0;
  if (!take(rest, chip) || !take(rest, size) || rest.size() < kHash || size > rest.size() - kHash)
    return false;
  const std::size_t block = sizeof chip + sizeof size + size;
  if (support::content_hash(from.substr(0, block)) != from.substr(block, kHash)) return false;
  std::string_view payload = rest.substr(0, size);
  while (!payload.empty()) {
    Message message;
    std::uint32_t bytes = 0;
    if (!take(payload, message.kind) || !take(payload, bytes) || payload.size() < bytes)
      return false;
    message.bytes.assign(payload.begin(), payload.begin() + bytes);
    payload.remove_prefix(bytes);
    messages.push_back(std::move(message));
  }
  from.remove_prefix(block + kHash);
  return true;
}

}  // namespace

fs::path Checkpoint::file_of(const fs::path& output) {
  fs::path whole = fs::absolute(output).lexically_normal();
  if (!whole.has_filename()) whole = whole.parent_path();
  return whole += ".checkpoint";
}

void Checkpoint::fail(const std::string& what) const {
  throw CheckpointError(fmt::format("{}: {}", file_.string(), what));
}

/// A record lock: the kernel gives it back when the process ends, however it ends, and the worker
/// processes do not inherit it. Closing any descriptor of the file would give it back, too.
void Checkpoint::open_locked() {
  for (;;) {
    descriptor_ = ::open(file_.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (descriptor_ < 0)
      throw FileError(fmt::format("{}: {}", file_.string(), std::strerror(errno)));
    struct flock whole = {};
    whole.l_type = F_WRLCK;
    whole.l_whence = SEEK_SET;
    const bool is_held = ::fcntl(descriptor_, F_SETLK, &whole) != 0;
    if (is_held && (errno == EACCES || errno == EAGAIN)) {
      ::close(std::exchange(descriptor_, -1));
      fail("another run is under way that writes the same results; give one of them another --out");
    }
    // Without locks (some network file systems) runs are not kept apart. A run that ended meanwhile
    // has taken the file with it.
    struct stat opened = {}, named = {};
    if (::fstat(descriptor_, &opened) == 0 && ::stat(file_.c_str(), &named) == 0 &&
        opened.st_ino == named.st_ino)
      return;
    ::close(std::exchange(descriptor_, -1));
  }
}

Checkpoint::Checkpoint(fs::path file, EarlierChips earlier) : file_(std::move(file)) {
  open_locked();
  try {
    char part[1 << 16];
    for (ssize_t n; (n = ::read(descriptor_, part, sizeof part)) > 0;)
      earlier_.append(part, static_cast<std::size_t>(n));
    size_ = earlier_.size();
    if (earlier_.empty()) return;
    // Only what this class wrote is ever replaced.
    if (earlier_.compare(0, kTitle.size(), kTitle) != 0) fail("is in the way and no checkpoint");
    if (earlier == EarlierChips::Refuse)
      fail(
          "holds the finished chips of a run that was interrupted; --resume goes on from there, "
          "--restart begins anew");
  } catch (...) {
    ::close(descriptor_);
    throw;
  }
  if (earlier == EarlierChips::Discard) earlier_.clear();
}

Checkpoint::~Checkpoint() {
  if (descriptor_ < 0) return;
  if (size_ == 0)
    remove();
  else
    ::close(descriptor_);
}

void Checkpoint::begin(const std::string& key) {
  header_ = fmt::format("{}{}\n", kTitle, key);
  std::string_view rest = earlier_;
  if (!rest.empty()) {
    if (rest.compare(0, header_.size(), header_) != 0)
      fail(
          "was made by another configuration, network, data or version (expected the interrupted "
          "run's; --restart begins anew)");
    rest.remove_prefix(header_.size());
    std::uint32_t chip = 0;
    std::vector<Message> messages;
    while (take_chip(rest, chip, messages)) finished_[chip] = std::exchange(messages, {});
  }
  size_ = earlier_.size() - rest.size();
  earlier_.clear();
  if (::ftruncate(descriptor_, static_cast<off_t>(size_)) != 0)
    throw FileError(fmt::format("{}: {}", file_.string(), std::strerror(errno)));
}

void Checkpoint::append(std::uint32_t chip, const std::vector<Message>& messages) {
  std::string payload;
  for (const Message& m : messages) {
    put(payload, m.kind);
    put(payload, static_cast<std::uint32_t>(m.bytes.size()));
    payload.append(m.bytes.begin(), m.bytes.end());
  }
  std::string block;
  put(block, chip);
  put(block, static_cast<std::uint64_t>(payload.size()));
  block += payload;
  block += support::content_hash(block);
  if (size_ == 0) block = header_ + block;
  if (const int error = support::write_bytes(descriptor_, block)) {
    // Where this fails, too, what is cut off is left out when the file is read.
    [[maybe_unused]] const int ignored = ::ftruncate(descriptor_, static_cast<off_t>(size_));
    throw FileError(fmt::format("{}: {}", file_.string(), std::strerror(error)));
  }
  size_ += block.size();
}

void Checkpoint::remove() {
  std::error_code ignored;
  fs::remove(file_, ignored);
  ::close(std::exchange(descriptor_, -1));  // last, so that no other run holds what goes
}

}  // namespace uswim::experiment
