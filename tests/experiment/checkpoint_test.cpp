// Does a checkpoint give back whole chips, and only those of the same run?
#include "experiment/checkpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <map>

#include "../support/temporary_directory.h"
#include "support/results.h"

namespace uswim::experiment {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

const std::vector<Message> kFirst{{1, {1, 2, 3}}, {2, {}}}, kSecond{{7, {9}}};

void expect_equal(const std::vector<Message>& a, const std::vector<Message>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].kind, b[i].kind);
    EXPECT_EQ(a[i].bytes, b[i].bytes);
  }
}

/// Chips that a resumed run finds.
std::map<std::uint32_t, std::vector<Message>> finished(const std::filesystem::path& file) {
  Checkpoint checkpoint(file, EarlierChips::Resume);
  checkpoint.begin("key");
  return checkpoint.finished();
}

void write_two(const std::filesystem::path& file) {
  Checkpoint checkpoint(file, EarlierChips::Refuse);
  checkpoint.begin("key");
  checkpoint.append(5, kFirst);
  checkpoint.append(0, kSecond);
}

TEST(Checkpoint, HoldsWhatEachChipSent) {
  const TemporaryDirectory t;
  write_two(t / "c");
  const auto again = finished(t / "c");
  ASSERT_EQ(again.size(), 2u);
  expect_equal(again.at(5), kFirst);
  expect_equal(again.at(0), kSecond);
}

TEST(Checkpoint, CutAnywhereHoldsTheChipsBeforeTheCutAndGoesOn) {
  const TemporaryDirectory t;
  write_two(t / "c");
  const std::string whole = bytes_of(t / "c");
  const std::size_t header = std::string("uswim checkpoint 1 key\n").size();
  std::size_t one_chip = 0;
  for (std::size_t size = header; size < whole.size(); ++size) {
    t.file("c", whole.substr(0, size));
    std::size_t left = 0;
    {
      Checkpoint cut(t / "c", EarlierChips::Resume);
      cut.begin("key");
      left = cut.finished().size();
      cut.append(9, kSecond);
    }
    if (left == 1) ++one_chip;
    EXPECT_LE(left, 1u);
    const auto again = finished(t / "c");
    EXPECT_EQ(again.size(), left + 1) << size;
    EXPECT_EQ(again.count(9), 1u);
  }
  EXPECT_GT(one_chip, 0u);
}

TEST(Checkpoint, WithAChangedByteHoldsTheChipsBeforeIt) {
  const TemporaryDirectory t;
  write_two(t / "c");
  std::string bytes = bytes_of(t / "c");
  bytes[bytes.size() - 33] ^= 1;  // the last byte before the second chip's hash
  t.file("c", bytes);
  EXPECT_EQ(finished(t / "c").size(), 1u);
}

TEST(Checkpoint, OfAnotherConfigurationIsNotTakenUpAndStays) {
  const TemporaryDirectory t;
  write_two(t / "c");
  const std::string bytes = bytes_of(t / "c");
  EXPECT_THAT(message_of<CheckpointError>(
                  [&] { Checkpoint(t / "c", EarlierChips::Resume).begin("other"); }),
              HasSubstr("another configuration"));
  EXPECT_EQ(bytes_of(t / "c"), bytes);
}

TEST(Checkpoint, IsGivenUpOnlyWhereAskedFor) {
  const TemporaryDirectory t;
  write_two(t / "c");
  const std::string bytes = bytes_of(t / "c");
  EXPECT_THAT(message_of<CheckpointError>([&] { Checkpoint(t / "c", EarlierChips::Refuse); }),
              AllOf(HasSubstr("--resume"), HasSubstr("--restart")));
  { const Checkpoint not_begun(t / "c", EarlierChips::Discard); }
  EXPECT_EQ(bytes_of(t / "c"), bytes);
  {
    Checkpoint anew(t / "c", EarlierChips::Discard);
    anew.begin("key");
    EXPECT_TRUE(anew.finished().empty());
    anew.append(3, kFirst);
  }
  EXPECT_EQ(finished(t / "c").size(), 1u);
}

TEST(Checkpoint, WithoutChipsLeavesNothing) {
  const TemporaryDirectory t;
  for (const EarlierChips earlier : {EarlierChips::Refuse, EarlierChips::Resume}) {
    Checkpoint(t / "c", earlier).begin("key");
    EXPECT_TRUE(t.names().empty());
  }
}

TEST(Checkpoint, NeverTouchesAnotherFile) {
  const TemporaryDirectory t;
  for (const EarlierChips earlier :
       {EarlierChips::Refuse, EarlierChips::Resume, EarlierChips::Discard}) {
    t.file("c", "mine");
    EXPECT_THAT(message_of<CheckpointError>([&] { Checkpoint(t / "c", earlier); }),
                HasSubstr("no checkpoint"));
    EXPECT_EQ(bytes_of(t / "c"), "mine");
  }
}

TEST(Checkpoint, OfARunUnderWayIsRefused) {
  const TemporaryDirectory t;
  Checkpoint running(t / "c", EarlierChips::Refuse);
  running.begin("key");
  running.append(5, kFirst);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {  // no test of its own: exits with what it found
    try {
      Checkpoint(t / "c", EarlierChips::Resume);
    } catch (const CheckpointError& error) {
      ::_exit(std::string(error.what()).find("another run") != std::string::npos ? 3 : 2);
    }
    ::_exit(1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 3);
  running.append(0, kSecond);
  running.remove();
  EXPECT_TRUE(t.names().empty());
}

TEST(Checkpoint, LiesBesideTheResults) {
  EXPECT_EQ(Checkpoint::file_of("/a/res/"), "/a/res.checkpoint");
  EXPECT_EQ(Checkpoint::file_of("/a/res"), "/a/res.checkpoint");
}

}  // namespace
}  // namespace uswim::experiment
