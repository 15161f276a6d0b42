#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "experiment/worker_processes.h"

namespace uswim::experiment {

/// What finished chips of a run sent, in a file beside its result directory, so that a run that was
/// interrupted can go on. Chips are appended whole with a hash: one that was cut off by a kill is
/// left out when the file is read. The file appears with the first chip.
class Checkpoint {
 public:
  /// `key`: of everything that the chips' results depend on. With `resume`, chips of an earlier run
  /// with the same key are read; without, they are forgotten. Throws support::FileError: the file
  /// has another key or is no checkpoint.
  Checkpoint(std::filesystem::path file, std::string key, bool resume);

  const std::map<std::uint32_t, std::vector<Message>>& finished() const { return finished_; }
  /// Throws support::FileError; what was there before stays as it was.
  void append(std::uint32_t chip, const std::vector<Message>& messages);
  /// The run is complete: the file is not needed any more.
  void remove();

  /// Where the checkpoint of a result directory lies.
  static std::filesystem::path file_of(const std::filesystem::path& output);

 private:
  std::filesystem::path file_;
  std::string header_;
  std::map<std::uint32_t, std::vector<Message>> finished_;
  std::uintmax_t size_ = 0;  ///< bytes of the file that are whole
};

}  // namespace uswim::experiment
