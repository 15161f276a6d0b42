#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "programmer/write_verify/pulse_model.h"

namespace uswim::programmer {

/// The pulses of the devices of an array, packed: what the work of its rows is counted from.
///
/// Devices stand in 64-bit words of bit sets. Each word has as many rounds as its slowest device
/// takes, one after the other, so that a row's pulses lie side by side and a slow device costs
/// memory in its own word alone. A device is pulsed in round 0 or not, and from round 1 on in every
/// round until it is done.
class DevicePulses {
 public:
  struct Round {
    std::uint64_t set = 0, reset = 0;  ///< pulses of write-verify
  };
  struct OpenLoop {
    std::uint64_t set = 0, reset = 0;
    std::uint64_t pulsed() const { return set | reset; }
  };

  DevicePulses() = default;
  explicit DevicePulses(const DeviceOutcomes& outcomes) { append(outcomes); }
  void clear();
  /// Devices behind those that are there, a multiple of 64 or the last ones. `left`: devices that
  /// are to follow; room is made for them as for those that are there.
  void append(const DeviceOutcomes& outcomes, std::size_t left = 0);

  std::size_t rounds(std::size_t word) const { return begin_[word + 1] - begin_[word]; }
  /// The first of `rounds(word)`.
  const Round* of_word(std::size_t word) const { return rounds_.data() + begin_[word]; }
  const OpenLoop& open_loop(std::size_t word) const { return open_loop_[word]; }
  /// Devices given up at max_cycles.
  std::uint64_t given_up(std::size_t word) const { return given_up_[word]; }
  /// Write cycles of write-verify, of all devices together.
  std::uint64_t write_cycles() const { return write_cycles_; }

  bool has_power() const { return !open_loop_power_W_.empty(); }
  /// As in DeviceOutcomes; by device.
  double open_loop_power_W(std::size_t i) const { return double{open_loop_power_W_[i]}; }
  double set_power_W(std::size_t i) const { return double{set_power_W_[i]}; }
  double reset_power_W(std::size_t i) const { return double{reset_power_W_[i]}; }
  double erase_power_W(std::size_t i) const { return double{erase_power_W_[i]}; }

 private:
  /// Room for `more` rounds, and for those of `left` words behind `words`. Doubling would leave up
  /// to half of the memory of millions of devices unused.
  void make_room(std::size_t more, std::size_t words, std::size_t left);

  std::vector<std::uint32_t> begin_{0};  ///< of each word's rounds, and the end of the last
  std::vector<Round> rounds_;
  std::vector<OpenLoop> open_loop_;
  std::vector<std::uint64_t> given_up_;
  std::uint64_t write_cycles_ = 0;
  std::vector<float> open_loop_power_W_, set_power_W_, reset_power_W_, erase_power_W_;
};

}  // namespace uswim::programmer
