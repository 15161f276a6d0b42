// Included by kernel_body.h.
//
// Matrix layers. One vector of codes holds those of one to four channels for 16 images; it is
// multiplied by as many weights and added into 16 sums. An arithmetic (Words, Singles, Bytes) says
// what numbers these are.
namespace uswim::workloads::kernel {
namespace {

constexpr std::ptrdiff_t kPositions = kPositionBlock;
/// How far ahead of their use numbers are fetched, where the processor itself does not foresee it:
/// weights of layers that exceed the caches, in bytes, and images, in rows of positions.
constexpr std::ptrdiff_t kWeightsAhead = 2048;
constexpr std::ptrdiff_t kRowsAhead = 4;

/// Positions of one block of registers.
template <class Code>
struct Tile {
  const Code* codes[kPositionBlock];
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
template <class Weight>
struct Part {
  std::size_t first, steps, joint_steps;
  bool last;
  const Weight* weights;  // of output 0
};

template <class A, int kOutputs, int kCount>
USWIM_KERNEL_INLINE void multiply_add(const typename A::Vector (&code)[kCount],
                                      const typename A::Weight* weights,
                                      typename A::Sum (&sum)[kOutputs][kCount]) {
  unrolled<kOutputs>([&](auto o) USWIM_BODY {
    const typename A::Vector weight = A::broadcast_weights(weights + A::kChannels * o);
    unrolled<kCount>([&](auto p)
                         USWIM_BODY { sum[o][p] = A::add_products(sum[o][p], code[p], weight); });
  });
}

/// Adds the products of a part's steps for kOutputs outputs at kCount positions.
template <class A, int kOutputs, int kCount>
USWIM_KERNEL_INLINE void accumulate(const typename A::Matrix& m,
                                    const Part<typename A::Weight>& part,
                                    const typename A::Code* const* codes,
                                    const typename A::Weight* weights,
                                    typename A::Sum (&result)[kOutputs][kCount]) {
  typename A::Sum sum[kOutputs][kCount];
  const typename A::Code* at[kCount];
  unrolled<kCount>([&](auto p) USWIM_BODY {
    at[p] = codes[p];
    unrolled<kOutputs>([&](auto o) USWIM_BODY { sum[o][p] = result[o][p]; });
  });
  constexpr std::ptrdiff_t kStep = A::kChannels * kOutputs;
  const std::int32_t* offsets = m.offsets + part.first;
  typename A::Vector code[kCount];
  for (std::size_t k = 0; k < part.steps; ++k, weights += kStep) {
    const std::ptrdiff_t offset = offsets[k];
    __builtin_prefetch(reinterpret_cast<const char*>(weights) + kWeightsAhead);
    unrolled<kCount>([&](auto p) USWIM_BODY { code[p] = A::load_vector(at[p] + offset); });
    multiply_add<A, kOutputs, kCount>(code, weights, sum);
  }
  if constexpr (std::is_same_v<A, Words>) {
    for (std::size_t k = 0; k < part.joint_steps; ++k, weights += kStep) {
      const std::ptrdiff_t first = m.joint_offsets[2 * k], second = m.joint_offsets[2 * k + 1];
      unrolled<kCount>([&](auto p) USWIM_BODY {
        code[p] = pair(load_codes(at[p] + first), load_codes(at[p] + second));
      });
      multiply_add<A, kOutputs, kCount>(code, weights, sum);
    }
  }
  unrolled<kCount>([&](auto p) USWIM_BODY {
    unrolled<kOutputs>([&](auto o) USWIM_BODY { result[o][p] = sum[o][p]; });
  });
}

/// Sums of kOutputs outputs at the positions of a tile, on top of `sum`. Registers permitting, all
/// at once.
template <class A, int kOutputs>
USWIM_KERNEL_INLINE void accumulate_tile(const typename A::Matrix& m,
                                         const Part<typename A::Weight>& part,
                                         const Tile<typename A::Code>& tile,
                                         const typename A::Weight* weights,
                                         typename A::Sum (&sum)[kOutputs][kPositions]) {
  if constexpr (kRegisterPositions == kPositions) {
    accumulate<A, kOutputs, kPositions>(m, part, tile.codes, weights, sum);
  } else {
    unrolled<kPositions>([&](auto p) USWIM_BODY {
      typename A::Sum column[kOutputs][1];
      unrolled<kOutputs>([&](auto o) USWIM_BODY { column[o][0] = sum[o][p]; });
      if constexpr (A::kShortSums)
        A::template accumulate<kOutputs>(m, part.first, part.steps, tile.codes[p], weights, column);
      else
        accumulate<A, kOutputs, 1>(m, part, tile.codes + p, weights, column);
      unrolled<kOutputs>([&](auto o) USWIM_BODY { sum[o][p] = column[o][0]; });
    });
  }
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
template <class A, int kOutputs, class Finish>
void do_block(const typename A::Matrix& m, const Part<typename A::Weight>& part,
              const Tile<typename A::Code>& tile, std::size_t first_output, const Finish& finish) {
  typename A::Sum sum[kOutputs][kPositions];
  typename A::Number* partial = m.partial + first_output * kPositionBlock * kLaneCount;
  const auto partial_of = [&](int o, int p) USWIM_BODY {
    return partial + static_cast<std::size_t>(o * kPositions + p) * kLaneCount;
  };
  if (part.first == 0) {
    unrolled<kOutputs>([&](auto o) USWIM_BODY {
      unrolled<kPositions>([&](auto p) USWIM_BODY { sum[o][p] = A::nothing(); });
    });
  } else {
    unrolled<kOutputs>([&](auto o) USWIM_BODY {
      unrolled<kPositions>([&](auto p) USWIM_BODY { sum[o][p] = A::load_sum(partial_of(o, p)); });
    });
  }
  // Blocks before this one are full.
  const typename A::Weight* weights =
      part.weights + A::kChannels * first_output * (part.steps + part.joint_steps);
  accumulate_tile<A, kOutputs>(m, part, tile, weights, sum);
  if (part.last) {
    Ints product[kOutputs][kPositions];
    unrolled<kOutputs>([&](auto o) USWIM_BODY {
      unrolled<kPositions>([&](auto p) USWIM_BODY {
        product[o][p] = A::product(m, first_output + static_cast<std::size_t>(o), sum[o][p]);
      });
    });
    finish.template finish<kOutputs>(first_output, product, tile.count);
  } else {
    unrolled<kOutputs>([&](auto o) USWIM_BODY {
      unrolled<kPositions>([&](auto p) USWIM_BODY { A::store_sum(partial_of(o, p), sum[o][p]); });
    });
  }
}

template <class A, class Finish>
void do_part(const typename A::Matrix& m, const Part<typename A::Weight>& part,
             const Tile<typename A::Code>& tile, const Finish& finish) {
  std::size_t output = 0;
  for (; output + kOutputBlock <= m.outputs; output += kOutputBlock) {
    do_block<A, kOutputBlock>(m, part, tile, output, finish);
  }
  switch (m.outputs - output) {
    case 5:
      return do_block<A, 5>(m, part, tile, output, finish);
    case 4:
      return do_block<A, 4>(m, part, tile, output, finish);
    case 3:
      return do_block<A, 3>(m, part, tile, output, finish);
    case 2:
      return do_block<A, 2>(m, part, tile, output, finish);
    case 1:
      return do_block<A, 1>(m, part, tile, output, finish);
    default:
      return;
  }
}

template <class A, class Finish>
USWIM_KERNEL_INLINE void do_tile(const typename A::Matrix& m, const Tile<typename A::Code>& tile,
                                 const Finish& finish) {
  Part<typename A::Weight> part{0, kPartSteps, 0, false, m.weights};
  for (; part.first + kPartSteps < m.steps; part.first += kPartSteps) {
    do_part<A>(m, part, tile, finish);
    part.weights += A::kChannels * m.outputs * kPartSteps;
  }
  part.steps = m.steps - part.first;
  part.joint_steps = A::joint_steps(m);
  part.last = true;
  do_part<A>(m, part, tile, finish);
}

/// Walks over all positions of all blocks, kPositionBlock at a time: fully connected layers have
/// one position per block, so blocks of images fill the tile there.
template <class A, class Finish, class SetPosition>
USWIM_KERNEL_INLINE void for_each_tile(const typename A::Matrix& m, Finish& finish,
                                       const SetPosition& set_position) {
  Tile<typename A::Code> tile;
  tile.count = 0;
  for (std::size_t block = 0; block < m.blocks; ++block) {
    for (std::size_t y = 0; y < m.height; ++y) {
      const typename A::Code* row = m.codes + static_cast<std::ptrdiff_t>(block) * m.block_stride +
                                    static_cast<std::ptrdiff_t>(y) * m.row_stride;
      for (std::size_t x = 0; x < m.width; ++x) {
        tile.codes[tile.count] = row + static_cast<std::ptrdiff_t>(x) * m.column_stride;
        set_position(tile.count, block, y, x);
        if (++tile.count == kPositionBlock) {
          do_tile<A>(m, tile, finish);
          tile.count = 0;
        }
      }
    }
  }
  if (tile.count == 0) return;
  for (std::size_t p = tile.count; p < kPositionBlock; ++p)
    tile.codes[p] = tile.codes[tile.count - 1];
  do_tile<A>(m, tile, finish);
}

template <class A>
void multiply(const typename A::Matrix& m, std::int32_t* products) {
  StoreProducts finish{};
  const std::size_t plane = m.height * m.width;
  finish.output_stride = plane * kLaneCount;
  for_each_tile<A>(m, finish, [&](std::size_t p, std::size_t block, std::size_t y, std::size_t x) {
    finish.products[p] = products + (block * m.outputs * plane + y * m.width + x) * kLaneCount;
  });
}

template <class A>
void multiply_requantize(const typename A::Matrix& m, const Requantize& r, bool pool,
                         const CodesOut& out) {
  if (!pool) {
    StoreCodes finish{};
    finish.requantize = r;
    finish.pair_stride = out.pair_stride;
    for_each_tile<A>(
        m, finish, [&](std::size_t p, std::size_t block, std::size_t y, std::size_t x) {
          finish.codes[p] = out.codes + static_cast<std::ptrdiff_t>(block) * out.block_stride +
                            static_cast<std::ptrdiff_t>(y) * out.row_stride +
                            static_cast<std::ptrdiff_t>(x) * kCodesVector;
        });
    return;
  }
  StorePooledCodes finish{r, nullptr, out.pair_stride};
  for (std::size_t block = 0; block < m.blocks; ++block) {
    for (std::size_t y = 0; y + 1 < m.height; y += 2) {
      const typename A::Code* upper = m.codes +
                                      static_cast<std::ptrdiff_t>(block) * m.block_stride +
                                      static_cast<std::ptrdiff_t>(y) * m.row_stride;
      finish.codes = out.codes + static_cast<std::ptrdiff_t>(block) * out.block_stride +
                     static_cast<std::ptrdiff_t>(y / 2) * out.row_stride;
      for (std::size_t x = 0; x + 1 < m.width; x += 2) {
        const typename A::Code* lower = upper + m.row_stride;
        const Tile<typename A::Code> tile{
            {upper, upper + m.column_stride, lower, lower + m.column_stride}, kPositionBlock};
        unrolled<kPositions>([&](auto p) USWIM_BODY {
          __builtin_prefetch(tile.codes[p] + kRowsAhead * m.row_stride);
        });
        do_tile<A>(m, tile, finish);
        upper += 2 * m.column_stride;
        finish.codes += kCodesVector;
      }
    }
  }
}

}  // namespace
}  // namespace uswim::workloads::kernel
