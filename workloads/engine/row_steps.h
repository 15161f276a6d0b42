#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "workloads/engine/plan.h"

namespace uswim::workloads {

/// code = clamp(round_half_even(value * inverse_scale), minimum, maximum), as the kernels compute
/// it. One multiplication by the reciprocal instead of a division: where the scale is no power of
/// two, a value within rounding of the middle between two codes may go the other way, as it may
/// with any other order of the sums before it.
struct Quantizer {
  float inverse_scale = 1.0f;
  CodeRange range;
  int operator()(float value) const;
};

/// What happens to each number of a row, in turn. Every operation is rounded to float.
struct RowOperation {
  enum class Kind {
    Relu,
    LeakyRelu,  ///< slope
    Clip,       ///< low, high
    Sigmoid,
    Tanh,
    Scale,     ///< factor and offset of the channel
    Add,       ///< own_factor * x + other_factor * value
    Multiply,  ///< x * value, which may have one number per channel
    Keep       ///< x is what `value` holds from now on
  };
  Kind kind;
  std::size_t value = 0;
  float own_factor = 1.0f, other_factor = 1.0f;
  float slope = 0.0f, low = 0.0f, high = 0.0f;
  std::vector<float> factor = {}, offset = {};
};

/// Operations on single numbers, row by row of an image, so that what lies between them stays in
/// the first cache. `source` is a value or, with a layer, the codes that the layer multiplies. The
/// result is quantised if `to` holds codes.
struct RowStep {
  static constexpr std::size_t kNoLayer = static_cast<std::size_t>(-1);
  std::size_t layer = kNoLayer;
  std::vector<float> bias = {};  ///< of the layer
  float factor = 1.0f;           ///< weight step x activation scale
  std::size_t source = 0, to = 0;
  std::vector<RowOperation> operations = {};
  Quantizer quantizer = {};

  void operator()(ExecutionPlan& plan, const Run& run);

 private:
  struct Place;
  const float* values(const ExecutionPlan& plan, std::size_t value, const Place& at,
                      std::vector<float>& converted) const;
  void begin_row(const ExecutionPlan& plan, const Run& run, const Place& at, float* row);
  void apply(const RowOperation& operation, ExecutionPlan& plan, const Place& at, float* row);

  std::vector<float> rows_, other_;  // scratch
};

}  // namespace uswim::workloads
