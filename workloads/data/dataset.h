#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "workloads/network/network.h"

namespace uswim::workloads {

/// Labelled images as bytes. The network sees pixel / 255.
struct Dataset {
  Shape shape;  ///< of one image, channels first
  std::size_t count = 0;
  std::vector<std::uint8_t> pixels;  ///< count x channels x height x width
  std::vector<std::uint8_t> labels;  ///< count
  std::string content_hash;
};

/// Reads a pair of IDX files (plain or gzip): images [N, height, width] or [N, channels, height,
/// width], labels [N], unsigned bytes. Throws support::FileError naming file and place: bad magic,
/// counts that differ, a size that does not match the header, a label outside [0, classes).
/// `classes` 256 allows every byte.
Dataset read_idx(const std::filesystem::path& images, const std::filesystem::path& labels,
                 std::size_t classes = 256);

}  // namespace uswim::workloads
