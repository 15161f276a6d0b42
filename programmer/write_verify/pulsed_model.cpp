#include "programmer/write_verify/pulsed_model.h"

#include <algorithm>
#include <cstring>

#include "programmer/write_verify/chunk_loops.h"
#include "programmer/write_verify/record.h"
#include "support/philox_words.h"

namespace uswim::programmer {

using support::Stream;
using support::StreamKey;
using namespace chunk;

namespace {

/// Zeros at first: whole vectors are computed, and behind the last device stand some numbers. One
/// for each thread, as chunks are many.
struct ChunkMemory {
  ChunkDevices all{};
  OpenDevices open{};
  PickedDevices picked{};
};
thread_local ChunkMemory memory_of_thread;

/// Write-verify of a chunk of devices, into the outcomes.
class ChunkWriter {
 public:
  ChunkWriter(const PulseConstants& constants, std::uint64_t seed, std::uint32_t chip)
      : constants_(constants), seed_(seed), chip_(chip) {
    std::fill_n(all_.step, kPadded, constants_.step);
    std::fill_n(open_.scale, kPadded, constants_.step);
  }

  /// Devices `at` ... `at + n` of the set, n <= kChunk.
  void write(const DeviceTargets& targets, std::size_t at, std::size_t n, std::uint64_t first,
             DeviceOutcomes& out) {
    first_rounds(targets, at, n, first, out);
    std::uint8_t first_pulses[kChunk] = {};
    as_bytes(all_.flags, n, first_pulses);
    record_first_round(first_pulses, at, n, out);
    begin_blocks(at, n, out);
    for (std::uint32_t block = 0; open_count_ > 0; ++block) {
      draw_words(first, block);
      run_block(block);
      keep(block, at, out);
      close(block, at, out);
    }
  }

  /// As DeviceOutcomes::rounds.
  std::size_t rounds() const { return rounds_; }

 private:
  StreamKey key(Stream stream) const { return {seed_, chip_, stream}; }
  bool is_redraw() const { return constants_.kind == PulseModelKind::Redraw; }

  void first_rounds(const DeviceTargets& targets, std::size_t at, std::size_t n,
                    std::uint64_t first, DeviceOutcomes& out) {
    if (constants_.device_to_device > 0.0f) {
      support::device_normals(device_step_key(seed_, chip_), first, n, all_.step);
      for (std::size_t i = 0; i < n; ++i)
        all_.step[i] = constants_.step * step_factor(constants_, all_.step[i]);
    }
    chunk::first_rounds(constants_, targets, at, n, first, seed_, chip_, all_, &out.open_loop[at],
                        &out.verified[at]);
  }

  /// What the pulses and reads of a block are made of.
  void draw_words(std::uint64_t first, std::uint32_t block) {
    find_indices(open_, whole_vectors(open_count_), first);
    const auto draw = [&](Stream stream, std::uint32_t(&word)[4][kPadded]) {
      std::uint32_t* const words[4] = {word[0], word[1], word[2], word[3]};
      support::philox_words(key(stream), open_.low, open_.high, whole_vectors(open_count_), block,
                            words);
    };
    draw(Stream::WriteCycle, open_.pulse_word);
    if (constants_.read_noise > 0.0f) draw(Stream::VerifyReadNoise, open_.read_word);
  }

  /// Pulses until max_cycles at the beginning of a block, of devices without one in round 0.
  std::int32_t left(std::uint32_t block) const {
    return constants_.max_cycles - static_cast<std::int32_t>(block * kRoundsPerBlock);
  }
  /// Whether a device may come to max_cycles in a block.
  bool may_give_up(std::uint32_t block) const {
    return left(block) <= static_cast<std::int32_t>(kRoundsPerBlock) + 1;
  }

  void run_block(std::uint32_t block) {
    const bool plain = !may_give_up(block) && !constants_.may_be_stuck();
    chunk::block(constants_, plain)(open_, open_count_, left(block), constants_);
  }

  /// Stores what a block has done: RESET pulses, and the devices that it closes.
  void keep(std::uint32_t block, std::size_t at, DeviceOutcomes& out) {
    const std::size_t first_round = 1 + block * kRoundsPerBlock, words = out.words();
    add_rounds(out, first_round + kRoundsPerBlock);
    const PickedDevices& picked = picked_;
    keep_resets(&out.reset[first_round * words + at / 64], words);
    const std::size_t closed = pick(open_.open, 0, 3);
    std::uint16_t* const cycles = &out.cycles[at];
    float* const verified = &out.verified[at];
    std::uint32_t most = closed < open_count_ ? kRoundsPerBlock : 0;
    for (std::size_t i = 0; i < closed; ++i) {
      const std::uint32_t index = picked.index[i], device = index & kIndexBits;
      const std::uint32_t rounds = picked.pulses[i] >> 4;
      most = std::max(most, rounds);
      cycles[device] = static_cast<std::uint16_t>((index & kPulsedBit ? 1 : 0) +
                                                  block * kRoundsPerBlock + rounds);
      verified[device] = picked.conductance[i];
    }
    rounds_ = std::max(rounds_, first_round + most);
  }

  /// RESET pulses of a block into the bit sets of its rounds, `words` apart.
  void keep_resets(std::uint64_t* reset, std::size_t words) {
    const PickedDevices& picked = picked_;
    const std::size_t n = pick(open_.has_reset, -1, 2);
    if (n == 0) return;
    // By planes, as many follow each other in the same word.
    std::uint8_t pulses[kChunk] = {};
    for (std::size_t i = 0; i < n; ++i)
      pulses[picked.index[i] & kIndexBits] = static_cast<std::uint8_t>(picked.pulses[i]);
    const std::size_t first = (picked.index[0] & kIndexBits) / 64,
                      last = (picked.index[n - 1] & kIndexBits) / 64;
    BitPlanes planes[kChunk / 64];
    bit_planes(&pulses[first * 64], last - first + 1, planes);
    for (std::size_t round = 0; round < kRoundsPerBlock; ++round, reset += words)
      for (std::size_t w = first; w <= last; ++w) reset[w] = planes[w - first].planes[round];
  }

  /// Collects the open devices with such a flag, `arrays` of PickedDevices; returns how many.
  std::size_t pick(const std::int32_t* flags, std::int32_t wanted, std::size_t arrays) {
    const void* const from[] = {open_.index, open_.pulses, open_.conductance};
    void* const to[] = {picked_.index, picked_.pulses, picked_.conductance};
    return compress(flags, wanted, open_count_, arrays, from, to);
  }

  /// Collects the devices that round 0 leaves open.
  void begin_blocks(std::size_t at, std::size_t n, DeviceOutcomes& out) {
    first_cycles(all_.flags, n, &out.cycles[at]);
    if (constants_.max_cycles == 1)
      for (std::size_t i = 0; i < n; ++i) {
        if (all_.open[i] == 0 || out.cycles[at + i] == 0) continue;
        out.converged[at + i] = 0;
        all_.open[i] = 0;
      }
    const void* const from[] = {all_.index, all_.start, all_.target,
                                is_redraw() ? all_.sigma : all_.step, all_.read};
    open_count_ = compress(all_.open, -1, n, arrays(), from, open_arrays_);
  }

  /// Goes on with the devices that a block has left open.
  void close(std::uint32_t block, std::size_t at, DeviceOutcomes& out) {
    for (std::size_t i = 0; i < open_count_ && may_give_up(block); ++i) {
      const float read = constants_.reads_exactly() ? open_.conductance[i] : open_.read[i];
      if (!open_.open[i] && !is_inside(read, open_.target[i], constants_.tolerance))
        out.converged[at + (open_.index[i] & kIndexBits)] = 0;
    }
    open_count_ = compress(open_.open, -1, open_count_, arrays(), open_arrays_, open_arrays_);
  }

  /// How many of `open_arrays_` are in use. The steps of `incremental` are mostly all the same.
  std::size_t arrays() const {
    if (!constants_.reads_exactly()) return 5;
    return is_redraw() || constants_.device_to_device > 0.0f ? 4 : 3;
  }

  PulseConstants constants_;
  std::uint64_t seed_;
  std::uint32_t chip_;
  ChunkDevices& all_ = memory_of_thread.all;
  OpenDevices& open_ = memory_of_thread.open;
  PickedDevices& picked_ = memory_of_thread.picked;
  void* const open_arrays_[5] = {open_.index, open_.conductance, open_.target, open_.scale,
                                 open_.read};
  std::size_t open_count_ = 0;
  std::size_t rounds_ = 1;
};

class PulsedModel : public PulseModel {
 public:
  PulsedModel(const WriteVerifyConfig& config, const DeviceModel& device)
      : PulseModel(config, device), constants_(pulse_constants(config, device)) {}

  void write(const DeviceTargets& targets, std::uint64_t first, std::uint64_t seed,
             std::uint32_t chip, DeviceOutcomes& out) const override {
    resize(out, targets.size());
    ChunkWriter writer(constants_, seed, chip);
    for (std::size_t at = 0; at < targets.size(); at += kChunk)
      writer.write(targets, at, std::min(kChunk, targets.size() - at), first + at, out);
    out.rounds = writer.rounds();  // blocks have four; the last ones may be empty
    out.reset.resize(out.rounds * out.words());
    relax_all(out, targets, constants_, first, seed, chip);
  }

 private:
  PulseConstants constants_;
};

}  // namespace

std::unique_ptr<PulseModel> make_pulsed_model(const WriteVerifyConfig& config,
                                              const DeviceModel& device) {
  return std::make_unique<PulsedModel>(config, device);
}

}  // namespace uswim::programmer
