#pragma once
#include <chrono>
#include <string>

#include "experiment/run.h"

namespace uswim::apps {

/// One line on the terminal that tells how far a stage is and how long it will still take. Silent
/// where standard error is not a terminal; a stage of less than a second is not shown.
class ProgressLine {
 public:
  ProgressLine();
  ~ProgressLine();
  void operator()(const std::string& stage, std::size_t done, std::size_t total);

 private:
  void clear();
  bool is_terminal_;
  bool shown_ = false;
  std::string stage_;
  std::size_t at_begin_ = 0;  ///< done when the stage was first heard of: by an earlier run
  std::chrono::steady_clock::time_point begin_, last_;
};

/// What shows a stage on the line, and ends it by experiment::Interrupted once a signal has come.
experiment::Progress stoppable(ProgressLine& line);

/// The tables that `uswim run` prints, 80 columns wide at most.
std::string result_tables(const experiment::Config& config, const experiment::RunResult& result);
/// Where the time of the run itself went.
std::string stage_times(const experiment::Config& config, const experiment::RunResult& result);

}  // namespace uswim::apps
