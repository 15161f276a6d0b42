#pragma once
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace uswim::tests {

/// A file that is gone when the test ends. Its name is unique, since tests run side by side.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& bytes, const std::string& ending = "") {
    static int number = 0;
    path_ = std::filesystem::path(::testing::TempDir()) /
            ("uswim_" + std::to_string(::getpid()) + "_" + std::to_string(number++) + ending);
    std::ofstream(path_, std::ios::binary) << bytes;
  }
  ~TemporaryFile() { std::filesystem::remove(path_); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace uswim::tests
