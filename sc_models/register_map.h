#pragma once
#include <cstdint>

/// The accelerator as software sees it: 32-bit little-endian registers and three memory windows.
namespace uswim::sc_models::register_map {

// Registers (byte addresses).
inline constexpr std::uint64_t kId = 0x00;       ///< reads kIdValue
inline constexpr std::uint64_t kVersion = 0x04;  ///< reads kVersionValue
inline constexpr std::uint64_t kControl =
    0x08;  ///< write one of kStart...; refused (kErrorBusy) while busy
inline constexpr std::uint64_t kStatus = 0x0c;  ///< kStatus... bits
inline constexpr std::uint64_t kInterruptEnable = 0x10;
inline constexpr std::uint64_t kInterrupt =
    0x14;  ///< 1: finished and not yet cleared; write 1 to clear
inline constexpr std::uint64_t kError = 0x18;           ///< kError...; write anything to clear
inline constexpr std::uint64_t kTiles = 0x1c;           ///< number of tiles
inline constexpr std::uint64_t kImages = 0x20;          ///< images for the next inference
inline constexpr std::uint64_t kWritePulsesLow = 0x24;  ///< of the last programming, 64 bits
inline constexpr std::uint64_t kWritePulsesHigh = 0x28;
inline constexpr std::uint64_t kVerifyReadsLow = 0x2c;
inline constexpr std::uint64_t kVerifyReadsHigh = 0x30;
inline constexpr std::uint64_t kNotConverged = 0x34;  ///< devices given up in the last programming
inline constexpr std::uint64_t kMaskFormat = 0x38;    ///< kMask...; what kMasks holds
inline constexpr std::uint64_t kRegistersEnd = 0x3c;

inline constexpr std::uint32_t kIdValue = 0x4d495753;  // "SWIM"
inline constexpr std::uint32_t kVersionValue = 2;
inline constexpr std::uint32_t kStartProgramming = 1;
inline constexpr std::uint32_t kStartInference = 2;
/// Write-verifies the devices of the mask on a chip that was programmed before; rows without any
/// are passed over.
inline constexpr std::uint32_t kStartVerify = 3;
inline constexpr std::uint32_t kStatusBusy = 1;
inline constexpr std::uint32_t kStatusProgrammed = 2;
inline constexpr std::uint32_t kErrorNone = 0;
inline constexpr std::uint32_t kErrorBusy = 1;
inline constexpr std::uint32_t kErrorNotProgrammed = 2;
inline constexpr std::uint32_t kErrorCommand = 3;
inline constexpr std::uint32_t kErrorImages = 4;
inline constexpr std::uint32_t kErrorMask = 5;  ///< records that cannot be read
inline constexpr std::uint32_t kMaskBitmap = 0;
inline constexpr std::uint32_t kMaskRecords = 1;

// Memory windows. Levels: per tile and row of the array the packed levels of its columns. Masks,
// 1 = write-verified: with kMaskBitmap one bit per column for every row of every array; with
// kMaskRecords a table of offsets and records, as programmer/selection/mask_encoding.h describes
// them. The window is as long as the chip's own encoding (ChipConfig::mask_encoding) can need.
// Activations: images as bytes, then (from kLogits) logits as 32-bit floats.
inline constexpr std::uint64_t kLevels = 0x1000'0000;
inline constexpr std::uint64_t kMasks = 0x2000'0000;
inline constexpr std::uint64_t kActivations = 0x3000'0000;
inline constexpr std::uint64_t kLogits = 0x4000'0000;
inline constexpr std::uint64_t kWindowSize = 0x1000'0000;

}  // namespace uswim::sc_models::register_map
