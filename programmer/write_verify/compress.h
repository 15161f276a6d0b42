#pragma once
#include <cstddef>
#include <cstdint>

namespace uswim::programmer {

/// Elements that a compressing loop handles at once: arrays are readable and writable up to the
/// next multiple of it.
inline constexpr std::size_t kCompressLanes = 16;

/// Copies the elements of `from` whose flag equals `wanted` (flags: all bits or none) to the front
/// of `to`, in order, for `arrays` arrays of 32-bit elements at once; returns how many. `to` may be
/// `from`. Behind the last element of `to` anything may stand.
std::size_t compress(const std::int32_t* flags, std::int32_t wanted, std::size_t n,
                     std::size_t arrays, const void* const* from, void* const* to);

/// The same, element by element: the reference, and the way of machines without AVX2.
std::size_t compress_plainly(const std::int32_t* flags, std::int32_t wanted, std::size_t n,
                             std::size_t arrays, const void* const* from, void* const* to);

}  // namespace uswim::programmer
