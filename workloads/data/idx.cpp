#include <fmt/format.h>

#include <algorithm>

#include "support/input_file.h"
#include "support/results.h"
#include "workloads/data/dataset.h"

namespace uswim::workloads {
namespace {

using support::FileError;

constexpr std::size_t kLargestFile = std::size_t{4} << 30;  // uncompressed
constexpr std::uint32_t kBytes = 0x08;                      // IDX code of unsigned bytes

struct IdxFile {
  std::vector<std::size_t> dims;
  std::vector<std::uint8_t> values;
  std::string content_hash;
};

std::uint32_t word_at(const std::vector<std::uint8_t>& bytes, std::size_t offset) {
  std::uint32_t word = 0;
  for (std::size_t i = 0; i < 4; ++i) word = word << 8 | bytes[offset + i];
  return word;
}

/// Y. LeCun's format: 0, 0, type, number of dimensions, the dimensions (big-endian, 4 bytes each),
/// the values.
IdxFile read_idx_file(const std::filesystem::path& file, std::size_t fewest_dims,
                      std::size_t most_dims, const char* what) {
  const std::string name = file.string();
  support::InputFile in(file);
  std::vector<std::uint8_t> bytes;
  if (in.append(bytes, 4) < 4)
    throw FileError(
        fmt::format("{}: {} bytes, too few for the header of an IDX file", name, bytes.size()));
  const std::uint32_t magic = word_at(bytes, 0);
  const std::size_t rank = magic & 0xff;
  if (magic >> 8 != kBytes || rank < fewest_dims || rank > most_dims)
    throw FileError(fmt::format("{}: byte 0: magic number 0x{:08x}, expected 0x{:08x} ({})", name,
                                magic, kBytes << 8 | fewest_dims, what));
  const std::size_t header = 4 + 4 * rank;
  if (in.append(bytes, header - 4) < header - 4)
    throw FileError(
        fmt::format("{}: byte {}: ends within its header of {} bytes", name, bytes.size(), header));
  IdxFile result;
  std::size_t size = 1;
  for (std::size_t d = 0; d < rank; ++d) {
    const std::size_t dim = word_at(bytes, 4 + 4 * d);
    if (dim == 0)
      throw FileError(fmt::format("{}: byte {}: dimension {} is 0", name, 4 + 4 * d, d));
    size = size > kLargestFile / dim ? kLargestFile + 1 : size * dim;
    result.dims.push_back(dim);
  }
  if (size > kLargestFile)
    throw FileError(
        fmt::format("{}: byte 4: its dimensions {} need {} bytes or more, the limit is "
                    "{}",
                    name, fmt::join(result.dims, " x "), size, kLargestFile));
  // One byte more than it needs tells whether it goes on; what is behind that is not read.
  const std::size_t behind = in.append(bytes, size + 1);
  if (behind != size)
    throw FileError(fmt::format("{}: {}{} bytes behind the header, but its dimensions {} need {}",
                                name, behind > size ? "at least " : "", behind,
                                fmt::join(result.dims, " x "), size));
  result.content_hash = support::content_hash(bytes.data(), bytes.size());
  bytes.erase(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(header));
  result.values = std::move(bytes);
  return result;
}

}  // namespace

Dataset read_idx(const std::filesystem::path& images, const std::filesystem::path& labels,
                 std::size_t classes) {
  IdxFile pixels = read_idx_file(images, 3, 4, "images as unsigned bytes");
  IdxFile marks = read_idx_file(labels, 1, 1, "labels as unsigned bytes");
  if (pixels.dims[0] != marks.dims[0])
    throw FileError(fmt::format("{} holds {} labels, but {} holds {} images", labels.string(),
                                marks.dims[0], images.string(), pixels.dims[0]));
  const auto bad = std::find_if(marks.values.begin(), marks.values.end(),
                                [&](std::uint8_t label) { return label >= classes; });
  if (bad != marks.values.end())
    throw FileError(fmt::format("{}: label {} of image {}, expected 0 to {}", labels.string(), *bad,
                                bad - marks.values.begin(), classes - 1));
  const std::size_t rank = pixels.dims.size();
  Dataset data;
  data.shape = {rank == 4 ? pixels.dims[1] : 1, pixels.dims[rank - 2], pixels.dims[rank - 1]};
  data.count = pixels.dims[0];
  data.pixels = std::move(pixels.values);
  data.labels.assign(marks.values.begin(), marks.values.end());
  data.content_hash = support::content_hash(pixels.content_hash + marks.content_hash);
  return data;
}

}  // namespace uswim::workloads
