#pragma once
#include <cstddef>
#include <cstring>

#include "support/instruction_sets.h"

namespace uswim::workloads::layer_arithmetic {

/// Values of 16 images lie side by side: element e of a block is 16 floats from offset 16 e on.
inline constexpr std::size_t kLanes = 16;

/// Vectors of GCC and clang; arithmetic on them is the arithmetic on each element.
template <int Width>
struct VectorOf {
  typedef float type __attribute__((vector_size(Width * sizeof(float))));
};
/// A register of every x86-64.
using Quad = VectorOf<4>::type;
inline constexpr std::size_t kQuads = kLanes / 4;

template <class Vector>
USWIM_INLINE void load(Vector& v, const float* from) {
  std::memcpy(&v, from, sizeof v);
}

template <class Vector>
USWIM_INLINE void store(const Vector& v, float* to) {
  std::memcpy(to, &v, sizeof v);
}

}  // namespace uswim::workloads::layer_arithmetic
