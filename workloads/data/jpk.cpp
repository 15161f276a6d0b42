#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "support/input_file.h"
#include "support/results.h"
#include "workloads/data/dataset.h"
#include "workloads/data/decode_image.h"

namespace uswim::workloads {
namespace {

using support::FileError;

constexpr std::size_t kLargestFile = std::size_t{4} << 30;
constexpr std::size_t kMostImages = std::size_t{1} << 24;
constexpr std::size_t kHeader = 8, kEntry = 8;

std::uint32_t word_at(const std::vector<std::uint8_t>& bytes, std::size_t offset,
                      std::size_t size) {
  std::uint32_t word = 0;
  for (std::size_t i = size; i-- > 0;) word = word << 8 | bytes[offset + i];
  return word;
}

}  // namespace

Dataset read_jpk(const DataSource& source, const DataExpectation& expected) {
  const std::string name = source.images.string();
  support::InputFile in(source.images);
  std::vector<std::uint8_t> bytes;
  if (in.append(bytes, kHeader) < kHeader || std::memcmp(bytes.data(), "JPK1", 4) != 0)
    throw FileError(fmt::format("{}: does not begin with 'JPK1' and a count", name));
  const std::size_t count = word_at(bytes, 4, 4);
  if (count == 0 || count > kMostImages)
    throw FileError(fmt::format("{}: byte 4: {} images do not fit (expected 1 to {})", name, count,
                                kMostImages));
  if (in.append(bytes, kEntry * count) < kEntry * count)
    throw FileError(fmt::format("{}: byte 4: {} images do not fit into its {} bytes", name, count,
                                bytes.size()));
  // The table tells how long the file is; what lies behind that is not read.
  std::size_t end = bytes.size();
  for (std::size_t i = 0; i < count; ++i) end += word_at(bytes, kHeader + kEntry * i + 4, 4);
  if (end > kLargestFile)
    throw FileError(
        fmt::format("{}: its images need {} bytes, the limit is {}", name, end, kLargestFile));
  in.append(bytes, end + 1 - bytes.size());
  std::size_t at = kHeader + kEntry * count;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t size = word_at(bytes, kHeader + kEntry * i + 4, 4);
    if (size > bytes.size() - at)
      throw FileError(
          fmt::format("{}: byte {}: image {} of {} bytes ends behind the file", name, at, i, size));
    at += size;
  }
  if (at != bytes.size())
    throw FileError(fmt::format("{}: byte {}: at least {} bytes behind the last image", name, at,
                                bytes.size() - at));

  Dataset data;
  data.count = std::min(count, source.limit);
  at = kHeader + kEntry * count;
  for (std::size_t i = 0; i < data.count; ++i) {
    const std::size_t entry = kHeader + kEntry * i;
    const std::uint32_t label = word_at(bytes, entry, 2);
    if (label >= expected.classes)
      throw FileError(fmt::format("{}: byte {}: label {} of image {}, expected 0 to {}", name,
                                  entry, label, i, expected.classes - 1));
    const std::size_t size = word_at(bytes, entry + 4, 4);
    const DecodedImage image = decode_image(bytes.data() + at, size, expected.channels, data.shape,
                                            fmt::format("{}: image {}", name, i));
    data.shape = image.shape;
    data.pixels.insert(data.pixels.end(), image.pixels.begin(), image.pixels.end());
    data.labels.push_back(static_cast<std::uint16_t>(label));
    at += size;
  }
  return data;
}

}  // namespace uswim::workloads
