#include <fmt/format.h>
#include <fmt/ranges.h>
#include <zip.h>

#include <algorithm>
#include <memory>

#include "support/input_file.h"
#include "support/results.h"
#include "workloads/data/dataset.h"

namespace uswim::workloads {
namespace {

namespace fs = std::filesystem;
using support::FileError;
using support::ReadBytes;

struct ArchiveClose {
  void operator()(zip_t* archive) const { zip_discard(archive); }
};
struct EntryClose {
  void operator()(zip_file_t* file) const { zip_fclose(file); }
};

bool is_archive(const fs::path& file) {
  char magic[2] = {};
  return support::InputFile(file).read(magic, 2) == 2 && magic[0] == 'P' && magic[1] == 'K';
}

/// Hands `use` the bytes of an array: the file itself, or `array`.npy inside an archive.
template <class Use>
auto with_array(const fs::path& file, const std::string& array, Use use) {
  if (!is_archive(file)) {
    support::InputFile in(file);
    return use([&](void* to, std::size_t size) { return in.read(to, size); }, file.string());
  }
  int code = 0;
  const std::unique_ptr<zip_t, ArchiveClose> archive(zip_open(file.c_str(), ZIP_RDONLY, &code));
  if (!archive) {
    zip_error_t error;
    zip_error_init_with_code(&error, code);
    const std::string message = zip_error_strerror(&error);
    zip_error_fini(&error);
    throw FileError(fmt::format("{}: the archive cannot be read: {}", file.string(), message));
  }
  const std::string name = array + ".npy", place = fmt::format("{}: {}", file.string(), name);
  const std::unique_ptr<zip_file_t, EntryClose> entry(zip_fopen(archive.get(), name.c_str(), 0));
  if (!entry) {
    std::string held;
    for (zip_int64_t i = 0; i < std::min<zip_int64_t>(zip_get_num_entries(archive.get(), 0), 20);
         ++i)
      if (const char* other = zip_get_name(archive.get(), static_cast<zip_uint64_t>(i), 0))
        held += fmt::format("{}{}", held.empty() ? "" : ", ", other);
    throw FileError(fmt::format("{}: is not in the archive (it holds {})", place,
                                held.empty() ? "nothing" : held));
  }
  return use(
      [&](void* to, std::size_t size) {
        std::size_t done = 0;
        while (done < size) {
          const zip_int64_t got =
              zip_fread(entry.get(), static_cast<char*>(to) + done, size - done);
          if (got < 0)
            throw FileError(fmt::format("{}: the archive is damaged: {}", place,
                                        zip_file_strerror(entry.get())));
          if (got == 0) break;
          done += static_cast<std::size_t>(got);
        }
        return done;
      },
      place);
}

/// [N, H, W, C] to [N, C, H, W].
std::vector<std::uint8_t> channels_first(const std::vector<std::uint8_t>& pixels,
                                         const Shape& shape) {
  const std::size_t area = shape.height * shape.width, size = shape.size();
  std::vector<std::uint8_t> out(pixels.size());
  for (std::size_t first = 0; first < pixels.size(); first += size)
    for (std::size_t i = 0; i < area; ++i)
      for (std::size_t c = 0; c < shape.channels; ++c)
        out[first + c * area + i] = pixels[first + i * shape.channels + c];
  return out;
}

}  // namespace

Dataset read_numpy(const DataSource& source, std::size_t classes) {
  support::NpyArray<std::uint8_t> images = with_array(
      source.images, source.image_array, [](const ReadBytes& read, std::string_view name) {
        return support::read_npy<std::uint8_t>(read, name);
      });
  const fs::path& label_file = source.labels.empty() ? source.images : source.labels;
  const support::NpyArray<std::int64_t> labels =
      with_array(label_file, source.label_array, [](const ReadBytes& read, std::string_view name) {
        return support::read_npy_whole(read, name);
      });
  const std::vector<std::size_t>& dims = images.shape;
  if ((dims.size() != 3 && dims.size() != 4) ||
      std::find(dims.begin(), dims.end(), std::size_t{0}) != dims.end())
    throw FileError(
        fmt::format("{}: images have the shape ({}) (expected 3 or 4 dimensions, none of them 0)",
                    source.images.string(), fmt::join(dims, ", ")));
  if (labels.shape != std::vector<std::size_t>{dims[0]})
    throw FileError(fmt::format("{}: labels have the shape ({}), but {} holds {} images",
                                label_file.string(), fmt::join(labels.shape, ", "),
                                source.images.string(), dims[0]));
  Dataset data;
  data.count = std::min(dims[0], source.limit);
  if (dims.size() == 3)
    data.shape = {1, dims[1], dims[2]};
  else if (source.layout == ArrayLayout::Nchw)
    data.shape = {dims[1], dims[2], dims[3]};
  else
    data.shape = {dims[3], dims[1], dims[2]};
  data.pixels = std::move(images.values);
  data.pixels.resize(data.count * data.shape.size());
  if (dims.size() == 4 && source.layout == ArrayLayout::Nhwc)
    data.pixels = channels_first(data.pixels, data.shape);
  for (std::size_t i = 0; i < data.count; ++i) {
    const std::int64_t label = labels.values[i];
    if (label < 0 || label >= static_cast<std::int64_t>(classes))
      throw FileError(fmt::format("{}: label {} of image {}, expected 0 to {}", label_file.string(),
                                  label, i, classes - 1));
    data.labels.push_back(static_cast<std::uint16_t>(label));
  }
  return data;
}

}  // namespace uswim::workloads
