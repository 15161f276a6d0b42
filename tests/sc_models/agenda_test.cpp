// Do steps come in the order in which the kernel wakes processes?
#include "sc_models/agenda.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <random>
#include <systemc>
#include <vector>

namespace uswim::sc_models {
namespace {

using support::Duration;

Duration ps(std::int64_t n) { return Duration::picoseconds(n); }

struct Entry {
  std::int64_t time;
  int step;
};
int compare_times(const void* a, const void* b) {
  const std::int64_t first = static_cast<const Entry*>(a)->time;
  const std::int64_t second = static_cast<const Entry*>(b)->time;
  return first < second ? 1 : first > second ? -1 : 0;
}

// The kernel holds its timed notifications in a queue of this class, compares them by time alone
// and takes all of one time before any process runs.
TEST(Agenda, TakesStepsOfEqualTimesAsTheKernelsQueue) {
  std::mt19937 random(1);
  sc_core::sc_ppq<Entry*> kernel(128, compare_times);
  std::vector<Entry> entries(20000);
  Agenda<int> agenda;
  agenda.start(ps(1000));
  std::size_t added = 0;
  const auto add = [&](std::int64_t now) {
    const std::int64_t delay = 1 + static_cast<std::int64_t>(random() % 5);  // many of one time
    entries[added] = {now + delay, static_cast<int>(added)};
    agenda.after(ps(delay), static_cast<int>(added));
    kernel.insert(&entries[added++]);
  };
  for (int lane = 0; lane < 300; ++lane) add(1000);
  std::vector<int> due;
  std::size_t together = 0;
  while (!agenda.is_empty()) {
    const std::int64_t now = agenda.next_time().in_picoseconds();
    agenda.advance(due);
    together = std::max(together, due.size());
    EXPECT_EQ(agenda.now().in_picoseconds(), now);
    std::vector<int> want;
    while (!kernel.empty() && kernel.top()->time == now) want.push_back(kernel.extract_top()->step);
    ASSERT_EQ(due, want);
    for (std::size_t i = 0; i < due.size() && added < entries.size(); ++i) add(now);
  }
  EXPECT_TRUE(kernel.empty());
  EXPECT_EQ(added, entries.size());
  EXPECT_GT(together, 50u);
}

// As sc_event::notify(SC_ZERO_TIME).
TEST(Agenda, TakesTheStepsOfADeltaCycleLastFirstBeforeTimeGoesOn) {
  Agenda<int> agenda;
  std::vector<int> due;
  agenda.start(ps(7));
  agenda.after(ps(1), 4);
  agenda.after(ps(0), 1);
  agenda.after(ps(0), 2);
  agenda.after(ps(0), 3);
  EXPECT_EQ(agenda.next_time().in_picoseconds(), 7);
  agenda.advance(due);
  EXPECT_EQ(due, (std::vector<int>{3, 2, 1}));
  agenda.after(ps(0), 5);
  agenda.advance(due);
  EXPECT_EQ(due, (std::vector<int>{5}));
  EXPECT_EQ(agenda.next_time().in_picoseconds(), 8);
  agenda.advance(due);
  EXPECT_EQ(due, (std::vector<int>{4}));
  EXPECT_TRUE(agenda.is_empty());
}

}  // namespace
}  // namespace uswim::sc_models
