// The members of NetworkBuilder that read Pad and Concat: what puts constants around values, or
// values beside each other.
#include <algorithm>
#include <numeric>
#include <utility>

#include "workloads/onnx/constants.h"
#include "workloads/onnx/describe.h"
#include "workloads/onnx/network_builder.h"

namespace uswim::workloads::onnx_reader {

using ::onnx::NodeProto;

namespace {

Border::Kind border_kind(const NodeProto& node, const std::string& mode) {
  if (mode == "constant") return Border::Kind::Constant;
  if (mode == "edge") return Border::Kind::Edge;
  if (mode == "reflect") return Border::Kind::Reflect;
  refuse(node, "mode is {}, expected 'constant', 'edge' or 'reflect'", quoted(mode));
}

/// The same numbers with the first axis and another one in each other's place.
std::vector<float> with_axis_in_front(const std::vector<float>& numbers,
                                      const std::vector<std::size_t>& dims, std::size_t axis) {
  if (axis == 0) return numbers;
  const auto product = [&](std::size_t begin, std::size_t end) {
    return std::accumulate(dims.begin() + static_cast<std::ptrdiff_t>(begin),
                           dims.begin() + static_cast<std::ptrdiff_t>(end), std::size_t{1},
                           std::multiplies<>());
  };
  const std::size_t between = product(1, axis), behind = product(axis + 1, dims.size());
  std::vector<float> turned;
  for (std::size_t a = 0; a < dims[axis]; ++a)
    for (std::size_t b = 0; b < between; ++b)
      for (std::size_t c = 0; c < dims[0]; ++c) {
        const auto from = numbers.begin() + static_cast<std::ptrdiff_t>(
                                                ((c * between + b) * dims[axis] + a) * behind);
        turned.insert(turned.end(), from, from + static_cast<std::ptrdiff_t>(behind));
      }
  return turned;
}

}  // namespace

void NetworkBuilder::read_pad(const NodeProto& node) {
  const bool inputs = opset_ >= 11;
  const AttributeReader attributes =
      inputs ? AttributeReader(node, {"mode"}) : AttributeReader(node, {"mode", "pads", "value"});
  check_inputs(node, inputs ? 2 : 1, inputs ? 3 : 1);
  const Value& input = value_read_by(node);
  if (input.dims.size() > 3)
    refuse(node, "its input is {}, expected at most 4 dimensions", text(input));
  const auto pads =
      inputs ? constant<std::int64_t>(node, 1, "pads").values : attributes.integers("pads", {});
  const std::size_t rank = input.dims.size() + 1;  // the images included
  if (pads.size() != 2 * rank)
    refuse(node, "pads is {}, expected {} numbers", dims_text(pads), 2 * rank);
  if (std::all_of(pads.begin(), pads.end(), [](std::int64_t p) { return p == 0; }))
    return bind(node, input);
  constexpr auto kMost = static_cast<std::int64_t>(kMaximumExtent);
  for (const std::int64_t p : pads)
    if (p < -kMost || p > kMost)
      refuse(node, "pads is {}, expected numbers from {} to {}", dims_text(pads), -kMost, kMost);
  if (pads[0] != 0 || pads[rank] != 0)
    refuse(node, "pads is {}, expected 0 for axis 0: the images stay apart", dims_text(pads));
  Border border;
  border.kind = border_kind(node, attributes.word("mode", "constant"));
  const bool has_value = inputs && node.input_size() > 2 && !node.input(2).empty();
  const float value = has_value ? constant_scalar(node, 2, "value")
                      : inputs  ? 0.0f
                                : attributes.real("value", 0.0f);
  if (border.kind == Border::Kind::Constant && value != 0.0f) {
    border.values = {value};
    check_finite(node, border.values, "value");
  }
  // [C], [C, L] and [C, H, W] lie on the first, first and last, and all axes of a Shape.
  constexpr std::size_t kPlaces[3][3] = {{0}, {0, 2}, {0, 1, 2}};
  Dims dims = input.dims;
  for (std::size_t axis = 1; axis < rank; ++axis) {
    const auto size = static_cast<std::int64_t>(input.dims[axis - 1]);
    const std::int64_t before = pads[axis], after = pads[rank + axis];
    const std::int64_t left =
        size + std::min<std::int64_t>(before, 0) + std::min<std::int64_t>(after, 0);
    if (left < 1)
      refuse(node, "pads is {}, which cut off all {} of axis {} of {}", dims_text(pads), size, axis,
             text(input));
    if (border.kind == Border::Kind::Reflect && std::max(before, after) >= left)
      refuse(node, "pads is {}, but axis {} of {} has {} to reflect", dims_text(pads), axis,
             text(input), left - 1);
    dims[axis - 1] = static_cast<std::size_t>(size + before + after);
    const std::size_t place = kPlaces[rank - 2][axis - 1];
    border.before[place] = static_cast<std::ptrdiff_t>(before);
    border.after[place] = static_cast<std::ptrdiff_t>(after);
  }
  Node pad = make(Operation::Pad, node, input, shape_of(dims));
  pad.border = std::move(border);
  bind(node, add(std::move(pad), std::move(dims)));
}

void NetworkBuilder::read_concat(const NodeProto& node) {
  const AttributeReader attributes(node, {"axis"});
  if (!attributes.has("axis")) refuse(node, "it gives no axis");
  if (node.input_size() == 0) refuse(node, "it has no inputs");
  int first = 0;
  while (first + 1 < node.input_size() && is_constant(node, first)) ++first;
  const Dims expected = value_read_by(node, first).dims;
  const std::size_t axis = normal_axis(node, attributes.integer("axis", 0), expected.size() + 1);
  if (axis == 0) refuse(node, "its axis 0 is that of the images, which stay apart");
  // Behind each other along the channels; another axis trades places with them.
  Dims order(expected.size());
  std::iota(order.begin(), order.end(), 0);
  std::swap(order[0], order[axis - 1]);
  struct Part {
    Value value;
    std::vector<float> in_front, behind;  // constants
  };
  std::vector<Part> parts(1);
  bool found = false;
  for (int i = 0; i < node.input_size(); ++i) {
    if (is_constant(node, i)) {
      const std::vector<float> numbers = joined_constant(node, i, expected, axis);
      std::vector<float>& to = found ? parts.back().behind : parts.back().in_front;
      to.insert(to.end(), numbers.begin(), numbers.end());
      continue;
    }
    const Value& input = value_read_by(node, i);
    check_joined(node, i, input.dims, expected, axis);
    if (std::exchange(found, true)) parts.emplace_back();
    parts.back().value = axis == 1 ? input : transpose(node, input, order);
  }
  std::vector<std::size_t> values;
  Value result;
  std::size_t channels = 0;
  for (Part& part : parts) {
    result = with_constants(node, part.value, std::move(part.in_front), part.behind);
    values.push_back(result.index);
    channels += result.dims[0];
  }
  if (parts.size() > 1) {
    result.dims[0] = channels;
    Node joined = make(Operation::Concat, node, result, shape_of(result.dims));
    joined.inputs = std::move(values);
    result = add(std::move(joined), result.dims);
  }
  bind(node, axis == 1 ? result : transpose(node, result, order));
}

void NetworkBuilder::check_joined(const NodeProto& node, int input, Dims dims, const Dims& expected,
                                  std::size_t axis) const {
  const std::string found = fmt::format("{}", fmt::join(dims, ", "));
  if (dims.size() == expected.size()) dims[axis - 1] = expected[axis - 1];
  if (dims != expected)
    refuse(node, "its input {} is [N, {}], which does not fit [N, {}] along axis {}",
           quoted(node.input(input)), found, fmt::join(expected, ", "), axis);
}

std::vector<float> NetworkBuilder::joined_constant(const NodeProto& node, int input,
                                                   const Dims& expected, std::size_t axis) {
  Tensor<float> tensor = constant<float>(node, input, "constant");
  const Dims stated(tensor.dims.begin(), tensor.dims.end());
  check_joined(node, input, {stated.begin() + (stated.empty() ? 0 : 1), stated.end()}, expected,
               axis);
  check_finite(node, tensor.values, "constant's number");
  if (stated[0] != 1 && static_cast<std::int64_t>(stated[0]) != batch_)
    refuse(node, "its constant {} is for {} images, expected 1 that goes to each",
           quoted(node.input(input)), stated[0]);
  const std::size_t size = tensor.values.size() / stated[0];
  for (std::size_t i = size; i < tensor.values.size(); ++i)
    if (tensor.values[i] != tensor.values[i - size])
      refuse(node, "its constant {} differs between the images of a run",
             quoted(node.input(input)));
  tensor.values.resize(size);
  charge(node, size);
  return with_axis_in_front(tensor.values, {stated.begin() + 1, stated.end()}, axis - 1);
}

NetworkBuilder::Value NetworkBuilder::with_constants(const NodeProto& node, const Value& input,
                                                     std::vector<float> in_front,
                                                     const std::vector<float>& behind) {
  const std::size_t plane = input.size() / input.dims[0];
  Dims dims = input.dims;
  dims[0] += (in_front.size() + behind.size()) / plane;
  if (dims == input.dims) return input;
  Node pad = make(Operation::Pad, node, input, shape_of(dims));
  pad.border.before[0] = static_cast<std::ptrdiff_t>(in_front.size() / plane);
  pad.border.after[0] = static_cast<std::ptrdiff_t>(behind.size() / plane);
  pad.border.values = std::move(in_front);
  pad.border.values.insert(pad.border.values.end(), behind.begin(), behind.end());
  return add(std::move(pad), std::move(dims));
}

}  // namespace uswim::workloads::onnx_reader
