#include "support/input_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <zlib.h>

#include <filesystem>
#include <fstream>
#include <limits>
#include <string>
#include <thread>

#include "support/results.h"
#include "temporary_directory.h"

namespace {

using namespace uswim::support;
using testing::HasSubstr;

std::string gzipped(const TemporaryDirectory& directory, const std::string& bytes) {
  const std::filesystem::path file = directory / "gzipped";
  gzFile out = gzopen(file.c_str(), "wb");
  gzwrite(out, bytes.data(), static_cast<unsigned>(bytes.size()));
  gzclose(out);
  return bytes_of(file);
}

std::string text_of(const std::vector<std::uint8_t>& bytes) { return {bytes.begin(), bytes.end()}; }

std::string patterned(std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>((i * i + i / 7) & 0xff);
  return text;
}

TEST(ReadFile, GivesTheBytesOfPlainAndGzipFiles) {
  const TemporaryDirectory directory;
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{1'000'000}}) {
    const std::string bytes = patterned(size);
    EXPECT_EQ(text_of(read_file(directory.file("plain", bytes), size)), bytes);
    EXPECT_EQ(text_of(read_file(directory / "plain", std::numeric_limits<std::size_t>::max())),
              bytes);
    EXPECT_EQ(text_of(read_file(directory.file("a.gz", gzipped(directory, bytes)), size)), bytes);
  }
}

TEST(ReadFile, ATruncatedGzipFileIsRefusedWhereverItIsCut) {
  const TemporaryDirectory directory;
  const std::string whole = gzipped(directory, patterned(300));
  // A single byte is no gzip header yet and a plain file by itself.
  for (std::size_t size = 2; size < whole.size(); ++size) {
    const auto file = directory.file("cut.gz", whole.substr(0, size));
    EXPECT_THAT(message_of<FileError>([&] { read_file(file, 10'000); }),
                HasSubstr("cut.gz: its gzip data end early"))
        << size << " of " << whole.size();
  }
}

TEST(ReadFile, DamageIsFoundByTheChecksum) {
  const TemporaryDirectory directory;
  const std::string whole = gzipped(directory, patterned(5'000));
  for (const std::size_t at : {whole.size() / 2, whole.size() - 6}) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    const auto file = directory.file("bad.gz", damaged);
    EXPECT_THROW(read_file(file, 10'000), FileError) << at;
  }
}

TEST(ReadFile, TheLimitCountsDecompressedBytes) {
  const TemporaryDirectory directory;
  const std::string zeros(1'000'000, '\0');
  const std::string packed = gzipped(directory, zeros);
  ASSERT_LT(packed.size(), 2'000u);
  const auto file = directory.file("bomb.gz", packed);
  EXPECT_EQ(read_file(file, 1'000'000).size(), 1'000'000u);
  EXPECT_THAT(message_of<FileError>([&] { read_file(file, 999'999); }),
              HasSubstr("bomb.gz: holds more than 999999 bytes"));
  EXPECT_THROW(read_file("/dev/zero", 1'000), FileError);
}

TEST(ReadFile, NamesWhatIsNoFile) {
  const TemporaryDirectory directory;
  EXPECT_THAT(message_of<FileError>([&] { read_file(directory.path(), 1); }),
              HasSubstr("is a directory (expected a file)"));
  EXPECT_THAT(message_of<FileError>([&] { read_file(directory / "none", 1); }),
              HasSubstr("none: cannot be opened: No such file or directory"));
}

TEST(ReadFile, RefusesDevicesBeforeTheyAreRead) {
  EXPECT_THAT(message_of<FileError>([] { read_file("/dev/zero", std::size_t{1} << 40); }),
              HasSubstr("/dev/zero: is a device (expected a file)"));
}

/// A program may write a configuration, but not what is as large as data: these are files.
TEST(InputFiles, MayBePipesWhereThatIsAllowed) {
  const TemporaryDirectory directory;
  const std::filesystem::path pipe = directory / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  // Nobody writes: opening it would wait for ever.
  EXPECT_THAT(message_of<FileError>([&] { InputFile{pipe}; }),
              HasSubstr("pipe: is a pipe (expected a file)"));
  std::thread writer([&] { std::ofstream(pipe) << "chips: 3"; });
  EXPECT_EQ(text_of(read_file(pipe, 100)), "chips: 3");
  writer.join();
}

TEST(InputFiles, AppendNoMoreThanIsAskedFor) {
  const TemporaryDirectory directory;
  const std::string bytes = patterned(1'000'000);
  InputFile in(directory.file("plain", bytes));
  std::vector<std::uint8_t> read;
  EXPECT_EQ(in.append(read, 3), 3u);
  EXPECT_EQ(in.append(read, 700'000), 700'000u);
  EXPECT_EQ(in.append(read, 700'000), 299'997u);
  EXPECT_EQ(text_of(read), bytes);
  EXPECT_EQ(in.append(read, 1), 0u);
}

TEST(ContentHash, IsXxh3AndDependsOnEveryByte) {
  // Published for the empty input, see the test vectors of xxHash.
  EXPECT_EQ(content_hash(""), "99aa06d3014798d86001c324468d497f");
  EXPECT_EQ(content_hash("abc").size(), 32u);
  EXPECT_NE(content_hash("abc"), content_hash("abd"));
  EXPECT_EQ(content_hash("abc"), content_hash("abcd", 3));
}

}  // namespace
