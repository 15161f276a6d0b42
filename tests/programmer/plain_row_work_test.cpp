// Is the work of a row, counted by bits, what a loop over its devices counts?
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "programmer/write_verify/row_work.h"
#include "support/random.h"

namespace uswim::programmer {
namespace {

constexpr std::size_t kWords = 2, kColumns = kWords * 64, kRows = 6;

struct Case {
  PulseModelKind kind;
  StartState start = StartState::Erased;
  RowScheme scheme = {};
  RowOperation operation = RowOperation::Program;
  std::size_t rows = 1;  ///< driven together
  unsigned max_cycles = 25;
};

/// Devices of all levels, some of them stuck, some given up.
DeviceOutcomes outcomes_of(const Case& c) {
  DeviceConfig device;
  device.preset = DevicePreset::R1;
  device.sigma = 0.2;
  device.stuck_low = device.stuck_high = 0.02;
  WriteVerifyConfig config;
  config.pulse_model = c.kind;
  config.start = c.start;
  config.max_cycles = c.max_cycles;
  std::vector<DeviceTarget> targets(kRows * kColumns);
  for (std::size_t i = 0; i < targets.size(); ++i)
    targets[i] = {i % kColumns < 120, static_cast<float>(i % 4) / 3.0f, 1.0f};
  DeviceOutcomes o;
  make_pulse_model(config, DeviceModel(device))->write(targets, 0, 1, 0, o);
  return o;
}

struct Pulses {
  bool set = false, reset = false;
  bool any() const { return set || reset; }
};

/// Device by device and round by round.
class PlainRow {
 public:
  PlainRow(const Case& c, const DeviceOutcomes& o, std::size_t first, const std::uint64_t* mask)
      : case_(c),
        outcomes_(o),
        set_(o.set_by_round()),
        first_(first * kColumns),
        devices_(c.rows * kColumns),
        mask_(mask) {}

  RowWork work() const {
    const std::size_t rounds = rounds_until_closed();
    RowWork work;
    for (std::size_t r = 0; r < rounds; ++r) work.add(round(r));
    const bool writes = case_.scheme.closing.writes();
    if (writes) {
      RoundWork last = round(rounds);  // without its reads
      last.read_rows = last.verify_reads = last.serial_conversions = 0;
      work.add(last);
    }
    for (std::size_t d = 0; d < devices_; ++d) {
      std::uint32_t cycles = 0, given = 0;
      for (std::size_t r = 0; r < rounds; ++r) {
        cycles += is_selected(d) && verify_pulse(d, r).any();
        given += given_pulse(d, r).any();
      }
      given += writes && given_pulse(d, rounds).any();
      work.write_cycles += cycles;
      work.most_pulses = std::max(work.most_pulses, given);
      if (is_selected(d))
        work.not_converged += verify_pulse(d, rounds).any() || !outcomes_.converged[first_ + d];
    }
    return work;
  }

 private:
  bool is_selected(std::size_t d) const { return mask_[d / 64] >> (d % 64) & 1; }
  bool bit(const std::vector<std::uint64_t>& bits, std::size_t from, std::size_t d) const {
    return bits[from + (first_ + d) / 64] >> (d % 64) & 1;
  }
  Pulses verify_pulse(std::size_t d, std::size_t r) const {
    if (r >= outcomes_.rounds) return {};
    const std::size_t from = r * outcomes_.words();
    return {bit(set_, from, d), bit(outcomes_.reset, from, d)};
  }
  /// The pulse that the device gets.
  Pulses given_pulse(std::size_t d, std::size_t r) const {
    const Pulses open_loop{bit(outcomes_.open_loop_set, 0, d),
                           bit(outcomes_.open_loop_reset, 0, d)};
    if (case_.operation == RowOperation::Program) {
      if (is_selected(d)) return verify_pulse(d, r);
      return r == 0 ? open_loop : Pulses{};
    }
    if (!is_selected(d)) return {};
    if (r > 0) return verify_pulse(d, r);
    // The open-loop pulse has been given; where write-verify does not begin with it, a RESET pulse
    // takes it back.
    return {false, open_loop.any() && !verify_pulse(d, 0).any()};
  }
  bool is_read(std::size_t d, std::size_t r) const {
    return is_selected(d) && (r == 0 || verify_pulse(d, r).any());
  }
  std::size_t rounds_until_closed() const {
    std::size_t rounds = 1;
    for (std::size_t r = 1; r < outcomes_.rounds; ++r)
      for (std::size_t d = 0; d < devices_; ++d)
        if (is_selected(d) && verify_pulse(d, r).any()) rounds = r + 1;
    const RowClosing& closing = case_.scheme.closing;
    if (closing.rounds > 0) rounds = std::min<std::size_t>(rounds, closing.rounds);
    for (std::size_t r = 1; closing.open_part > 0.0 && r < rounds; ++r) {
      std::size_t selected = 0, open = 0;
      for (std::size_t d = 0; d < devices_; ++d) {
        selected += is_selected(d);
        open += is_selected(d) && verify_pulse(d, r).any();
      }
      if (static_cast<double>(open) <= closing.open_part * static_cast<double>(selected)) return r;
    }
    return rounds;
  }
  RoundWork round(std::size_t r) const {
    const RowScheme& scheme = case_.scheme;
    const std::size_t group = scheme.drivers == 0 ? kColumns : scheme.drivers;
    RoundWork w;
    w.mixed = scheme.mixed_phases;
    std::vector<std::uint32_t> set(kColumns / group + 1, 0), reset(set.size(), 0);
    for (std::size_t row = 0; row < case_.rows; ++row) {
      std::vector<std::uint32_t> reads(kColumns / scheme.columns_per_adc, 0);
      for (std::size_t c = 0; c < kColumns; ++c) {
        const std::size_t d = row * kColumns + c;
        set[c / group] += given_pulse(d, r).set;
        reset[c / group] += given_pulse(d, r).reset;
        reads[c / scheme.columns_per_adc] += is_read(d, r);
      }
      std::uint32_t all = 0;
      for (const std::uint32_t n : reads) all += n;
      if (all == 0) continue;
      ++w.read_rows;
      w.verify_reads += scheme.verify_whole_row ? 120 : all;
      w.serial_conversions += scheme.verify_whole_row
                                  ? std::min(120u, scheme.columns_per_adc)
                                  : *std::max_element(reads.begin(), reads.end());
    }
    for (std::size_t g = 0; g < set.size(); ++g) {
      w.set_pulses += set[g];
      w.reset_pulses += reset[g];
      const bool shared = w.mixed && set[g] > 0 && reset[g] > 0;
      w.mixed_slots += shared;
      w.set_slots += set[g] > 0 && !shared;
      w.reset_slots += reset[g] > 0 && !shared;
      w.fullest_set = std::max(w.fullest_set, set[g]);
      w.fullest_reset = std::max(w.fullest_reset, reset[g]);
      if (w.mixed) w.fullest_mixed = std::max(w.fullest_mixed, set[g] + reset[g]);
    }
    return w;
  }

  const Case& case_;
  const DeviceOutcomes& outcomes_;
  std::vector<std::uint64_t> set_;  ///< DeviceOutcomes::set_by_round
  std::size_t first_, devices_;
  const std::uint64_t* mask_;
};

void expect_equal(const RowWork& got, const RowWork& want) {
  EXPECT_EQ(got.set_pulses, want.set_pulses);
  EXPECT_EQ(got.reset_pulses, want.reset_pulses);
  EXPECT_EQ(got.set_phases, want.set_phases);
  EXPECT_EQ(got.reset_phases, want.reset_phases);
  EXPECT_EQ(got.phases, want.phases);
  EXPECT_EQ(got.set_slots, want.set_slots);
  EXPECT_EQ(got.reset_slots, want.reset_slots);
  EXPECT_EQ(got.mixed_slots, want.mixed_slots);
  EXPECT_EQ(got.fullest_set, want.fullest_set);
  EXPECT_EQ(got.fullest_reset, want.fullest_reset);
  EXPECT_EQ(got.fullest_mixed, want.fullest_mixed);
  EXPECT_EQ(got.verify_rounds, want.verify_rounds);
  EXPECT_EQ(got.verify_reads, want.verify_reads);
  EXPECT_EQ(got.serial_conversions, want.serial_conversions);
  EXPECT_EQ(got.write_cycles, want.write_cycles);
  EXPECT_EQ(got.not_converged, want.not_converged);
  EXPECT_EQ(got.most_pulses, want.most_pulses);
  EXPECT_EQ(got.polarity.count, want.polarity.count);
}

class PlainRowWork : public testing::TestWithParam<Case> {};

TEST_P(PlainRowWork, IsThatOfTheBitSets) {
  const Case& c = GetParam();
  const DeviceOutcomes o = outcomes_of(c);
  const DevicePulses pulses(o);
  // Full, empty, dense, sparse.
  for (const unsigned density : {0u, 1u, 2u, 5u, 64u}) {
    std::vector<std::uint64_t> mask;
    for (std::size_t w = 0; w < kRows * kWords; ++w) {
      std::uint64_t word = density == 64 ? 0 : ~std::uint64_t{0};
      for (unsigned k = 0; k < density && density < 64; ++k)
        word &= support::uniform_word({3, k, support::Stream::RandomPolicy}, w);
      mask.push_back(w % kWords == 1 ? word & ((std::uint64_t{1} << 56) - 1) : word);
    }
    for (std::size_t first = 0; first + c.rows <= kRows; ++first) {
      SCOPED_TRACE(testing::Message() << "density " << density << ", row " << first);
      const std::uint64_t* of_row = &mask[first * kWords];
      const RowView view{pulses, first * kWords, kWords, of_row, c.scheme,
                         120,    c.operation,    c.rows};
      expect_equal(row_work(view), PlainRow(c, o, first, of_row).work());
    }
  }
}

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const RowOperation operation : {RowOperation::Program, RowOperation::Verify})
    for (const auto& [kind, start] : {std::pair(PulseModelKind::Redraw, StartState::Erased),
                                      std::pair(PulseModelKind::Incremental, StartState::Erased),
                                      std::pair(PulseModelKind::Incremental, StartState::OpenLoop),
                                      std::pair(PulseModelKind::Ispp, StartState::Erased)})
      for (const RowScheme& scheme :
           {RowScheme{8}, RowScheme{16}, RowScheme{32}, RowScheme{64}, RowScheme{1}, RowScheme{2},
            RowScheme{4, 24}, RowScheme{16, 1}, RowScheme{32, 0, true}, RowScheme{64, 10, true},
            RowScheme{8, 0, false, true}, RowScheme{8, 0, false, false, {4, 0.0}},
            RowScheme{8, 0, false, false, {0, 0.2}},
            RowScheme{8, 0, false, false, {4, 0.0, OpenAtClose::Leave}},
            RowScheme{4, 24, true, false, {6, 0.1}}})
        for (const std::size_t rows : {1u, 3u})
          all.push_back({kind, start, scheme, operation, rows});
  all.push_back({PulseModelKind::Statistical});
  // Rounds that are dealt with 32 at a time.
  for (const unsigned max_cycles : {32u, 33u, 34u, 65u, 100u})
    all.push_back({PulseModelKind::Incremental,
                   StartState::Erased,
                   {8},
                   RowOperation::Program,
                   1,
                   max_cycles});
  return all;
}
INSTANTIATE_TEST_SUITE_P(Cases, PlainRowWork, testing::ValuesIn(cases()));

}  // namespace
}  // namespace uswim::programmer
