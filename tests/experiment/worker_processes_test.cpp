#include "experiment/worker_processes.h"

#include <gtest/gtest.h>

#include <csignal>
#include <numeric>

namespace uswim::experiment {
namespace {

TEST(WorkerProcesses, DeliverEveryMessageInEachWorkersOrder) {
  std::vector<std::vector<std::uint32_t>> seen(3);
  run_in_processes(
      3,
      [](unsigned index, const Send& send) {
        for (std::uint32_t i = 0; i < 5000; ++i)
          send({i, std::vector<std::uint8_t>(i % 100 + 1, static_cast<std::uint8_t>(index))});
      },
      [&](unsigned index, const Message& m) {
        ASSERT_EQ(m.bytes[0], index);
        ASSERT_EQ(m.bytes.size(), m.kind % 100 + 1);
        seen[m.bytes[0]].push_back(m.kind);
      });
  std::vector<std::uint32_t> want(5000);
  std::iota(want.begin(), want.end(), 0u);
  for (const auto& messages : seen) EXPECT_EQ(messages, want);
}

TEST(WorkerProcesses, PassOnWhatAWorkerThrew) {
  try {
    run_in_processes(
        2,
        [](unsigned i, const Send&) {
          if (i == 1) throw std::runtime_error("tile 7 is on fire");
        },
        [](unsigned, const Message&) {});
    FAIL() << "nothing was thrown";
  } catch (const std::runtime_error& error) {
    EXPECT_STREQ(error.what(), "tile 7 is on fire");
  }
}

TEST(WorkerProcesses, ReportAWorkerThatWasKilled) {
  EXPECT_THROW(run_in_processes(
                   2,
                   [](unsigned i, const Send&) {
                     if (i == 0) std::raise(SIGKILL);
                   },
                   [](unsigned, const Message&) {}),
               std::runtime_error);
}

TEST(WorkerProcesses, EndWithTheUsersInterrupt) {
  catch_interrupts();
  EXPECT_THROW(run_in_processes(
                   2,
                   [](unsigned, const Send& send) {
                     send({1, {}});
                     while (true) {
                     }
                   },
                   [](unsigned, const Message&) { std::raise(SIGINT); }),
               Interrupted);
}

}  // namespace
}  // namespace uswim::experiment
