// What an array keeps of its devices.
#include "programmer/array_programmer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "programmer/write_verify/pulse_model.h"
#include "tiles/packed_levels.h"

namespace uswim::programmer {
namespace {

DeviceModel device() {
  DeviceConfig c;
  c.sigma = 0.2;
  return DeviceModel(c);
}

constexpr std::size_t kRows = 8, kOutputs = 20;

tiles::Mapping small_mapping() {
  tiles::MappedLayer layer{"fc", kOutputs, kRows, {}};
  for (std::size_t i = 0; i < kRows * kOutputs; ++i)
    layer.weight_code.push_back(static_cast<std::int16_t>(static_cast<int>(i * 7919 % 31) - 15));
  return tiles::Mapping({layer}, {16, 128, 2, 4});
}

TEST(CopiedCells, AreThoseThatTheArrayKeeps) {
  const tiles::Mapping mapping = small_mapping();
  const DeviceModel d = device();
  const auto pulses = make_pulse_model({}, d);
  ArrayProgrammer array(mapping, 0, d, *pulses, {});
  const std::vector<std::uint8_t> levels = mapping.levels(0);
  const std::vector<std::uint64_t> some{0x00ff00ff00ff00ffu, 3u}, others{0xff00u, 0x30u};
  tiles::CellArray copy(kRows, mapping.pitch());
  std::vector<std::vector<std::int16_t>> copied;
  const auto copy_rows = [&] {
    array.copy_cells(copy);
    copied.clear();
    for (std::size_t r = 0; r < kRows; ++r)
      copied.emplace_back(copy.row(r), copy.row(r) + mapping.pitch());
  };
  const auto expect_kept = [&] {
    for (std::size_t r = 0; r < kRows; ++r)
      EXPECT_TRUE(std::equal(copied[r].begin(), copied[r].end(), array.cells().row(r))) << r;
  };
  for (std::uint32_t chip = 0; chip < 2; ++chip) {
    array.new_chip(1, chip);
    copy_rows();
    EXPECT_EQ(copied[0], std::vector<std::int16_t>(mapping.pitch(), 0));
    for (std::size_t r = 0; r + 1 < kRows; ++r) array.program_rows(r, 1, some.data());
    copy_rows();  // of rows that nobody has looked at
    EXPECT_NE(copied[1], std::vector<std::int16_t>(mapping.pitch(), 0));
    EXPECT_EQ(copied[kRows - 1], std::vector<std::int16_t>(mapping.pitch(), 0));
    expect_kept();
    array.program_rows(2, 1, others.data());
    array.program_rows(3, 1, others.data(), RowOperation::Verify);
    array.rewrite_row(4, &levels[4 * mapping.pitch()], others.data());
    const auto before = copied;
    copy_rows();
    for (const std::size_t changed : {2u, 3u, 4u}) EXPECT_NE(copied[changed], before[changed]);
    EXPECT_EQ(copied[1], before[1]);
    expect_kept();
  }
}

// Whatever was expected of a chip, through every way of writing; on the second chip nobody has
// looked at the first one's cells. Two arrays take turns, so what is not kept is drawn again.
TEST(ChipUse, ChangesNoResult) {
  const tiles::Mapping mapping = small_mapping();
  const DeviceModel d = device();
  const auto pulses = make_pulse_model({}, d);
  RowScheme closing;
  closing.closing.rounds = 3;
  const std::vector<std::uint8_t> levels = mapping.levels(0);
  const std::vector<std::uint64_t> some{0x00ff00ff00ff00ffu, 3u}, others{0xff00u, 0x30u};
  for (const RowScheme& scheme : {RowScheme(), closing})
    for (const ChipUse use : {ChipUse{false, true}, {true, false}, {false, false}}) {
      ArrayProgrammer expected(mapping, 0, d, *pulses, scheme);
      ArrayProgrammer unexpected(mapping, 0, d, *pulses, scheme);
      ArrayProgrammer between(mapping, 0, d, *pulses, scheme);
      for (std::uint32_t chip = 0; chip < 3; ++chip) {
        expected.new_chip(1, chip);
        unexpected.new_chip(1, chip, use);
        between.new_chip(2, chip, use);
        const auto program = [&](std::size_t row, const std::vector<std::uint64_t>& mask,
                                 RowOperation operation = RowOperation::Program) {
          const RowWork a = expected.program_rows(row, 1, mask.data(), operation);
          const RowWork b = unexpected.program_rows(row, 1, mask.data(), operation);
          between.program_rows(row, 1, mask.data(), operation);
          EXPECT_EQ(a.set_pulses, b.set_pulses);
          EXPECT_EQ(a.reset_pulses, b.reset_pulses);
          EXPECT_EQ(a.verify_rounds, b.verify_rounds);
          EXPECT_EQ(a.not_converged, b.not_converged);
        };
        for (std::size_t r = 0; r < kRows; ++r) program(r, some);
        EXPECT_EQ(expected.write_cycles(), unexpected.write_cycles());
        EXPECT_NE(expected.write_cycles(), between.write_cycles());
        if (chip == 2) {
          program(3, others, RowOperation::Verify);
          for (ArrayProgrammer* array : {&expected, &unexpected})
            array->rewrite_row(4, &levels[4 * mapping.pitch()], others.data());
        }
        if (chip == 0) continue;
        if (chip == 1) unexpected.keep_cells_only();
        program(5, others);
        tiles::CellArray copy(kRows, mapping.pitch());
        unexpected.copy_cells(copy);
        for (std::size_t r = 0; r < kRows; ++r) {
          const std::int16_t* const row = expected.cells().row(r);
          EXPECT_TRUE(std::equal(row, row + mapping.pitch(), copy.row(r))) << chip << ' ' << r;
          EXPECT_TRUE(std::equal(row, row + mapping.pitch(), unexpected.cells().row(r))) << r;
        }
      }
    }
}

TEST(ChipUse, TakesNoPulsesOfTheChipBefore) {
  const tiles::Mapping mapping = small_mapping();
  const DeviceModel d = device();
  const auto model = make_pulse_model({}, d);
  ArrayProgrammer kept(mapping, 0, d, *model, {}), drawn(mapping, 0, d, *model, {});
  for (std::uint32_t chip = 0; chip < 2; ++chip) kept.new_chip(1, chip);
  for (std::uint32_t chip = 0; chip < 2; ++chip) {
    drawn.new_chip(1, chip, {false, false});
    EXPECT_EQ(drawn.pulses().write_cycles() == kept.write_cycles(), chip == 1);
  }
}

TEST(ArrayProgrammer, TakesNoLevelsButTheMappings) {
  // 9 weights of 4 devices and 1 bit: the levels in use end within a byte.
  tiles::MappedLayer layer{"a", 9, 2, {}};
  for (int i = 0; i < 18; ++i) layer.weight_code.push_back(static_cast<std::int16_t>(i % 7 - 3));
  const tiles::Mapping mapping({layer}, {128, 128, 1, 2});
  DeviceConfig one_bit;
  one_bit.bits = 1;
  const DeviceModel d(one_bit);
  const auto model = make_pulse_model({}, d);
  const ArrayProgrammer array(mapping, 0, d, *model, {});
  const std::size_t bytes = tiles::packed_row_bytes(mapping);
  std::vector<std::uint8_t> levels = tiles::packed_levels(mapping, 0);
  EXPECT_NO_THROW(array.check_levels(1, &levels[bytes]));
  levels[bytes + 4] ^= 0x10;  // column 36: there is no device
  EXPECT_NO_THROW(array.check_levels(1, &levels[bytes]));
  levels[bytes + 4] ^= 0x08;
  EXPECT_THROW(array.check_levels(1, &levels[bytes]), std::logic_error);
  levels[bytes + 4] ^= 0x08;
  levels[bytes] ^= 0x01;
  EXPECT_THROW(array.check_levels(1, &levels[bytes]), std::logic_error);
}

// With a small step, hundreds of pulses.
class PulsesInPieces : public testing::TestWithParam<double> {};

TEST_P(PulsesInPieces, AreThoseOfTheWhole) {
  const DeviceModel d = device();
  WriteVerifyConfig c;
  c.step = GetParam();
  c.max_cycles = 1000;
  const auto model = make_pulse_model(c, d);
  std::vector<DeviceTarget> targets;
  for (std::size_t i = 0; i < 1000; ++i)
    targets.push_back({true, static_cast<float>(d.target(i % 4)),
                       static_cast<float>(d.level_factor(i % 4, 0.0))});
  DeviceOutcomes whole, outcomes;
  model->write(targets, 0, 1, 0, whole);
  const std::size_t words = whole.words();
  const std::vector<std::uint64_t> set = whole.set_by_round();
  DevicePulses pieces;
  for (int chip = 0; chip < 2; ++chip) {  // the second one finds the memory of the first
    pieces.clear();
    for (std::size_t first = 0; first < targets.size(); first += 192) {
      const std::size_t n = std::min<std::size_t>(192, targets.size() - first);
      const auto begin = targets.begin() + static_cast<std::ptrdiff_t>(first);
      model->write(std::vector<DeviceTarget>(begin, begin + static_cast<std::ptrdiff_t>(n)), first,
                   1, 0, outcomes);
      pieces.append(outcomes);
    }
    for (std::size_t w = 0; w < words; ++w) {
      EXPECT_EQ(pieces.open_loop(w).set, whole.open_loop_set[w]);
      const std::uint64_t every = ~std::uint64_t{0};
      const std::size_t n = pieces.rounds(w, 1, &every);
      std::vector<std::uint64_t> pulsed(n), reset(n);
      const std::size_t until_done = pieces.unpack(w, 1, &every, n, pulsed.data(), reset.data());
      for (std::size_t r = 1; r < n; ++r) EXPECT_EQ(pulsed[r] != 0, r < until_done);
      pulsed.resize(std::max(n, whole.rounds));
      reset.resize(pulsed.size());
      for (std::size_t r = 0; r < whole.rounds; ++r) {
        EXPECT_EQ(pulsed[r] & ~reset[r], set[r * words + w]) << w;
        EXPECT_EQ(reset[r], whole.reset[r * words + w]) << w;
      }
    }
  }
}
INSTANTIATE_TEST_SUITE_P(Steps, PulsesInPieces, testing::Values(0.05, 0.002));

}  // namespace
}  // namespace uswim::programmer
