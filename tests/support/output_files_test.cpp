#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <string>

#include "support/results.h"
#include "temporary_directory.h"

namespace {

using namespace uswim::support;
namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

/// A disk that is full after `bytes`, for one file: write() fails instead of raising a signal.
class SmallDisk {
 public:
  explicit SmallDisk(rlim_t bytes) {
    std::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit small{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &small);
  }
  ~SmallDisk() { ::setrlimit(RLIMIT_FSIZE, &before_); }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

 private:
  rlimit before_{};
};

TEST(ResultDirectory, AppearsWholeAtCommit) {
  const TemporaryDirectory directory;
  {
    ResultDirectory results(directory / "deep/er/run");
    results.write("summary.json", "{}");
    results.write("tables/layers.csv", "a\n");
    EXPECT_FALSE(fs::exists(directory / "deep/er/run"));
    EXPECT_EQ(results.temporary().parent_path(), directory / "deep/er");
    EXPECT_EQ(results.temporary().filename().string().front(), '.');
    results.commit();
    EXPECT_FALSE(fs::exists(results.temporary()));
  }
  EXPECT_EQ(bytes_of(directory / "deep/er/run/summary.json"), "{}");
  EXPECT_EQ(bytes_of(directory / "deep/er/run/tables/layers.csv"), "a\n");
}

TEST(ResultDirectory, WithoutCommitNothingStays) {
  const TemporaryDirectory directory;
  {
    ResultDirectory results(directory / "run");
    results.write("summary.json", "{}");
    EXPECT_EQ(directory.names().size(), 1u);
  }
  EXPECT_THAT(directory.names(), IsEmpty());
}

TEST(ResultDirectory, IsNotReplacedWhereItHoldsAnythingElse) {
  const TemporaryDirectory directory;
  fs::create_directory(directory / "run");
  directory.file("run/summary.json", "{}");
  directory.file("run/thesis.tex", "mine");
  const std::vector<std::string> names{"summary.json", "curve.csv"};
  EXPECT_THAT(message_of<FileError>([&] { ResultDirectory(directory / "run", names); }),
              HasSubstr("thesis.tex: is no file of results"));
  EXPECT_EQ(bytes_of(directory / "run/thesis.tex"), "mine");
  fs::remove(directory / "run/thesis.tex");
  fs::create_directory(directory / "run/curve.csv");  // of that name, but no file
  EXPECT_THROW(ResultDirectory(directory / "run", names), FileError);
  fs::remove(directory / "run/curve.csv");
  ResultDirectory results(directory / "run", names);
  EXPECT_THROW(results.write("other.csv", ""), std::logic_error);
  results.write("curve.csv", "new");
  directory.file("run/late.txt", "mine");  // while the run is under way
  EXPECT_THROW(results.commit(), FileError);
  EXPECT_EQ(bytes_of(directory / "run/late.txt"), "mine");
}

TEST(ResultDirectory, DoesNotTakeThePlaceOfTheWorkingDirectory) {
  const TemporaryDirectory directory;
  fs::create_directories(directory / "run/inner");
  const fs::path before = fs::current_path();
  fs::current_path(directory / "run/inner");
  for (const char* name : {".", ".."})
    EXPECT_THAT(message_of<FileError>([&] { ResultDirectory results(name); }),
                HasSubstr("program runs in"))
        << name;
  fs::current_path(before);
}

TEST(ResultDirectory, ReplacesOlderResultsOnlyAtCommit) {
  const TemporaryDirectory directory;
  fs::create_directory(directory / "run");
  directory.file("run/summary.json", "old");
  directory.file("run/old.csv", "old");
  {
    ResultDirectory results(directory / "run");
    results.write("summary.json", "lost");
  }
  EXPECT_EQ(bytes_of(directory / "run/summary.json"), "old");
  ResultDirectory results(directory / "run/");
  results.write("summary.json", "new");
  results.commit();
  EXPECT_EQ(bytes_of(directory / "run/summary.json"), "new");
  EXPECT_FALSE(fs::exists(directory / "run/old.csv"));
  EXPECT_THAT(directory.names(), ElementsAre("run"));
}

TEST(ResultDirectory, FillsAnEmptyDirectory) {
  const TemporaryDirectory directory;
  fs::create_directory(directory / "run");
  ResultDirectory results(directory / "run");
  results.write("summary.json", "new");
  results.commit();
  EXPECT_EQ(bytes_of(directory / "run/summary.json"), "new");
}

TEST(ResultDirectory, FollowsALinkToOlderResults) {
  const TemporaryDirectory directory;
  fs::create_directory(directory / "real");
  directory.file("real/summary.json", "old");
  fs::create_directory_symlink("real", directory / "latest");
  ResultDirectory results(directory / "latest");
  results.write("summary.json", "new");
  results.commit();
  EXPECT_TRUE(fs::is_symlink(directory / "latest"));
  EXPECT_EQ(bytes_of(directory / "real/summary.json"), "new");
}

TEST(ResultDirectory, RefusesToReplaceAnythingElse) {
  const TemporaryDirectory directory;
  fs::create_directory(directory / "home");
  directory.file("home/thesis.tex", "years of work");
  const auto refusal = [&](const fs::path& path) {
    return message_of<FileError>([&] { ResultDirectory results(path); });
  };
  EXPECT_THAT(refusal(directory / "home"), HasSubstr("holds other files and no summary.json"));
  EXPECT_THAT(refusal(directory / "home/thesis.tex"), HasSubstr("is a file"));
  EXPECT_THAT(refusal("/"), HasSubstr("/: "));

  // What comes into being later is found at commit.
  ResultDirectory results(directory / "late");
  fs::create_directory(directory / "late");
  directory.file("late/thesis.tex", "more work");
  EXPECT_THROW(results.commit(), FileError);
  EXPECT_EQ(bytes_of(directory / "late/thesis.tex"), "more work");
}

TEST(ResultDirectory, AParentThatCannotHoldItIsOneSentence) {
  const TemporaryDirectory directory;
  directory.file("file", "");
  EXPECT_THAT(message_of<FileError>([&] { ResultDirectory results(directory / "file/run"); }),
              HasSubstr("run: "));
  EXPECT_THAT(message_of<FileError>([&] { ResultDirectory results("/proc/none/run"); }),
              HasSubstr("/proc/none/run: its directory cannot be created: "));
  EXPECT_THAT(message_of<FileError>([&] { ResultDirectory results("/proc/run"); }),
              HasSubstr("/proc/run: cannot be created: "));
}

TEST(ResultDirectory, FullDiskNamesTheFile) {
  const TemporaryDirectory directory;
  {
    ResultDirectory results(directory / "run");
    fs::create_symlink("/dev/full", results.temporary() / "layers.csv");
    EXPECT_EQ(
        message_of<FileError>([&] { results.write("layers.csv", "a\n"); }),
        (directory / "run/layers.csv").string() + ": cannot be written: No space left on device");
  }
  EXPECT_THAT(directory.names(), IsEmpty());
}

TEST(ResultDirectory, FullDiskLeavesNothingBehind) {
  const TemporaryDirectory directory;
  {
    const SmallDisk disk(4096);
    ResultDirectory results(directory / "run");
    results.write("summary.json", "{}");
    EXPECT_THAT(message_of<FileError>([&] { results.write("big.csv", std::string(10'000, 'x')); }),
                HasSubstr("run/big.csv: cannot be written: File too large"));
  }
  EXPECT_THAT(directory.names(), IsEmpty());
}

TEST(ResultDirectory, TwoOfOneNameDoNotMeet) {
  const TemporaryDirectory directory;
  ResultDirectory one(directory / "run");
  ResultDirectory two(directory / "run");
  EXPECT_NE(one.temporary(), two.temporary());
  one.write("summary.json", "one");
  two.write("summary.json", "two");
  one.commit();
  two.commit();
  EXPECT_EQ(bytes_of(directory / "run/summary.json"), "two");
  EXPECT_THAT(directory.names(), ElementsAre("run"));
}

TEST(ResultDirectory, NamesStayInside) {
  const TemporaryDirectory directory;
  ResultDirectory results(directory / "run");
  for (const char* bad : {"", ".", "..", "../x", "/etc/x", "a/../../x", "dir/"})
    EXPECT_THROW(results.write(bad, "x"), std::logic_error) << bad;
}

TEST(WriteFileAtomically, ReplacesTheFileWhole) {
  const TemporaryDirectory directory;
  const fs::path file = directory.file("a.json", "a longer old text");
  write_file_atomically(file, "new");
  EXPECT_EQ(bytes_of(file), "new");
  EXPECT_THAT(directory.names(), ElementsAre("a.json"));
}

TEST(WriteFileAtomically, LeavesAnotherPartialFileAlone) {
  const TemporaryDirectory directory;
  const std::string partial = ".a.json.partial-" + std::to_string(::getpid());
  directory.file(partial, "of a process that had this number");
  write_file_atomically(directory / "a.json", "new");
  EXPECT_EQ(bytes_of(directory / "a.json"), "new");
  EXPECT_EQ(bytes_of(directory / partial), "of a process that had this number");
}

TEST(WriteFileAtomically, MakesItsFolder) {
  const TemporaryDirectory directory;
  write_file_atomically(directory / "new/deeper/a", "x");
  EXPECT_EQ(bytes_of(directory / "new/deeper/a"), "x");
}

TEST(RequireWritable, RefusesWhatCannotBeWrittenAndLeavesNothing) {
  const TemporaryDirectory directory;
  EXPECT_THAT(message_of<FileError>([&] { require_writable(directory / ""); }),
              HasSubstr("not a regular file"));
  write_file_atomically(directory / "a", "x");
  EXPECT_THAT(message_of<FileError>([&] { require_writable(directory / "a/b"); }),
              HasSubstr("its directory cannot be created"));
  require_writable(directory / "b");
  EXPECT_THAT(directory.names(), ElementsAre("a"));
}

TEST(RequireWritable, RefusesToReplaceAFileOfAnotherBeginning) {
  const TemporaryDirectory directory;
  directory.file("mine", "header\n1\n");
  directory.file("other", "head");
  directory.file("empty", "");
  require_writable(directory / "mine", "header\n");
  require_writable(directory / "empty", "header\n");
  EXPECT_THAT(message_of<FileError>([&] { require_writable(directory / "other", "header\n"); }),
              HasSubstr("other: is a file of something else"));
}

TEST(PendingFile, IsThereOnceCommittedAndGoneOtherwise) {
  const TemporaryDirectory directory;
  directory.file("a", "old");
  { const PendingFile dropped(directory / "a", "new"); }
  EXPECT_EQ(bytes_of(directory / "a"), "old");
  EXPECT_THAT(directory.names(), ElementsAre("a"));
  {
    PendingFile kept(directory / "a", "new");
    EXPECT_EQ(bytes_of(directory / "a"), "old");
    kept.commit();
  }
  EXPECT_EQ(bytes_of(directory / "a"), "new");
  EXPECT_THAT(directory.names(), ElementsAre("a"));
}

TEST(WriteFileAtomically, GivesTheUsualPermissions) {
  const TemporaryDirectory directory;
  const mode_t before = ::umask(022);
  write_file_atomically(directory / "a", "x");
  ::umask(before);
  EXPECT_EQ(fs::status(directory / "a").permissions(), fs::perms(0644));
}

TEST(WriteFileAtomically, KeepsALink) {
  const TemporaryDirectory directory;
  directory.file("real", "old");
  fs::create_symlink("real", directory / "link");
  write_file_atomically(directory / "link", "new");
  EXPECT_TRUE(fs::is_symlink(directory / "link"));
  EXPECT_EQ(bytes_of(directory / "real"), "new");
}

TEST(WriteFileAtomically, FullDiskKeepsTheOldFile) {
  const TemporaryDirectory directory;
  const fs::path file = directory.file("a.json", "old");
  {
    const SmallDisk disk(4096);
    EXPECT_THAT(
        message_of<FileError>([&] { write_file_atomically(file, std::string(10'000, 'x')); }),
        HasSubstr("a.json: cannot be written: File too large"));
  }
  EXPECT_EQ(bytes_of(file), "old");
  EXPECT_THAT(directory.names(), ElementsAre("a.json"));
}

TEST(WriteFileAtomically, RefusesWhatIsNoFile) {
  const TemporaryDirectory directory;
  EXPECT_THAT(message_of<FileError>([&] { write_file_atomically(directory.path(), "x"); }),
              HasSubstr("is not a regular file"));
  // A rename would replace the device itself.
  EXPECT_THAT(message_of<FileError>([&] { write_file_atomically("/dev/full", "x"); }),
              HasSubstr("is not a regular file"));
}

}  // namespace
