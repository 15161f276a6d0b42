// What does programming over a mesh take?
#include <gtest/gtest.h>

#include <algorithm>

#include "row_recorder.h"
#include "small_system.h"

namespace uswim::sc_models {
namespace {

using programmer::PulseModelKind;
using programmer::SelectionMask;
using support::Duration;

ChipConfig with_mesh(unsigned columns, unsigned ports, unsigned width = 256) {
  ChipConfig chip;
  chip.interconnect = Topology::Mesh;
  chip.mesh.columns = columns;
  chip.mesh.ports = ports;
  chip.mesh.concentration = 1;
  chip.mesh.link_width = width;
  return chip;
}

constexpr std::int64_t kCommandBytes = 32 + 16 + kCommandHeaderBytes;  // levels and mask of a row

TEST(ProgrammingOverAMesh, OfOneTileTakesItsRowsAndTheirWay) {
  ChipConfig chip = with_mesh(1, 1, 32);
  chip.mesh.router_latency_cycles = 5;
  SmallSystem s(40, 8, PulseModelKind::Incremental, {}, chip);
  const ProgrammingReport r = s.system->program(s.every_nth(3));
  const std::int64_t flits = kCommandBytes * 8 / 32;
  const Duration commands = Duration::nanoseconds(40 * (2 + 5 + flits));
  EXPECT_EQ(r.time.in_picoseconds(),
            (r.tiles[0].busy + commands + s.chip.host_link_time).in_picoseconds());
  EXPECT_EQ(r.busiest_link.in_picoseconds(), Duration::nanoseconds(40 * flits).in_picoseconds());
  EXPECT_EQ(r.mean_hops, 1.0);
}

std::int64_t flits_of_rows(std::size_t rows) {
  return static_cast<std::int64_t>(rows) * kCommandBytes * 8 / 32;
}

// Six arrays at 3 x 2 routers, 600 rows in all: one port is never idle.
TEST(ProgrammingOverAMesh, IsBoundByItsPort) {
  SmallSystem s(300, 40, PulseModelKind::Incremental, {}, with_mesh(2, 1, 32));
  const ProgrammingReport r = s.system->program(SelectionMask(s.mapping->weights(), 0));
  EXPECT_EQ(r.busiest_link.in_picoseconds(),
            Duration::nanoseconds(flits_of_rows(600)).in_picoseconds());
  EXPECT_GE(r.time.in_picoseconds(), r.busiest_link.in_picoseconds());
  // Doorbell, buffer, at most three routers and the last row's own write.
  EXPECT_LE(r.time.in_picoseconds(),
            (r.busiest_link + Duration::nanoseconds(5 + 2 + 3 * 2 + 10)).in_picoseconds());
}

// A port for each row of routers, that of tiles 2 r and 2 r + 1.
TEST(ProgrammingOverAMesh, WithMorePortsIsFasterThanOneCouldBe) {
  SmallSystem s(300, 40, PulseModelKind::Incremental, {}, with_mesh(2, 3, 32));
  const ProgrammingReport r = s.system->program(SelectionMask(s.mapping->weights(), 0));
  std::size_t fullest = 0;
  for (std::size_t row = 0; row < 3; ++row)
    fullest = std::max<std::size_t>(fullest, r.tiles[2 * row].rows + r.tiles[2 * row + 1].rows);
  EXPECT_EQ(r.busiest_link.in_picoseconds(),
            Duration::nanoseconds(flits_of_rows(fullest)).in_picoseconds());
  EXPECT_GE(r.time.in_picoseconds(), r.busiest_link.in_picoseconds());
  EXPECT_LT(r.time.in_picoseconds(), Duration::nanoseconds(flits_of_rows(600)).in_picoseconds());
}

TEST(ProgrammingOverAMesh, SpendsEnergyPerRouterAndFlit) {
  SmallSystem s(300, 40, PulseModelKind::Incremental, {}, with_mesh(2, 1));
  const ProgrammingReport r = s.system->program(s.every_nth(3));
  const std::int64_t hops[] = {2, 3, 1, 2, 2, 3};  // the port is at the second of three rows
  const std::int64_t flits = (kCommandBytes * 8 + 255) / 256;
  double sum = 0.0, rows = 0.0;
  for (std::size_t t = 0; t < 6; ++t) {
    const double want =
        20.74 * static_cast<double>(hops[t] * flits) * static_cast<double>(r.tiles[t].rows);
    EXPECT_NEAR(support::in_picojoules(r.tiles[t].energy.of(Component::Bus)), want, 1e-9 * want);
    sum += static_cast<double>(hops[t]) * static_cast<double>(r.tiles[t].rows);
    rows += static_cast<double>(r.tiles[t].rows);
  }
  EXPECT_NEAR(r.mean_hops, sum / rows, 1e-12);
}

// A row that is sent later to a nearer array can begin earlier: observers see it first.
TEST(ProgrammingOverAMesh, TellsObserversRowsInTheOrderInWhichTheyBegin) {
  ChipConfig chip = with_mesh(2, 3, 32);
  chip.mesh.router_latency_cycles = 50;
  SmallSystem s(300, 40, PulseModelKind::Incremental, {}, chip);
  Recorder recorder;
  s.system->add_observer(recorder);
  const ProgrammingReport r = s.system->program(s.every_nth(3));
  EXPECT_EQ(recorder.rows.size(), 600u);
  EXPECT_TRUE(
      std::is_sorted(recorder.rows.begin(), recorder.rows.end(),
                     [](const RowEvent& a, const RowEvent& b) { return a.begin < b.begin; }));
  EXPECT_EQ(recorder.peak(), in_picowatts(r.peak_power));
}

TEST(ProgrammingOverAMesh, DoesNotDependOnWhatRanBefore) {
  ChipConfig chip = with_mesh(2, 2, 32);
  chip.mesh.port_choice = PortChoice::Interleaved;
  SmallSystem s(300, 40, PulseModelKind::Incremental, {}, chip);
  const ProgrammingReport first = s.system->program(s.every_nth(3));
  s.system->program(s.every_nth(1));
  const ProgrammingReport again = s.system->program(s.every_nth(3));
  EXPECT_EQ(first.time.in_picoseconds(), again.time.in_picoseconds());
  EXPECT_EQ(first.energy.total(), again.energy.total());
  EXPECT_EQ(first.busiest_link.in_picoseconds(), again.busiest_link.in_picoseconds());
}

TEST(InferenceOverAMesh, TakesTheWayThereAndBack) {
  ChipConfig chip = with_mesh(1, 1, 64);
  chip.mesh.router_latency_cycles = 7;
  SmallSystem s(100, 8, PulseModelKind::Incremental, {}, chip);
  s.system->program(s.every_nth(1));
  const InferenceReport r = s.system->infer(std::vector<std::uint8_t>(100, 255), 1);
  // 100 codes of a byte there, 8 sums of 8 bytes back, either with a header of 8.
  const std::int64_t there = 2 + 7 + (100 + 8 + 7) / 8, back = 7 + (64 + 8) / 8, digital = 1;
  const std::int64_t per_bit = 100 + 8;  // array read, eight columns per ADC at a cycle each
  EXPECT_EQ(r.latency.in_picoseconds(), (there + 4 * per_bit + back + digital) * 1000);
}

// Six tiles, whose sums set out together: rows 0 and 2 are two or three routers from the port.
TEST(InferenceOverAMesh, BringsSumsSideBySide) {
  ChipConfig chip = with_mesh(2, 3, 4096);
  chip.mesh.router_latency_cycles = 100;
  SmallSystem s(300, 40, PulseModelKind::Incremental, {}, chip);
  s.system->program(s.every_nth(1));
  const InferenceReport r = s.system->infer(std::vector<std::uint8_t>(300, 255), 1);
  // Every packet is one flit. Two of a port follow each other; the second one's way is longer.
  const std::int64_t there = 2 + 2 * 100 + 2, back = 2 * 100 + 1, digital = 2;
  EXPECT_EQ(r.latency.in_picoseconds(), (there + 4 * (100 + 8) + back + digital) * 1000);
}

}  // namespace
}  // namespace uswim::sc_models
