// Included by kernel_generic.cpp and kernel_avx2.cpp, after kernel_body.h.
//
// F(2 x 2, 3 x 3) of Winograd in whole numbers (Lavin and Gray, Fast Algorithms for Convolutional
// Neural Networks, 2016): a tile of 4 x 4 codes becomes 16 others, its points; per point there is a
// matrix product over the channels, without a window; 2 x 2 sums come out of the 16 products.
//   B^T = 1  0 -1  0    A^T = 1  1  1  0
//         0  1  1  0          0  1 -1 -1
//         0 -1  1  0
//         0  1  0 -1
// What happens on the way may wrap around; four times a sum fits 32 bits.
namespace uswim::workloads::kernel {
namespace {

constexpr std::ptrdiff_t kPoints = kWinogradPoints;
/// Channel pairs done before the next outputs' turn. Fewer would leave the points in the first
/// cache, but load and store the sums more often.
constexpr std::size_t kPartPairs = 256;

/// B^T d B of the 4 x 4 codes of a channel pair.
USWIM_KERNEL_INLINE void transform_codes(const std::int16_t* corner, std::ptrdiff_t row_stride,
                                         std::int16_t* to, std::ptrdiff_t point_stride) {
  const auto row = [&](int i, int first, int second, auto combine) USWIM_BODY {
    Ints t[4];
    unrolled<4>([&](auto x) USWIM_BODY {
      t[x] = combine(load_codes(corner + first * row_stride + x * kCodesVector),
                     load_codes(corner + second * row_stride + x * kCodesVector));
    });
    std::int16_t* point = to + 4 * i * point_stride;
    store_codes(point, subtract_codes(t[0], t[2]));
    store_codes(point + point_stride, add_codes(t[1], t[2]));
    store_codes(point + 2 * point_stride, subtract_codes(t[2], t[1]));
    store_codes(point + 3 * point_stride, subtract_codes(t[1], t[3]));
  };
  const auto difference = [](Ints a, Ints b) USWIM_BODY { return subtract_codes(a, b); };
  row(0, 0, 2, difference);
  row(1, 1, 2, [](Ints a, Ints b) USWIM_BODY { return add_codes(a, b); });
  row(2, 2, 1, difference);
  row(3, 1, 3, difference);
}

/// A^T m A of the 16 products of a tile: 2 x 2 sums, four times each.
USWIM_KERNEL_INLINE void transform_sums(const std::int32_t* points, Ints (&sum)[4]) {
  const auto at = [&](int i, int j) USWIM_BODY {
    return load(points + (4 * i + j) * static_cast<std::ptrdiff_t>(kLaneCount));
  };
  const auto row = [&](Ints& left, Ints& right, auto column) USWIM_BODY {
    const Ints middle = column(1), next = column(2);
    left = add(add(column(0), middle), next);
    right = subtract(subtract(middle, next), column(3));
  };
  row(sum[0], sum[1], [&](int j) USWIM_BODY { return add(add(at(0, j), at(1, j)), at(2, j)); });
  row(sum[2], sum[3],
      [&](int j) USWIM_BODY { return subtract(subtract(at(1, j), at(2, j)), at(3, j)); });
}

/// Tiles that are worked on together.
struct TileGroup {
  std::size_t count;
  const std::int16_t* corner[kWinogradTiles];
  std::size_t block[kWinogradTiles], y[kWinogradTiles], x[kWinogradTiles];  // of the first output
};

/// Consecutive channel pairs of one point, and strides in numbers.
struct PointPart {
  const std::int16_t* codes;
  std::ptrdiff_t tile_stride;
  std::size_t pairs;
  bool more;  // than what the sums have already
  std::size_t tiles;
  std::ptrdiff_t sums_tile_stride;
};

/// The products of kOutputs outputs with all tiles. Six of them in one function would take GCC a
/// minute longer.
template <int kOutputs>
__attribute__((noinline)) void multiply_part(const PointPart& part, const std::int16_t* weights,
                                             std::int32_t* sums) {
  constexpr std::ptrdiff_t kOutput = kPoints * static_cast<std::ptrdiff_t>(kLaneCount);
  const std::int16_t* codes = part.codes;
  for (std::size_t tile = 0; tile < part.tiles; ++tile) {
    Ints sum[kOutputs];
    unrolled<kOutputs>([&](auto o) USWIM_BODY { sum[o] = zero(); });
    if (part.more)
      unrolled<kOutputs>([&](auto o) USWIM_BODY { sum[o] = load(sums + o * kOutput); });
    const std::int16_t* at = codes;
    const std::int16_t* weight = weights;
    for (std::size_t k = 0; k < part.pairs; ++k, weight += 2 * kOutputs, at += kCodesVector) {
      const Ints code = load_codes(at);
      unrolled<kOutputs>([&](auto o) USWIM_BODY {
        sum[o] = dot(sum[o], code, broadcast_pair(weight + 2 * o));
        finish_first(sum[o]);
      });
    }
    unrolled<kOutputs>([&](auto o) USWIM_BODY { store(sums + o * kOutput, sum[o]); });
    codes += part.tile_stride;
    sums += part.sums_tile_stride;
  }
}

/// The products of all outputs and channels with one point of the tiles: the point's codes,
/// weights and sums.
void multiply_point(const WinogradMatrix& m, std::size_t tiles, const std::int16_t* codes,
                    const std::int16_t* weights, std::int32_t* sums) {
  PointPart part{};
  part.tile_stride = static_cast<std::ptrdiff_t>(m.pairs) * kCodesVector;
  part.tiles = tiles;
  part.sums_tile_stride = static_cast<std::ptrdiff_t>(m.outputs * kWinogradPoints * kLaneCount);
  for (std::size_t pair = 0; pair < m.pairs; pair += kPartPairs) {
    part.codes = codes + pair * kVectorCodes;
    part.pairs = m.pairs - pair < kPartPairs ? m.pairs - pair : kPartPairs;
    part.more = pair > 0;
    for (std::size_t o = 0; o < m.outputs; o += kOutputBlock) {
      const std::size_t outputs = m.outputs - o < kOutputBlock ? m.outputs - o : kOutputBlock;
      const std::int16_t* of_block = weights + 2 * (o * m.pairs + outputs * pair);
      std::int32_t* to = sums + o * kWinogradPoints * kLaneCount;
      if (outputs == 6) multiply_part<6>(part, of_block, to);
      if (outputs == 5) multiply_part<5>(part, of_block, to);
      if (outputs == 4) multiply_part<4>(part, of_block, to);
      if (outputs == 3) multiply_part<3>(part, of_block, to);
      if (outputs == 2) multiply_part<2>(part, of_block, to);
      if (outputs == 1) multiply_part<1>(part, of_block, to);
    }
  }
}

/// The next channel pair lies a plane further, which no processor foresees. The left half of a tile
/// is the right one of its neighbour.
USWIM_KERNEL_INLINE void prefetch_right_half(const std::int16_t* corner,
                                             std::ptrdiff_t row_stride) {
  unrolled<4>([&](auto y) USWIM_BODY {
    unrolled<2>([&](auto x) USWIM_BODY {
      __builtin_prefetch(corner + y * row_stride + (2 + x) * kCodesVector);
    });
  });
}

/// The products of a group's tiles: sums = [tile][output][point].
void multiply_group(const WinogradMatrix& m, const TileGroup& group) {
  // Points a power of two apart would evict each other from the first cache.
  const std::size_t point_stride = (kWinogradTiles * m.pairs + 1) * kVectorCodes;
  for (std::size_t pair = 0; pair < m.pairs; ++pair)
    for (std::size_t tile = 0; tile < group.count; ++tile) {
      const std::int16_t* corner =
          group.corner[tile] + static_cast<std::ptrdiff_t>(pair) * m.pair_stride;
      prefetch_right_half(corner + m.pair_stride, m.row_stride);
      transform_codes(corner, m.row_stride, m.transformed + (tile * m.pairs + pair) * kVectorCodes,
                      static_cast<std::ptrdiff_t>(point_stride));
    }
  for (std::size_t point = 0; point < kWinogradPoints; ++point)
    multiply_point(m, group.count, m.transformed + point * point_stride,
                   m.weights + point * 2 * m.pairs * m.outputs, m.sums + point * kLaneCount);
}

/// finish(points of output 0, block, y, x) for every tile.
template <class Finish>
USWIM_KERNEL_INLINE void for_each_winograd_tile(const WinogradMatrix& m, const Finish& finish) {
  TileGroup group;
  group.count = 0;
  const auto finish_group = [&] {
    multiply_group(m, group);
    for (std::size_t tile = 0; tile < group.count; ++tile)
      finish(m.sums + tile * m.outputs * kWinogradPoints * kLaneCount, group.block[tile],
             group.y[tile], group.x[tile]);
    group.count = 0;
  };
  for (std::size_t block = 0; block < m.blocks; ++block)
    for (std::size_t y = 0; y < m.height; y += 2)
      for (std::size_t x = 0; x < m.width; x += 2) {
        group.corner[group.count] = m.codes + static_cast<std::ptrdiff_t>(block) * m.block_stride +
                                    static_cast<std::ptrdiff_t>(y) * m.row_stride +
                                    static_cast<std::ptrdiff_t>(x) * kCodesVector;
        group.block[group.count] = block;
        group.y[group.count] = y;
        group.x[group.count] = x;
        if (++group.count == kWinogradTiles) finish_group();
      }
  if (group.count > 0) finish_group();
}

void multiply_winograd(const WinogradMatrix& m, std::int32_t* products) {
  const std::size_t row = m.width * kLaneCount;
  for_each_winograd_tile(
      m, [&](const std::int32_t* points, std::size_t block, std::size_t y, std::size_t x) {
        std::int32_t* to = products + (block * m.outputs * m.height + y) * row + x * kLaneCount;
        for (std::size_t o = 0; o < m.outputs; ++o, to += m.height * row) {
          Ints sum[4];
          transform_sums(points + o * kWinogradPoints * kLaneCount, sum);
          unrolled<4>([&](auto i) USWIM_BODY {
            store(to + (i / 2) * row + (i % 2) * kLaneCount, quarter_times(sum[i], m.scale[o]));
          });
        }
      });
}

/// The codes of a tile, or with kCodes = 1 of the one pooling window that it is.
template <int kCodes>
USWIM_KERNEL_INLINE void requantize_tile(const WinogradMatrix& m, const std::int32_t* points,
                                         std::size_t output, const Requantize& r,
                                         Ints (&code)[kCodes]) {
  Ints sum[4];
  transform_sums(points + output * kWinogradPoints * kLaneCount, sum);
  if constexpr (kCodes == 1) sum[0] = max(max(sum[0], sum[1]), max(sum[2], sum[3]));
  // Exact: a power of two, and floats of four times an integer have the same digits.
  Requantize of_fourfold = r;
  of_fourfold.factor = r.factor * (0.25f * static_cast<float>(m.scale[output]));
  unrolled<kCodes>(
      [&](auto i) USWIM_BODY { code[i] = requantize_lanes(sum[i], of_fourfold, r.bias[output]); });
}

template <int kCodes>
void requantize_tiles(const WinogradMatrix& m, const Requantize& r, const CodesOut& out) {
  constexpr std::size_t kShrink = kCodes == 1 ? 2 : 1;
  for_each_winograd_tile(m, [&](const std::int32_t* points, std::size_t block, std::size_t y,
                                std::size_t x) {
    std::int16_t* to = out.codes + static_cast<std::ptrdiff_t>(block) * out.block_stride +
                       static_cast<std::ptrdiff_t>(y / kShrink) * out.row_stride +
                       static_cast<std::ptrdiff_t>(x / kShrink) * kCodesVector;
    for (std::size_t o = 0; o < m.outputs; o += 2, to += out.pair_stride) {
      Ints even[kCodes], odd[kCodes];
      requantize_tile(m, points, o, r, even);
      unrolled<kCodes>([&](auto i) USWIM_BODY { odd[i] = zero(); });
      if (o + 1 < m.outputs) requantize_tile(m, points, o + 1, r, odd);
      unrolled<kCodes>([&](auto i) USWIM_BODY {
        store_codes(to + (i / 2) * out.row_stride + (i % 2) * kCodesVector, pair(even[i], odd[i]));
      });
    }
  });
}

void multiply_requantize_winograd(const WinogradMatrix& m, const Requantize& r, bool pool,
                                  const CodesOut& out) {
  if (pool)
    requantize_tiles<1>(m, r, out);
  else
    requantize_tiles<4>(m, r, out);
}

}  // namespace
}  // namespace uswim::workloads::kernel
