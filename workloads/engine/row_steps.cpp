#include "workloads/engine/row_steps.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "workloads/engine/row_loops.h"
#include "workloads/sensitivity/elementwise.h"

namespace uswim::workloads {

int Quantizer::operator()(float value) const {
  const float clamped = std::min(std::max(value * inverse_scale, static_cast<float>(range.minimum)),
                                 static_cast<float>(range.maximum));
  return static_cast<int>(std::nearbyint(clamped));
}

/// A row of one channel of 16 images.
struct RowStep::Place {
  std::size_t block, channel, y;
  std::size_t numbers;  // width x 16
};

/// The row of a value at a place: in place where it holds numbers, `converted` where it holds
/// codes.
const float* RowStep::values(const ExecutionPlan& plan, std::size_t index, const Place& at,
                             std::vector<float>& converted) const {
  const ExecutionPlan::Value& value = plan.values[index];
  const Shape& shape = value.shape;
  if (!value.integer) {
    return plan.floats(index) +
           ((at.block * shape.channels + at.channel) * shape.height + at.y) * shape.width * kLanes;
  }
  const std::int16_t* codes =
      plan.codes(index).at(at.block, at.channel / 2, static_cast<std::ptrdiff_t>(at.y), 0) +
      at.channel % 2;
  converted.resize(shape.width * kLanes);
  rows::from_codes(codes, shape.width * kLanes, value.scale, converted.data());
  return converted.data();
}

void RowStep::begin_row(const ExecutionPlan& plan, const Run& run, const Place& at, float* row) {
  if (layer == kNoLayer) {
    const float* from = values(plan, source, at, other_);
    std::memcpy(row, from, at.numbers * sizeof(float));
    return;
  }
  const Shape& shape = run.products.shape;
  const std::int32_t* product =
      run.products.values.data() +
      ((at.block * shape.channels + at.channel) * shape.height + at.y) * at.numbers;
  rows::from_products(product, at.numbers, run.products.unit * factor, bias[at.channel], row);
}

void RowStep::apply(const RowOperation& o, ExecutionPlan& plan, const Place& at, float* row) {
  using Kind = RowOperation::Kind;
  const std::size_t n = at.numbers;
  switch (o.kind) {
    case Kind::Relu:
      return layer_arithmetic::relu(n, row, row);
    case Kind::LeakyRelu:
      return layer_arithmetic::leaky_relu(n, o.slope, row, row);
    case Kind::Clip:
      return layer_arithmetic::clip(n, o.low, o.high, row, row);
    case Kind::Sigmoid:
      return layer_arithmetic::sigmoid(n, row, row);
    case Kind::Tanh:
      return layer_arithmetic::hyperbolic_tangent(n, row, row);
    case Kind::Scale:
      return rows::scale(row, n, o.factor[at.channel], o.offset[at.channel]);
    case Kind::Add:
      return rows::add(row, n, o.own_factor, values(plan, o.value, at, other_), o.other_factor);
    case Kind::Multiply: {
      if (plan.values[o.value].shape == plan.values[to].shape)
        return rows::multiply(row, n, values(plan, o.value, at, other_));
      const float* one = values(plan, o.value, {at.block, at.channel, 0, kLanes}, other_);
      for (std::size_t x = 0; x < n; x += kLanes) rows::multiply(row + x, kLanes, one);
      return;
    }
    case Kind::Keep: {
      const Shape& shape = plan.values[o.value].shape;
      float* kept = plan.floats(o.value) +
                    ((at.block * shape.channels + at.channel) * shape.height + at.y) * n;
      std::memcpy(kept, row, n * sizeof(float));
      return;
    }
  }
}

void RowStep::operator()(ExecutionPlan& plan, const Run& run) {
  if (layer != kNoLayer) run.engine.multiply(layer, plan.codes(source), run.images, run.products);
  const ExecutionPlan::Value& result = plan.values[to];
  const Shape& shape = result.shape;
  const std::size_t numbers = shape.width * kLanes;
  rows_.resize(2 * numbers);
  for (std::size_t block = 0; block < run.blocks(); ++block) {
    for (std::size_t pair = 0; 2 * pair < shape.channels; ++pair) {
      for (std::size_t y = 0; y < shape.height; ++y) {
        const std::size_t channels = std::min<std::size_t>(2, shape.channels - 2 * pair);
        if (channels == 1) std::fill(rows_.begin(), rows_.end(), 0.0f);
        for (std::size_t half = 0; half < channels; ++half) {
          const Place at{block, 2 * pair + half, y, numbers};
          float* row = rows_.data() + half * numbers;
          begin_row(plan, run, at, row);
          for (const RowOperation& operation : operations) apply(operation, plan, at, row);
          if (!result.integer) {
            std::memcpy(plan.floats(to) +
                            ((block * shape.channels + at.channel) * shape.height + y) * numbers,
                        row, numbers * sizeof(float));
          }
        }
        if (result.integer) {
          rows::to_codes(rows_.data(), rows_.data() + numbers, numbers, quantizer.inverse_scale,
                         static_cast<float>(quantizer.range.minimum),
                         static_cast<float>(quantizer.range.maximum),
                         plan.written_codes(to).at(block, pair, static_cast<std::ptrdiff_t>(y), 0));
        }
      }
    }
  }
}

}  // namespace uswim::workloads
