#include "experiment/checkpoint.h"

#include <fmt/format.h>

#include <cstring>
#include <fstream>
#include <string_view>

#include "support/results.h"

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

Checkpoint::Checkpoint(fs::path file, std::string key, bool resume)
    : file_(std::move(file)), header_(fmt::format("{}{}\n", kTitle, key)) {
  std::ifstream in(file_, std::ios::binary);
  if (!in) return;
  const std::string bytes(std::istreambuf_iterator<char>(in), {});
  // Only what this class wrote is ever replaced.
  if (bytes.compare(0, kTitle.size(), kTitle) != 0)
    throw FileError(fmt::format("{}: is in the way and no checkpoint", file_.string()));
  if (!resume) {
    remove();
    return;
  }
  if (bytes.compare(0, header_.size(), header_) != 0)
    throw FileError(
        fmt::format("{}: was made by another configuration, network, data or version (expected "
                    "the interrupted run's; without --resume it is replaced)",
                    file_.string()));
  std::string_view rest = bytes;
  rest.remove_prefix(header_.size());
  std::uint32_t chip = 0;
  std::vector<Message> messages;
  while (take_chip(rest, chip, messages)) finished_[chip] = std::exchange(messages, {});
  size_ = bytes.size() - rest.size();
  std::error_code error;
  fs::resize_file(file_, size_, error);
  if (error) throw FileError(fmt::format("{}: {}", file_.string(), error.message()));
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
  std::ofstream out(file_, std::ios::binary | std::ios::app);
  out << block << std::flush;
  if (!out) {
    out.close();
    std::error_code ignored;
    if (size_ == 0)
      fs::remove(file_, ignored);
    else
      fs::resize_file(file_, size_, ignored);
    throw FileError(fmt::format("{}: cannot be written", file_.string()));
  }
  size_ += block.size();
}

void Checkpoint::remove() {
  std::error_code ignored;
  fs::remove(file_, ignored);
  size_ = 0;
}

}  // namespace uswim::experiment
