// Included by kernel_body.h.
//
// What happens to codes that no matrix multiplies: requantising, pooling, moving.
namespace uswim::workloads::kernel {
namespace {

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
              largest = max_codes(
                  largest, load_codes(image + from_y * in.row_stride + from_x * kCodesVector));
            }
          }
          store_codes(pooled + static_cast<std::ptrdiff_t>(y) * out.row_stride +
                          static_cast<std::ptrdiff_t>(x) * kCodesVector,
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
