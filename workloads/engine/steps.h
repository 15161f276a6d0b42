#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "workloads/engine/plan.h"
#include "workloads/engine/row_steps.h"

/// The steps of an ExecutionPlan that move or pool; row_steps.h has the rest. `from` and `to` are
/// indices of its values.
namespace uswim::workloads {

/// A matrix layer, bias, ReLU, quantiser and, if `pooled`, a pooling window. Pooling commutes with
/// the others, which are monotone, so it comes where it costs least.
struct MatrixToCodes {
  std::size_t layer, from, to;
  std::vector<float> bias;
  float factor;  ///< weight step x activation scale
  Quantizer quantizer;
  bool pooled = false;
  Window window = {};
  std::size_t unpooled = 0;  ///< value for the codes before pooling, if the engine does not pool

  void operator()(ExecutionPlan& plan, const Run& run) const;
};

struct PoolCodes {
  std::size_t from, to;
  Window window;
  void operator()(ExecutionPlan& plan, const Run& run) const;
};

/// Replaces negative codes by zero.
struct ReluCodes {
  std::size_t from, to;
  void operator()(ExecutionPlan& plan, const Run& run) const;
};

/// Where a value's numbers come from: of each (channel, row, column) the place in the source, in
/// the same order, or -1 for a border.
using Movement = std::vector<std::int32_t>;
/// Of Flatten, Reshape, Transpose, Slice and Pad.
Movement movement_of(const Node& node, const Shape& input);

struct MoveCodes {
  std::size_t from, to;
  Movement movement;
  std::vector<std::int16_t> border = {};  ///< as Border::values
  /// Where each vector of codes lies, for the strides of the last run; see kernel::Kernels::gather.
  std::vector<std::int32_t> even = {}, odd = {};
  std::size_t row_stride = 0, pair_stride = 0;
  void operator()(ExecutionPlan& plan, const Run& run);

 private:
  void lay_over(const CodeBlocks& codes, const Shape& to_shape);
  void fill_border(CodeBlocks& result, std::size_t blocks) const;
};

struct MoveFloats {
  std::size_t from, to;
  Movement movement;
  std::vector<float> border = {};  ///< Border::values
  void operator()(ExecutionPlan& plan, const Run& run) const;
};

/// Values behind each other along the channels.
struct ConcatCodes {
  std::vector<std::size_t> from;
  std::size_t to;
  void operator()(ExecutionPlan& plan, const Run& run) const;
};

struct ConcatFloats {
  std::vector<std::size_t> from;
  std::size_t to;
  void operator()(ExecutionPlan& plan, const Run& run) const;
};

/// Largest or average of each window of floats.
struct PoolFloats {
  std::size_t from, to;
  Window window;
  bool average = false, counts_border = true;
  void operator()(ExecutionPlan& plan, const Run& run) const;
};

}  // namespace uswim::workloads
