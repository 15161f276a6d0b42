#include "workloads/engine/planner.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "workloads/engine/node_arithmetic.h"
#include "workloads/engine/node_groups.h"
#include "workloads/engine/steps.h"

namespace uswim::workloads {
namespace {

using Value = ExecutionPlan::Value;

void widen(Window& border, const Window& window) {
  border.pad_top = std::max(border.pad_top, window.pad_top);
  border.pad_left = std::max(border.pad_left, window.pad_left);
  border.pad_bottom = std::max(border.pad_bottom, window.pad_bottom);
  border.pad_right = std::max(border.pad_right, window.pad_right);
}

class Planner {
 public:
  Planner(ExecutionPlan& plan, const Network& network,
          const std::vector<QuantizedWeights>& quantized)
      : plan_(plan),
        network_(network),
        quantized_(quantized),
        nodes_(simplified_nodes(network)),
        readers_(readers_of(nodes_)),
        value_of_(nodes_.size() + 1, 0) {}

  void build(bool side_by_side) {
    for (const NodeGroup& group : group_nodes(nodes_, side_by_side)) {
      switch (group.kind) {
        case NodeGroup::Kind::Input:
          input(group.nodes);
          break;
        case NodeGroup::Kind::MatrixToCodes:
          matrix_to_codes(group.nodes);
          break;
        case NodeGroup::Kind::Rows:
          rows(group.nodes);
          break;
        case NodeGroup::Kind::Single:
          single(group.nodes.front());
          break;
      }
    }
    plan_.result = value_of_[nodes_.size()];
  }

 private:
  const Shape& shape_of(std::size_t value) const {
    return value == 0 ? network_.input : nodes_[value - 1].shape;
  }

  std::size_t add_floats(const Shape& shape) {
    Value value;
    value.shape = shape;
    plan_.values.push_back(std::move(value));
    return plan_.values.size() - 1;
  }

  std::size_t add_codes(const Shape& shape, float scale, const CodeRange& range) {
    const std::size_t index = add_floats(shape);
    plan_.values[index].integer = true;
    plan_.values[index].scale = scale;
    plan_.values[index].range = range;
    return index;
  }

  std::size_t add_like(std::size_t value, const Shape& shape) {
    const Value like = plan_.values[value];
    return like.integer ? add_codes(shape, like.scale, like.range) : add_floats(shape);
  }

  template <class Work>
  void add_step(Work work, std::vector<std::size_t> reads, std::vector<std::size_t> writes,
                std::size_t digital = 0) {
    plan_.steps.push_back({std::move(work), std::move(reads), std::move(writes), digital});
  }

  std::size_t digital(const std::vector<std::size_t>& nodes) const {
    std::size_t values = 0;
    for (const std::size_t n : nodes)
      values += digital_values(nodes_[n], shape_of(nodes_[n].input()));
    return values;
  }

  static void check_channels(const Node& node, const Shape& shape) {
    if (node.factor.size() != shape.channels || node.offset.size() != shape.channels)
      throw NetworkError(node.name + ": has not one factor and offset per channel");
  }

  /// Pixels are bytes: what the first nodes make of each is a table.
  void input(const std::vector<std::size_t>& group) {
    const Node& last = nodes_[group.back()];
    const Quantizer quantize = quantizer_of(last);
    const Shape& shape = network_.input;
    for (const std::size_t n : group)
      if (n != group.back()) check_channels(nodes_[n], shape);
    for (std::size_t channel = 0; channel < shape.channels; ++channel) {
      for (int pixel = 0; pixel < 256; ++pixel) {
        float x = static_cast<float>(pixel) / 255.0f;
        for (const std::size_t n : group) {
          if (n == group.back()) break;
          x = nodes_[n].factor[channel] * x + nodes_[n].offset[channel];
        }
        plan_.pixel_codes.push_back(static_cast<std::int16_t>(quantize(x)));
      }
    }
    value_of_[group.back() + 1] = add_codes(shape, last.scale, quantize.range);
  }

  /// Checks a matrix layer's node; returns weight step x activation scale.
  float begin_matrix(const Node& node) {
    const MatrixLayer& layer = network_.layers[node.layer];
    Value& input = plan_.values[value_of_[node.input()]];
    const Window& w = layer.window;
    if (!input.integer) {
      throw NetworkError(
          layer.name + ": its input is no integer activation (expected Quantize on the way to it)");
    }
    if (layer.rows != input.shape.channels * w.kernel_height * w.kernel_width ||
        layer.outputs != node.shape.channels || layer.bias.size() != layer.outputs) {
      throw NetworkError(layer.name +
                         ": the sizes of weights, bias, input and output do not fit each other");
    }
    widen(input.border, w);
    return static_cast<float>(quantized_[node.layer].step() * static_cast<double>(input.scale));
  }

  void matrix_to_codes(const std::vector<std::size_t>& group) {
    const Node& node = nodes_[group.front()];
    const std::size_t from = value_of_[node.input()];
    const float factor = begin_matrix(node);
    const Node* pool = nullptr;
    const Node* quantize = nullptr;
    std::vector<const Node*> tail;
    for (const std::size_t n : group) {
      tail.push_back(&nodes_[n]);
      if (nodes_[n].operation == Operation::MaxPool) pool = &nodes_[n];
      if (nodes_[n].operation == Operation::Quantize) quantize = &nodes_[n];
    }
    const Quantizer quantizer = clamped_quantizer_of(tail);
    const std::size_t to = value_of_[group.back() + 1] =
        add_codes(nodes_[group.back()].shape, quantize->scale, quantizer.range);
    MatrixToCodes step{node.layer, from, to, network_.layers[node.layer].bias, factor, quantizer,
                       {},         {},   {}};
    std::vector<std::size_t> writes{to};
    if (pool != nullptr) {
      step.pooled = true;
      step.window = pool->window;
      step.unpooled = add_codes(node.shape, quantize->scale, quantizer.range);
      writes.push_back(step.unpooled);
    }
    add_step(std::move(step), {from}, std::move(writes), digital(group));
  }

  /// Appends what a node does to the numbers of value `own`.
  void append(RowStep& step, const Node& node, std::size_t own, std::vector<std::size_t>& reads) {
    if (node.operation == Operation::Scale) check_channels(node, node.shape);
    if (node.operation == Operation::Add || node.operation == Operation::Multiply)
      append_others(step, node, own, reads);
    else
      step.operations.push_back(operation_of(node));
  }

  void append_others(RowStep& step, const Node& node, std::size_t own,
                     std::vector<std::size_t>& reads) {
    const bool adds = node.operation == Operation::Add;
    if (adds && node.factor.size() != node.inputs.size())
      throw NetworkError(node.name + ": has not one factor per input");
    const auto first = static_cast<std::size_t>(
        std::find(node.inputs.begin(), node.inputs.end(), own) - node.inputs.begin());
    float own_factor = adds ? node.factor[first] : 1.0f;
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      if (i == first) continue;
      const Shape& shape = shape_of(node.inputs[i]);
      const bool one_per_channel = !adds && shape == Shape{node.shape.channels, 1, 1};
      if (!(shape == node.shape) && !one_per_channel)
        throw NetworkError(node.name + ": the sizes of its inputs do not fit each other");
      RowOperation operation{};
      operation.kind = adds ? RowOperation::Kind::Add : RowOperation::Kind::Multiply;
      operation.value = value_of_[node.inputs[i]];
      operation.own_factor = std::exchange(own_factor, 1.0f);
      operation.other_factor = adds ? node.factor[i] : 1.0f;
      reads.push_back(operation.value);
      step.operations.push_back(std::move(operation));
    }
  }

  /// Which input the operations of a group without a layer begin with.
  static std::size_t first_value(const Node& node, const std::vector<Node>& nodes) {
    for (const std::size_t input : node.inputs)
      if (input > 0 && nodes[input - 1].shape == node.shape) return input;
    return node.input();
  }

  void rows(const std::vector<std::size_t>& group) {
    const Node& begin = nodes_[group.front()];
    const bool has_layer = begin.operation == Operation::Matrix;
    RowStep step;
    std::vector<std::size_t> reads, writes;
    std::size_t own = has_layer ? begin.input() : first_value(begin, nodes_);
    step.source = value_of_[own];
    if (has_layer) {
      step.layer = begin.layer;
      step.bias = network_.layers[begin.layer].bias;
      step.factor = begin_matrix(begin);
    }
    if (!has_layer && !(shape_of(own) == begin.shape))
      throw NetworkError(begin.name + ": the sizes of its input and output do not fit each other");
    if (!has_layer && begin.operation == Operation::Quantize && is_quantised(own, begin)) {
      value_of_[group.front() + 1] = step.source;
      return;
    }
    reads.push_back(step.source);
    const Node* quantize = nullptr;
    for (std::size_t i = 0; i < group.size(); ++i) {
      const Node& node = nodes_[group[i]];
      if (node.operation == Operation::Quantize) {
        quantize = &node;
        if (i > 0 && readers_[own].size() > 1) writes.push_back(keep(step, own));
      } else if (node.operation != Operation::Matrix) {
        append(step, node, own, reads);
      }
      own = group[i] + 1;
    }
    const Shape& shape = nodes_[group.back()].shape;
    if (quantize != nullptr) {
      step.quantizer = quantizer_of(*quantize);
      step.to = add_codes(shape, quantize->scale, step.quantizer.range);
    } else {
      step.to = add_floats(shape);
    }
    value_of_[group.back() + 1] = step.to;
    writes.push_back(step.to);
    add_step(std::move(step), std::move(reads), std::move(writes), digital(group));
  }

  /// Whether a value's codes are what a quantiser would make of them.
  bool is_quantised(std::size_t value, const Node& quantizer) const {
    const Value& input = plan_.values[value_of_[value]];
    return input.integer && input.scale == quantizer.scale &&
           input.range.minimum >= quantizer.minimum && input.range.maximum <= quantizer.maximum;
  }

  std::size_t keep(RowStep& step, std::size_t value) {
    RowOperation operation{};
    operation.kind = RowOperation::Kind::Keep;
    operation.value = value_of_[value] = add_floats(shape_of(value));
    step.operations.push_back(operation);
    return value_of_[value];
  }

  /// The numbers of a value, for steps that take no codes.
  std::size_t as_floats(std::size_t value) {
    const std::size_t from = value_of_[value];
    if (!plan_.values[from].integer) return from;
    const auto known = floats_of_.find(from);
    if (known != floats_of_.end()) return known->second;
    RowStep step;
    step.source = from;
    step.to = add_floats(plan_.values[from].shape);
    floats_of_[from] = step.to;
    const std::size_t to = step.to;
    add_step(std::move(step), {from}, {to});
    return to;
  }

  void single(std::size_t n) {
    const Node& node = nodes_[n];
    std::size_t from = value_of_[node.input()];
    switch (node.operation) {
      case Operation::Relu: {  // of codes
        Value value = plan_.values[from];
        value_of_[n + 1] = from;
        if (value.range.minimum >= 0) return;
        value.range.minimum = 0;
        const std::size_t to = value_of_[n + 1] = add_codes(node.shape, value.scale, value.range);
        return add_step(ReluCodes{from, to}, {from}, {to});
      }
      case Operation::MaxPool: {
        const std::size_t to = value_of_[n + 1] = add_like(from, node.shape);
        if (plan_.values[from].integer)
          return add_step(PoolCodes{from, to, node.window}, {from}, {to});
        return add_step(PoolFloats{from, to, node.window}, {from}, {to});
      }
      case Operation::AveragePool: {
        from = as_floats(node.input());
        const std::size_t to = value_of_[n + 1] = add_floats(node.shape);
        return add_step(PoolFloats{from, to, node.window, true, node.counts_border}, {from}, {to},
                        digital({n}));
      }
      case Operation::Concat:
        return concat(n);
      default:
        return move(n);
    }
  }

  void move(std::size_t n) {
    const Node& node = nodes_[n];
    const bool pads = node.operation == Operation::Pad;
    std::size_t from = value_of_[node.input()];
    const Shape shape = plan_.values[from].shape;
    const bool reorders = node.operation != Operation::Slice && !pads;
    if (reorders && node.shape.size() != shape.size())
      throw NetworkError(node.name + ": the sizes of its input and output do not fit each other");
    if (shape == node.shape && node.operation != Operation::Transpose && !pads) {
      value_of_[n + 1] = from;
      return;
    }
    const auto border = border_codes(node.border, plan_.values[from].scale);
    if (!border) from = as_floats(node.input());
    const std::size_t to = value_of_[n + 1] = add_like(from, node.shape);
    Movement movement = movement_of(node, shape);
    if (!plan_.values[from].integer)
      return add_step(MoveFloats{from, to, std::move(movement), node.border.values}, {from}, {to});
    for (const int code : *border) plan_.values[to].range.widen(code);
    add_step(MoveCodes{from, to, std::move(movement), *border}, {from}, {to});
  }

  void concat(std::size_t n) {
    const Node& node = nodes_[n];
    IntegerValue all{true, plan_.values[value_of_[node.input()]].scale, {}};
    std::size_t channels = 0;
    for (const std::size_t input : node.inputs) {
      const Value& value = plan_.values[value_of_[input]];
      all.integer = all.integer && value.integer && value.scale == all.scale;
      all.range.minimum = std::min(all.range.minimum, value.range.minimum);
      all.range.maximum = std::max(all.range.maximum, value.range.maximum);
      channels += value.shape.channels;
    }
    if (channels != node.shape.channels)
      throw NetworkError(node.name + ": the sizes of its inputs and output do not fit each other");
    std::vector<std::size_t> from;
    for (const std::size_t input : node.inputs)
      from.push_back(all.integer ? value_of_[input] : as_floats(input));
    const std::size_t to = value_of_[n + 1] =
        all.integer ? add_codes(node.shape, all.scale, all.range) : add_floats(node.shape);
    if (all.integer)
      add_step(ConcatCodes{from, to}, from, {to});
    else
      add_step(ConcatFloats{from, to}, from, {to});
  }

  ExecutionPlan& plan_;
  const Network& network_;
  const std::vector<QuantizedWeights>& quantized_;
  std::vector<Node> nodes_;
  std::vector<std::vector<std::size_t>> readers_;
  std::vector<std::size_t> value_of_;             // network's value -> plan's value
  std::map<std::size_t, std::size_t> floats_of_;  // plan's codes -> the same as floats
};

}  // namespace

void plan_steps(ExecutionPlan& plan, const Network& network,
                const std::vector<QuantizedWeights>& quantized,
                const ExecutionPlan::Options& options) {
  Planner(plan, network, quantized).build(options.side_by_side);
}

}  // namespace uswim::workloads
