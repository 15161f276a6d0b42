#include <gtest/gtest.h>

#include <map>

#include "small_system.h"

namespace uswim::sc_models {
namespace {

using programmer::MaskEncoding;
using programmer::PulseModelKind;
using support::Duration;

ChipConfig with_encoding(MaskEncoding encoding) {
  ChipConfig chip;
  chip.mask_encoding = encoding;
  chip.bus_width = 32;  // so that few bytes make a difference
  return chip;
}

class MaskTransfer : public testing::TestWithParam<MaskEncoding> {};

TEST_P(MaskTransfer, TakesTheTimeOfItsBytesAndWritesTheSame) {
  const MaskEncoding encoding = GetParam();
  SmallSystem s(40, 8, PulseModelKind::Incremental, {}, with_encoding(encoding));  // one tile
  for (const std::size_t n : {1u, 3u, 20u, 1000u}) {
    const programmer::DeviceMask mask = programmer::device_mask(*s.mapping, s.every_nth(n));
    const ProgrammingReport r = s.system->program(mask);
    const bool bitmap = encoding == MaskEncoding::Bitmap;
    std::uint64_t bus = 0, words = 0;
    for (std::size_t row = 0; row < 40; ++row) {
      const std::size_t bytes =
          bitmap ? 16 : programmer::record_bytes(mask.row(0, row), 128, encoding);
      bus += bytes;
      words += (32 + bytes + kCommandHeaderBytes + 3) / 4;  // 32 bytes of levels
    }
    EXPECT_EQ(r.mask_bus_bytes, bus);
    EXPECT_EQ(r.mask_link_bytes, bitmap ? 128 * 16 : 4 + bus);
    EXPECT_EQ(r.load_time.in_picoseconds(),
              s.chip.host_link_time.in_picoseconds() *
                  static_cast<std::int64_t>((r.mask_link_bytes + 31) / 32));
    EXPECT_EQ(r.time.in_picoseconds(),
              (r.tiles[0].busy + Duration::nanoseconds(40 * 2 + static_cast<std::int64_t>(words)) +
               s.chip.host_link_time)
                  .in_picoseconds());
    const double bus_J = support::in_joules(s.chip.bus_energy) * static_cast<double>(words);
    EXPECT_NEAR(support::in_joules(r.energy.of(Component::Bus)), bus_J, 1e-12 * bus_J);
    // What arrives is the mask: every selected device, and only those, holds its verified state.
    const programmer::DeviceOutcomes o = s.system->draw_outcomes(0);
    for (std::size_t row = 0; row < 40; ++row)
      for (std::size_t c = 0; c < s.mapping->columns(0); ++c) {
        const bool selected = (mask.row(0, row)[c / 64] >> (c % 64) & 1) != 0;
        const std::size_t i = row * s.mapping->pitch() + c;
        ASSERT_EQ(s.system->cells(0).row(row)[c],
                  tiles::cell_units(selected ? o.verified[i] : o.open_loop[i], 4));
      }
  }
}
INSTANTIATE_TEST_SUITE_P(Encodings, MaskTransfer,
                         testing::Values(MaskEncoding::Bitmap, MaskEncoding::IndexList,
                                         MaskEncoding::RunLengths, MaskEncoding::Smallest));

TEST(VerifiedSlices, TakeNoMoreTimeThanAllSlices) {
  SmallSystem s(300, 40, PulseModelKind::Incremental);
  for (const std::size_t n : {1u, 2u, 10u}) {
    programmer::DeviceMask mask = programmer::device_mask(*s.mapping, s.every_nth(n));
    const ProgrammingReport all = s.system->program(mask);
    programmer::keep_slices(mask, *s.mapping, 1);
    const ProgrammingReport one = s.system->program(mask);
    // A row can gain the phase of its lower slices' open-loop pulses, no more than one a row.
    EXPECT_LE(one.time.in_picoseconds(), (all.time + s.tile.set.width * 128).in_picoseconds());
    EXPECT_LT(one.verify_reads, all.verify_reads);
    EXPECT_LT(one.write_cycles, all.write_cycles);
  }
}

}  // namespace
}  // namespace uswim::sc_models
