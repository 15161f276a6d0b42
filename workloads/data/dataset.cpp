#include "workloads/data/dataset.h"

#include <fmt/format.h>

#include <algorithm>

#include "support/results.h"

namespace uswim::workloads {
namespace {

using support::content_hash;

void keep_first(Dataset& data, std::size_t limit) {
  if (data.count <= limit) return;
  data.count = limit;
  data.pixels.resize(limit * data.shape.size());
  data.labels.resize(limit);
  data.content_hash = content_hash(fmt::format("{} first {}", data.content_hash, limit));
}

void repeat_channel(Dataset& data) {
  const std::size_t size = data.shape.size();
  std::vector<std::uint8_t> pixels(3 * data.pixels.size());
  for (std::size_t i = 0; i < data.count; ++i)
    for (std::size_t c = 0; c < 3; ++c)
      std::copy_n(data.pixels.data() + i * size, size, pixels.data() + (3 * i + c) * size);
  data.pixels = std::move(pixels);
  data.shape.channels = 3;
  data.content_hash = content_hash(data.content_hash + " rgb");
}

std::string hash_of_contents(const Dataset& data) {
  return content_hash(
      fmt::format("{} x {} x {} {} {}", data.shape.channels, data.shape.height, data.shape.width,
                  content_hash(data.pixels.data(), data.pixels.size()),
                  content_hash(data.labels.data(), data.labels.size() * sizeof data.labels[0])));
}

}  // namespace

Dataset read_dataset(const DataSource& source, const DataExpectation& expected) {
  const DataExpectation bounded{std::min(expected.classes, kMostClasses), expected.channels};
  Dataset data;
  switch (source.format) {
    case DataFormat::Idx:
      data = read_idx(source.images, source.labels, bounded.classes);
      keep_first(data, source.limit);
      break;
    case DataFormat::Cifar10:
      data = read_cifar10(source, bounded.classes);
      break;
    case DataFormat::Npz:
      data = read_numpy(source, bounded.classes);
      break;
    case DataFormat::Images:
      data = read_image_files(source, bounded);
      break;
    case DataFormat::Jpk:
      data = read_jpk(source, bounded);
      break;
  }
  if (source.format != DataFormat::Idx) data.content_hash = hash_of_contents(data);
  if (data.shape.channels == 1 && expected.channels == 3) repeat_channel(data);
  return data;
}

}  // namespace uswim::workloads
