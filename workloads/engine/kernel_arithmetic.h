// Included by kernel_body.h.
//
// What a matrix layer's numbers are: arithmetics for kernel_products.h. `Bytes` is left to the
// instruction sets that have it.
namespace uswim::workloads::kernel {
namespace {

/// Pairs of int16, sums of 32 bits.
struct Words {
  using Matrix = kernel::Matrix;
  using Code = std::int16_t;
  using Weight = std::int16_t;
  using Number = std::int32_t;  // of a sum
  using Sum = Ints;
  using Vector = Ints;
  static constexpr std::ptrdiff_t kVector = kVectorCodes;  // codes in a vector
  static constexpr std::ptrdiff_t kChannels = 2;
  static constexpr bool kShortSums = false;
  USWIM_KERNEL_INLINE static Sum nothing() { return zero(); }
  USWIM_KERNEL_INLINE static Sum load_sum(const Number* p) { return load(p); }
  USWIM_KERNEL_INLINE static void store_sum(Number* p, Sum v) { store(p, v); }
  USWIM_KERNEL_INLINE static Vector load_vector(const Code* p) { return load_codes(p); }
  USWIM_KERNEL_INLINE static Vector broadcast_weights(const Weight* p) { return broadcast_pair(p); }
  USWIM_KERNEL_INLINE static Sum add_products(Sum sum, Vector code, Vector weight) {
    return dot(sum, code, weight);
  }
  USWIM_KERNEL_INLINE static Ints product(const Matrix&, std::size_t, Sum sum) { return sum; }
  static std::size_t joint_steps(const Matrix& m) { return m.joint_steps; }
};

/// Floats; a product and its addition are rounded once.
struct Singles {
  using Matrix = FloatMatrix;
  using Code = float;
  using Weight = float;
  using Number = float;
  using Sum = Floats;
  using Vector = Floats;
  static constexpr std::ptrdiff_t kVector = kLaneCount;
  static constexpr std::ptrdiff_t kChannels = 1;
  static constexpr bool kShortSums = false;
  USWIM_KERNEL_INLINE static Sum nothing() { return broadcast(0.0f); }
  USWIM_KERNEL_INLINE static Sum load_sum(const Number* p) { return load_floats(p); }
  USWIM_KERNEL_INLINE static void store_sum(Number* p, Sum v) { store_floats(p, v); }
  USWIM_KERNEL_INLINE static Vector load_vector(const Code* p) { return load_floats(p); }
  USWIM_KERNEL_INLINE static Vector broadcast_weights(const Weight* p) { return broadcast(*p); }
  USWIM_KERNEL_INLINE static Sum add_products(Sum sum, Vector code, Vector weight) {
    return fused(code, weight, sum);
  }
  USWIM_KERNEL_INLINE static Ints product(const Matrix& m, std::size_t, Sum sum) {
    return to_int(mul(sum, broadcast(m.scale)));
  }
  static std::size_t joint_steps(const Matrix&) { return 0; }
};

USWIM_KERNEL_INLINE Ints requantize_lanes(Ints product, const Requantize& r, float bias) {
  const Floats value = add(mul(to_float(product), broadcast(r.factor)), broadcast(bias));
  return round_clamped(mul(value, broadcast(r.inverse_scale)), r.minimum, r.maximum);
}

}  // namespace
}  // namespace uswim::workloads::kernel
