#include "workloads/data/decode_image.h"

#include <fmt/format.h>
#include <png.h>
#include <turbojpeg.h>

#include <cstring>
#include <memory>
#include <type_traits>

#include "support/results.h"

namespace uswim::workloads {
namespace {

using support::FileError;

constexpr std::size_t kLargestSide = 4096;

void check_size(std::size_t height, std::size_t width, const Shape& before,
                const std::string& name) {
  if (before.channels != 0 && (height != before.height || width != before.width))
    throw FileError(fmt::format("{}: is {} pixels high and {} wide, the images before it {} and {}",
                                name, height, width, before.height, before.width));
  if (height == 0 || width == 0 || height > kLargestSide || width > kLargestSide)
    throw FileError(fmt::format("{}: is {} pixels high and {} wide (expected 1 to {})", name,
                                height, width, kLargestSide));
}

void refuse_colour(bool colour, std::size_t channels, const std::string& name) {
  if (colour && channels == 1)
    throw FileError(fmt::format("{}: is a colour image, the network takes one channel", name));
}

/// Rows of interleaved pixels to channels first.
std::vector<std::uint8_t> planar(const std::vector<std::uint8_t>& interleaved,
                                 std::size_t channels) {
  const std::size_t size = interleaved.size() / channels;
  std::vector<std::uint8_t> out(interleaved.size());
  for (std::size_t i = 0; i < size; ++i)
    for (std::size_t c = 0; c < channels; ++c) out[c * size + i] = interleaved[i * channels + c];
  return out;
}

DecodedImage decode_png(const std::uint8_t* bytes, std::size_t count, std::size_t channels,
                        const Shape& before, const std::string& name) {
  png_image image = {};
  image.version = PNG_IMAGE_VERSION;
  const std::unique_ptr<png_image, decltype(&png_image_free)> release(&image, png_image_free);
  const auto check = [&](int ok) {
    if (ok == 0 || image.warning_or_error != 0)
      throw FileError(fmt::format("{}: the PNG is damaged: {}", name, image.message));
  };
  check(png_image_begin_read_from_memory(&image, bytes, count));
  check_size(image.height, image.width, before, name);
  if ((image.format & PNG_FORMAT_FLAG_LINEAR) != 0)
    throw FileError(fmt::format("{}: has 16 bits a channel (expected 8)", name));
  if ((image.format & PNG_FORMAT_FLAG_ALPHA) != 0)
    throw FileError(fmt::format("{}: has transparent pixels", name));
  refuse_colour((image.format & PNG_FORMAT_FLAG_COLOR) != 0, channels, name);
  image.format = channels == 3 ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY;
  const Shape shape{channels, image.height, image.width};
  std::vector<std::uint8_t> pixels(shape.size());
  check(png_image_finish_read(&image, nullptr, pixels.data(), 0, nullptr));
  return {shape, planar(pixels, channels)};
}

DecodedImage decode_jpeg(const std::uint8_t* bytes, std::size_t count, std::size_t channels,
                         const Shape& before, const std::string& name) {
  const std::unique_ptr<std::remove_pointer_t<tjhandle>, decltype(&tjDestroy)> decoder(
      tjInitDecompress(), tjDestroy);
  // A warning (data that end early, a bad code) means pixels that the file does not hold.
  const auto check = [&](int failed) {
    if (failed != 0)
      throw FileError(
          fmt::format("{}: the JPEG is damaged: {}", name, tjGetErrorStr2(decoder.get())));
  };
  if (!decoder) throw FileError(fmt::format("{}: no JPEG decoder: out of memory", name));
  int width = 0, height = 0, subsampling = 0, colour_space = 0;
  check(tjDecompressHeader3(decoder.get(), bytes, count, &width, &height, &subsampling,
                            &colour_space));
  check_size(static_cast<std::size_t>(height), static_cast<std::size_t>(width), before, name);
  refuse_colour(colour_space != TJCS_GRAY, channels, name);
  const Shape shape{channels, static_cast<std::size_t>(height), static_cast<std::size_t>(width)};
  std::vector<std::uint8_t> pixels(shape.size());
  check(tjDecompress2(decoder.get(), bytes, count, pixels.data(), width, 0, height,
                      channels == 3 ? TJPF_RGB : TJPF_GRAY, TJFLAG_ACCURATEDCT));
  return {shape, planar(pixels, channels)};
}

}  // namespace

DecodedImage decode_image(const std::uint8_t* bytes, std::size_t count, std::size_t channels,
                          const Shape& before, const std::string& name) {
  static constexpr std::uint8_t kPng[] = {0x89, 'P', 'N', 'G'}, kJpeg[] = {0xff, 0xd8, 0xff};
  if (channels != 1 && channels != 3)
    throw FileError(
        fmt::format("{}: images have 1 or 3 channels, the network takes {}", name, channels));
  if (count > sizeof kPng && std::memcmp(bytes, kPng, sizeof kPng) == 0)
    return decode_png(bytes, count, channels, before, name);
  if (count > sizeof kJpeg && std::memcmp(bytes, kJpeg, sizeof kJpeg) == 0)
    return decode_jpeg(bytes, count, channels, before, name);
  throw FileError(fmt::format("{}: is neither a PNG nor a JPEG", name));
}

}  // namespace uswim::workloads
