#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>

#include "support/results.h"
#include "workloads/data/dataset.h"

namespace uswim::workloads {
namespace {

namespace fs = std::filesystem;
using support::FileError;

constexpr Shape kImage{3, 32, 32};
constexpr std::size_t kRecord = 1 + 3 * 32 * 32;
constexpr std::size_t kLargestFile = std::size_t{1} << 28;  // all 60,000 images are 184 MB
constexpr std::string_view kPrefix = "data_batch_", kSuffix = ".bin";

/// The number N of a name data_batch_N.bin, 0 for any other name.
unsigned batch_number(std::string_view name) {
  if (name.size() <= kPrefix.size() + kSuffix.size() || name.substr(0, kPrefix.size()) != kPrefix ||
      name.substr(name.size() - kSuffix.size()) != kSuffix)
    return 0;
  name = name.substr(kPrefix.size(), name.size() - kPrefix.size() - kSuffix.size());
  unsigned number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  return error == std::errc() && end == name.data() + name.size() ? number : 0;
}

std::vector<fs::path> batches(const fs::path& images) {
  std::error_code error;
  if (!fs::is_directory(images, error)) return {images};
  std::map<unsigned, fs::path> numbered;
  for (const fs::directory_entry& entry : fs::directory_iterator(images, error))
    if (const unsigned n = batch_number(entry.path().filename().string()))
      numbered.emplace(n, entry.path());
  if (error) throw FileError(fmt::format("{}: {}", images.string(), error.message()));
  if (numbered.empty())
    throw FileError(fmt::format("{}: holds no {}N{} (a folder stands for the training batches)",
                                images.string(), kPrefix, kSuffix));
  std::vector<fs::path> files;
  for (const auto& [n, file] : numbered) files.push_back(file);
  return files;
}

}  // namespace

Dataset read_cifar10(const DataSource& source, std::size_t classes) {
  Dataset data;
  data.shape = kImage;
  for (const fs::path& file : batches(source.images)) {
    if (data.count == source.limit) break;
    const std::vector<std::uint8_t> bytes = support::read_file(file, kLargestFile);
    if (bytes.empty() || bytes.size() % kRecord != 0)
      throw FileError(
          fmt::format("{}: {} bytes are no whole number of records of {} bytes (a label and 3 x 32 "
                      "x 32 pixels)",
                      file.string(), bytes.size(), kRecord));
    const std::size_t records = std::min(bytes.size() / kRecord, source.limit - data.count);
    for (std::size_t r = 0; r < records; ++r) {
      const auto record = bytes.begin() + static_cast<std::ptrdiff_t>(r * kRecord);
      if (*record >= classes)
        throw FileError(fmt::format("{}: byte {}: label {} of image {}, expected 0 to {}",
                                    file.string(), r * kRecord, *record, r, classes - 1));
      data.labels.push_back(*record);
      data.pixels.insert(data.pixels.end(), record + 1, record + kRecord);
    }
    data.count += records;
  }
  return data;
}

}  // namespace uswim::workloads
