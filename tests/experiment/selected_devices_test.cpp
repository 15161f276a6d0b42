#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "../support/temporary_directory.h"
#include "experiment/chip_picture.h"
#include "experiment/imported_mask.h"

namespace uswim::experiment {
namespace {

/// Cells behind the header, which tells the shape.
struct Map {
  explicit Map(const std::string& bytes) {
    std::uint16_t length = 0;
    std::memcpy(&length, bytes.data() + 8, sizeof length);
    header = bytes.substr(10, length);
    cells = bytes.substr(10u + length);
  }
  std::string header, cells;
};

// Two layers on arrays of 4 x 8 cells, four of them per weight.
TEST(SelectedDevices, StandWhereTheirCellsAre) {
  const tiles::Mapping mapping(
      {{"a", 3, 5, std::vector<std::int16_t>(15, 1)}, {"b", 1, 2, std::vector<std::int16_t>(2, 1)}},
      {4, 8, 2, 4});
  ASSERT_EQ(mapping.blocks().size(), 5u);
  programmer::DeviceMask mask(mapping);
  mask.set(0, 3, 7);
  mask.set(1, 0, 2);
  mask.set(4, 1, 0);
  const Map all(selected_devices_npy(mapping, mask, 1000));
  EXPECT_NE(all.header.find("(5, 4, 8)"), std::string::npos) << all.header;
  ASSERT_EQ(all.cells.size(), 5u * 4 * 8);
  for (std::size_t a = 0; a < 5; ++a)
    for (std::size_t r = 0; r < 4; ++r)
      for (std::size_t c = 0; c < 8; ++c) {
        const bool is_there = r < mapping.blocks()[a].rows && c < mapping.columns(a);
        const bool is_verified = (a == 0 && r == 3 && c == 7) || (a == 1 && r == 0 && c == 2) ||
                                 (a == 4 && r == 1 && c == 0);
        EXPECT_EQ(static_cast<std::uint8_t>(all.cells[(a * 4 + r) * 8 + c]),
                  is_verified ? kVerifiedCell
                  : is_there  ? kOpenLoopCell
                              : kEmptyCell)
            << a << " " << r << " " << c;
      }
  // Whole arrays only.
  const Map some(selected_devices_npy(mapping, mask, 100));
  EXPECT_NE(some.header.find("(3, 4, 8)"), std::string::npos) << some.header;
  EXPECT_EQ(some.cells, all.cells.substr(0, 96));
}

TEST(SelectedDevices, ComeBackAsAnImportedMask) {
  const TemporaryDirectory directory;
  const tiles::Mapping mapping(
      {{"a", 3, 5, std::vector<std::int16_t>(15, 1)}, {"b", 1, 2, std::vector<std::int16_t>(2, 1)}},
      {4, 8, 2, 4});
  programmer::DeviceMask mask(mapping), others(mapping);
  mask.set(0, 3, 7);
  mask.set(1, 0, 2);
  mask.set(4, 1, 0);
  others.add(programmer::every_device(mapping));
  others.remove(mask);
  const auto imported = [&](const std::string& bytes, MaskPolarity polarity) {
    return ImportedMask(directory.file("mask.npy", bytes), polarity, mapping.weights())
        .devices(mapping)
        .words();
  };
  const std::string bytes = selected_devices_npy(mapping, mask, 1000);
  EXPECT_EQ(imported(bytes, MaskPolarity::OneIsVerified), mask.words());
  EXPECT_EQ(imported(bytes, MaskPolarity::ZeroIsVerified), others.words());

  const auto fault = [&](const std::string& text) {
    return message_of<support::FileError>([&] { imported(text, MaskPolarity::OneIsVerified); });
  };
  EXPECT_THAT(
      fault(selected_devices_npy(mapping, mask, 100)),
      testing::HasSubstr("mask.npy: cells of 3 arrays of 4 x 8, the mapping has 5 of 4 x 8"));
  std::string damaged = bytes;
  damaged[damaged.size() - 5 * 32 + 4 * 32 + 8 + 1] = 2;  // the last array's row 1, column 1
  EXPECT_THAT(fault(damaged), testing::HasSubstr("array 4, row 1, column 1 is 2"));
  EXPECT_THAT(fault(support::npy_bytes({4}, std::vector<std::uint8_t>(4), false)),
              testing::HasSubstr("4 entries, the network has 17 weights"));
}

}  // namespace
}  // namespace uswim::experiment
