#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "programmer/write_verify/pulse_model.h"

namespace uswim::programmer {

/// The pulses of the devices of an array, packed: what the work of its rows is counted from.
///
/// Devices stand in 64-bit words of bit sets. A device is pulsed in round 0 or not, and from round
/// 1 on in every round until it is done, so behind round 0 a number tells all of its pulses but
/// their polarity. The numbers of a word stand bit by bit: as many bits as that of its slowest
/// device has. RESET pulses are few where write-verify approaches from below: of each word the
/// rounds with some are kept.
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
  /// Devices behind those that are there, a multiple of 64 or the last ones.
  void append(const DeviceOutcomes& outcomes);

  /// A power of two of rounds, 4 or more, behind which none of these devices has a pulse.
  /// `devices`: bit sets of `words` words from `word` on.
  std::size_t rounds(std::size_t word, std::size_t words, const std::uint64_t* devices) const;
  /// Pulses of these devices in `n` = rounds() rounds: [word][round], either kind and those of them
  /// that are RESET pulses. Returns the rounds until the last of them is done, round 0 included, at
  /// least 1.
  std::size_t unpack(std::size_t word, std::size_t words, const std::uint64_t* devices,
                     std::size_t n, std::uint64_t* pulsed, std::uint64_t* reset) const;
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
  double read_power_W(std::size_t i) const { return double{read_power_W_[i]}; }
  double erase_power_W(std::size_t i) const { return double{erase_power_W_[i]}; }
  double set_excess_V2(std::size_t i) const {
    return set_excess_V2_.empty() ? 0.0 : double{set_excess_V2_[i]};
  }
  double reset_excess_V2(std::size_t i) const {
    return reset_excess_V2_.empty() ? 0.0 : double{reset_excess_V2_[i]};
  }

 private:
  std::vector<Round> first_;  ///< round 0 of each word
  std::vector<OpenLoop> open_loop_;
  std::vector<std::uint64_t> given_up_;
  /// Of each word's bits of numbers of pulses behind round 0, lowest first, and the end of the
  /// last.
  std::vector<std::uint32_t> bits_begin_{0};
  std::vector<std::uint64_t> bits_;
  /// The same of rounds with RESET pulses behind round 0.
  std::vector<std::uint32_t> resets_begin_{0};
  std::vector<std::uint16_t> reset_round_;  ///< DeviceOutcomes::cycles is as wide
  std::vector<std::uint64_t> reset_;
  std::uint64_t write_cycles_ = 0;
  std::vector<float> open_loop_power_W_, set_power_W_, reset_power_W_, read_power_W_,
      erase_power_W_, set_excess_V2_, reset_excess_V2_;
};

}  // namespace uswim::programmer
