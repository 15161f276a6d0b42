// Included by kernel_generic.cpp, kernel_avx2.cpp and kernel_avx512.cpp, which first define, in an
// anonymous namespace, vectors of 16 lanes (Ints, Floats) and their operations. Everything here
// stays in that namespace, so that nothing compiled for one instruction set can be linked into
// another.
//
// One vector of codes holds the codes of two channels for 16 images; a dot product multiplies it by
// a pair of weights and adds into 16 sums of 32 bits. No sum can overflow (see
// EffectiveWeightsEngine), so their order does not matter.
namespace uswim::workloads::kernel {
namespace {

constexpr std::ptrdiff_t kVector = kVectorCodes;  // int16 in a vector
constexpr std::ptrdiff_t kPositions = kPositionBlock;
/// How far ahead of their use numbers are fetched, where the processor itself does not foresee it:
/// weights of layers that exceed the caches, in int16, and images, in rows of positions.
constexpr std::ptrdiff_t kWeightsAhead = 1024;
constexpr std::ptrdiff_t kRowsAhead = 4;

/// Positions of one block of registers.
struct Tile {
  const std::int16_t* codes[kPositionBlock];
  std::size_t count;  // of different positions; the others repeat the last
};

template <int kValue>
struct Index {
  static constexpr int kIndex = kValue;
  constexpr operator int() const { return kValue; }
};

/// Calls body(Index<0>), body(Index<1>) ... Unrolled before any optimisation, which is what it
/// takes for compilers to keep an array of vectors in registers.
template <int kCount, int kFirst = 0, class Body>
USWIM_KERNEL_INLINE void unrolled(const Body& body) {
  if constexpr (kFirst < kCount) {
    body(Index<kFirst>{});
    unrolled<kCount, kFirst + 1>(body);
  }
}

#define USWIM_BODY __attribute__((always_inline))

/// Consecutive steps of a matrix; the joint ones come after the last.
struct Part {
  std::size_t first, steps, joint_steps;
  bool last;
  const std::int16_t* weights;  // of output 0
};

template <int kOutputs, int kCount>
USWIM_KERNEL_INLINE void multiply_add(const Ints (&code)[kCount], const std::int16_t* weights,
                                      Ints (&sum)[kOutputs][kCount]) {
  unrolled<kOutputs>([&](auto o) USWIM_BODY {
    const Ints weight = broadcast_pair(weights + 2 * o);
    unrolled<kCount>([&](auto p) USWIM_BODY { sum[o][p] = dot(sum[o][p], code[p], weight); });
  });
}

/// Adds the products of a part's steps for kOutputs outputs at kCount positions.
template <int kOutputs, int kCount>
USWIM_KERNEL_INLINE void accumulate(const Matrix& m, const Part& part,
                                    const std::int16_t* const* codes, const std::int16_t* weights,
                                    Ints (&result)[kOutputs][kCount]) {
  Ints sum[kOutputs][kCount];
  const std::int16_t* at[kCount];
  unrolled<kCount>([&](auto p) USWIM_BODY {
    at[p] = codes[p];
    unrolled<kOutputs>([&](auto o) USWIM_BODY { sum[o][p] = result[o][p]; });
  });
  const std::int32_t* offsets = m.offsets + part.first;
  Ints code[kCount];
  for (std::size_t k = 0; k < part.steps; ++k, weights += 2 * kOutputs) {
    const std::ptrdiff_t offset = offsets[k];
    __builtin_prefetch(weights + kWeightsAhead);
    unrolled<kCount>([&](auto p) USWIM_BODY { code[p] = load_codes(at[p] + offset); });
    multiply_add<kOutputs, kCount>(code, weights, sum);
  }
  for (std::size_t k = 0; k < part.joint_steps; ++k, weights += 2 * kOutputs) {
    const std::ptrdiff_t first = m.joint_offsets[2 * k], second = m.joint_offsets[2 * k + 1];
    unrolled<kCount>([&](auto p) USWIM_BODY {
      code[p] = pair(load_codes(at[p] + first), load_codes(at[p] + second));
    });
    multiply_add<kOutputs, kCount>(code, weights, sum);
  }
  unrolled<kCount>([&](auto p) USWIM_BODY {
    unrolled<kOutputs>([&](auto o) USWIM_BODY { result[o][p] = sum[o][p]; });
  });
}

/// Sums of kOutputs outputs at the positions of a tile, on top of `sum`. Registers permitting, all
/// at once.
template <int kOutputs>
USWIM_KERNEL_INLINE void accumulate_tile(const Matrix& m, const Part& part, const Tile& tile,
                                         const std::int16_t* weights,
                                         Ints (&sum)[kOutputs][kPositions]) {
  if constexpr (kRegisterPositions == kPositions) {
    accumulate<kOutputs, kPositions>(m, part, tile.codes, weights, sum);
  } else {
    unrolled<kPositions>([&](auto p) USWIM_BODY {
      Ints column[kOutputs][1];
      unrolled<kOutputs>([&](auto o) USWIM_BODY { column[o][0] = sum[o][p]; });
      accumulate<kOutputs, 1>(m, part, tile.codes + p, weights, column);
      unrolled<kOutputs>([&](auto o) USWIM_BODY { sum[o][p] = column[o][0]; });
    });
  }
}

USWIM_KERNEL_INLINE Ints requantize_lanes(Ints product, const Requantize& r, float bias) {
  const Floats value = add(mul(to_float(product), broadcast(r.factor)), broadcast(bias));
  return round_clamped(mul(value, broadcast(r.inverse_scale)), r.minimum, r.maximum);
}

/// Codes of kOutputs channels at one position; the partner of a last odd channel is zero.
template <int kOutputs>
USWIM_KERNEL_INLINE void store_pairs(std::int16_t* position, std::size_t first,
                                     std::ptrdiff_t pair_stride, const Ints (&code)[kOutputs]) {
  std::int16_t* to = position + static_cast<std::ptrdiff_t>(first / 2) * pair_stride;
  unrolled<(kOutputs + 1) / 2>([&](auto q) USWIM_BODY {
    constexpr int kEven = 2 * decltype(q)::kIndex;
    if constexpr (kEven + 1 < kOutputs) {
      store_codes(to + q * pair_stride, pair(code[kEven], code[kEven + 1]));
    } else {
      store_codes(to + q * pair_stride, lower_half(code[kEven]));
    }
  });
}

/// What happens to the finished sums of a tile.
struct StoreProducts {
  std::int32_t* products[kPositionBlock];  // of output 0
  std::size_t output_stride;
  template <int kOutputs>
  USWIM_KERNEL_INLINE void finish(std::size_t first, const Ints (&sum)[kOutputs][kPositions],
                                  std::size_t count) const {
    unrolled<kPositions>([&](auto p) USWIM_BODY {
      if (static_cast<std::size_t>(p) >= count) return;
      std::int32_t* to = products[p] + first * output_stride;
      unrolled<kOutputs>([&](auto o) USWIM_BODY {
        store(to + static_cast<std::size_t>(o) * output_stride, sum[o][p]);
      });
    });
  }
};

struct StoreCodes {
  Requantize requantize;
  std::int16_t* codes[kPositionBlock];
  std::ptrdiff_t pair_stride;
  template <int kOutputs>
  USWIM_KERNEL_INLINE void finish(std::size_t first, const Ints (&sum)[kOutputs][kPositions],
                                  std::size_t count) const {
    const float* bias = requantize.bias + first;
    unrolled<kPositions>([&](auto p) USWIM_BODY {
      if (static_cast<std::size_t>(p) >= count) return;
      Ints code[kOutputs];
      unrolled<kOutputs>(
          [&](auto o) USWIM_BODY { code[o] = requantize_lanes(sum[o][p], requantize, bias[o]); });
      store_pairs<kOutputs>(codes[p], first, pair_stride, code);
    });
  }
};

/// The positions of the tile are one pooling window. The largest product has the largest code.
struct StorePooledCodes {
  Requantize requantize;
  std::int16_t* codes;
  std::ptrdiff_t pair_stride;
  template <int kOutputs>
  USWIM_KERNEL_INLINE void finish(std::size_t first, const Ints (&sum)[kOutputs][kPositions],
                                  std::size_t) const {
    const float* bias = requantize.bias + first;
    Ints code[kOutputs];
    unrolled<kOutputs>([&](auto o) USWIM_BODY {
      const Ints largest = max(max(sum[o][0], sum[o][1]), max(sum[o][2], sum[o][3]));
      code[o] = requantize_lanes(largest, requantize, bias[o]);
    });
    store_pairs<kOutputs>(codes, first, pair_stride, code);
  }
};

/// A part of the sums of a block of outputs at a tile's positions: begins with zero or the sums in
/// `partial`, and ends there or in `finish`.
template <int kOutputs, class Finish>
void do_block(const Matrix& m, const Part& part, const Tile& tile, std::size_t first_output,
              const Finish& finish) {
  Ints sum[kOutputs][kPositions];
  std::int32_t* partial = m.partial + first_output * kPositionBlock * kLaneCount;
  const auto partial_of = [&](int o, int p) USWIM_BODY {
    return partial + static_cast<std::size_t>(o * kPositions + p) * kLaneCount;
  };
  if (part.first == 0) {
    unrolled<kOutputs>([&](auto o) USWIM_BODY {
      unrolled<kPositions>([&](auto p) USWIM_BODY { sum[o][p] = zero(); });
    });
  } else {
    unrolled<kOutputs>([&](auto o) USWIM_BODY {
      unrolled<kPositions>([&](auto p) USWIM_BODY { sum[o][p] = load(partial_of(o, p)); });
    });
  }
  // Blocks before this one are full.
  const std::int16_t* weights = part.weights + 2 * first_output * (part.steps + part.joint_steps);
  accumulate_tile<kOutputs>(m, part, tile, weights, sum);
  if (part.last) {
    finish.template finish<kOutputs>(first_output, sum, tile.count);
  } else {
    unrolled<kOutputs>([&](auto o) USWIM_BODY {
      unrolled<kPositions>([&](auto p) USWIM_BODY { store(partial_of(o, p), sum[o][p]); });
    });
  }
}

template <class Finish>
void do_part(const Matrix& m, const Part& part, const Tile& tile, const Finish& finish) {
  std::size_t output = 0;
  for (; output + kOutputBlock <= m.outputs; output += kOutputBlock) {
    do_block<kOutputBlock>(m, part, tile, output, finish);
  }
  switch (m.outputs - output) {
    case 5:
      return do_block<5>(m, part, tile, output, finish);
    case 4:
      return do_block<4>(m, part, tile, output, finish);
    case 3:
      return do_block<3>(m, part, tile, output, finish);
    case 2:
      return do_block<2>(m, part, tile, output, finish);
    case 1:
      return do_block<1>(m, part, tile, output, finish);
    default:
      return;
  }
}

template <class Finish>
USWIM_KERNEL_INLINE void do_tile(const Matrix& m, const Tile& tile, const Finish& finish) {
  Part part{0, kPartSteps, 0, false, m.weights};
  for (; part.first + kPartSteps < m.steps; part.first += kPartSteps) {
    do_part(m, part, tile, finish);
    part.weights += 2 * m.outputs * kPartSteps;
  }
  part.steps = m.steps - part.first;
  part.joint_steps = m.joint_steps;
  part.last = true;
  do_part(m, part, tile, finish);
}

/// Walks over all positions of all blocks, kPositionBlock at a time: fully connected layers have
/// one position per block, so blocks of images fill the tile there.
template <class Finish, class SetPosition>
USWIM_KERNEL_INLINE void for_each_tile(const Matrix& m, Finish& finish,
                                       const SetPosition& set_position) {
  Tile tile;
  tile.count = 0;
  for (std::size_t block = 0; block < m.blocks; ++block) {
    for (std::size_t y = 0; y < m.height; ++y) {
      const std::int16_t* row = m.codes + static_cast<std::ptrdiff_t>(block) * m.block_stride +
                                static_cast<std::ptrdiff_t>(y) * m.row_stride;
      for (std::size_t x = 0; x < m.width; ++x) {
        tile.codes[tile.count] = row + static_cast<std::ptrdiff_t>(x) * m.column_stride;
        set_position(tile.count, block, y, x);
        if (++tile.count == kPositionBlock) {
          do_tile(m, tile, finish);
          tile.count = 0;
        }
      }
    }
  }
  if (tile.count == 0) return;
  for (std::size_t p = tile.count; p < kPositionBlock; ++p)
    tile.codes[p] = tile.codes[tile.count - 1];
  do_tile(m, tile, finish);
}

void multiply(const Matrix& m, std::int32_t* products) {
  StoreProducts finish{};
  const std::size_t plane = m.height * m.width;
  finish.output_stride = plane * kLaneCount;
  for_each_tile(m, finish, [&](std::size_t p, std::size_t block, std::size_t y, std::size_t x) {
    finish.products[p] = products + (block * m.outputs * plane + y * m.width + x) * kLaneCount;
  });
}

void multiply_requantize(const Matrix& m, const Requantize& r, bool pool, const CodesOut& out) {
  if (!pool) {
    StoreCodes finish{};
    finish.requantize = r;
    finish.pair_stride = out.pair_stride;
    for_each_tile(m, finish, [&](std::size_t p, std::size_t block, std::size_t y, std::size_t x) {
      finish.codes[p] = out.codes + static_cast<std::ptrdiff_t>(block) * out.block_stride +
                        static_cast<std::ptrdiff_t>(y) * out.row_stride +
                        static_cast<std::ptrdiff_t>(x) * kVector;
    });
    return;
  }
  StorePooledCodes finish{r, nullptr, out.pair_stride};
  for (std::size_t block = 0; block < m.blocks; ++block) {
    for (std::size_t y = 0; y + 1 < m.height; y += 2) {
      const std::int16_t* upper = m.codes + static_cast<std::ptrdiff_t>(block) * m.block_stride +
                                  static_cast<std::ptrdiff_t>(y) * m.row_stride;
      finish.codes = out.codes + static_cast<std::ptrdiff_t>(block) * out.block_stride +
                     static_cast<std::ptrdiff_t>(y / 2) * out.row_stride;
      for (std::size_t x = 0; x + 1 < m.width; x += 2) {
        const std::int16_t* lower = upper + m.row_stride;
        const Tile tile{{upper, upper + m.column_stride, lower, lower + m.column_stride},
                        kPositionBlock};
        unrolled<kPositions>([&](auto p) USWIM_BODY {
          __builtin_prefetch(tile.codes[p] + kRowsAhead * m.row_stride);
        });
        do_tile(m, tile, finish);
        upper += 2 * m.column_stride;
        finish.codes += kVector;
      }
    }
  }
}

void requantize(const std::int32_t* products, std::size_t blocks, std::size_t outputs,
                std::size_t height, std::size_t width, const Requantize& r, const CodesOut& out) {
  const std::size_t plane = height * width * kLaneCount;
  for (std::size_t block = 0; block < blocks; ++block) {
    for (std::size_t o = 0; o < outputs; o += 2) {
      const std::int32_t* even = products + (block * outputs + o) * plane;
      const bool both = o + 1 < outputs;
      const std::int32_t* odd = both ? even + plane : even;
      const float bias_even = r.bias[o];
      const float bias_odd = both ? r.bias[o + 1] : 0.0f;
      for (std::size_t y = 0; y < height; ++y) {
        std::int16_t* row = out.codes + static_cast<std::ptrdiff_t>(block) * out.block_stride +
                            static_cast<std::ptrdiff_t>(o / 2) * out.pair_stride +
                            static_cast<std::ptrdiff_t>(y) * out.row_stride;
        for (std::size_t x = 0; x < width; ++x) {
          const std::size_t at = (y * width + x) * kLaneCount;
          const Ints low = requantize_lanes(load(even + at), r, bias_even);
          const Ints high = both ? requantize_lanes(load(odd + at), r, bias_odd) : zero();
          store_codes(row + x * kVectorCodes, pair(low, high));
        }
      }
    }
  }
}

void max_pool(const CodesIn& in, const PoolWindow& w, std::size_t blocks, std::size_t pairs,
              std::size_t height, std::size_t width, const CodesOut& out) {
  const std::int16_t lowest[2] = {w.lowest, w.lowest};
  for (std::size_t block = 0; block < blocks; ++block) {
    for (std::size_t q = 0; q < pairs; ++q) {
      const std::int16_t* image = in.codes + static_cast<std::ptrdiff_t>(block) * in.block_stride +
                                  static_cast<std::ptrdiff_t>(q) * in.pair_stride;
      std::int16_t* pooled = out.codes + static_cast<std::ptrdiff_t>(block) * out.block_stride +
                             static_cast<std::ptrdiff_t>(q) * out.pair_stride;
      for (std::size_t y = 0; y < height; ++y) {
        for (std::size_t x = 0; x < width; ++x) {
          Ints largest = broadcast_pair(lowest);
          for (std::ptrdiff_t ky = 0; ky < w.kernel_height; ++ky) {
            const std::ptrdiff_t from_y = static_cast<std::ptrdiff_t>(y) * w.stride_height -
                                          w.pad_top + ky * w.dilation_height;
            if (from_y < 0 || from_y >= w.height) continue;
            for (std::ptrdiff_t kx = 0; kx < w.kernel_width; ++kx) {
              const std::ptrdiff_t from_x = static_cast<std::ptrdiff_t>(x) * w.stride_width -
                                            w.pad_left + kx * w.dilation_width;
              if (from_x < 0 || from_x >= w.width) continue;
              largest =
                  max_codes(largest, load_codes(image + from_y * in.row_stride + from_x * kVector));
            }
          }
          store_codes(pooled + static_cast<std::ptrdiff_t>(y) * out.row_stride +
                          static_cast<std::ptrdiff_t>(x) * kVector,
                      largest);
        }
      }
    }
  }
}

USWIM_KERNEL_INLINE Ints take_half(const std::int16_t* in, std::int32_t source) {
  if (source < 0) return zero();
  const Ints both = load_codes(in + (source & ~1));
  return (source & 1) != 0 ? upper_half(both) : lower_half(both);
}

void gather(const std::int16_t* in, const std::int32_t* first, const std::int32_t* second,
            std::size_t count, std::int16_t* out, std::ptrdiff_t out_stride) {
  for (std::size_t i = 0; i < count; ++i) {
    store_codes(out + static_cast<std::ptrdiff_t>(i) * out_stride,
                pair(take_half(in, first[i]), take_half(in, second[i])));
  }
}

}  // namespace
}  // namespace uswim::workloads::kernel
