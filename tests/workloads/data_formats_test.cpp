// Do all formats give the pixels that other readers see, and are damaged files refused by name?
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include "../support/temporary_directory.h"
#include "support/results.h"
#include "workloads/data/dataset.h"

namespace uswim::tests {
namespace {

namespace fs = std::filesystem;
using support::FileError;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using workloads::DataExpectation;
using workloads::DataFormat;
using workloads::Dataset;
using workloads::DataSource;
using workloads::read_dataset;

const fs::path kImages = USWIM_SOURCE_DIR "/tests/workloads/images";
const DataExpectation kColour{10, 3}, kGray{10, 1};

DataSource source(DataFormat format, const fs::path& images, const fs::path& labels = {}) {
  DataSource s;
  s.format = format;
  s.images = images;
  s.labels = labels;
  return s;
}

std::string fault(const DataSource& s, const DataExpectation& expected = kColour) {
  return message_of<FileError>([&] { read_dataset(s, expected); });
}

std::string pixels_of(const Dataset& data) { return {data.pixels.begin(), data.pixels.end()}; }

/// Little-endian.
std::string number(std::size_t value, unsigned bytes) {
  std::string text;
  for (unsigned i = 0; i < bytes; ++i) text += static_cast<char>(value >> 8 * i & 0xff);
  return text;
}

std::string record(char label, char pixel) { return label + std::string(3072, pixel); }

std::string jpk(const std::vector<std::pair<unsigned, std::string>>& images) {
  std::string bytes = "JPK1" + number(images.size(), 4), rest;
  for (const auto& [label, image] : images) {
    bytes += number(label, 2) + number(0, 2) + number(image.size(), 4);
    rest += image;
  }
  return bytes + rest;
}

TEST(Cifar10, BatchesAreRecordsOfALabelAndPlanarPixels) {
  const TemporaryDirectory t;
  std::string first = record(3, 'a');
  first[1 + 1024] = 'G';  // the first green pixel
  const Dataset data =
      read_dataset(source(DataFormat::Cifar10, t.file("b.bin", first + record(9, 'b'))), kColour);
  EXPECT_EQ(data.count, 2u);
  EXPECT_TRUE(data.shape == (workloads::Shape{3, 32, 32}));
  EXPECT_EQ(data.labels, (std::vector<std::uint16_t>{3, 9}));
  EXPECT_EQ(pixels_of(data), first.substr(1) + std::string(3072, 'b'));
}

TEST(Cifar10, AFolderGivesItsTrainingBatchesInOrder) {
  const TemporaryDirectory t;
  t.file("data_batch_10.bin", record(2, 'c'));
  t.file("data_batch_2.bin", record(1, 'b'));
  t.file("data_batch_1.bin", record(0, 'a'));
  t.file("test_batch.bin", record(9, 'z'));
  DataSource s = source(DataFormat::Cifar10, t.path());
  EXPECT_EQ(read_dataset(s, kColour).labels, (std::vector<std::uint16_t>{0, 1, 2}));
  s.limit = 2;
  EXPECT_EQ(read_dataset(s, kColour).labels, (std::vector<std::uint16_t>{0, 1}));
}

TEST(Cifar10, DamagedBatchesAreRefused) {
  const TemporaryDirectory t;
  const auto in = [&](const std::string& bytes) {
    return fault(source(DataFormat::Cifar10, t.file("b.bin", bytes)));
  };
  EXPECT_THAT(in(record(0, 'a').substr(1)), AllOf(HasSubstr("b.bin"), HasSubstr("3072 bytes")));
  EXPECT_THAT(in(""), HasSubstr("0 bytes"));
  EXPECT_THAT(in(record(0, 'a') + record(10, 'b')),
              AllOf(HasSubstr("byte 3073"), HasSubstr("label 10 of image 1"), HasSubstr("0 to 9")));
  EXPECT_THAT(fault(source(DataFormat::Cifar10, t / "none.bin")), HasSubstr("none.bin"));
  const TemporaryDirectory empty;
  EXPECT_THAT(fault(source(DataFormat::Cifar10, empty.path())), HasSubstr("data_batch_N.bin"));
}

TEST(ImageFiles, HaveThePixelsThatPillowReads) {
  const TemporaryDirectory t;
  for (const char* name : {"colour.png", "palette.png", "colour.jpg", "progressive.jpg"}) {
    const fs::path list = t.file("list.txt", std::string(name) + " 5\n");
    const Dataset data = read_dataset(source(DataFormat::Images, kImages, list), kColour);
    std::string raw(name);
    raw[raw.find('.')] = '_';
    EXPECT_TRUE(data.shape == (workloads::Shape{3, 9, 14})) << name;
    EXPECT_EQ(pixels_of(data), bytes_of(kImages / (raw + ".raw"))) << name;
    EXPECT_EQ(data.labels, std::vector<std::uint16_t>{5});
  }
  for (const char* name : {"gray.png", "gray.jpg"}) {
    const fs::path list = t.file("list.txt", std::string(name) + " 5\n");
    std::string raw(name);
    raw[raw.find('.')] = '_';
    const std::string want = bytes_of(kImages / (raw + ".raw"));
    const DataSource s = source(DataFormat::Images, kImages, list);
    EXPECT_EQ(pixels_of(read_dataset(s, kGray)), want) << name;
    EXPECT_EQ(pixels_of(read_dataset(s, kColour)), want + want + want) << name;
  }
}

TEST(ImageFiles, LabelsAreNumbersOrWordsInAlphabeticalOrder) {
  const TemporaryDirectory t;
  const auto labels = [&](const std::string& list) {
    return read_dataset(source(DataFormat::Images, kImages, t.file("list.txt", list)), kColour)
        .labels;
  };
  EXPECT_EQ(labels("colour.png\t9\n\ncolour.jpg\t2\r\n"), (std::vector<std::uint16_t>{9, 2}));
  DataSource words =
      source(DataFormat::Images, kImages,
             t.file("list.txt", "colour.png n02 0 0 62 62\ncolour.jpg n01 1 2\npalette.png n02\n"));
  EXPECT_EQ(read_dataset(words, {2, 3}).labels, (std::vector<std::uint16_t>{1, 0, 1}));
  words.limit = 1;  // the words of the whole list are numbered
  EXPECT_EQ(read_dataset(words, {2, 3}).labels, std::vector<std::uint16_t>{1});
}

// A class that is missing would move the numbers of all that follow it.
TEST(ImageFiles, HaveAWordForEveryClass) {
  const TemporaryDirectory t;
  const auto with = [&](const std::string& list) {
    return fault(source(DataFormat::Images, kImages, t.file("list.txt", list)));
  };
  EXPECT_THAT(with("colour.png cat\ncolour.jpg dog\n"),
              AllOf(HasSubstr("list.txt"), HasSubstr("2 different words"), HasSubstr("'cat'"),
                    HasSubstr("'dog'"), HasSubstr("10 classes")));
  fs::create_directories(t / "set/a");
  fs::create_directories(t / "set/empty");
  fs::copy(kImages / "colour.png", t / "set/a/1.png");
  const DataSource folders = source(DataFormat::Images, t / "set");
  EXPECT_THAT(fault(folders),
              AllOf(HasSubstr("/set"), HasSubstr("1 folders"), HasSubstr("10 classes")));
  EXPECT_THAT(fault(folders, {300, 3}), HasSubstr("300 classes"));
  EXPECT_EQ(read_dataset(folders, {1, 3}).labels, std::vector<std::uint16_t>{0});
}

TEST(ImageFiles, OfClassFoldersAreTakenRoundRobin) {
  const TemporaryDirectory t;
  for (const char* name : {"a/1.png", "a/2.png", "a/3.png", "b/1.png", "c/1.png", "c/x/2.png"}) {
    fs::create_directories((t / name).parent_path());
    fs::copy(kImages / (name[0] == 'a' ? "palette.png" : "colour.png"), t / name);
  }
  DataSource s = source(DataFormat::Images, t.path());
  EXPECT_EQ(read_dataset(s, {3, 3}).labels, (std::vector<std::uint16_t>{0, 1, 2, 0, 2, 0}));
  s.limit = 4;
  const Dataset first = read_dataset(s, {3, 3});
  EXPECT_EQ(first.labels, (std::vector<std::uint16_t>{0, 1, 2, 0}));
  EXPECT_EQ(pixels_of(first).substr(3 * first.shape.size()), bytes_of(kImages / "palette_png.raw"));
}

TEST(ImageFiles, ListsAreText) {
  const TemporaryDirectory t;
  const auto with = [&](const std::string& bytes) {
    return fault(source(DataFormat::Images, kImages, t.file("list.txt", bytes)));
  };
  EXPECT_THAT(with(bytes_of(kImages / "colour.png")),
              AllOf(HasSubstr("list.txt:2"), HasSubstr("is 0x1a"), HasSubstr("no text file")));
  EXPECT_THAT(with("colour.png 1\ncolour" + std::string(1, '\0') + ".jpg 2\n"),
              AllOf(HasSubstr("list.txt:2"), HasSubstr("byte 19"), HasSubstr("no text file")));
  EXPECT_THAT(with("colour.png 1\n\x1b[31mred 2\n"), Not(HasSubstr("\x1b")));
}

TEST(ImageFiles, FoldersAreClassesWithoutAList) {
  const TemporaryDirectory t;
  fs::create_directories(t / "b/images");
  fs::create_directories(t / "a");
  fs::copy(kImages / "colour.png", t / "b/images/1.png");
  fs::copy(kImages / "colour.jpg", t / "a/2.JPEG");
  t.file("a/notes.txt", "not an image");
  const Dataset data = read_dataset(source(DataFormat::Images, t.path()), {2, 3});
  EXPECT_EQ(data.labels, (std::vector<std::uint16_t>{0, 1}));
  EXPECT_EQ(pixels_of(data).substr(data.shape.size()), bytes_of(kImages / "colour_png.raw"));
}

TEST(ImageFiles, ThoseThatCannotBeUsedAreNamed) {
  const TemporaryDirectory t;
  fs::copy(kImages / "colour.png", t / "good.png");
  const auto with = [&](const std::string& list, const DataExpectation& expected = kColour) {
    return fault(source(DataFormat::Images, t.path(), t.file("list.txt", list)), expected);
  };
  const auto copied = [&](const char* name) {
    fs::copy_file(kImages / name, t / name, fs::copy_options::overwrite_existing);
    return with(std::string(name) + " 1\n");
  };
  EXPECT_THAT(with("good.png\n"), AllOf(HasSubstr("list.txt:1"), HasSubstr("no label")));
  EXPECT_THAT(with("good.png 1\ngood.png cat\n"), AllOf(HasSubstr("list.txt:2"), HasSubstr("cat")));
  EXPECT_THAT(with("good.png 10\n"), AllOf(HasSubstr("list.txt:1"), HasSubstr("0 to 9")));
  EXPECT_THAT(with("../good.png 1\n"), HasSubstr("leads out of the folder"));
  EXPECT_THAT(with("/etc/passwd 1\n"), HasSubstr("leads out of the folder"));
  EXPECT_THAT(with("none.png 1\n"), HasSubstr("none.png"));
  EXPECT_THAT(with("\n"), HasSubstr("names no image"));
  EXPECT_THAT(with("list.txt 1\n"), HasSubstr("neither a PNG nor a JPEG"));
  EXPECT_THAT(with("good.png 1\n", kGray), HasSubstr("colour image"));
  EXPECT_THAT(copied("transparent.png"), HasSubstr("transparent"));
  EXPECT_THAT(copied("sixteen_bits.png"), HasSubstr("16 bits"));
  EXPECT_THAT(copied("cmyk.jpg"), HasSubstr("cmyk.jpg"));
  EXPECT_THAT(fault(source(DataFormat::Images, t.path())), HasSubstr("no folder in it"));
  EXPECT_THAT(fault(source(DataFormat::Images, t / "nowhere")), HasSubstr("nowhere"));
  fs::copy(kImages / "small.png", t / "small.png");
  EXPECT_THAT(with("good.png 1\nsmall.png 1\n"),
              AllOf(HasSubstr("small.png"), HasSubstr("9 and 14")));
}

TEST(ImageFiles, CutAnywhereAreRefused) {
  const TemporaryDirectory t;
  const fs::path list = t.file("list.txt", "cut 1\n");
  // JPEG's end marker carries no pixels: without it libjpeg warns, which counts as damage too.
  for (const char* name : {"colour.png", "colour.jpg"}) {
    const std::string whole = bytes_of(kImages / name);
    for (std::size_t size = 0; size + 12 < whole.size(); size += 7) {
      t.file("cut", whole.substr(0, size));
      EXPECT_THAT(fault(source(DataFormat::Images, t.path(), list)), HasSubstr("cut"))
          << name << " " << size;
    }
  }
}

TEST(PackedJpegs, HoldImagesAndLabels) {
  const TemporaryDirectory t;
  const std::string colour = bytes_of(kImages / "colour.jpg"),
                    gray = bytes_of(kImages / "gray.jpg"), raw = bytes_of(kImages / "gray_jpg.raw");
  DataSource s = source(DataFormat::Jpk, t.file("a.jpk", jpk({{199, colour}, {7, gray}})));
  const Dataset data = read_dataset(s, {200, 3});
  EXPECT_EQ(data.labels, (std::vector<std::uint16_t>{199, 7}));
  EXPECT_EQ(pixels_of(data), bytes_of(kImages / "colour_jpg.raw") + raw + raw + raw);
  s.limit = 1;
  EXPECT_EQ(read_dataset(s, {200, 3}).labels, std::vector<std::uint16_t>{199});
}

TEST(PackedJpegs, DamagedFilesAreRefused) {
  const TemporaryDirectory t;
  const std::string whole = jpk({{1, bytes_of(kImages / "colour.jpg")}});
  const auto in = [&](const std::string& bytes) {
    return fault(source(DataFormat::Jpk, t.file("a.jpk", bytes)));
  };
  for (std::size_t size = 0; size < whole.size(); size += size < 20 ? 1 : 61)
    EXPECT_THAT(in(whole.substr(0, size)), HasSubstr("a.jpk")) << size;
  EXPECT_THAT(in(whole + "x"), HasSubstr("1 bytes behind"));
  EXPECT_THAT(in("JPK1" + number(0xffffffff, 4)), HasSubstr("do not fit"));
  EXPECT_THAT(in("JPK1" + number(1u << 24, 4)), HasSubstr("do not fit into its 8 bytes"));
  const std::string of_4_gib = number(0, 4) + number(0xffffffff, 4);
  EXPECT_THAT(in("JPK1" + number(2, 4) + of_4_gib + of_4_gib), HasSubstr("need 8589934614 bytes"));
  EXPECT_THAT(in(jpk({{10, bytes_of(kImages / "colour.jpg")}})),
              AllOf(HasSubstr("byte 8"), HasSubstr("label 10")));
  EXPECT_THAT(in(jpk({{1, "no image"}})), AllOf(HasSubstr("image 0"), HasSubstr("neither")));
}

TEST(NumpyArrays, AreReadFromArchivesInBothLayouts) {
  DataSource stored = source(DataFormat::Npz, kImages / "stored.npz");
  DataSource deflated = source(DataFormat::Npz, kImages / "deflated.npz");
  deflated.layout = workloads::ArrayLayout::Nhwc;
  deflated.image_array = "x_test";
  deflated.label_array = "y_test";
  for (const DataSource& s : {stored, deflated}) {
    const Dataset data = read_dataset(s, {10, 2});
    EXPECT_TRUE(data.shape == (workloads::Shape{2, 4, 5}));
    EXPECT_EQ(data.labels, (std::vector<std::uint16_t>{7, 0, 3}));
    EXPECT_EQ(pixels_of(data), bytes_of(kImages / "npz.raw"));
  }
  EXPECT_EQ(read_dataset(stored, {10, 2}).content_hash,
            read_dataset(deflated, {10, 2}).content_hash);
}

TEST(NumpyArrays, MayBeAPairOfFiles) {
  const TemporaryDirectory t;
  const fs::path images =
      t.file("x.npy", support::npy_bytes({2, 1, 2}, std::vector<std::uint8_t>{1, 2, 3, 4}, false));
  const fs::path labels =
      t.file("y.npy", support::npy_bytes({2}, std::vector<std::uint8_t>{9, 8}, false));
  DataSource s = source(DataFormat::Npz, images, labels);
  EXPECT_EQ(read_dataset(s, kGray).pixels, (std::vector<std::uint8_t>{1, 2, 3, 4}));
  EXPECT_EQ(read_dataset(s, kColour).pixels,
            (std::vector<std::uint8_t>{1, 2, 1, 2, 1, 2, 3, 4, 3, 4, 3, 4}));
  s.limit = 1;
  EXPECT_EQ(read_dataset(s, kGray).labels, std::vector<std::uint16_t>{9});
}

TEST(NumpyArrays, MayHaveLabelsOfSixteenBits) {
  const TemporaryDirectory t;
  std::string labels = support::npy_bytes({16}, std::vector<std::uint8_t>(16), false);
  labels.resize(labels.size() - 16);
  labels.replace(labels.find("|u1"), 3, "<i8");
  labels.replace(labels.find("(16,)"), 5, "(2,) ");
  labels += number(299, 8) + number(7, 8);
  const fs::path images =
      t.file("x.npy", support::npy_bytes({2, 1, 2}, std::vector<std::uint8_t>{1, 2, 3, 4}, false));
  const DataSource s = source(DataFormat::Npz, images, t.file("y.npy", labels));
  EXPECT_EQ(read_dataset(s, {300, 1}).labels, (std::vector<std::uint16_t>{299, 7}));
  EXPECT_THAT(fault(s, {299, 1}), HasSubstr("label 299 of image 0, expected 0 to 298"));
  labels.replace(labels.find("<i8"), 3, "<f8");
  EXPECT_THAT(fault(source(DataFormat::Npz, images, t.file("y.npy", labels)), {300, 1}),
              HasSubstr("holds dtype <f8 (expected whole numbers: |u1, <i4 or <i8)"));
}

TEST(NumpyArrays, ThatDoNotFitAreRefused) {
  const TemporaryDirectory t;
  const auto array = [](std::vector<std::size_t> shape, std::vector<std::uint8_t> values) {
    return support::npy_bytes(shape, values, false);
  };
  const auto with = [&](const std::string& images, const std::string& labels) {
    return fault(source(DataFormat::Npz, t.file("x.npy", images), t.file("y.npy", labels)), kGray);
  };
  const std::string images = array({2, 1, 2}, {1, 2, 3, 4}), labels = array({2}, {9, 8});
  EXPECT_THAT(with(images, array({3}, {1, 2, 3})), AllOf(HasSubstr("(3)"), HasSubstr("2 images")));
  EXPECT_THAT(with(images, array({2}, {9, 10})), HasSubstr("label 10 of image 1"));
  EXPECT_THAT(with(array({4}, {1, 2, 3, 4}), labels), HasSubstr("3 or 4 dimensions"));
  EXPECT_THAT(with(support::npy_bytes({2, 1, 1}, std::vector<float>{1, 2}), labels),
              AllOf(HasSubstr("x.npy"), HasSubstr("<f4"), HasSubstr("|u1")));
  EXPECT_THAT(with(images.substr(0, images.size() - 1), labels), HasSubstr("ends inside its data"));
  DataSource archive = source(DataFormat::Npz, kImages / "stored.npz");
  archive.image_array = "x";
  EXPECT_THAT(fault(archive), AllOf(HasSubstr("x.npy"), HasSubstr("images.npy, labels.npy")));
  const std::string whole = bytes_of(kImages / "deflated.npz");
  for (std::size_t size = 2; size < whole.size(); size += 31) {
    archive.images = t.file("cut.npz", whole.substr(0, size));
    EXPECT_THAT(fault(archive), HasSubstr("cut.npz")) << size;
  }
}

TEST(EveryFormat, HasAHashOfWhatIsTaken) {
  const TemporaryDirectory t;
  DataSource s = source(DataFormat::Cifar10, t.file("b.bin", record(3, 'a') + record(9, 'b')));
  const std::string both = read_dataset(s, kColour).content_hash;
  s.limit = 1;
  EXPECT_NE(read_dataset(s, kColour).content_hash, both);
  s.limit = 2;
  EXPECT_EQ(read_dataset(s, kColour).content_hash, both);
}

}  // namespace
}  // namespace uswim::tests
