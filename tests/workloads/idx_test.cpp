// Are IDX files read as they are, and damaged ones refused by name and place?
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <string>

#include "support/results.h"
#include "temporary_file.h"
#include "workloads/data/dataset.h"

namespace uswim::tests {
namespace {

using support::FileError;
using ::testing::AllOf;
using ::testing::HasSubstr;
using workloads::Dataset;
using workloads::read_idx;

std::string idx(unsigned rank, const std::vector<unsigned>& dims, const std::string& values) {
  std::string bytes{'\0', '\0', '\x08', static_cast<char>(rank)};
  for (const unsigned d : dims)
    for (const int shift : {24, 16, 8, 0}) bytes += static_cast<char>(d >> shift & 0xff);
  return bytes + values;
}

std::string gzip(const std::string& bytes) {
  const TemporaryFile file("", ".gz");
  gzFile out = gzopen(file.path().c_str(), "wb");
  gzwrite(out, bytes.data(), static_cast<unsigned>(bytes.size()));
  gzclose(out);
  std::ifstream in(file.path(), std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

Dataset read(const std::string& images, const std::string& labels, std::size_t classes = 256) {
  const TemporaryFile image_file(images, "_images"), label_file(labels, "_labels");
  return read_idx(image_file.path(), label_file.path(), classes);
}

std::string fault(const std::string& images, const std::string& labels, std::size_t classes = 256) {
  try {
    read(images, labels, classes);
  } catch (const FileError& error) {
    return error.what();
  }
  return "";
}

const std::string kImages = idx(3, {2, 2, 3}, "abcdefghijkl");
const std::string kLabels = idx(1, {2}, std::string("\x03\x09", 2));

TEST(IdxFiles, HoldImagesAndLabels) {
  const Dataset data = read(kImages, kLabels, 10);
  EXPECT_EQ(data.count, 2u);
  EXPECT_TRUE(data.shape == (workloads::Shape{1, 2, 3}));
  EXPECT_EQ(std::string(data.pixels.begin(), data.pixels.end()), "abcdefghijkl");
  EXPECT_EQ(data.labels, (std::vector<std::uint16_t>{3, 9}));
}

TEST(IdxFiles, MayHaveChannels) {
  const Dataset data = read(idx(4, {2, 3, 1, 2}, "abcdefghijkl"), kLabels);
  EXPECT_TRUE(data.shape == (workloads::Shape{3, 1, 2}));
}

TEST(IdxFiles, AreTheSameCompressed) {
  const Dataset plain = read(kImages, kLabels), packed = read(gzip(kImages), gzip(kLabels));
  EXPECT_EQ(plain.pixels, packed.pixels);
  EXPECT_EQ(plain.labels, packed.labels);
  EXPECT_EQ(plain.content_hash, packed.content_hash);
}

TEST(IdxFiles, HashDependsOnPixelsLabelsAndShape) {
  const std::string hash = read(kImages, kLabels).content_hash;
  EXPECT_NE(hash, read(idx(3, {2, 2, 3}, "abcdefghijkm"), kLabels).content_hash);
  EXPECT_NE(hash, read(kImages, idx(1, {2}, std::string("\x03\x08", 2))).content_hash);
  EXPECT_NE(hash, read(idx(3, {2, 3, 2}, "abcdefghijkl"), kLabels).content_hash);
}

TEST(RefusedIdxFiles, NameABadMagicNumber) {
  EXPECT_THAT(fault(kLabels, kLabels),
              AllOf(HasSubstr("_images"), HasSubstr("0x00000801"), HasSubstr("0x00000803")));
  EXPECT_THAT(fault(kImages, kImages), AllOf(HasSubstr("_labels"), HasSubstr("0x00000801")));
  std::string floats = kImages;
  floats[2] = '\x0d';
  EXPECT_THAT(fault(floats, kLabels), HasSubstr("0x00000d03"));
  EXPECT_THAT(fault("PNG image data", kLabels), HasSubstr("magic"));
}

TEST(RefusedIdxFiles, AreThoseCutAnywhere) {
  for (std::size_t length = 0; length < kImages.size(); ++length)
    EXPECT_THAT(fault(kImages.substr(0, length), kLabels), HasSubstr("_images")) << length;
  for (std::size_t length = 0; length < kLabels.size(); ++length)
    EXPECT_THAT(fault(kImages, kLabels.substr(0, length)), HasSubstr("_labels")) << length;
}

TEST(RefusedIdxFiles, AreCompressedOnesCutAnywhere) {
  const std::string packed = gzip(kImages);
  for (std::size_t length = 0; length < packed.size(); ++length)
    EXPECT_THAT(fault(packed.substr(0, length), kLabels), HasSubstr("_images")) << length;
}

TEST(RefusedIdxFiles, AreLongerThanTheirHeaderSays) {
  EXPECT_THAT(fault(kImages + "x", kLabels), AllOf(HasSubstr("13 bytes"), HasSubstr("12")));
}

/// A small file can unpack to any number of bytes: what the header does not tell of stays unread,
/// the damage behind it too.
TEST(RefusedIdxFiles, AreNotReadBeyondTheirHeader) {
  std::string packed = gzip(kImages + std::string(std::size_t{1} << 24, '\0'));
  packed.resize(packed.size() / 2);
  EXPECT_THAT(fault(packed, kLabels), AllOf(HasSubstr("at least 13 bytes"), HasSubstr("need 12")));
}

TEST(RefusedIdxFiles, HaveDifferentCounts) {
  EXPECT_THAT(fault(kImages, idx(1, {3}, "abc")),
              AllOf(HasSubstr("3 labels"), HasSubstr("2 images")));
}

TEST(RefusedIdxFiles, HaveLabelsOutsideTheClasses) {
  EXPECT_THAT(fault(kImages, kLabels, 9),
              AllOf(HasSubstr("label 9"), HasSubstr("image 1"), HasSubstr("0 to 8")));
  EXPECT_EQ(fault(kImages, kLabels, 10), "");
}

TEST(RefusedIdxFiles, HaveDimensionsThatOverflow) {
  EXPECT_THAT(fault(idx(4, {~0u, ~0u, ~0u, ~0u}, ""), kLabels), HasSubstr("or more"));
  EXPECT_THAT(fault(idx(3, {2, 0, 3}, ""), kLabels), HasSubstr("dimension 1 is 0"));
}

TEST(RefusedIdxFiles, AreDevices) { EXPECT_THROW(read_idx("/dev/zero", "/dev/zero"), FileError); }

TEST(RefusedIdxFiles, AreMissing) {
  EXPECT_THROW(read_idx("/nowhere/images", "/nowhere/labels"), FileError);
}

}  // namespace
}  // namespace uswim::tests
