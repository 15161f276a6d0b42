// Does a checkpoint give back whole chips, and only those of the same run?
#include "experiment/checkpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "../support/temporary_directory.h"
#include "support/results.h"

namespace uswim::experiment {
namespace {

using support::FileError;
using ::testing::HasSubstr;

const std::vector<Message> kFirst{{1, {1, 2, 3}}, {2, {}}}, kSecond{{7, {9}}};

void expect_equal(const std::vector<Message>& a, const std::vector<Message>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].kind, b[i].kind);
    EXPECT_EQ(a[i].bytes, b[i].bytes);
  }
}

void write_two(const std::filesystem::path& file) {
  Checkpoint checkpoint(file, "key", false);
  checkpoint.append(5, kFirst);
  checkpoint.append(0, kSecond);
}

TEST(Checkpoint, HoldsWhatEachChipSent) {
  const TemporaryDirectory t;
  write_two(t / "c");
  const Checkpoint again(t / "c", "key", true);
  ASSERT_EQ(again.finished().size(), 2u);
  expect_equal(again.finished().at(5), kFirst);
  expect_equal(again.finished().at(0), kSecond);
}

TEST(Checkpoint, CutAnywhereHoldsTheChipsBeforeTheCutAndGoesOn) {
  const TemporaryDirectory t;
  write_two(t / "c");
  const std::string whole = bytes_of(t / "c");
  const std::size_t header = std::string("uswim checkpoint 1 key\n").size();
  std::size_t one_chip = 0;
  for (std::size_t size = header; size < whole.size(); ++size) {
    t.file("c", whole.substr(0, size));
    Checkpoint cut(t / "c", "key", true);
    if (cut.finished().size() == 1) ++one_chip;
    EXPECT_LE(cut.finished().size(), 1u);
    cut.append(9, kSecond);
    const Checkpoint again(t / "c", "key", true);
    EXPECT_EQ(again.finished().size(), cut.finished().size() + 1) << size;
    EXPECT_EQ(again.finished().count(9), 1u);
  }
  EXPECT_GT(one_chip, 0u);
}

TEST(Checkpoint, WithAChangedByteHoldsTheChipsBeforeIt) {
  const TemporaryDirectory t;
  write_two(t / "c");
  std::string bytes = bytes_of(t / "c");
  bytes[bytes.size() - 33] ^= 1;  // the last byte before the second chip's hash
  t.file("c", bytes);
  EXPECT_EQ(Checkpoint(t / "c", "key", true).finished().size(), 1u);
}

TEST(Checkpoint, OfAnotherRunIsRefusedOrForgotten) {
  const TemporaryDirectory t;
  write_two(t / "c");
  EXPECT_THAT(message_of<FileError>([&] { Checkpoint(t / "c", "other", true); }),
              HasSubstr("another configuration"));
  Checkpoint(t / "c", "other", false);
  EXPECT_FALSE(std::filesystem::exists(t / "c"));
}

TEST(Checkpoint, NeverTouchesAnotherFile) {
  const TemporaryDirectory t;
  for (const bool resume : {false, true}) {
    t.file("c", "mine");
    EXPECT_THAT(message_of<FileError>([&] { Checkpoint(t / "c", "key", resume); }),
                HasSubstr("no checkpoint"));
    EXPECT_EQ(bytes_of(t / "c"), "mine");
  }
}

TEST(Checkpoint, LiesBesideTheResults) {
  EXPECT_EQ(Checkpoint::file_of("/a/res/"), "/a/res.checkpoint");
  EXPECT_EQ(Checkpoint::file_of("/a/res"), "/a/res.checkpoint");
}

}  // namespace
}  // namespace uswim::experiment
