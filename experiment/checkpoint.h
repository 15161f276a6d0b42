#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "experiment/worker_processes.h"
#include "support/results.h"

namespace uswim::experiment {

/// What a run does with the chips that an interrupted one left in its checkpoint.
enum class EarlierChips { Refuse, Resume, Discard };

/// The checkpoint cannot be used: it is not this run's, or another run holds it. It stays as it is.
struct CheckpointError : support::FileError {
  using FileError::FileError;
};

/// What finished chips of a run sent, in a file beside its result directory, so that a run that was
/// interrupted can go on. Chips are appended whole with a hash: one that was cut off by a kill is
/// left out when the file is read. The file is locked for as long as this object lives (so that two
/// runs into one directory are kept apart) and removed at its end if it holds no chips.
class Checkpoint {
 public:
  /// Throws CheckpointError: another run holds the file, it is no checkpoint, or it holds chips and
  /// `earlier` says to refuse them. Throws support::FileError where it cannot be opened.
  Checkpoint(std::filesystem::path file, EarlierChips earlier);
  ~Checkpoint();
  Checkpoint(const Checkpoint&) = delete;
  Checkpoint& operator=(const Checkpoint&) = delete;

  /// Before all that follows. `key`: of everything that the chips' results depend on. Throws
  /// CheckpointError: the chips that are to be taken up have another key.
  void begin(const std::string& key);
  const std::map<std::uint32_t, std::vector<Message>>& finished() const { return finished_; }
  /// Throws support::FileError; what was there before stays as it was.
  void append(std::uint32_t chip, const std::vector<Message>& messages);
  /// The run is complete: the file is not needed any more.
  void remove();

  /// Where the checkpoint of a result directory lies.
  static std::filesystem::path file_of(const std::filesystem::path& output);

 private:
  void open_locked();
  [[noreturn]] void fail(const std::string& what) const;

  std::filesystem::path file_;
  int descriptor_ = -1;
  std::string earlier_;  ///< bytes of an interrupted run that is to be resumed
  std::string header_;
  std::map<std::uint32_t, std::vector<Message>> finished_;
  std::uintmax_t size_ = 0;  ///< bytes of the file that are whole
};

}  // namespace uswim::experiment
