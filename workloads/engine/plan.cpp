#include "workloads/engine/plan.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

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

/// Turns nodes into steps.
class Planner {
 public:
  Planner(ExecutionPlan& plan, const Network& network,
          const std::vector<QuantizedWeights>& quantized)
      : plan_(plan),
        network_(network),
        quantized_(quantized),
        value_of_(network.nodes.size() + 1, 0),
        included_(network.nodes.size(), false) {}

  void build() {
    begin();
    for (std::size_t n = 1; n < network_.nodes.size(); ++n) {
      if (included_[n]) continue;
      switch (network_.nodes[n].operation) {
        case Operation::Matrix:
          matrix(n);
          break;
        case Operation::Relu:
          relu(n);
          break;
        case Operation::Quantize:
          quantize_node(n);
          break;
        case Operation::MaxPool:
          max_pool(n);
          break;
        case Operation::Flatten:
          flatten(n);
          break;
        default:
          throw NetworkError(network_.nodes[n].name + ": this operation is not supported here");
      }
    }
    plan_.result = value_of_[network_.nodes.size()];
  }

 private:
  std::size_t add_floats(const Shape& shape) {
    Value value;
    value.shape = shape;
    plan_.values.push_back(std::move(value));
    return plan_.values.size() - 1;
  }

  std::size_t add_codes(const Shape& shape, float scale, int maximum) {
    const std::size_t index = add_floats(shape);
    plan_.values[index].integer = true;
    plan_.values[index].scale = scale;
    plan_.values[index].maximum = maximum;
    return index;
  }

  std::size_t add_like(std::size_t value, const Shape& shape) {
    const Value& like = plan_.values[value];
    return like.integer ? add_codes(shape, like.scale, like.maximum) : add_floats(shape);
  }

  std::size_t input_of(std::size_t n) const { return value_of_[network_.nodes[n].input()]; }

  static void check_quantizer(const Node& node) {
    if (!(node.scale > 0.0f) || !std::isfinite(node.scale) || !std::isfinite(1.0f / node.scale)) {
      throw NetworkError(node.name + ": the scale of a quantiser must be positive");
    }
    if (node.maximum < 1 || node.maximum > std::numeric_limits<std::int16_t>::max()) {
      throw NetworkError(node.name + ": a quantiser's largest code must lie in [1, 32767]");
    }
  }

  void begin() {
    const auto& nodes = network_.nodes;
    if (nodes.empty() || nodes[0].operation != Operation::Quantize) {
      throw NetworkError("the network must begin with Quantize");
    }
    for (std::size_t n = 1; n < nodes.size(); ++n) {
      if (nodes[n].input() == 0)
        throw NetworkError(nodes[n].name + ": reads the input before it is quantised");
    }
    check_quantizer(nodes[0]);
    value_of_[1] = add_codes(network_.input, nodes[0].scale, nodes[0].maximum);
  }

  /// The only node that reads what node n writes; the number of nodes if there are others or none.
  std::size_t only_reader(std::size_t n) const {
    std::size_t found = network_.nodes.size();
    for (std::size_t reader = n + 1; reader < network_.nodes.size(); ++reader) {
      if (network_.nodes[reader].input() != n + 1) continue;
      if (found != network_.nodes.size()) return network_.nodes.size();
      found = reader;
    }
    return found;
  }

  /// Quantize and MaxPool nodes after matrix node n that can share its step, with ReLUs anywhere
  /// between.
  struct Tail {
    std::size_t quantize = 0, pool = 0;  // nodes; 0: none
    std::size_t last = 0;                // node whose value the step writes
  };
  Tail tail_of(std::size_t n) const {
    Tail tail;
    tail.last = n;
    for (std::size_t next = only_reader(n); next < network_.nodes.size();
         next = only_reader(next)) {
      const Operation operation = network_.nodes[next].operation;
      if (operation == Operation::Quantize && tail.quantize == 0) {
        tail.quantize = next;
      } else if (operation == Operation::MaxPool && tail.pool == 0) {
        tail.pool = next;
      } else if (operation != Operation::Relu) {
        break;
      }
      tail.last = next;
    }
    if (tail.quantize == 0) return {0, 0, n};
    return tail;
  }

  void check_matrix(const Node& node, const MatrixLayer& layer, const Value& input) const {
    if (!input.integer) {
      throw NetworkError(
          layer.name + ": its input is no integer activation (expected Quantize on the way to it)");
    }
    const Window& w = layer.window;
    if (layer.rows != input.shape.channels * w.kernel_height * w.kernel_width ||
        layer.outputs != node.shape.channels || layer.bias.size() != layer.outputs) {
      throw NetworkError(layer.name +
                         ": the sizes of weights, bias, input and output do not fit each other");
    }
  }

  void matrix(std::size_t n) {
    const Node& node = network_.nodes[n];
    const MatrixLayer& layer = network_.layers[node.layer];
    const std::size_t from = input_of(n);
    check_matrix(node, layer, plan_.values[from]);
    widen(plan_.values[from].border, layer.window);
    const auto factor =
        static_cast<float>(quantized_[node.layer].step() * plan_.values[from].scale);
    const Tail tail = tail_of(n);
    if (tail.quantize == 0) {
      const std::size_t to = value_of_[n + 1] = add_floats(node.shape);
      plan_.steps.push_back(MatrixToFloats{node.layer, from, to, layer.bias, factor});
      return;
    }
    const Node& quantizer = network_.nodes[tail.quantize];
    check_quantizer(quantizer);
    // Values inside the step have no other reader.
    for (std::size_t next = n; next != tail.last;) included_[next = only_reader(next)] = true;
    const Shape& shape = network_.nodes[tail.last].shape;
    const std::size_t to = value_of_[tail.last + 1] =
        add_codes(shape, quantizer.scale, quantizer.maximum);
    MatrixToCodes step{node.layer,       from, to, layer.bias, factor, 1.0f / quantizer.scale,
                       quantizer.maximum};
    if (tail.pool != 0) {
      step.pooled = true;
      step.window = network_.nodes[tail.pool].window;
      step.unpooled = add_codes(node.shape, quantizer.scale, quantizer.maximum);
    }
    plan_.steps.push_back(std::move(step));
  }

  void relu(std::size_t n) {
    const std::size_t from = input_of(n);
    if (plan_.values[from].integer) {  // codes are not negative
      value_of_[n + 1] = from;
      return;
    }
    const std::size_t to = value_of_[n + 1] = add_floats(network_.nodes[n].shape);
    plan_.steps.push_back(ReluFloats{from, to});
  }

  void quantize_node(std::size_t n) {
    const Node& node = network_.nodes[n];
    check_quantizer(node);
    const std::size_t from = input_of(n);
    const Value& input = plan_.values[from];
    if (input.integer && input.scale == node.scale && input.maximum <= node.maximum) {
      value_of_[n + 1] = from;
      return;
    }
    const std::size_t to = value_of_[n + 1] = add_codes(node.shape, node.scale, node.maximum);
    plan_.steps.push_back(QuantizeValue{from, to, 1.0f / node.scale, node.maximum});
  }

  void max_pool(std::size_t n) {
    const Node& node = network_.nodes[n];
    const std::size_t from = input_of(n);
    const std::size_t to = value_of_[n + 1] = add_like(from, node.shape);
    if (plan_.values[from].integer) {
      plan_.steps.push_back(PoolCodes{from, to, node.window});
    } else {
      plan_.steps.push_back(PoolFloats{from, to, node.window});
    }
  }

  void flatten(std::size_t n) {
    const std::size_t from = input_of(n);
    const Shape shape = plan_.values[from].shape;
    const Shape vector{shape.size(), 1, 1};
    if (shape == vector) {
      value_of_[n + 1] = from;
      return;
    }
    const std::size_t to = value_of_[n + 1] = add_like(from, vector);
    if (plan_.values[from].integer) {
      plan_.steps.push_back(FlattenCodes{from, to, shape});
    } else {
      plan_.steps.push_back(FlattenFloats{from, to});
    }
  }

  ExecutionPlan& plan_;
  const Network& network_;
  const std::vector<QuantizedWeights>& quantized_;
  std::vector<std::size_t> value_of_;  // network's value -> plan's value
  std::vector<bool> included_;         // nodes that the step of an earlier node includes
};

}  // namespace

ExecutionPlan::ExecutionPlan(const Network& network, const std::vector<QuantizedWeights>& quantized)
    : kernels(kernel::selected()) {
  if (quantized.size() != network.layers.size()) {
    throw NetworkError("the network has " + std::to_string(network.layers.size()) +
                       " matrix layers, but " + std::to_string(quantized.size()) +
                       " were quantised");
  }
  Planner(*this, network, quantized).build();
}

void ExecutionPlan::reserve(std::size_t blocks) {
  if (blocks <= reserved_blocks) return;
  for (std::size_t v = 1; v < values.size(); ++v) {
    Value& value = values[v];
    if (value.integer) {
      value.codes.reshape(blocks, value.shape, value.border);
    } else {
      value.floats.assign(blocks * value.shape.size() * kLanes, 0.0f);
    }
  }
  reserved_blocks = blocks;
}

}  // namespace uswim::workloads
