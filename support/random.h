#pragma once
#include <cstddef>
#include <cstdint>

namespace uswim::support {

/// The event that a random quantity belongs to. The number is part of the key: never renumber.
enum class Stream : std::uint32_t {
  ProgrammingError = 1,  ///< deviation of an open-loop write, once per device and programming
  WriteCycle = 2,        ///< what one write pulse of write-verify adds, per device and cycle
  VerifyReadNoise = 3,   ///< error of one verify read, per device and cycle
  StatisticalResidual = 4,
  RandomPolicy = 5,         ///< ranks of the policy `random`, per weight
  StuckDevice = 6,          ///< whether a device is stuck, and where: once per device
  DeviceStep = 7,           ///< deviation of a device's own step from the mean one, once per device
  Relaxation = 8,           ///< drift after the last pulse, once per device and programming
  HutchinsonProbe = 9,      ///< signs of a probe of the second derivative, per weight
  CorrelationSample = 10,   ///< which weights `uswim correlate` moves, per weight
  Drift = 11,               ///< how a device goes on after that, once per device and programming
  InferenceReadNoise = 12,  ///< error of reading cells, per product and image
  Rewrite = 13,             ///< deviation of a later open-loop write, per device and write
  SyntheticWeight = 14,     ///< weights of a synthetic network, per weight
  ClosingWrite = 15,        ///< deviation of the write with which a row is closed, per device
  AdcReadNoise = 16,        ///< error of a column's sum at its ADC, per conversion
};

/// Everything but the device and the draw's number. A draw depends on its key alone: not on order,
/// threads, processes, or which policy ran before.
struct StreamKey {
  std::uint64_t seed = 0;
  std::uint32_t chip = 0;
  Stream stream = Stream::ProgrammingError;
};

/// How many standard normal variates one counter gives.
inline constexpr std::size_t kNormalsPerBlock = 4;

/// Standard normal variates by Philox4x32-10 and Box-Muller: the four draws `4 * block` ... `4 *
/// block + 3` of each of `n` devices, draw j of device k at out[j * stride + k], stride >= n. Equal
/// on every instruction set: only IEEE additions, multiplications and square roots, never
/// contracted. |value| <= 5.77.
void normal_blocks(const StreamKey& key, const std::uint64_t* devices, std::size_t n,
                   std::uint32_t block, float* out, std::size_t stride);

/// Draw number `draw` of one device: the plain way to one of the values above.
float normal(const StreamKey& key, std::uint64_t device, std::uint32_t draw);

/// The one draw of a device in a stream that has one per device. Four devices share a block, so
/// that none of its variates is wasted: device 64 g + 16 j + l has draw j of the block kOfDevices
/// of number 16 g + l. That block is no other draw's.
float device_normal(const StreamKey& key, std::uint64_t device);
inline constexpr std::uint32_t kOfDevices = 0xffffffffu;

/// A uniform 64-bit word, for ranks and shuffles.
std::uint64_t uniform_word(const StreamKey& key, std::uint64_t device);

}  // namespace uswim::support
