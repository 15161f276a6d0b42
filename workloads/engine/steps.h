#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "workloads/engine/plan.h"

/// The steps of an ExecutionPlan. `from` and `to` are indices of its values.
namespace uswim::workloads {

/// code = clamp(round_half_even(value * inverse_scale), 0, maximum), as the kernels compute it. One
/// multiplication by the reciprocal instead of a division: where the scale is no power of two, a
/// value within rounding of the middle between two codes may go the other way, as it may with any
/// other order of the sums before it.
float quantize(float value, float inverse_scale, int maximum);

/// A matrix layer, bias, ReLU, quantiser and, if `pooled`, a pooling window. Pooling commutes with
/// the others, which are monotone, so it comes where it costs least.
struct MatrixToCodes {
  std::size_t layer, from, to;
  std::vector<float> bias;
  float factor;  ///< weight step x activation scale
  float inverse_scale;
  int maximum;
  bool pooled = false;
  Window window = {};
  std::size_t unpooled = 0;  ///< value for the codes before pooling, if the engine does not pool

  void operator()(ExecutionPlan& plan, const Run& run) const;
};

/// A matrix layer and its bias.
struct MatrixToFloats {
  std::size_t layer, from, to;
  std::vector<float> bias;
  float factor;
  void operator()(ExecutionPlan& plan, const Run& run) const;
};

struct PoolCodes {
  std::size_t from, to;
  Window window;
  void operator()(ExecutionPlan& plan, const Run& run) const;
};

/// Makes a vector of an image. `shape`: of the image.
struct FlattenCodes {
  std::size_t from, to;
  Shape shape;
  /// Where the vector's codes lie, for the strides of the last run; see kernel::Kernels::gather.
  std::vector<std::int32_t> even = {}, odd = {};
  std::size_t row_stride = 0, pair_stride = 0;
  void operator()(ExecutionPlan& plan, const Run& run);
};

/// Floats or codes of another scale to codes. A plain loop, as the ones below: networks that are
/// quantised as a whole have none of these.
struct QuantizeValue {
  std::size_t from, to;
  float inverse_scale;
  int maximum;
  void operator()(ExecutionPlan& plan, const Run& run) const;
};

struct ReluFloats {
  std::size_t from, to;
  void operator()(ExecutionPlan& plan, const Run& run) const;
};

struct PoolFloats {
  std::size_t from, to;
  Window window;
  void operator()(ExecutionPlan& plan, const Run& run) const;
};

struct FlattenFloats {
  std::size_t from, to;
  void operator()(ExecutionPlan& plan, const Run& run) const;
};

}  // namespace uswim::workloads
