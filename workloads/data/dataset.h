#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "workloads/network/network.h"

namespace uswim::workloads {

/// Labelled images as bytes. The network sees pixel / 255, or what its normalisation makes of it.
struct Dataset {
  Shape shape;  ///< of one image, channels first
  std::size_t count = 0;
  std::vector<std::uint8_t> pixels;  ///< count x channels x height x width
  std::vector<std::uint16_t> labels;  ///< count
  std::string content_hash;
};

enum class DataFormat { Idx, Cifar10, Npz, Images, Jpk };
inline constexpr std::array<std::pair<std::string_view, DataFormat>, 5> kDataFormats{
    {{"idx", DataFormat::Idx},
     {"cifar10", DataFormat::Cifar10},
     {"npz", DataFormat::Npz},
     {"images", DataFormat::Images},
     {"jpk", DataFormat::Jpk}}};

/// Order of the axes of an image array.
enum class ArrayLayout { Nchw, Nhwc };
inline constexpr std::array<std::pair<std::string_view, ArrayLayout>, 2> kArrayLayouts{
    {{"nchw", ArrayLayout::Nchw}, {"nhwc", ArrayLayout::Nhwc}}};

/// Where labelled images lie.
struct DataSource {
  DataFormat format = DataFormat::Idx;
  std::filesystem::path images;            ///< file or folder, see the readers
  std::filesystem::path labels;            ///< may be empty where `images` holds the labels
  ArrayLayout layout = ArrayLayout::Nchw;  ///< npz
  std::string image_array = "images";      ///< npz: name inside an .npz file
  std::string label_array = "labels";      ///< npz: name inside an .npz file
  std::size_t limit = kUnlimited;          ///< images that are taken, the first ones
  static constexpr std::size_t kUnlimited = 1'000'000'000;
};

/// Labels have 16 bits.
inline constexpr std::size_t kMostClasses = 65536;

/// What the images are for: a label must be below `classes`, an image has `channels`.
struct DataExpectation {
  std::size_t classes = 256;
  std::size_t channels = 1;
};

/// Reads any format. Greyscale images become three equal channels where three are expected. Throws
/// support::FileError naming file and place.
Dataset read_dataset(const DataSource& source, const DataExpectation& expected);

/// Reads a pair of IDX files (plain or gzip): images [N, height, width] or [N, channels, height,
/// width], labels [N], unsigned bytes. Throws support::FileError naming file and place: bad magic,
/// counts that differ, a size that does not match the header, a label outside [0, classes).
/// `classes` 256 allows every byte.
Dataset read_idx(const std::filesystem::path& images, const std::filesystem::path& labels,
                 std::size_t classes = 256);

/// CIFAR-10's binary version: records of a label byte and 3 x 32 x 32 pixels. `images` is one batch
/// or a folder, of which every data_batch_N.bin is read in the order of N.
Dataset read_cifar10(const DataSource& source, std::size_t classes);

/// NumPy arrays: `images` uint8 of shape [N, C, H, W], [N, H, W, C] (by `layout`) or [N, H, W],
/// `labels` [N] of uint8, int32 or int64. Each is an .npy file or an array inside an .npz file;
/// without `labels` both are in the .npz `images`.
Dataset read_numpy(const DataSource& source, std::size_t classes);

/// PNG and JPEG files in the folder `images`. `labels` is a text file: a line holds a file's name,
/// blanks, its label, and may go on; images come in its order. Labels are whole numbers, or words
/// that are numbered in alphabetical order. Without `labels` the folders inside `images` are the
/// classes, in alphabetical order, with their files at any depth; images come round robin: the
/// first file of every class, then the second ones. Words and folders have to be as many as
/// `expected.classes`, those behind `limit` included.
Dataset read_image_files(const DataSource& source, const DataExpectation& expected);

/// Packed JPEGs: "JPK1", u32 count, count x (u16 label, u16 0, u32 bytes), the JPEGs; little
/// endian.
Dataset read_jpk(const DataSource& source, const DataExpectation& expected);

}  // namespace uswim::workloads
